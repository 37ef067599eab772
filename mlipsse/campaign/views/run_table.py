"""How the production runs of a campaign stand: by composition and temperature, and in all."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from mlipsse.campaign.crystals.runs import run_folders
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.stages.simulate.cost import estimated_us_per_atom_step
from mlipsse.md.files.record import RECORD_FILE
from mlipsse.md.watch.state import AT_WORK, ENDED, RunState, State, run_state


@dataclass(frozen=True)
class RunGroup:
    """Runs of one composition at one temperature.

    Attributes
    ----------
    states : how many runs are in which state
    progress : share of all their steps that is done; a run that has ended counts whole
    """

    composition: str
    temperature_K: float
    states: Mapping[State, int]
    progress: float


@dataclass(frozen=True)
class RunTable:
    """All runs of a campaign.

    Attributes
    ----------
    groups : one per composition and temperature, in the order of the config
    ns_per_day : of all runs that are at work, together; None when none is
    seconds_left : of everything that has not ended, at that speed; None when it is not known
    speed_ratio : median speed of the runs at work over that of the last `mlipsse md estimate`; None
        without one
    troubled : runs that are stalled or were stopped
    """

    runs: Sequence[RunState]
    groups: Sequence[RunGroup]
    ns_per_day: float | None
    seconds_left: float | None
    speed_ratio: float | None

    @property
    def states(self) -> Mapping[State, int]:
        """How many runs are in which state."""
        return Counter(run.state for run in self.runs)

    @property
    def troubled(self) -> list[RunState]:
        """Runs that say why they are not at work."""
        return [run for run in self.runs if run.reason is not None]


def run_table(campaign: Campaign) -> RunTable | None:
    """The runs that are rendered; None before there are any."""
    folders = [path for path in run_folders(campaign) if (path / RECORD_FILE).is_file()]
    runs = [run_state(folder) for folder in folders]
    if not runs:
        return None
    grouped: dict[tuple[str, float], list[RunState]] = {}
    for run in runs:
        key = run.record.composition, run.record.temperature_K
        grouped.setdefault(key, []).append(run)
    at_work = [run.ns_per_day for run in runs if run.state in AT_WORK and run.ns_per_day]
    ns_per_day = sum(at_work) if at_work else None
    us_per_atom_step = estimated_us_per_atom_step(campaign)
    ratios = [
        run.steps_per_s * us_per_atom_step * 1e-6 * len(run.record.species)
        for run in runs
        if run.state in AT_WORK and run.steps_per_s and us_per_atom_step
    ]
    left_ns = sum(
        (run.record.last_step - run.step) * run.record.timestep_fs * 1e-6
        for run in runs
        if run.state not in ENDED
    )
    return RunTable(
        runs=runs,
        groups=[
            RunGroup(
                composition,
                temperature_K,
                Counter(run.state for run in some),
                sum(1.0 if run.state in ENDED else run.progress for run in some) / len(some),
            )
            for (composition, temperature_K), some in grouped.items()
        ],
        ns_per_day=ns_per_day,
        seconds_left=left_ns / ns_per_day * 86_400 if ns_per_day else (None if left_ns else 0.0),
        speed_ratio=median(ratios) if ratios else None,
    )
