"""A tree of run folders, analysed together: what has ended, and what still goes so far."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlipsse.errors import MlipsseError
from mlipsse.md.files.record import RECORD_FILE, read_outcome, read_record
from mlipsse.transport.diffusion.displacement.window import WindowSettings
from mlipsse.transport.runs.analysis import RunTransport, analyse_run
from mlipsse.transport.runs.composition import (
    CompositionTransport,
    ExcludedRun,
    summarise_composition,
)


@dataclass(frozen=True, eq=False)
class RunTree:
    """Results of a folder of runs.

    Attributes
    ----------
    runs : analysed ones, with the folder of each
    unfinished : folders of those that have not ended, whose numbers are those so far
    compositions : averages and Arrhenius fit of each
    """

    runs: Sequence[tuple[Path, RunTransport]]
    unfinished: Sequence[Path]
    compositions: Sequence[CompositionTransport]


def analyse_tree(
    folder: Path,
    *,
    settings: WindowSettings | None = None,
    progress: Callable[[int, int, str], None] = lambda done, total, text: None,
) -> RunTree:
    """Analyse every run below `folder`.

    Runs that were stopped, and those of which there are no two frames yet, are left out by
    name; a run that has not ended counts with the frames it has.

    Raises
    ------
    MlipsseError
        when there is no run below `folder`, or a trajectory is damaged.
    """
    folders = sorted(path.parent for path in Path(folder).rglob(RECORD_FILE))
    if not folders:
        raise MlipsseError(
            f"There is no run below {folder}: no folder contains {RECORD_FILE}. Name a folder of "
            "runs."
        )
    runs: list[tuple[Path, RunTransport]] = []
    unfinished: list[Path] = []
    excluded: dict[str, list[ExcludedRun]] = {}
    for done, path in enumerate(folders):
        progress(done, len(folders), path.name)
        record, outcome = read_record(path), read_outcome(path)
        reason = None
        if outcome is None:
            unfinished.append(path)
            if not any(path.glob("traj.*.dcd")):
                reason = "has no frames yet"
        elif outcome.status != "done":
            reason = f"{outcome.status}: {outcome.reason}"
        if reason is None:
            try:
                run = analyse_run(path, settings=settings, so_far=outcome is None)
            except MlipsseError as error:
                if outcome is not None:
                    raise
                reason = f"not yet: {error}"
            else:
                runs.append((path, run))
        if reason is not None:
            excluded.setdefault(record.composition, []).append(
                ExcludedRun(record.temperature_K, record.name, reason)
            )
    formulas = dict.fromkeys([*(run.composition or "" for _, run in runs), *excluded])
    return RunTree(
        runs=runs,
        unfinished=unfinished,
        compositions=[
            summarise_composition(
                formula,
                [run for _, run in runs if run.composition == formula],
                excluded=excluded.get(formula, ()),
            )
            for formula in sorted(formulas)
        ],
    )
