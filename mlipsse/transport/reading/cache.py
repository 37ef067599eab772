"""Trajectories converted once: HDF5 files keyed by the content of what they were read from.

A trajectory is `<key>.h5` in the folder of the cache. The key is a digest of the bytes of all files
it comes from, of the options it was read with and of `FORMAT`: a file that has changed is another
trajectory, and names and times of files do not count. Positions lie there unwrapped: float64, or
float32 for our own runs, whose DCD files hold no more; what comes out is what the reader gives, to
the last bit. Chunks of some frames by some atoms make both directions cheap: frames one after the
other, and a few ions over all frames.
"""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.files import write_aside
from mlipsse.transport.reading.blocks import BLOCK_BYTES, frame_blocks
from mlipsse.transport.reading.opening import open_source
from mlipsse.transport.reading.options import ReadOptions
from mlipsse.transport.reading.stored import StoredPositions
from mlipsse.transport.reading.trajectory import Trajectory

FORMAT = 2
"""Raised when files are written or sources are read in another way."""

CHUNK_FRAMES, CHUNK_ATOMS = 256, 64
LIMIT_GB = 50.0
"""Limit of the folder's size; beyond it the least recently used trajectories are removed."""

_READ_BYTES = 4 << 20


def cached_frames(
    paths: Sequence[Path], folder: Path, options: ReadOptions, *, limit_GB: float = LIMIT_GB
) -> Trajectory:
    """Read a trajectory from the cache in `folder`, where it is put when it is not there.

    Parameters
    ----------
    folder : made when missing
    options : as `read_frames_of` takes them
    limit_GB : size of the folder beyond which the trajectories not used for longest are removed

    Raises
    ------
    MlipsseError
        as `read_frames_of`, when the disk is too full, and when a source changes while it is read.
    """
    folder = Path(folder)
    sources = [open_source(path, options) for path in paths]
    inputs = [path for source in sources for path in source.inputs]
    before = _states(inputs)
    kinds = [source.kind for source in sources]
    path = folder / f"{_key(inputs, kinds, options)}.h5"
    frames = _stored(path, options)
    if frames is not None:
        os.utime(path)  # when it was last used
        return frames
    size_GB = sum(source.positions_GB or 0.0 for source in sources)
    if all(source.single for source in sources):
        size_GB /= 2
    folder.mkdir(parents=True, exist_ok=True)
    free_GB = 1e-9 * shutil.disk_usage(folder).free
    if size_GB > free_GB:
        raise MlipsseError(
            f"The cache of {', '.join(map(str, paths))} needs {size_GB:.3g} GB, but {free_GB:.3g} "
            f"GB are free in {folder}. Give another folder, or free disk space."
        )
    block_frames = _block_frames(len(sources[0].species))
    options.known_temperature_K(sources[0].temperature_K)  # which refuses two that disagree
    recorded = replace(options, temperature_K=None)  # what is given is no part of what is kept
    blocks = frame_blocks(sources, recorded, block_frames)
    with write_aside(path) as aside:
        _write(aside, blocks, single=all(source.single for source in sources))
        if _states(inputs) != before:
            raise MlipsseError(
                f"{', '.join(map(str, paths))} changed while it was read. Wait until the run that "
                "writes it has ended."
            )
    _make_room(folder, path, limit_GB)
    frames = _stored(path, options)
    if frames is None:
        raise MlipsseError(f"{path} cannot be read again after it was written: is the disk full?")
    return frames


