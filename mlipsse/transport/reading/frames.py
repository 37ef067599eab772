"""Trajectories of any program, read whole, block by block, or from a cache."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mlipsse.errors import MlipsseError
from mlipsse.transport.reading.blocks import BLOCK_BYTES, frame_blocks, gathered
from mlipsse.transport.reading.cache import cached_frames
from mlipsse.transport.reading.opening import open_source
from mlipsse.transport.reading.options import ReadOptions, read_options
from mlipsse.transport.reading.source.protocol import Source
from mlipsse.transport.reading.trajectory import Trajectory


def read_frames_of(
    path: Path | Sequence[Path], options: ReadOptions | None = None, **named: Any
) -> Trajectory:
    """Read a trajectory of any of the known kinds, in one file or in several that follow on.

    A folder of one of our runs, or its DCD file, is read by the record that lies there. LAMMPS text
    dumps, XYZ, XDATCAR and vasprun.xml by readers of our own; ASE's .traj by ASE; DCD, XTC, TRR,
    NetCDF and H5MD by MDAnalysis with a topology. Any of them may be compressed by gzip, bzip2 or
    xz. Everything but our own runs is unwrapped by steps, which leaves alone what is unwrapped
    already; unwrapped coordinates that jump by whole lattice vectors are put right.

    Steps and times that a file holds are compared over the whole series, and with what is given.
    Several files are joined in the order given. Where they count steps or times, each is cut where
    the next begins, and a gap is refused; where they do not, a first frame that is the last of the
    file before counts once. What does not go on where parts meet is refused. Frames that are torn,
    or come again after a restart, are left out and counted in `notes`.

    Parameters
    ----------
    path : file or folder, or several
    options : what the file does not hold, and where it may lie meanwhile
    named : options by name (see `ReadOptions`); they go before those in `options`

    Raises
    ------
    MlipsseError
        when the file is unknown, damaged or of uneven times, when what it does not hold (elements,
        time) is not given, when an atom moves too far between frames or the cell jumps, and when
        it does not fit into the memory.
    """
    paths, options = _paths(path), read_options(options, named)
    if options.cache is not None:
        return cached_frames(paths, options.cache, options)
    sources = [open_source(one, options) for one in paths]
    refuse_beyond_memory(sources, options)
    return gathered(list(frame_blocks(sources, options, None)))


def iterate_frames(
    path: Path | Sequence[Path],
    options: ReadOptions | None = None,
    *,
    block_frames: int | None = None,
    **named: Any,
) -> Iterator[Trajectory]:
    """Read a trajectory as `read_frames_of` does, but block by block, in bounded memory.

    Parameters
    ----------
    block_frames : frames in a block, at most; by default as many as fill 64 MB. Four times a
        block is held at once.
    others : as `read_frames_of`; there is no use in a cache

    Yields
    ------
    Trajectory
        one block after the other; positions go on from block to block without a jump. `cell` is
        the mean of the block.

    Raises
    ------
    MlipsseError
        as `read_frames_of`, at the block where the fault lies.

    Examples
    --------
    >>> for block in iterate_frames("dump.lammpstrj.gz", species=["Li", "Cl"], timestep_fs=2.0):
    ...     use(block.positions)
    """
    paths, options = _paths(path), read_options(options, named)
    if block_frames is not None and block_frames < 1:
        raise MlipsseError(f"block_frames = {block_frames} must be 1 or more.")
    sources = [open_source(one, options) for one in paths]
    if block_frames is None:
        block_frames = max(2, BLOCK_BYTES // (24 * len(sources[0].species)))
    yield from frame_blocks(sources, options, block_frames)


def read_run(folder: Path, *, so_far: bool = False) -> Trajectory:
    """Read the production trajectory of one LAMMPS run, finished or, `so_far`, still going.

    As `read_frames_of` reads the folder.

    Parameters
    ----------
    folder : folder of one run
    so_far : take the frames up to the first that is missing, instead of refusing

    Raises
    ------
    MlipsseError
        as `read_frames_of`.
    """
    return read_frames_of(folder, so_far=so_far)


def refuse_beyond_memory(sources: Sequence[Source], options: ReadOptions) -> None:
    """Refuse sources whose positions need more memory than may be used, where that is known.

    Raises
    ------
    MlipsseError
        with both numbers.
    """
    needed_GB = sum(source.positions_GB or 0.0 for source in sources)
    limit_GB = options.memory_GB
    if needed_GB > limit_GB:
        raise MlipsseError(
            f"The positions in {', '.join(str(source.path) for source in sources)} require "
            f"{needed_GB:.3g} GB, but only {limit_GB:.3g} GB may be used. Give a cache folder "
            "(--cache), which is read in pieces, or read every n-th frame."
        )


def _paths(path: Path | Sequence[Path]) -> list[Path]:
    paths = [Path(path)] if isinstance(path, str | Path) else [Path(one) for one in path]
    if not paths:
        raise MlipsseError("Give at least one trajectory.")
    return paths
