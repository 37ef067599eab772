"""Trajectories of one run: the checked arrays, and how our LAMMPS run folders are read."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.md.files.record import RunRecord, read_record
from mlipsse.transport.reading.formats.dcd import DcdPart, read_parts

_BLOCK_FRAMES = 512


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Atoms of a run in a constant cell, at evenly spaced times.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3) float64, Å, unwrapped; an array, or what is sliced like one
        (`StoredPositions` of a cache)
    species : element of each atom
    cell : (3, 3) float64, Å, rows are lattice vectors in the positions' own Cartesian frame
    frame_spacing_ps : time between frames, ps
    temperature_K : the thermostat's temperature, K

    Raises
    ------
    MlipsseError
        when shapes disagree, fewer than two frames are given, a position is not finite, or
        spacing, temperature or cell volume is not positive.
    """

    positions: np.ndarray
    species: tuple[str, ...]
    cell: np.ndarray
    frame_spacing_ps: float
    temperature_K: float

    def __post_init__(self) -> None:
        shape = np.shape(self.positions)
        if len(shape) != 3 or shape[2] != 3:
            raise MlipsseError(
                f"Positions must have the shape (frames, atoms, 3), but have {shape}."
            )
        if shape[1] != len(self.species):
            raise MlipsseError(
                f"The trajectory contains {shape[1]} atoms, but {len(self.species)} species are "
                "given. Give the species of the run that wrote the trajectory."
            )
        if shape[0] < 2:
            raise MlipsseError(
                f"The trajectory holds {shape[0]} frame(s), but displacements need at least 2: "
                "run longer, or write frames more often."
            )
        for start in range(0, shape[0], _BLOCK_FRAMES):
            finite = np.isfinite(self.positions[start : start + _BLOCK_FRAMES]).all(axis=(1, 2))
            if finite.all():
                continue
            frame = start + int(np.argmin(finite))
            raise MlipsseError(
                f"Positions of frame {frame} are not finite (NaN or infinite): the run exploded "
                "or the file is damaged. Check the log of the run, and run it again."
            )
        if not (np.isfinite(self.frame_spacing_ps) and self.frame_spacing_ps > 0):
            raise MlipsseError(
                f"The frame spacing must be above 0 ps, but is {self.frame_spacing_ps}."
            )
        if not (np.isfinite(self.temperature_K) and self.temperature_K > 0):
            raise MlipsseError(f"The temperature must be above 0 K, but is {self.temperature_K}.")
        if (
            np.shape(self.cell) != (3, 3)
            or not np.isfinite(self.cell).all()
            or not self.volume_A3 > 0
        ):
            raise MlipsseError(
                "The cell must be three lattice vectors that span a volume above 0 Å³."
            )

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return len(self.positions)

    @property
    def volume_A3(self) -> float:
        """Volume of the cell, Å³."""
        return float(abs(np.linalg.det(self.cell)))

    @property
    def duration_ps(self) -> float:
        """Time from the first frame to the last, ps."""
        return (self.n_frames - 1) * self.frame_spacing_ps

    def indices(self, element: str) -> np.ndarray:
        """Indices of the atoms of `element`; `MlipsseError` when there are none."""
        found = np.flatnonzero(np.array(self.species) == element)
        if not len(found):
            raise MlipsseError(
                f"The trajectory contains no {element}. Choose among "
                f"{', '.join(dict.fromkeys(self.species))}."
            )
        return found


@dataclass(frozen=True, eq=False)
class RunFrames:
    """Where the production frames of one of our runs lie.

    Attributes
    ----------
    record : of the run
    cell : (3, 3) float64, Å
    steps : (n_frames,) int64
    pieces : parts, and which of their frames count
    """

    record: RunRecord
    cell: np.ndarray
    steps: np.ndarray
    pieces: tuple[tuple[DcdPart, int, int], ...]

    def blocks(self, block_frames: int) -> Iterator[np.ndarray]:
        """(n <= block_frames, n_atoms, 3) float32, Å, unwrapped, one block after the other."""
        for part, first, end in self.pieces:
            for start in range(first, end, block_frames):
                yield part.read(start, min(start + block_frames, end))


