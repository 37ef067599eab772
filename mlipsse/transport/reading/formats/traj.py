"""ASE's own .traj files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.reading.source.compressed import Unpacked, lost_behind
from mlipsse.transport.reading.source.frames import OneFrame, blocks_of, other_atoms
from mlipsse.transport.reading.source.protocol import Source
from mlipsse.transport.reading.times.stamps import find_stamp_keys


def open_traj(path: Path, timestep_fs: float | None) -> Source:
    """A .traj file; steps and times are those of `Atoms.info`, ids those of an array `id`.

    Raises
    ------
    MlipsseError
        when it is damaged or holds no frame.
    """
    unpacked = Unpacked(path)
    opening: list[Any] = []
    for atoms in _atoms(path, unpacked):
        opening.append(atoms)
        if len(opening) == 2:
            break
    if not opening:
        raise MlipsseError(f"{path} holds no frame.")
    first = opening[0]
    order = _order(first)
    species = tuple(np.array(first.get_chemical_symbols())[order].tolist())
    keys = find_stamp_keys([atoms.info for atoms in opening])
    notes = [lost_behind(path)] if unpacked.torn else []

    def frames(report: list[str], heads: bool) -> Iterator[OneFrame]:
        for number, atoms in enumerate(_atoms(path, unpacked)):
            own = _order(atoms)
            names = tuple(np.array(atoms.get_chemical_symbols())[own].tolist())
            if names != species:
                raise other_atoms(path, number, names, species)
            step, time = keys.read(atoms.info, str(path), number)
            yield OneFrame(atoms.get_positions()[own], np.array(atoms.cell), step, time)

    start = next(frames([], True)).stamp
    return Source(
        path=path,
        inputs=(path,),
        kind="traj",
        species=species,
        n_frames=None,
        trusted=False,
        read=lambda block_frames: blocks_of(path, frames, notes, block_frames),
        stamp_ps=None if timestep_fs is None or keys.step is None else timestep_fs * 1e-3,
        time_ps=keys.time_ps,
        first_stamp=start if start == start else None,
        notes=notes,
    )


def _order(atoms: Any) -> np.ndarray:
    ids = atoms.arrays.get("id")
    return np.arange(len(atoms)) if ids is None else np.argsort(ids)


def _atoms(path: Path, unpacked: Unpacked) -> Iterator[Any]:
    from ase.io import iread

    try:
        yield from iread(unpacked.path, index=":", format="traj")
    except Exception as error:
        raise MlipsseError(
            f"{path} cannot be read as traj ({type(error).__name__}: {error})."
        ) from error
