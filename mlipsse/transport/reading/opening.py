"""Which reader opens a trajectory."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.md.files.record import RECORD_FILE
from mlipsse.transport.reading.options import ReadOptions
from mlipsse.transport.reading.source.element_names import elements_of
from mlipsse.transport.reading.source.file_bytes import head, plain_name
from mlipsse.transport.reading.source.protocol import RawBlock, Source
from mlipsse.transport.reading.text_dump.atoms import DumpAtoms, dump_atoms, likely_frames

_ANGSTROM_UNITS = {"metal": 1.0, "real": 1e-3}
"""LAMMPS' systems of units that have lengths in Å, and their unit of time in ps."""

_XYZ = (".xyz", ".extxyz")

_SAME_CELL = 0.01
"""Relative difference of a cell that is given from one that is in the file."""


def open_source(path: Path, options: ReadOptions) -> Source:
    """Find out what a file is, and what it records of its frames, which are not read yet.

    Raises
    ------
    MlipsseError
        when it is not there, of no known kind, damaged at its beginning, or does not show its
        elements, or holds no atoms.
    """
    path = Path(path)
    if not path.exists():
        raise MlipsseError(f"There is no trajectory {path}. Name an existing file.")
    source = _opened(path, options)
    if not source.species:
        raise MlipsseError(f"{path} contains no atoms. Give a trajectory of atoms.")
    if options.cell is None:
        return source
    return _with_cell(source, np.asarray(options.cell, dtype=float))


def _opened(path: Path, options: ReadOptions) -> Source:
    topology, species, timestep_fs = options.topology, options.species, options.timestep_fs
    if path.is_dir() or (path.suffix == ".dcd" and topology is None and _is_ours(path)):
        from mlipsse.transport.reading.run_folder import open_run

        return open_run(path if path.is_dir() else path.parent, so_far=options.so_far)
    first = head(path, 2048)
    by_type = first.lstrip().startswith(b"ITEM:") or plain_name(path).suffix.lower() in _XYZ
    if topology is not None and by_type:
        from mlipsse.transport.reading.formats.lammps_data import is_lammps_data, read_lammps_types

        if is_lammps_data(topology):
            species = read_lammps_types(topology, species)
    if first.lstrip().startswith(b"ITEM:"):
        return _text_dump(path, species, timestep_fs)
    name, suffix = plain_name(path).name, plain_name(path).suffix.lower()
    if suffix in _XYZ:
        from mlipsse.transport.reading.formats.extxyz import open_extxyz

        return open_extxyz(path, species, timestep_fs)
    if "XDATCAR" in name:
        from mlipsse.transport.reading.formats.xdatcar import open_xdatcar

        return open_xdatcar(path, timestep_fs)
    if suffix == ".xml":
        from mlipsse.transport.reading.formats.vasprun import open_vasprun

        return open_vasprun(path, timestep_fs)
    if suffix == ".traj":
        from mlipsse.transport.reading.formats.traj import open_traj

        return open_traj(path, timestep_fs)
    from mlipsse.transport.reading.formats.mdanalysis import FORMATS, open_with_mdanalysis

    if suffix in FORMATS or topology is not None:
        return open_with_mdanalysis(path, topology, species, timestep_fs)
    raise MlipsseError(
        f"{path} is not a known kind of file. Give a LAMMPS text dump, XYZ, ASE .traj, XDATCAR or "
        "vasprun.xml, or DCD, XTC, TRR, NetCDF or H5MD with a topology. For a table of mean "
        "squared displacements use `mlipsse transport fit-msd`."
    )


def _with_cell(source: Source, cell: np.ndarray) -> Source:
    """The source with a cell that is given, where it has none itself."""

    def read(block_frames: int | None) -> Iterator[RawBlock]:
        for raw in source.read(block_frames):
            missing = np.abs(np.linalg.det(raw.cells)) < 1e-6
            apart = np.abs(raw.cells[~missing] - cell).max(initial=0.0)
            if apart > _SAME_CELL * np.abs(cell).max():
                own = raw.cells[~missing][0]
                raise MlipsseError(
                    f"{source.path} has a cell of {_lengths(own)} Å, but one of {_lengths(cell)} "
                    "Å is given. Remove the option to use the cell of the file."
                )
            cells = np.where(missing[:, None, None], cell, raw.cells)
            yield replace(raw, cells=cells)

    return replace(source, read=read)


