"""Sources that follow each other as unwrapped blocks, each a `Trajectory` of some frames."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.reading.joining import joined
from mlipsse.transport.reading.options import ReadOptions
from mlipsse.transport.reading.source.protocol import Source
from mlipsse.transport.reading.times.spacing import FrameTimes
from mlipsse.transport.reading.trajectory import Trajectory
from mlipsse.transport.reading.unwrapping.boxes import BoxSteps
from mlipsse.transport.reading.unwrapping.continuity import Continuity
from mlipsse.transport.reading.unwrapping.ions import Unwrapping

BLOCK_BYTES = 64 << 20
"""Of positions that are held at once where frames are read block by block."""


def frame_blocks(
    sources: Sequence[Source], options: ReadOptions, block_frames: int | None
) -> Iterator[Trajectory]:
    """Unwrapped blocks of sources that follow each other; all frames of each at once for None.

    Raises
    ------
    MlipsseError
        as `iterate_frames`.
    """
    first = sources[0]
    where = str(first.path) if len(sources) == 1 else f"{first.path} and what follows"
    _check_same(sources)
    temperature_K = options.known_temperature_K(first.temperature_K)
    times = FrameTimes(sources, options.frame_spacing_ps, timeless=options.timeless)
    continuity = Continuity(first.species, where=where)
    unwrapping = Unwrapping(
        where=where,
        trusted=all(source.trusted for source in sources),
        kinds=continuity.kinds,
    )
    boxes = BoxSteps(where=where)
    joints: list[str] = []
    n_frames = 0
    waiting: list[tuple[np.ndarray, np.ndarray]] = []

    def block(notes: Sequence[str] = (), volume_change: float = 0.0) -> Trajectory:
        positions, cell = _as_one(waiting)
        return Trajectory(
            positions=positions,
            species=first.species,
            cell=cell,
            frame_spacing_ps=times.spacing_ps,
            temperature_K=temperature_K,
            lattice=first.lattice,
            notes=tuple(dict.fromkeys(notes)),
            volume_change=volume_change,
        )

    for raw in joined(sources, block_frames, times, unwrapping, joints):
        if not len(raw.positions):
            continue
        cells = boxes.add(raw.cells)
        squares = unwrapping.add(raw.positions, raw.cells, raw.origins)
        _refuse_infinite(raw.positions, n_frames, where)
        continuity.add(squares, raw.seams, n_frames)
        if n_frames > 1:  # a first frame alone shows no spacing; the last block takes the notes
            yield block()
            waiting.clear()
        waiting.append((raw.positions, cells.mean(axis=0)))
        n_frames += len(raw.positions)
    if not waiting:
        raise MlipsseError(f"{where} holds no frame.")
    if n_frames == 1:
        raise MlipsseError(
            f"{where} holds one frame, but displacements need at least 2: run longer, or write "
            "frames more often."
        )
    continuity.judge()
    unwrapping.judge()
    notes = [note for source in sources for note in source.notes] + joints
    if unwrapping.note is not None:
        notes.append(unwrapping.note)
    yield block(notes, boxes.volume_change)


def _check_same(sources: Sequence[Source]) -> None:
    first = sources[0]
    for source in sources[1:]:
        if source.species != first.species:
            raise MlipsseError(
                f"{source.path} contains other atoms than {first.path} ({len(source.species)} and "
                f"{len(first.species)}, or in another order): the files belong to "
                "different runs. Analyse them one by one."
            )
        if source.temperature_K != first.temperature_K:
            raise MlipsseError(
                f"{source.path} is of {source.temperature_K} K and {first.path} of "
                f"{first.temperature_K} K: analyse them one by one."
            )


def _refuse_infinite(positions: np.ndarray, first_frame: int, where: str) -> None:
    sums = positions.sum(axis=(1, 2))
    if not np.isfinite(sums).all():
        frame = first_frame + int(np.argmin(np.isfinite(sums)))
        raise MlipsseError(
            f"Positions of frame {frame} of {where} are not finite (NaN or infinite): the run "
            "exploded or the file is damaged. Check the log of the run, and run it again."
        )


def gathered(blocks: Sequence[Trajectory]) -> Trajectory:
    """Blocks that follow each other as one; a single one is taken as it is."""
    if len(blocks) == 1:
        return blocks[0]
    positions, cell = _as_one([(block.positions, block.cell) for block in blocks])
    return replace(blocks[-1], positions=positions, cell=cell)


def _as_one(pieces: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Positions of all pieces, and the mean of their cells."""
    if len(pieces) == 1:
        return pieces[0]
    counts = [len(positions) for positions, _ in pieces]
    return (
        np.concatenate([positions for positions, _ in pieces]),
        np.average([cell for _, cell in pieces], axis=0, weights=counts),
    )
