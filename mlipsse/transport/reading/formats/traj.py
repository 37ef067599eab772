"""ASE's own .traj files."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.reading.source.file_bytes import Unpacked, lost_behind
from mlipsse.transport.reading.source.frames import OneFrame, framewise_source, other_atoms, step_ps
from mlipsse.transport.reading.source.protocol import Source
from mlipsse.transport.reading.times.stamps import find_stamp_keys


def open_traj(path: Path, timestep_fs: float | None) -> Source:
    """A .traj file; steps and times are those of `Atoms.info`. ASE writes no ids into it.

    Raises
    ------
    MlipsseError
        when it is damaged, holds no frame, or frames of other atoms.
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
    species = tuple(first.get_chemical_symbols())
    keys = find_stamp_keys([atoms.info for atoms in opening], str(path))
    notes = [lost_behind(path)] if unpacked.torn else []

    def frames(report: list[str], heads: bool) -> Iterator[OneFrame]:
        for number, atoms in enumerate(_atoms(path, unpacked)):
            names = tuple(atoms.get_chemical_symbols())
            if names != species:
                raise other_atoms(path, number, names, species)
            step, time = keys.read(atoms.info, str(path), number)
            yield OneFrame(atoms.get_positions(), np.array(atoms.cell), step, time)

    start = next(frames([], True)).stamp
    return replace(
        framewise_source(path, "traj", species, frames, notes=notes),
        stamp_ps=step_ps(timestep_fs, keys.step is not None),
        time_ps=keys.time_ps,
        first_stamp=start if start == start else None,
    )


def _atoms(path: Path, unpacked: Unpacked) -> Iterator[Any]:
    from ase.io import iread

    try:
        yield from iread(unpacked.path, index=":", format="traj")
    except Exception as error:
        raise MlipsseError(
            f"{path} cannot be read as traj ({type(error).__name__}: {error})."
        ) from error
