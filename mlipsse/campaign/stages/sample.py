"""Stage 4: MD of every selected ordering, frames drawn from it and strained."""

from pathlib import Path
from typing import Any

from ase import Atoms
from ase.io.jsonio import decode, encode

from mlipsse import keys
from mlipsse.campaign.config import SampleConfig
from mlipsse.campaign.execution import Unit
from mlipsse.campaign.folder import Campaign
from mlipsse.campaign.given_labels import given_files
from mlipsse.campaign.seeds import derived_seed
from mlipsse.campaign.stage import Stage, Work
from mlipsse.campaign.stages import select
from mlipsse.campaign.table import write_csv
from mlipsse.dataset.contacts import contact_frames
from mlipsse.dataset.extxyz import read_frames, write_frames
from mlipsse.errors import MlipsseError
from mlipsse.files import write_text

FRAMES = "04-sample/frames.extxyz"
NOT_OF_ONE_TRAJECTORY = {"temperatures_K", "contact_frames"}


def inputs(campaign: Campaign) -> list[Path]:
    """The selected orderings, and the foundation potential where it is a file; none of no MD."""
    if given_files(campaign):
        return []
    files = campaign.potential_files(campaign.config.sample.foundation)
    return [campaign.path(select.SELECTED), *files]


def perform(work: Work) -> list[Path]:
    """Write `frames.extxyz` and `trajectories.csv`; nothing when the user has labels."""
    if given_files(work.campaign):
        work.results["skipped"] = "the labels are given"
        return []
    starts = read_frames(work.campaign.path(select.SELECTED), labelled=False)
    temperatures = work.campaign.config.sample.temperatures_K
    units = [_unit(work, start, T) for start in starts for T in temperatures]
    work.run_units(units)
    frames: list[Atoms] = []
    rows: list[dict[str, Any]] = []
    for unit in units:
        answer = decode(unit.output.read_text())
        frames += answer["frames"]
        rows.append({"trajectory": unit.name, **answer["row"]})
    if not frames:
        raise MlipsseError(
            f"No trajectory gave a frame ({len(units)} were run; the first: {rows[0]['stopped']}). "
            "Sample at a lower temperature or with another foundation."
        )
    frames += [frame for start in starts for frame in _contacts(work, start)]
    write_frames(work.folder / "frames.extxyz", frames)
    write_csv(work.folder / "trajectories.csv", rows)
    return [work.folder / "frames.extxyz", work.folder / "trajectories.csv"]


def sample_trajectory(
    output: Path,
    *,
    start: Atoms,
    name: str,
    temperature_K: float,
    potential: str,
    settings: SampleConfig,
    seed: int,
) -> None:
    """Unit of work: one trajectory, its frames strained."""
    from mlipsse.dataset.sampling import SamplingSettings, sample
    from mlipsse.dataset.strain import strain_frames
    from mlipsse.energetics.calculators import make_calculator
    from mlipsse.geometry import supercell

    trajectory = sample(
        supercell(start, min_atoms=settings.min_atoms),
        make_calculator(potential),
        SamplingSettings(
            temperature_K=temperature_K,
            duration_ps=settings.duration_ps,
            timestep_fs=settings.timestep_fs,
            equilibration_ps=settings.equilibration_ps,
            n_frames=settings.frames,
        ),
        seed=seed,
    )
    frames = strain_frames(
        trajectory.frames, max_strain=settings.max_strain, kind=settings.strain, seed=seed
    )
    for frame in frames:
        frame.info = {
            key: frame.info[key] for key in (keys.COMPOSITION, keys.ORDERING, "time_ps")
        } | {keys.TRAJECTORY: name, keys.ORIGIN: "dynamics", "temperature_K": temperature_K}
    row = {
        "composition": start.info[keys.COMPOSITION],
        "ordering": start.info[keys.ORDERING],
        "temperature_K": temperature_K,
        "mean_temperature_K": round(trajectory.mean_temperature_K, 1),
        "frames": len(frames),
        "stopped": trajectory.stopped or "",
    }
    write_text(output, encode({"frames": frames, "row": row}))


def _unit(work: Work, start: Atoms, temperature_K: float) -> Unit:
    config = work.campaign.config
    name = f"{start.info[keys.ORDERING]}-T{temperature_K:04.0f}"
    identity = {
        "start": encode(start),
        "temperature_K": temperature_K,
        # Other temperatures are other trajectories: adding one leaves this one as it is.
        "settings": config.sample.model_dump(mode="json", exclude=NOT_OF_ONE_TRAJECTORY),
        "potential": work.potential_identity(config.sample.foundation),
        "seed": derived_seed(config.seed, name),
    }
    arguments = {
        "start": start,
        "name": name,
        "temperature_K": temperature_K,
        "potential": work.campaign.potential(config.sample.foundation),
        "settings": config.sample,
        "seed": identity["seed"],
    }
    return Unit(name, work.unit_path(name, identity, ".json"), sample_trajectory, arguments)


def _contacts(work: Work, start: Atoms) -> list[Atoms]:
    config = work.campaign.config
    name = f"{start.info[keys.ORDERING]}-contacts"
    seed = derived_seed(config.seed, name)
    frames = contact_frames(
        start,
        mobile=config.structure.mobile,
        count=config.sample.contact_frames,
        seed=seed,
    )
    for frame in frames:
        frame.info = {key: frame.info[key] for key in (keys.COMPOSITION, keys.ORDERING)} | {
            keys.TRAJECTORY: name,
            keys.ORIGIN: "contact",
        }
    return frames


STAGE = Stage(4, "sample", ("seed", "structure", "sample"), inputs, perform)
