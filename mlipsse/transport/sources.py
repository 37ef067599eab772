"""Which reader opens a trajectory: ours, of text dumps, ASE's or MDAnalysis'."""

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.md.record import RECORD_FILE
from mlipsse.transport.ase_source import open_with_ase
from mlipsse.transport.source import RawBlock, Source, raw_block

_ASE_FORMATS = {".xyz": "extxyz", ".extxyz": "extxyz", ".traj": "traj", ".xml": "vasp-xml"}
_WITH_TOPOLOGY = (".dcd", ".xtc", ".trr", ".nc", ".h5md")
_OWN_TIME = (".xtc", ".trr")
"""Formats whose frames carry their time in ps; a DCD's depends on who wrote it."""

_ANGSTROM_UNITS = {"metal": 1.0, "real": 1e-3}
"""LAMMPS' systems of units that have lengths in Å, and their unit of time in ps."""


def open_source(
    path: Path,
    *,
    topology: Path | None = None,
    species: Sequence[str] | None = None,
    timestep_fs: float | None = None,
) -> Source:
    """Find out what a file is, and what it says of its frames, which are not read yet.

    Raises
    ------
    MlipsseError
        when it is not there, of no known kind, damaged at its beginning, or does not say its
        elements.
    """
    path = Path(path)
    if not path.exists():
        raise MlipsseError(f"There is no trajectory {path}.")
    if path.is_dir() or (path.suffix == ".dcd" and topology is None and _is_ours(path)):
        return _ours(path if path.is_dir() else path.parent)
    if _is_text_dump(path):
        return _text_dump(path, species, timestep_fs)
    if path.suffix.lower() in _WITH_TOPOLOGY or topology is not None:
        return _by_mdanalysis(path, topology)
    kind = "vasp-xdatcar" if "XDATCAR" in path.name else _ASE_FORMATS.get(path.suffix.lower())
    if kind is None:
        raise MlipsseError(
            f"{path} is of no known kind: LAMMPS text dumps, extxyz, ASE .traj, XDATCAR, "
            "vasprun.xml, or DCD, XTC and TRR with a topology."
        )
    return open_with_ase(path, kind)


def _is_ours(path: Path) -> bool:
    return (path.parent / RECORD_FILE).is_file()


def _ours(folder: Path) -> Source:
    from mlipsse.transport.trajectory import find_run_frames

    run = find_run_frames(folder)
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
        for piece in run.blocks(512):
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


def _is_text_dump(path: Path) -> bool:
    import gzip
    import zlib

    with path.open("rb") as stream:
        head = stream.read(512)
    if head[:2] == b"\x1f\x8b":
        try:
            with gzip.open(path, "rb") as stream:
                head = stream.read(5)
        except (OSError, EOFError, zlib.error):
            return False
    return head.lstrip().startswith(b"ITEM:")


def _text_dump(path: Path, species: Sequence[str] | None, timestep_fs: float | None) -> Source:
    from mlipsse.transport.text_dump import (
        dump_atoms,
        dump_blocks,
        dump_steps,
        dump_units,
        likely_frames,
    )

    atoms = dump_atoms(path)
    units, time_per_step = dump_units(path, atoms)
    if units is not None and units not in _ANGSTROM_UNITS:
        raise MlipsseError(
            f"{path} is in LAMMPS' units {units}, whose lengths are not in Å: write it in metal "
            "or real units."
        )
    stamp_ps = None if timestep_fs is None else timestep_fs * 1e-3
    if units is not None and time_per_step is not None and time_per_step > 0:
        own_ps = time_per_step * _ANGSTROM_UNITS[units]
        if stamp_ps is not None and abs(stamp_ps - own_ps) > 1e-3 * own_ps:
            raise MlipsseError(
                f"{path} says that a step takes {1e3 * own_ps:g} fs, but {timestep_fs:g} fs are "
                "given: leave it to the file, or look which is right."
            )
        stamp_ps = own_ps

    def read(block_frames: int | None) -> Iterator[RawBlock]:
        kept = None
        if block_frames is not None:  # what comes again must be known beforehand
            steps = dump_steps(path)
            later = np.minimum.accumulate(steps[::-1])[::-1]
            kept = np.append(steps[:-1] < later[1:], True)
        for block in dump_blocks(path, atoms, block_frames=block_frames, kept=kept):
            yield RawBlock(block.positions, block.cells, block.origins, block.steps)

    return Source(
        path=path,
        inputs=(path,),
        kind="LAMMPS text dump",
        species=_dump_species(path, atoms, species),
        n_frames=int((likely_frames(path, atoms) - 16) / 1.2) + 1,
        trusted=not atoms.wrapped,
        read=read,
        stamp_ps=stamp_ps,
        first_stamp=atoms.first_step,
    )


