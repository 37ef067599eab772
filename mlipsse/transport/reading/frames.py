"""Frames of any trajectory: text dumps, XYZ, VASP's files, and what ASE and MDAnalysis read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.reading.joining import joined
from mlipsse.transport.reading.opening import open_source
from mlipsse.transport.reading.source.protocol import Source
from mlipsse.transport.reading.times.spacing import FrameTimes
from mlipsse.transport.reading.trajectory import Trajectory
from mlipsse.transport.reading.unwrapping.boxes import BoxSteps
from mlipsse.transport.reading.unwrapping.continuity import Continuity
from mlipsse.transport.reading.unwrapping.ions import Unwrapping

BLOCK_BYTES = 64 << 20
"""Size of the positions held at once where frames are read block by block."""


@dataclass(frozen=True, eq=False)
class Frames:
    """Unwrapped frames at evenly spaced times.

    Attributes
    ----------
    positions : (n_frames, n_atoms, 3) float64, Å; an array, or where a trajectory is larger than
        the memory, what is sliced like one (`StoredPositions`)
    species : element of each atom
    cell : (3, 3) float64, Å, rows are lattice vectors; the mean where the cell changes
    frame_spacing_ps : time between frames, ps
    temperature_K : where the file's own record has it, else None
    lattice : (3, 3) whole numbers; the crystal's own vectors are `lattice` times `cell`. LAMMPS
        reduces a skewed cell, and our runs' record holds how; other files are taken as they are.
    notes : sentences on what reading left out, joined or assumed; of blocks, the last holds them
    volume_change : mean volume of the last quarter over that of the first, less 1; of blocks, the
        last holds it
    """

    positions: np.ndarray
    species: tuple[str, ...]
    cell: np.ndarray
    frame_spacing_ps: float
    temperature_K: float | None = None
    lattice: np.ndarray = field(default_factory=lambda: np.eye(3, dtype=int))
    notes: tuple[str, ...] = ()
    volume_change: float = 0.0

    def trajectory(self, temperature_K: float | None = None) -> Trajectory:
        """As a `Trajectory`, at a temperature that is given or that the record has.

        Raises
        ------
        MlipsseError
            when neither has it, when they disagree, and as `Trajectory`.
        """
        recorded = self.temperature_K
        if temperature_K is not None and recorded is not None and temperature_K != recorded:
            raise MlipsseError(
                f"The trajectory's record has {recorded:g} K, but {temperature_K:g} K is given. "
                "Remove the option to use the recorded temperature."
            )
        known = temperature_K if temperature_K is not None else self.temperature_K
        if known is None:
            raise MlipsseError(
                "The trajectory does not record its temperature. Give it in K (--temperature)."
            )
        return Trajectory(
            positions=self.positions,
            species=self.species,
            cell=self.cell,
            frame_spacing_ps=self.frame_spacing_ps,
            temperature_K=known,
        )


def read_frames_of(
    path: Path | Sequence[Path],
    *,
    topology: Path | None = None,
    species: Sequence[str] | None = None,
    frame_spacing_ps: float | None = None,
    timestep_fs: float | None = None,
    cell: np.ndarray | None = None,
    timeless: bool = False,
    cache: Path | None = None,
    memory_limit_GB: float | None = None,
) -> Frames:
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
    topology : file of the elements, e.g. a PDB, POSCAR or LAMMPS data file in any atom style
    species : elements by LAMMPS type (1, 2, ...); they go before a dump's column `element`
    frame_spacing_ps : time between frames, ps; goes before the times of an XTC or TRR that are
        numbers of frames
    timestep_fs : of the run, fs; a file's steps times it are its times
    cell : (3, 3) float64, Å, rows are lattice vectors, for files that hold none
    timeless : that times do not matter: the spacing is 1 ps where nothing records it
    cache : folder of converted trajectories (see `mlipsse.transport.reading.cache`), read instead
        of a file that has been read before
    memory_limit_GB : of the positions; by default half of the memory that is free. With `cache` a
        larger trajectory stays on disk and is read as it is sliced.

    Raises
    ------
    MlipsseError
        when the file is unknown, damaged or of uneven times, when what it does not hold (elements,
        time) is not given, when an atom moves too far between frames or the cell jumps, and when
        it does not fit into the memory.
    """
    paths = _checked(path, frame_spacing_ps, timestep_fs)
    if cache is not None:
        from mlipsse.transport.reading.cache import cached_frames

        return cached_frames(
            paths,
            cache,
            topology=topology,
            species=species,
            frame_spacing_ps=frame_spacing_ps,
            timestep_fs=timestep_fs,
            cell=cell,
            timeless=timeless,
            memory_limit_GB=memory_limit_GB,
        )
    sources = [
        open_source(one, topology=topology, species=species, timestep_fs=timestep_fs, cell=cell)
        for one in paths
    ]
    refuse_beyond_memory(sources, memory_limit_GB)
    return gathered(list(frame_blocks(sources, frame_spacing_ps, None, timeless=timeless)))


