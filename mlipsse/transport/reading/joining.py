"""Several files of one run, joined: each cut where the next begins."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.reading.source.protocol import RawBlock, Source
from mlipsse.transport.reading.times.spacing import FrameTimes
from mlipsse.transport.reading.unwrapping.ions import Unwrapping

SAME_PLACE_A = 1e-3
"""Frames that agree to this are one frame written twice: files round at 1e-6 to 1e-2 Å, and
vibrations move atoms by 1e-2 Å in 1 fs."""


def joined(
    sources: Sequence[Source],
    block_frames: int | None,
    times: FrameTimes,
    unwrapping: Unwrapping,
    notes: list[str],
) -> Iterator[RawBlock]:
    """Blocks of all sources, each cut where the next begins; stamps and times go to `times`.

    Parameters
    ----------
    block_frames : frames in a block, at most; None reads each source at once
    unwrapping : is informed of every new file
    notes : gets sentences on frames that are left out

    Raises
    ------
    MlipsseError
        for files in another order, gaps between them, and uneven times.
    """
    last: RawBlock | None = None
    for index, source in enumerate(sources):
        following = sources[index + 1] if index + 1 < len(sources) else None
        end = None if following is None else following.first_stamp
        start = source.first_stamp
        if following is not None and end is not None and start is not None and not end > start:
            raise MlipsseError(
                f"{following.path} begins at {end:g}, not after the beginning of {source.path} "
                f"({start:g}): give the files in their order, with steps that continue from file "
                "to file."
            )
        begins = index > 0
        left_out, offset = 0, 0.0
        for raw in source.read(block_frames):
            if raw.stamps is not None and end is not None:
                kept = int(np.searchsorted(raw.stamps, end))
                left_out += len(raw.stamps) - kept
                raw = _cut(raw, slice(0, kept))
            if not len(raw.positions):
                continue
            if begins:
                before = sources[index - 1]
                raw, offset = _going_on(source, raw, last, notes)
                stamps = raw.stamps
                if stamps is not None and len(stamps) and last is not None and not offset:
                    ended = None if last.stamps is None else float(last.stamps[-1])
                    if ended is not None:
                        times.check_seam(source, before, ended, float(stamps[0]))
                unwrapping.new_file()
                begins = False
                if not len(raw.positions):
                    continue
                raw = replace(raw, seams=(0, *raw.seams))
            elif offset and raw.stamps is not None:
                raw = replace(raw, stamps=raw.stamps + raw.stamps.dtype.type(offset))
            times.add(source, raw, last)
            last = _cut(raw, slice(-1, None), copied=True)
            yield raw
        if left_out and following is not None:
            notes.append(
                f"{source.path}: its last {left_out} frame(s) are left out because "
                f"{following.path} repeats them"
            )


def _going_on(
    source: Source, raw: RawBlock, last: RawBlock | None, notes: list[str]
) -> tuple[RawBlock, float]:
    """The first block of a file that is not the first, and what is added to its stamps."""
    if last is None:
        return raw, 0.0
    anew = source.counts_anew or raw.stamps is None or last.stamps is None
    if not anew:
        return raw, 0.0
    again = _same_frame(raw, last)
    offset = 0.0
    if raw.stamps is not None and last.stamps is not None and raw.stamps[0] <= last.stamps[-1]:
        offset = float(last.stamps[-1]) - (float(raw.stamps[0]) if again else 0.0)
        raw = replace(raw, stamps=raw.stamps + raw.stamps.dtype.type(offset))
    if again:
        notes.append(f"{source.path}: its first frame is the last of the file before, counted once")
        raw = _cut(raw, slice(1, None))
    return raw, offset


def _cut(raw: RawBlock, kept: slice, *, copied: bool = False) -> RawBlock:
    return RawBlock(
        positions=raw.positions[kept].copy() if copied else raw.positions[kept],
        cells=raw.cells[kept],
        origins=raw.origins[kept],
        stamps=None if raw.stamps is None else raw.stamps[kept],
        times=None if raw.times is None else raw.times[kept],
        seams=_seams(raw, kept),
    )


def _seams(raw: RawBlock, kept: slice) -> tuple[int, ...]:
    start, stop, _ = kept.indices(len(raw.positions))
    return tuple(frame - start for frame in raw.seams if start <= frame < stop)


def _same_frame(raw: RawBlock, last: RawBlock) -> bool:
    """Whether the first frame of a file is the last one of the file before."""
    if not np.allclose(raw.cells[0], last.cells[-1], rtol=0, atol=SAME_PLACE_A):
        return False
    cell = raw.cells[0]
    moved = raw.positions[0] - last.positions[-1]
    moved -= np.rint(moved @ np.linalg.inv(cell)) @ cell
    return bool(np.abs(moved).max() < SAME_PLACE_A)