def read_run(folder: Path, *, so_far: bool = False) -> Trajectory:
    """Read the production trajectory of one LAMMPS run, finished or, `so_far`, still going.

    The folder holds `run.json` and one `traj.<first step>.dcd` per run part (LAMMPS cannot
    append to a DCD). Each part is cut where the next one starts, so that a frame that was
    written again after a restart counts once; a torn last frame is dropped.

    Parameters
    ----------
    folder : folder of one run
    so_far : take the frames up to the first that is missing, instead of refusing

    Raises
    ------
    MlipsseError
        when frames are missing (naming the steps), parts disagree about the cell, the atoms or
        the frame they share, or the checks of `Trajectory` fail.
    """
    frames = find_run_frames(folder, so_far=so_far)
    record = frames.record
    positions = np.empty((len(frames.steps), len(record.species), 3))
    place = 0
    for block in frames.blocks(_BLOCK_FRAMES):
        positions[place : place + len(block)] = block
        place += len(block)
    return Trajectory(
        positions=positions,
        species=record.species,
        cell=frames.cell,
        frame_spacing_ps=record.dump_every_steps * record.timestep_fs * 1e-3,
        temperature_K=record.temperature_K,
    )


def find_run_frames(folder: Path, *, so_far: bool = False) -> RunFrames:
    """Find the production frames of one of our runs, without reading them.

    Raises
    ------
    MlipsseError
        as `read_run`, but for the checks of `Trajectory`.
    """
    folder = Path(folder)
    record = read_record(folder)
    every = record.dump_every_steps
    if every < 1 or record.production_steps < every:
        raise MlipsseError(
            f"{folder}: frames every {record.dump_every_steps} of {record.production_steps} "
            "production steps give no trajectory; at least one interval must fit in."
        )
    parts = read_parts(folder, n_atoms=len(record.species))
    joined = _join(parts, record, folder)
    steps = np.concatenate([own for _, own in joined])
    first = record.equilibration_steps
    expected = np.arange(first, first + record.production_steps + 1, every)
    missing = np.setdiff1d(expected, steps)
    if len(missing) and so_far:
        expected, missing = expected[expected < missing[0]], missing[:0]
    if len(missing):
        raise MlipsseError(
            f"{folder} is incomplete: {len(missing)} of {len(expected)} frames are missing, steps "
            f"{_ranges(missing, record.dump_every_steps)}. Finish the run before analysing it; it "
            "continues from its restart file."
        )
    pieces = []
    for part, own in joined:
        kept = np.flatnonzero(np.isin(own, expected))
        if len(kept):  # the expected steps of a part follow each other
            pieces.append((part, int(kept[0]), int(kept[-1]) + 1))
    return RunFrames(record, parts[0].cell, expected, tuple(pieces))


def _join(
    parts: list[DcdPart], record: RunRecord, folder: Path
) -> list[tuple[DcdPart, np.ndarray]]:
    """All parts with the steps of their frames, each cut at the start of the next."""
    if not parts:
        raise MlipsseError(
            f"{folder} contains no frames (traj.<step>.dcd). Start the production run first."
        )
    for part in parts:
        if not np.allclose(part.cell, parts[0].cell, rtol=0, atol=1e-3):
            raise MlipsseError(
                f"The cell of {part.path} is not that of {parts[0].path}: the run is not at "
                "constant volume, or the parts are of different runs."
            )
    joined = []
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        own = part.first_step + record.dump_every_steps * np.arange(part.n_frames)
        if following is not None:
            _check_seam(part, own, following)
            own = own[own < following.first_step]
        joined.append((part, own))
    return joined


def _check_seam(part: DcdPart, steps: np.ndarray, following: DcdPart) -> None:
    """Both parts must agree about the frame at which the second took over.

    A restart that lost its image flags would otherwise add whole lattice vectors to the
    displacements, unseen.
    """
    shared = np.flatnonzero(steps == following.first_step)
    if not len(shared):
        return
    frame = int(shared[0])
    shift = float(np.abs(part.read(frame, frame + 1) - following.read(0, 1)).max())
    if shift > 0.01:
        raise MlipsseError(
            f"{part.path} and {following.path} disagree by {shift:.2f} Å (limit 0.01) about step "
            f"{following.first_step}, which both contain: the parts do not continue each other."
        )


def _ranges(steps: np.ndarray, spacing: int) -> str:
    """`100 to 300, 700` for 100, 200, 300, 700 at a spacing of 100; at most five ranges."""
    groups = np.split(steps, np.flatnonzero(np.diff(steps) != spacing) + 1)
    texts = [f"{g[0]}" if len(g) == 1 else f"{g[0]} to {g[-1]}" for g in groups]
    return ", ".join(texts[:5]) + (f" and {len(texts) - 5} more gaps" if len(texts) > 5 else "")
