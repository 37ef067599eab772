"""Acceptance of a campaign's model: which crystals try it, and how it did."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms

from mlipsse import keys
from mlipsse.campaign.crystals.selected import are_selected, selected_by_energy
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.execution import Unit
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.record import digest
from mlipsse.campaign.engine.seeds import derived_seed
from mlipsse.campaign.engine.stage import Work
from mlipsse.campaign.engine.table import write_csv
from mlipsse.campaign.engine.unit_json import decode, encode
from mlipsse.campaign.stages.export.bundle import given_files
from mlipsse.dataset.frames.extxyz import read_frames
from mlipsse.dataset.labels.sources import teacher_name
from mlipsse.files import write_text

if TYPE_CHECKING:
    from mlipsse.potential.acceptance import AcceptanceSettings

RULES = 3
"""Raised when a model would be judged otherwise by the same limits: its trials are done again."""


@dataclass(frozen=True, eq=False)
class Known:
    """What the model's results on a crystal are compared with.

    Attributes
    ----------
    potential, head : of the labels, asked for the volume; None when the labels are no potential's,
        and for a potential of one head
    volume_A3_atom : of the crystal as the ranking relaxed it; None when it did not relax cells
    ranked_by : the potential that did
    frames : of the sampling's dynamics of the crystal, at one temperature
    cell : (3, 3), Å, of those dynamics
    labelled : test frames of the crystal's composition, with their labels
    duration_ps : that `frames` span
    """

    potential: str | None
    head: str | None
    volume_A3_atom: float | None
    ranked_by: str
    frames: Sequence[Atoms]
    cell: np.ndarray
    labelled: Sequence[Atoms]
    duration_ps: float


def inputs(campaign: Campaign) -> list[Path]:
    """The orderings and sampled frames that the model is tried on, and the labels' potential."""
    if not campaign.config.export.acceptance.run:
        return []
    if not campaign.trains:
        return [campaign.path(paths.Select.selected)]
    teacher = teacher_name(campaign.config.label.source)
    sampled = [] if campaign.given_labels else [campaign.path(paths.Sample.frames)]
    starts = (
        [*campaign.labelled_sets.values()]
        if _starts_from_labels(campaign)
        else [campaign.path(paths.Select.selected)]
    )
    files = [*starts, *sampled, campaign.labelled_sets["test"]]
    files += campaign.potential_files(teacher) if teacher else []
    return list(dict.fromkeys(files))


def try_exported(work: Work, *, exported: Path, bundle: Path) -> list[Path]:
    """Try the exported file on a crystal of every composition; write card, table and figures.

    Parameters
    ----------
    exported : what LAMMPS will run
    bundle : folder whose card records it

    Returns
    -------
    table and figures.
    """
    from mlipsse.potential.acceptance.report import table_rows, write_acceptance
    from mlipsse.report.figures.acceptance import acceptance_figure
    from mlipsse.report.figures.style import save_figure

    if not work.campaign.config.export.acceptance.run:
        return []
    sampled = _sampled_frames(work.campaign)
    units = [_unit(work, start, exported, sampled) for start in _crystals(work.campaign)]
    work.run_units(units)
    answers = [decode(unit.output.read_text(encoding="utf-8")) for unit in units]
    structures = [entry for answer in answers for entry in answer["record"]["structures"]]
    accepted = all(entry["accepted"] for entry in structures)
    record = {"accepted": accepted, "structures": structures}
    write_acceptance(bundle, record)
    work.results["accepted"] = accepted
    table = work.campaign.path(paths.Export.acceptance)
    write_csv(table, table_rows(record))
    figures = [
        path
        for unit, answer in zip(units, answers, strict=True)
        for path in save_figure(
            acceptance_figure(answer["curves"]),
            work.campaign.path(paths.Export.acceptance_figure.of(ordering=unit.name)),
        )
    ]
    return [table, *figures]


def try_on_crystal(
    output: Path,
    *,
    start: Atoms,
    name: str,
    exported: Path,
    settings: "AcceptanceSettings",
    known: Known,
    device: str,
) -> None:
    """Unit of work: one crystal through every trial."""
    from mlipsse.potential.acceptance import References, accept
    from mlipsse.potential.acceptance.report import acceptance_record
    from mlipsse.potential.exported import exported_calculator

    result = accept(
        start,
        exported_calculator(exported, device=device),
        settings,
        name=name,
        references=References(
            _reference_volume(known, device),
            known.frames,
            known.cell,
            known.labelled,
            known.duration_ps,
        ),
    )
    content = {"record": acceptance_record([result]), "curves": result.curves}
    write_text(output, encode(content))


def _reference_volume(known: Known, device: str) -> Any:
    from mlipsse.energetics.potentials.calculators import make_calculator
    from mlipsse.potential.acceptance import LIMITS, ReferenceVolume

    if known.potential is not None:
        return ReferenceVolume(
            f"the potential of the labels ({Path(known.potential).name})",
            LIMITS.volume_error,
            calculator=make_calculator(known.potential, head=known.head, device=device),
        )
    if known.volume_A3_atom is not None:
        return ReferenceVolume(
            f"the cell that {Path(known.ranked_by).name} relaxed",
            LIMITS.other_functional,
            volume_A3_atom=known.volume_A3_atom,
        )
    return None


