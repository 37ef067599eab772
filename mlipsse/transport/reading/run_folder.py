"""Folders of our LAMMPS runs: where their production frames lie, and how they are joined."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.md.files.record import RECORD_FILE, RunRecord, read_record
from mlipsse.transport.reading.formats.dcd import DcdPart, read_parts
from mlipsse.transport.reading.source.protocol import RawBlock, Source, raw_block

_BLOCK_FRAMES = 512


@dataclass(frozen=True, eq=False)
class _RunFrames:
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


def open_run(folder: Path, *, so_far: bool = False) -> Source:
    """A run of ours as a source of frames, which are not read yet.

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
        when frames are missing (naming the steps), or parts disagree about the cell, the atoms or
        the frame they share.
    """
    run = _find_frames(folder, so_far=so_far)
    record = run.record

    def read(block_frames: int | None) -> Iterator[RawBlock]:
        if block_frames is not None:
            place = 0
            for piece in run.blocks(block_frames):
                steps = run.steps[place : place + len(piece)]
                yield raw_block(piece.astype(float), run.cell, steps)
                place += len(piece)
            return
        positions = np.empty((len(run.steps), len(record.species), 3))
        place = 0
        for piece in run.blocks(_BLOCK_FRAMES):
            positions[place : place + len(piece)] = piece
            place += len(piece)
        yield raw_block(positions, run.cell, run.steps)

    return Source(
        path=folder,
        inputs=(folder / RECORD_FILE, *dict.fromkeys(part.path for part, _, _ in run.pieces)),
        kind="run of ours",
        species=record.species,
        n_frames=len(run.steps),
        trusted=True,
        read=read,
        stamp_ps=record.timestep_fs * 1e-3,
        first_stamp=int(run.steps[0]),
        temperature_K=record.temperature_K,
        lattice=record.lattice,
        single=True,
    )


def _find_frames(folder: Path, *, so_far: bool) -> _RunFrames:
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
    if not len(expected):
        raise MlipsseError(f"{folder} holds no frame of its production run yet: wait for two.")
    if len(missing):
        raise MlipsseError(
            f"{folder} is incomplete: {len(missing)} of {len(expected)} frames are missing, "
            f"steps {_ranges(missing, record.dump_every_steps)}. Finish the run before analysing "
            "it; it continues from its restart file."
        )
    pieces = []
    for part, own in joined:
        kept = np.flatnonzero(np.isin(own, expected))
        if len(kept):  # the expected steps of a part follow each other
            pieces.append((part, int(kept[0]), int(kept[-1]) + 1))
    return _RunFrames(record, parts[0].cell, expected, tuple(pieces))


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
            f"{part.path} and {following.path} disagree by {shift:.2f} Å (limit 0.01) about "
            f"step {following.first_step}, which both contain: the parts do not continue each "
            "other."
        )


def _ranges(steps: np.ndarray, spacing: int) -> str:
    """`100 to 300, 700` for 100, 200, 300, 700 at a spacing of 100; at most five ranges."""
    groups = np.split(steps, np.flatnonzero(np.diff(steps) != spacing) + 1)
    texts = [f"{g[0]}" if len(g) == 1 else f"{g[0]} to {g[-1]}" for g in groups]
    return ", ".join(texts[:5]) + (f" and {len(texts) - 5} more gaps" if len(texts) > 5 else "")
