"""Trajectories that MDAnalysis reads, with a topology: DCD, XTC, TRR, NetCDF, H5MD and others."""

import itertools
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.md.files.record import RECORD_FILE
from mlipsse.structures import read_ordered
from mlipsse.transport.reading.formats.h5md import h5md_lengths_A
from mlipsse.transport.reading.formats.lammps_data import is_lammps_data, read_lammps_species
from mlipsse.transport.reading.formats.netcdf import NetcdfFrames
from mlipsse.transport.reading.source.element_names import element_of
from mlipsse.transport.reading.source.file_bytes import Unpacked, lost_behind, plain_name
from mlipsse.transport.reading.source.frames import OneFrame, blocks_of, step_ps
from mlipsse.transport.reading.source.protocol import RawBlock, Source
from mlipsse.transport.reading.times.binary_times import (
    BinaryTimes,
    dcd_times,
    h5md_times,
    netcdf_times,
)

FORMATS = (".dcd", ".xtc", ".trr", ".nc", ".ncdf", ".h5md")
_OWN_TIME = (".xtc", ".trr")
"""Formats whose frames carry their time in ps."""

_TIMES = {".dcd": dcd_times, ".nc": netcdf_times, ".ncdf": netcdf_times, ".h5md": h5md_times}


@dataclass(frozen=True, eq=False)
class _Opened:
    """A trajectory that MDAnalysis has opened.

    Attributes
    ----------
    frames : MDAnalysis' reader
    species : element of each atom
    held : files and objects behind it, which must stay
    lengths_A : units of its positions and of its box, Å
    """

    frames: Any
    species: tuple[str, ...]
    held: tuple[Any, ...]
    lengths_A: tuple[float, float] = (1.0, 1.0)


def open_with_mdanalysis(
    path: Path, topology: Path | None, species: Sequence[str] | None, timestep_fs: float | None
) -> Source:
    """A binary trajectory, compressed or not; a last frame that is torn is left out.

    Raises
    ------
    MlipsseError
        when there is no topology or it shows no elements, when the file is damaged, and when a
        frame inside cannot be read.
    """
    suffix = plain_name(path).suffix.lower()
    opened = _open(path, topology, species)
    n_frames = len(opened.frames)
    find = _TIMES.get(suffix)
    known = BinaryTimes() if find is None else find(opened.held[0].path)
    own_time = suffix in _OWN_TIME
    notes = [lost_behind(path)] if opened.held[0].torn else []

    def read(block_frames: int | None) -> Iterator[RawBlock]:
        return blocks_of(
            path,
            lambda report, heads: _frames(path, topology, opened, known, own_time, report),
            notes,
            block_frames,
            n_frames,
        )

    first = next(_frames(path, topology, opened, known, own_time, []), None)
    if first is None:
        raise MlipsseError(f"{path} holds no frame.")
    return Source(
        path=path,
        inputs=(path,) if topology is None else (path, Path(topology)),
        kind=suffix[1:].upper(),
        species=opened.species,
        n_frames=n_frames,
        trusted=False,
        read=read,
        stamp_ps=step_ps(timestep_fs, known.steps is not None),
        time_ps=1.0 if own_time else known.time_ps,
        spacings_ps=known.spacings_ps,
        firm=not own_time,
        first_stamp=first.stamp if first.stamp == first.stamp else None,
        notes=notes,
    )


def _frames(
    path: Path,
    topology: Path | None,
    opened: _Opened,
    known: BinaryTimes,
    own_time: bool,
    notes: list[str],
) -> Iterator[OneFrame]:
    from MDAnalysis.lib.mdamath import triclinic_vectors

    n_frames = len(opened.frames)
    done = 0  # the reader stops without a word where a frame is torn
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for frame in opened.frames:
                cell = (
                    np.zeros((3, 3))
                    if frame.dimensions is None
                    else triclinic_vectors(frame.dimensions, dtype=np.float64)
                )
                step = np.nan if known.steps is None else float(known.steps[done])
                time = np.nan if known.times is None else float(known.times[done])
                if own_time:
                    time = float(frame.time)
                done += 1
                if len(frame.positions) != len(opened.species):
                    raise MlipsseError(
                        f"{path} holds {len(frame.positions)} atoms, and {topology} "
                        f"{len(opened.species)}: give the topology of the same run."
                    )
                places_A, box_A = opened.lengths_A
                yield OneFrame(frame.positions.astype(float) * places_A, cell * box_A, step, time)
    except (OSError, EOFError, ValueError, RuntimeError, TypeError, IndexError) as error:
        raise _damaged(path, topology, error) from error
    if done < n_frames - 1:
        raise MlipsseError(
            f"{path} is damaged: it can be read up to frame {done} of {n_frames}. "
            "Cut it there, or write it again."
        )
    if done < n_frames:
        notes.append(f"{path}: the last frame is incomplete and left out")


