"""Run until the diffusivity is known: the rule that joins production MD and transport."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from mlipsse.campaign.crystals.runs import protocol
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.stages.simulate.rendering import template_dir
from mlipsse.files import write_text
from mlipsse.md.files.record import OUTCOME_FILE, read_record


@dataclass(frozen=True)
class Lengthening:
    """When a run is long enough.

    Attributes
    ----------
    relative_error : of D, below which it is
    step_ps : what it is lengthened by, ps
    max_production_ps : what it is not lengthened beyond, ps
    window_ps : of the fit of D; None by rule
    template_dir : the user's own templates, with which longer decks are rendered
    """

    relative_error: float
    step_ps: float
    max_production_ps: float
    window_ps: tuple[float, float] | None
    template_dir: Path | None


def lengthen(campaign: Campaign, temperature_K: float) -> Lengthening | None:
    """The config's rule at one temperature; None where runs have the length that is given."""
    config = campaign.config
    if config.simulate.until is None:
        return None
    return Lengthening(
        relative_error=config.simulate.until.relative_error,
        step_ps=protocol(config.simulate, temperature_K, seed=1).production_ps,
        max_production_ps=config.simulate.until.max_production_ps,
        window_ps=config.transport.window_ps,
        template_dir=template_dir(campaign),
    )


def unit_output(folder: Path, rule: Lengthening | None) -> Path:
    """File that says that the run in `folder` is long enough; that of another rule is removed."""
    if rule is None:
        return folder / OUTCOME_FILE
    path = folder / paths.Simulate.until.name
    if path.is_file() and path.read_text(encoding="utf-8") != _told(rule):
        path.unlink()
    return path


def run_until(output: Path, *, threads: int, rule: Lengthening | None) -> None:
    """Unit of work: a LAMMPS run to its end, and as much longer as the rule asks.

    A run whose D cannot be fitted yet (the ions have not diffused, the window is too short) is
    lengthened like one whose D is not known well enough. One that left physics has ended.
    """
    from mlipsse.md.files.folder import lengthen_folder
    from mlipsse.md.run import run_folder

    folder = output.parent
    while run_folder(folder, threads=threads).status == "done" and rule is not None:
        length_ps = read_record(folder).protocol.production_ps
        longer_ps = min(length_ps + rule.step_ps, rule.max_production_ps)
        if longer_ps <= length_ps or _is_known(folder, rule):
            break
        lengthen_folder(folder, production_ps=longer_ps, template_dir=rule.template_dir)
    if rule is not None:
        write_text(output, _told(rule))


def _told(rule: Lengthening) -> str:
    return json.dumps(asdict(rule), default=str) + "\n"


def _is_known(folder: Path, rule: Lengthening) -> bool:
    from mlipsse.transport import RunKind, WindowSettings, analyse_run

    run = analyse_run(folder, settings=WindowSettings(window_ps=rule.window_ps))
    if run.status.kind is RunKind.MELTED:
        return True
    value, error = run.diffusivity.diffusivity_cm2_s, run.diffusivity.diffusivity_std_cm2_s
    return value is not None and error is not None and error < rule.relative_error * value