def _crystals(campaign: Campaign) -> list[Atoms]:
    """The lowest ordering of every composition, or of some, spread evenly.

    In a campaign that begins with labels, the labelled frame of lowest energy stands for it: the
    trials relax what they start from.
    """
    if _starts_from_labels(campaign):
        lowest = _lowest_labelled(campaign)
    else:
        lowest = [starts[0] for starts in selected_by_energy(campaign) if starts]
    most = campaign.config.export.acceptance.compositions
    if most is None or most >= len(lowest):
        return lowest
    return [lowest[k] for k in np.unique(np.linspace(0, len(lowest) - 1, most).round().astype(int))]


def _starts_from_labels(campaign: Campaign) -> bool:
    """Whether labels were given, and orderings were neither listed nor selected."""
    return bool(campaign.given_labels) and not are_selected(campaign)


def _lowest_labelled(campaign: Campaign) -> list[Atoms]:
    """The labelled frame of lowest energy per atom of every composition, without its labels.

    Of the campaign's compositions; of all that the labels hold where they hold none of these.
    """
    lowest: dict[str, Atoms] = {}
    for path in campaign.labelled_sets.values():
        for frame in read_frames(path, labelled=True):
            formula = str(frame.info[keys.COMPOSITION])
            best = lowest.setdefault(formula, frame)
            if frame.info[keys.ENERGY] / len(frame) < best.info[keys.ENERGY] / len(best):
                lowest[formula] = frame
    own = [formula for formula in campaign.config.enumerate.compositions if formula in lowest]
    starts = []
    for formula in own or sorted(lowest):
        frame = lowest[formula]
        start = Atoms(frame.numbers, positions=frame.positions, cell=frame.cell, pbc=True)
        name = "".join(c if c.isalnum() or c in ".-" else "_" for c in formula)
        start.info = {keys.COMPOSITION: formula, keys.ORDERING: f"{name}-labelled"}
        starts.append(start)
    return starts


def _unit(work: Work, start: Atoms, exported: Path, sampled: Sequence[Atoms]) -> Unit:
    from dataclasses import asdict

    from mlipsse.potential.acceptance import LIMITS, AcceptanceSettings
    from mlipsse.potential.acceptance.pair_distribution import at_one_temperature
    from mlipsse.structures.geometry import supercell

    campaign, config = work.campaign, work.campaign.config
    name = str(start.info[keys.ORDERING])
    hottest_K = max(config.simulate.temperatures_K)
    settings = AcceptanceSettings(
        temperature_K=hottest_K,
        duration_ps=config.export.acceptance.duration_ps,
        constant_energy_ps=config.export.acceptance.constant_energy_ps,
        timestep_fs=config.simulate.timestep_fs,
        min_atoms=config.export.acceptance.min_atoms,
        mobile=config.structure.mobile,
        seed=derived_seed(config.seed, f"{name} acceptance"),
    )
    frames = at_one_temperature(
        [frame for frame in sampled if frame.info.get(keys.ORDERING) == name],
        nearest_K=hottest_K,
    )
    teacher = teacher_name(config.label.source) if campaign.trains else None
    relaxed = config.rank.relaxation == "cell" and not _starts_from_labels(campaign)
    known = Known(
        campaign.potential(teacher) if teacher else None,
        config.label.head,
        start.get_volume() / len(start) if relaxed else None,
        config.rank.foundation,
        frames,
        supercell(start, min_atoms=config.sample.min_atoms).cell[:],
        _labelled(campaign, start.info[keys.COMPOSITION]),
        config.sample.duration_ps - config.sample.equilibration_ps,
    )
    given = campaign.given_potential
    trained = [campaign.path(path) for path in (paths.Finetune.model, paths.Finetune.metrics)]
    identity = {
        "start": encode(start),
        # Compiled code has other bytes each time: it is known by what it is made from.
        "model": [digest(path) for path in (trained if given is None else given_files(given))],
        "form": [config.export.dtype, exported.suffix],
        "settings": asdict(settings),
        "limits": asdict(LIMITS),
        "rules": RULES,
        "frames": encode(frames),
        "labelled": encode(known.labelled),
        "cell_min_atoms": config.sample.min_atoms,
        "volume": (
            [*work.potential_identity(teacher), config.label.head]
            if teacher
            else [known.volume_A3_atom]
        ),
    }
    arguments = {
        "start": start,
        "name": name,
        "exported": exported,
        "settings": settings,
        "known": known,
        "device": config.export.acceptance.device,
    }
    return Unit(name, work.unit_path(name, identity, ".json"), try_on_crystal, arguments)


def _labelled(campaign: Campaign, composition: str) -> list[Atoms]:
    """Test frames of a composition; none where nothing was labelled."""
    if not campaign.trains:
        return []
    return [
        frame
        for frame in read_frames(campaign.labelled_sets["test"], labelled=True)
        if frame.info.get(keys.COMPOSITION) == composition
    ]


def _sampled_frames(campaign: Campaign) -> list[Atoms]:
    """Frames of the sampling's dynamics; none where labels or the potential were given."""
    if campaign.given_labels or not campaign.trains:
        return []
    return [
        frame
        for frame in read_frames(campaign.path(paths.Sample.frames), labelled=False)
        if frame.info.get(keys.ORIGIN) == "dynamics"
    ]