def iterate_frames(
    path: Path | Sequence[Path],
    *,
    topology: Path | None = None,
    species: Sequence[str] | None = None,
    frame_spacing_ps: float | None = None,
    timestep_fs: float | None = None,
    cell: np.ndarray | None = None,
    timeless: bool = False,
    block_frames: int | None = None,
) -> Iterator[Frames]:
    """Read a trajectory as `read_frames_of` does, but block by block, in bounded memory.

    Parameters
    ----------
    block_frames : frames in a block, at most; by default as many as fill 64 MB. Four times a
        block is held at once.
    others : as `read_frames_of`

    Yields
    ------
    Frames
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
    paths = _checked(path, frame_spacing_ps, timestep_fs)
    if block_frames is not None and block_frames < 1:
        raise MlipsseError(f"block_frames = {block_frames} must be 1 or more.")
    sources = [
        open_source(one, topology=topology, species=species, timestep_fs=timestep_fs, cell=cell)
        for one in paths
    ]
    if block_frames is None:
        block_frames = max(2, BLOCK_BYTES // (24 * len(sources[0].species)))
    yield from frame_blocks(sources, frame_spacing_ps, block_frames, timeless=timeless)


def gathered(blocks: Sequence[Frames]) -> Frames:
    """Blocks that follow each other as one; a single one is taken as it is."""
    if len(blocks) == 1:
        return blocks[0]
    counts = [len(block.positions) for block in blocks]
    return replace(
        blocks[-1],
        positions=np.concatenate([block.positions for block in blocks]),
        cell=np.average([block.cell for block in blocks], axis=0, weights=counts),
    )


def refuse_beyond_memory(sources: Sequence[Source], limit_GB: float | None) -> None:
    """Refuse sources whose positions need more than `limit_GB`, where that is known beforehand.

    Raises
    ------
    MlipsseError
        with both numbers.
    """
    needed = sum(positions_GB(source) or 0.0 for source in sources)
    limit_GB = memory_limit(limit_GB)
    if needed > limit_GB:
        raise MlipsseError(
            f"The positions in {', '.join(str(source.path) for source in sources)} require "
            f"{needed:.3g} GB, but only {limit_GB:.3g} GB may be used. Give a cache folder "
            "(--cache), which is read in pieces, or read every n-th frame."
        )


def positions_GB(source: Source) -> float | None:
    """Memory that a source's positions take, GB; None where only reading shows it."""
    if source.n_frames is None:
        return None
    return 24e-9 * source.n_frames * len(source.species)


def memory_limit(given_GB: float | None) -> float:
    """Memory for positions, GB: what is given, else half of what is free."""
    if given_GB is not None:
        if not given_GB > 0:
            raise MlipsseError(f"memory_limit_GB = {given_GB:g} must be above 0.")
        return given_GB
    import psutil

    return 0.5e-9 * float(psutil.virtual_memory().available)


def _checked(
    path: Path | Sequence[Path], frame_spacing_ps: float | None, timestep_fs: float | None
) -> list[Path]:
    paths = [Path(path)] if isinstance(path, str | Path) else [Path(one) for one in path]
    if not paths:
        raise MlipsseError("Give at least one trajectory.")
    for name, value in (("frame_spacing_ps", frame_spacing_ps), ("timestep_fs", timestep_fs)):
        if value is not None and not value > 0:
            raise MlipsseError(f"{name} = {value:g} must be above 0.")
    return paths


def frame_blocks(
    sources: Sequence[Source],
    frame_spacing_ps: float | None,
    block_frames: int | None,
    *,
    timeless: bool = False,
) -> Iterator[Frames]:
    """Unwrapped blocks of sources that follow each other; all frames of each at once for None.

    Raises
    ------
    MlipsseError
        as `iterate_frames`.
    """
    first = sources[0]
    where = str(first.path) if len(sources) == 1 else f"{first.path} and what follows"
    _check_same(sources)
    times = FrameTimes(sources, frame_spacing_ps, timeless=timeless)
    continuity = Continuity(first.species, where=where)
    unwrapping = Unwrapping(
        where=where,
        trusted=all(source.trusted for source in sources),
        kinds=continuity.kinds,
    )
    boxes = BoxSteps(where=where)
    joints: list[str] = []
    n_frames = 0
    waiting: Frames | None = None  # a first frame alone shows no spacing; the last takes the notes
    for raw in joined(sources, block_frames, times, unwrapping, joints):
        if not len(raw.positions):
            continue
        cells = boxes.add(raw.cells)
        squares = unwrapping.add(raw.positions, raw.cells, raw.origins)
        _refuse_infinite(raw.positions, n_frames, where)
        continuity.add(squares, raw.seams, n_frames)
        block = Frames(
            positions=raw.positions,
            species=first.species,
            cell=cells.mean(axis=0),
            frame_spacing_ps=float("nan"),
            temperature_K=first.temperature_K,
            lattice=first.lattice,
        )
        if waiting is not None and n_frames > 1:
            yield replace(waiting, frame_spacing_ps=times.spacing_ps)
            waiting = None
        waiting = block if waiting is None else gathered([waiting, block])
        n_frames += len(raw.positions)
    if waiting is None:
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
    yield replace(
        waiting,
        frame_spacing_ps=times.spacing_ps,
        notes=tuple(dict.fromkeys(notes)),
        volume_change=boxes.volume_change,
    )


def _check_same(sources: Sequence[Source]) -> None:
    first = sources[0]
    for source in sources[1:]:
        if source.species != first.species:
            raise MlipsseError(
                f"{source.path} contains other atoms than {first.path} ({len(source.species)} and "
                f"{len(first.species)}, or in another order): the files belong to different runs. "
                "Analyse them one by one."
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