def _dump_species(path: Path, atoms: Any, species: Sequence[str] | None) -> tuple[str, ...]:
    if atoms.species is not None:
        return tuple(atoms.species)
    if species is None or atoms.types is None:
        raise MlipsseError(
            f"{path} does not say which atom is which element. Give the elements of types 1, 2, "
            "..., or write the dump with a column `element`."
        )
    if atoms.types.min() < 1 or atoms.types.max() > len(species):
        raise MlipsseError(
            f"{path} holds types {atoms.types.min()} to {atoms.types.max()}, but elements of "
            f"{len(species)} types are given ({', '.join(species)})."
        )
    return tuple(species[number - 1] for number in atoms.types)


def _by_mdanalysis(path: Path, topology: Path | None) -> Source:
    if topology is None:
        raise MlipsseError(
            f"{path} does not hold elements: give a topology (PDB, GRO, LAMMPS data file, ...) "
            f"beside it, or the folder of one of our runs, which has its {RECORD_FILE}."
        )
    import MDAnalysis
    from MDAnalysis.lib.mdamath import triclinic_vectors

    def damaged(error: Exception) -> MlipsseError:
        return MlipsseError(
            f"{path} with {topology} cannot be read by MDAnalysis ({type(error).__name__}: "
            f"{error})."
        )

    own_time = path.suffix.lower() in _OWN_TIME
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            universe = MDAnalysis.Universe(str(topology), str(path))
            species = _elements(universe, topology)
            n_frames = len(universe.trajectory)
            first_ps = float(universe.trajectory[0].time)
    except MlipsseError:
        raise
    except Exception as error:
        raise damaged(error) from error

    def read(block_frames: int | None) -> Iterator[RawBlock]:
        size = block_frames or n_frames
        for start in range(0, n_frames, size):
            count = min(size, n_frames - start)
            positions = np.empty((count, len(species), 3))
            cells = np.empty((count, 3, 3))
            times_ps = np.empty(count)
            done = 0  # the reader stops without a word where a frame is torn
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    for frame in universe.trajectory[start : start + count]:
                        times_ps[done] = frame.time
                        positions[done] = frame.positions
                        cells[done] = (
                            0
                            if frame.dimensions is None
                            else triclinic_vectors(frame.dimensions, dtype=np.float64)
                        )
                        done += 1
            except Exception as error:
                raise damaged(error) from error
            if start + done < n_frames - 1 and done < count:
                raise MlipsseError(
                    f"{path} is damaged: it can be read up to frame {start + done} of {n_frames}. "
                    "Cut it there, or write it again."
                )
            yield raw_block(positions[:done], cells[:done], times_ps[:done] if own_time else None)

    return Source(
        path=path,
        inputs=(path, Path(topology)),
        kind=path.suffix[1:].upper(),
        species=species,
        n_frames=n_frames,
        trusted=False,
        read=read,
        stamp_ps=1.0 if own_time else None,
        firm=False,
        first_stamp=first_ps if own_time else None,
    )


def _elements(universe: "object", topology: Path) -> tuple[str, ...]:
    from ase.data import chemical_symbols

    atoms = universe.atoms  # type: ignore[attr-defined]
    for attribute in ("elements", "names", "types"):
        found = [str(word).capitalize() for word in getattr(atoms, attribute, ())]
        if found and all(word in chemical_symbols[1:] for word in found):
            return tuple(found)
    raise MlipsseError(
        f"{topology} does not hold elements: its atoms are called "
        f"{', '.join(dict.fromkeys(map(str, getattr(atoms, 'types', ()))))}. Give one that does."
    )
