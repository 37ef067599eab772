"""All runs of a campaign as a folder that another machine can run."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mlipsse.campaign.crystals.runs import runs
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.stages.simulate.rendering import (
    RunFiles,
    bring,
    bring_plugin,
    cautions,
    render_runs,
    write_scripts,
)
from mlipsse.engines import ENGINES
from mlipsse.errors import MlipsseError
from mlipsse.potential.bundle.folder import read_bundle
from mlipsse.potential.export.target import SUFFIXES
from mlipsse.potential.lammps.plugin import PLUGIN_FILE, build_plugin


@dataclass(frozen=True)
class RenderedCampaign:
    """What was written.

    Attributes
    ----------
    root : folder below which the runs lie
    runs : how many
    notes : sentences for the user
    """

    root: Path
    runs: int
    notes: list[str]


def render_campaign(
    campaign: Campaign,
    *,
    out: Path | None = None,
    model: Path | None = None,
    runtime: bool = False,
    progress: Callable[[int, int, str], None] = lambda done, total, text: None,
) -> RenderedCampaign:
    """Write decks, `runs.txt`, `run.sh` and `array.sbatch`, with what they load beside them.

    Parameters
    ----------
    out : new folder that can be copied as a whole; the campaign's own when not given, whose runs
        `mlipsse run` then takes as they are
    model : exported model; when not given, the campaign's portable one for `out`, and inside the
        campaign the one that `mlipsse run` uses
    runtime : with LAMMPS, MPICH and libtorch, in `runtime/`

    Raises
    ------
    MlipsseError
        before orderings are selected or a potential is exported, and as `render_runs`.
    """
    for needed, stage in (
        (campaign.path(paths.Select.selected), "select"),
        (campaign.card_file, "export"),
    ):
        if not needed.is_file():
            raise MlipsseError(
                f"Decks require {needed}, which does not exist. Run: mlipsse run "
                f"{campaign.folder} --until {stage}."
            )
    bundle = read_bundle(campaign.card_file.parent)
    inside = out is None and model is None
    engine = campaign.config.simulate.engine
    if runtime and engine != "mlipsse":
        raise MlipsseError(
            f"A runtime contains the LAMMPS of this environment, but simulate.engine: {engine} "
            f"requires {ENGINES[engine].needs}. Leave the runtime out, or set simulate.engine: "
            "mlipsse."
        )
    ours = campaign.model_file if inside or engine != "mlipsse" else bundle.torchscript
    source = model or ours
    source = source.resolve()
    if not source.is_file():
        form = campaign.config.engine_format
        make = f" Make it: mlipsse run {campaign.folder} --until export." if form else ""
        raise MlipsseError(f"There is no model {source}.{make}")
    root = (out or campaign.path(paths.Simulate.folder)).resolve()
    root.mkdir(parents=True, exist_ok=True)
    plugin = build_plugin()
    if runtime:
        from mlipsse.md.runtime import make_runtime

        native = source.suffix == SUFFIXES["native"]
        make_runtime(root / "runtime", plugin=plugin, torch=not native)
        plugin = root / "runtime" / "lib" / PLUGIN_FILE
    files = RunFiles(
        root=root,
        plugin=bring_plugin(plugin, root),
        model=source if inside else bring(source, root / "potential" / source.name),
        engine=engine,
    )
    if not inside:
        for name in ("card.yaml", "README.md"):
            if (bundle.folder / name).is_file():
                bring(bundle.folder / name, root / "potential" / name)
        if source.name.endswith((SUFFIXES["native"], SUFFIXES["symmetrix"])):  # their libraries
            for beside in source.parent.glob(f"{source.stem}.*"):
                if beside.suffix in (".so", ".cpp"):
                    bring(beside, root / "potential" / beside.name)
        if (
            source.suffix == ".pt2" and "torchscript" in bundle.exports
        ):  # what takes its place on another kind of machine
            bring(bundle.torchscript, files.model.with_suffix(".pt"))
    wanted = runs(campaign)
    render_runs(
        campaign, files, wanted=wanted, elements=bundle.elements, progress=progress, replace=False
    )
    write_scripts(campaign, files, wanted)
    return RenderedCampaign(root, len(wanted), cautions(campaign, wanted, cutoff_A=bundle.cutoff_A))