def _lengths(cell: np.ndarray) -> str:
    return ", ".join(f"{length:.4g}" for length in np.linalg.norm(cell, axis=1))


def _is_ours(path: Path) -> bool:
    return (path.parent / RECORD_FILE).is_file()


def _text_dump(path: Path, species: Sequence[str] | None, timestep_fs: float | None) -> Source:
    from mlipsse.transport.reading.text_dump.source import dump_blocks

    atoms = dump_atoms(path)
    if atoms.units is not None and atoms.units not in _ANGSTROM_UNITS:
        raise MlipsseError(
            f"{path} is in LAMMPS' units {atoms.units}, whose lengths are not in Å. Write it in "
            "metal or real units."
        )
    notes: list[str] = []
    if atoms.open_axes:
        notes.append(
            f"{path}: the box is not periodic along {', '.join(atoms.open_axes)}; its volume, and "
            "conductivities, are those of the box of its first frame"
        )

    def read(block_frames: int | None) -> Iterator[RawBlock]:
        for raw in dump_blocks(path, atoms, notes, block_frames=block_frames):
            for axis in ("xyz".index(name) for name in atoms.open_axes):
                # A box that is wrapped round the atoms is no cell: its first length is kept.
                raw.cells[:, axis], raw.origins[:, axis] = atoms.cell[axis], atoms.origin[axis]
            yield raw

    return Source(
        path=path,
        inputs=(path,),
        kind="LAMMPS text dump",
        species=_dump_species(path, atoms, species, notes),
        n_frames=int((likely_frames(path, atoms) - 16) / 1.2) + 1,
        trusted=not atoms.wrapped,
        read=read,
        stamp_ps=None if timestep_fs is None else timestep_fs * 1e-3,
        time_ps=None if atoms.units is None else _ANGSTROM_UNITS[atoms.units],
        first_stamp=atoms.first_step,
        notes=notes,
    )


def _dump_species(
    path: Path, atoms: DumpAtoms, species: Sequence[str] | None, notes: list[str]
) -> tuple[str, ...]:
    """By type as they are given; else as the file has them."""
    if species is None or (atoms.types is None and atoms.species is not None):
        if atoms.species is None:
            raise MlipsseError(
                f"{path} does not show which atom is which element. Give the elements of types 1, "
                "2, ..., or write the dump with a column `element`."
            )
        own = elements_of(atoms.species, str(path))
        if species is not None and not set(own) <= set(species):
            raise MlipsseError(
                f"{path} has elements ({', '.join(dict.fromkeys(own))}) and no types that "
                f"{', '.join(species)} could be of: remove the option, or write the dump with a "
                "column `type`."
            )
        if len(set(own)) == 1 and atoms.types is not None and len(set(atoms.types)) > 1:
            raise MlipsseError(
                f"{path} calls atoms of {len(set(atoms.types))} types {own[0]}, as LAMMPS does "
                "without `dump_modify element`. Give the elements of types 1, 2, ...."
            )
        return own
    if atoms.types is None:
        raise MlipsseError(
            f"{path} does not show which atom is which element, and has no column `type`: write "
            "the dump with a column `element` or `type`."
        )
    if atoms.types.min() < 1 or atoms.types.max() > len(species):
        raise MlipsseError(
            f"{path} holds types {atoms.types.min()} to {atoms.types.max()}, but elements of "
            f"{len(species)} types are given ({', '.join(species)})."
        )
    found = tuple(species[number - 1] for number in atoms.types)
    if atoms.species is not None and atoms.species != found:
        pairs = dict.fromkeys(zip(atoms.types.tolist(), atoms.species, strict=True))
        notes.append(
            f"{path}: its column `element` names types otherwise "
            f"({', '.join(f'{number} {name}' for number, name in sorted(pairs))}); the given "
            f"elements are used ({', '.join(species)})"
        )
    return found