def _damaged(path: Path, topology: Path | None, error: Exception) -> MlipsseError:
    return MlipsseError(
        f"{path} with {topology} cannot be read by MDAnalysis ({type(error).__name__}: {error})."
    )


def _open(path: Path, topology: Path | None, species: Sequence[str] | None) -> _Opened:
    import MDAnalysis

    if topology is None:
        raise MlipsseError(
            f"{path} does not hold elements: give a topology (PDB, GRO, POSCAR, LAMMPS data file, "
            f"...), or the folder of an mlipsse run with its {RECORD_FILE}."
        )
    topology = Path(topology)
    if not topology.exists():
        raise MlipsseError(f"There is no topology {topology}. Name an existing file.")
    held = (Unpacked(path), Unpacked(topology))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            known = _species(topology, held[1].path, species)
            if plain_name(path).suffix.lower() in (".nc", ".ncdf"):
                if known is None:
                    universe = MDAnalysis.Universe(str(held[1].path))
                    known = _elements(universe, topology, species)
                return _Opened(NetcdfFrames(held[0].path), known, held)
            if plain_name(path).suffix.lower() == ".h5md":
                # MDAnalysis reads no file whose times lack a unit, unless it converts nothing.
                lengths_A = h5md_lengths_A(held[0].path, path)
                if known is None:
                    known = _elements(MDAnalysis.Universe(str(held[1].path)), topology, species)
                universe = MDAnalysis.Universe.empty(len(known))
                universe.load_new(str(held[0].path), convert_units=False)
                return _Opened(universe.trajectory, known, (*held, universe), lengths_A)
            if known is None:
                universe = MDAnalysis.Universe(str(held[1].path), str(held[0].path))
                known = _elements(universe, topology, species)
            else:
                universe = MDAnalysis.Universe.empty(len(known))
                universe.load_new(str(held[0].path))
            return _Opened(universe.trajectory, known, (*held, universe))
    except MlipsseError:
        raise
    except Exception as error:
        raise _damaged(path, topology, error) from error


def _species(
    topology: Path, unpacked: Path, species: Sequence[str] | None
) -> tuple[str, ...] | None:
    """Species of topologies that MDAnalysis does not read completely; None for others."""
    if is_lammps_data(topology):
        return read_lammps_species(topology, species)
    name = plain_name(topology).name
    suffix = plain_name(topology).suffix.lower()
    poscar = "POSCAR" in name or "CONTCAR" in name or suffix in (".vasp", ".poscar")
    if poscar or suffix == ".cif":
        # Not by ASE or pymatgen, which guess species that a POSCAR does not name, and take the
        # majority of a mixed site.
        return tuple(read_ordered(unpacked)[0].get_chemical_symbols())
    if suffix in (".extxyz", ".xyz"):
        from ase.io import read

        return tuple(read(unpacked, index=0).get_chemical_symbols())  # type: ignore[union-attr]
    return None


def _elements(universe: Any, topology: Path, species: Sequence[str] | None) -> tuple[str, ...]:
    """From names or types of a topology; by number of the type where elements are given."""
    atoms = universe.atoms
    types = [str(word) for word in getattr(atoms, "types", ())]
    if species is not None and types and all(word.isdigit() for word in types):
        numbers = [int(word) for word in types]
        if min(numbers) >= 1 and max(numbers) <= len(species):
            return tuple(species[number - 1] for number in numbers)
    for attribute in ("elements", "names", "types"):
        found = [element_of(str(word).capitalize()) for word in getattr(atoms, attribute, ())]
        whole = [word for word in found if word is not None]
        if found and len(whole) == len(found):
            return tuple(whole)
    listed = ", ".join(itertools.islice(dict.fromkeys(types), 8))
    raise MlipsseError(
        f"{topology} does not hold elements: its atoms are called {listed}. Give a topology that "
        "does, or the elements of types 1, 2, ...."
    )