def _block_frames(n_atoms: int) -> int:
    """Whole chunks, as many as fit into a block; fewer frames where one chunk would not."""
    fit = BLOCK_BYTES // (24 * n_atoms)
    return max(1, fit if fit < CHUNK_FRAMES else fit // CHUNK_FRAMES * CHUNK_FRAMES)


def _key(inputs: Sequence[Path], kinds: Sequence[str], options: ReadOptions) -> str:
    """Digest of all that the frames depend on.

    BLAKE2b: as safe as SHA-256, and twice as fast where the processor has no instruction for that.
    """
    given = {
        "species": None if options.species is None else list(options.species),
        "frame_spacing_ps": options.frame_spacing_ps,
        "timestep_fs": options.timestep_fs,
        "cell": None if options.cell is None else np.asarray(options.cell).tolist(),
        "timeless": options.timeless,
    }
    digest = blake2b(digest_size=20)
    digest.update(json.dumps([FORMAT, list(kinds), given], sort_keys=True).encode())
    for path in inputs:
        one = blake2b(digest_size=32)
        with path.open("rb") as stream:
            while block := stream.read(_READ_BYTES):
                one.update(block)
        digest.update(one.digest())
    return digest.hexdigest()


def _states(paths: Sequence[Path]) -> list[tuple[int, int]]:
    return [(path.stat().st_size, path.stat().st_mtime_ns) for path in paths]


def _write(path: Path, blocks: Iterator[Trajectory], *, single: bool) -> None:
    import h5py

    first = next(blocks)
    n_atoms = len(first.species)
    frames = min(CHUNK_FRAMES, _block_frames(n_atoms))
    with h5py.File(path, "w", libver="latest") as file:
        dataset = file.create_dataset(
            "positions",
            shape=(0, n_atoms, 3),
            maxshape=(None, n_atoms, 3),
            chunks=(frames, min(CHUNK_ATOMS, n_atoms), 3),
            dtype="f4" if single else "f8",
            fletcher32=True,
        )
        total, cells, latest = 0, [], first
        pending = np.empty((0, n_atoms, 3))
        block: Trajectory | None = first
        while block is not None:
            cells.append(len(block.positions) * block.cell)
            latest = block
            pending = (
                np.concatenate([pending, block.positions]) if len(pending) else block.positions
            )
            block = next(blocks, None)
            whole = len(pending) if block is None else len(pending) // frames * frames
            dataset.resize(total + whole, axis=0)
            dataset[total:] = pending[:whole]
            total += whole
            pending = pending[whole:]
        file.attrs["about"] = json.dumps(
            {
                "format": FORMAT,
                "n_frames": total,
                "species": first.species,
                "cell": (np.sum(cells, axis=0) / total).tolist(),
                "frame_spacing_ps": latest.frame_spacing_ps,
                "notes": latest.notes,
                "volume_change": latest.volume_change,
                "temperature_K": first.temperature_K,
                "lattice": first.lattice.tolist(),
            }
        )


def _stored(path: Path, options: ReadOptions) -> Trajectory | None:
    """What lies in the cache; None, and no file, where there is none or it is damaged."""
    import h5py

    if not path.is_file():
        return None
    try:
        file = h5py.File(path, "r", locking=False, rdcc_nbytes=8 << 20)
        about = json.loads(file.attrs["about"])
        dataset = file["positions"]
        shape = (about["n_frames"], len(about["species"]), 3)
        if dataset.shape != shape:
            raise ValueError(f"positions have the shape {dataset.shape} instead of {shape}")
        stored = StoredPositions(path, shape, dataset)
        fits = 1e-9 * stored.nbytes <= options.memory_GB
        positions: Any = _whole(dataset) if fits else stored
        if fits:
            file.close()
    except (OSError, KeyError, ValueError, TypeError):
        path.unlink(missing_ok=True)
        return None
    return Trajectory(
        positions=positions,
        species=tuple(about["species"]),
        cell=np.array(about["cell"]),
        frame_spacing_ps=about["frame_spacing_ps"],
        temperature_K=options.known_temperature_K(about["temperature_K"]),
        lattice=np.array(about["lattice"], dtype=int),
        notes=tuple(about["notes"]),
        volume_change=about["volume_change"],
    )


def _whole(dataset: Any) -> np.ndarray:
    positions = np.empty(dataset.shape)
    for start in range(0, len(dataset), dataset.chunks[0]):
        positions[start : start + dataset.chunks[0]] = dataset[start : start + dataset.chunks[0]]
    return positions


def _make_room(folder: Path, kept: Path, limit_GB: float) -> None:
    """Remove the trajectories that were not used for longest, but never `kept`."""
    states = []
    for path in folder.glob("*.h5"):
        try:
            state = path.stat()
        except FileNotFoundError:  # another process makes room too
            continue
        states.append((path == kept, state.st_mtime, state.st_size, path))
    size = sum(entry[2] for entry in states)
    for is_kept, _, bytes_, path in sorted(states):
        if size <= 1e9 * limit_GB or is_kept:
            return
        path.unlink(missing_ok=True)
        size -= bytes_
