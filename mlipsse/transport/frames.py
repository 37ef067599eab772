"""Frames of anybody's trajectory: LAMMPS text dumps, and what ASE and MDAnalysis read."""

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.md.record import RECORD_FILE, read_record
from mlipsse.transport.trajectory import Trajectory, read_run
from mlipsse.transport.unwrapping import unwrap

_ASE_FORMATS = {".xyz": "extxyz", ".extxyz": "extxyz", ".traj": "traj", ".xml": "vasp-xml"}
_WITH_TOPOLOGY = (".dcd", ".xtc", ".trr", ".nc", ".h5md")
_OWN_TIME = (".xtc", ".trr")
"""Formats whose frames carry their time in ps; a DCD's depends on who wrote it."""


@dataclass(frozen=True, eq=False)
class Frames:
    """Unwrapped frames at evenly spaced times.

    Attributes
    ----------
    positions : (n_frames, n_atoms, 3) float64, Å
    species : element of each atom
    cell : (3, 3) float64, Å, rows are lattice vectors; the mean where the cell changes
    frame_spacing_ps : time between frames, ps
    temperature_K : where the file's own record says it, else None
    lattice : (3, 3) whole numbers; the crystal's own vectors are `lattice` times `cell`. LAMMPS
        reduces a skewed cell, and our runs' record says how; other files are taken as they are.
    """

    positions: np.ndarray
    species: tuple[str, ...]
    cell: np.ndarray
    frame_spacing_ps: float
    temperature_K: float | None = None
    lattice: np.ndarray = field(default_factory=lambda: np.eye(3, dtype=int))

    def trajectory(self, temperature_K: float | None = None) -> Trajectory:
        """As a `Trajectory`, at a temperature that is given or that the record says.

        Raises
        ------
        MlipsseError
            when neither says it, and as `Trajectory`.
        """
        known = temperature_K if temperature_K is not None else self.temperature_K
        if known is None:
            raise MlipsseError("Give the temperature in K: the trajectory does not say it.")
        return Trajectory(
            positions=self.positions,
            species=self.species,
            cell=self.cell,
            frame_spacing_ps=self.frame_spacing_ps,
            temperature_K=known,
        )


def read_frames_of(
    path: Path,
    *,
    topology: Path | None = None,
    species: Sequence[str] | None = None,
    frame_spacing_ps: float | None = None,
    timestep_fs: float | None = None,
) -> Frames:
    """Read a trajectory of any of the known kinds.

    A folder of one of our runs, or its DCD file, is read by the record that lies there. LAMMPS text
    dumps (plain or .gz) by `read_text_dump`; extxyz, ASE's .traj, XDATCAR and vasprun.xml by ASE;
    DCD, XTC, TRR and others by MDAnalysis with a topology. Everything but our own runs is unwrapped
    by steps, which leaves alone what is unwrapped already.

    Parameters
    ----------
    topology : file from which MDAnalysis takes the elements, e.g. a PDB or LAMMPS data file
    species : elements by LAMMPS type (1, 2, ...), for dumps that hold no elements
    frame_spacing_ps : time between frames, ps
    timestep_fs : of the run, fs; a text dump's steps times it are its times

    Raises
    ------
    MlipsseError
        when the file is unknown, damaged or of uneven times, when what it does not say (elements,
        time) is not given, and when an atom moves too far between frames.
    """
    path = Path(path)
    for name, value in (("frame_spacing_ps", frame_spacing_ps), ("timestep_fs", timestep_fs)):
        if value is not None and not value > 0:
            raise MlipsseError(f"{name} = {value:g} must be above 0.")
    if not path.exists():
        raise MlipsseError(f"There is no trajectory {path}.")
    if path.is_dir() or (path.suffix == ".dcd" and topology is None and _is_ours(path)):
        return _ours(path if path.is_dir() else path.parent)
    if _is_text_dump(path):
        return _text_dump(path, species, frame_spacing_ps, timestep_fs)
    if path.suffix.lower() in _WITH_TOPOLOGY or topology is not None:
        return _by_mdanalysis(path, topology, frame_spacing_ps)
    kind = "vasp-xdatcar" if "XDATCAR" in path.name else _ASE_FORMATS.get(path.suffix.lower())
    if kind is None:
        raise MlipsseError(
            f"{path} is of no known kind: LAMMPS text dumps, extxyz, ASE .traj, XDATCAR, "
            "vasprun.xml, or DCD, XTC and TRR with a topology."
        )
    return _by_ase(path, kind, frame_spacing_ps)


def _is_ours(path: Path) -> bool:
    return (path.parent / RECORD_FILE).is_file()


def _ours(folder: Path) -> Frames:
    run, record = read_run(folder), read_record(folder)
    return Frames(
        run.positions,
        run.species,
        run.cell,
        run.frame_spacing_ps,
        record.temperature_K,
        record.lattice,
    )


def _is_text_dump(path: Path) -> bool:
    import gzip

    with path.open("rb") as stream:
        head = stream.read(512)
    if head[:2] == b"\x1f\x8b":
        try:
            with gzip.open(path, "rb") as stream:
                head = stream.read(5)
        except (OSError, EOFError):
            return False
    return head.lstrip().startswith(b"ITEM:")


def _text_dump(
    path: Path,
    species: Sequence[str] | None,
    frame_spacing_ps: float | None,
    timestep_fs: float | None,
) -> Frames:
    from mlipsse.transport.text_dump import read_text_dump

    dump = read_text_dump(path)
    elements = dump.species
    if elements is None and species is not None and dump.types is not None:
        if dump.types.min() < 1 or dump.types.max() > len(species):
            raise MlipsseError(
                f"{path} holds types {dump.types.min()} to {dump.types.max()}, but elements of "
                f"{len(species)} types are given ({', '.join(species)})."
            )
        elements = tuple(species[number - 1] for number in dump.types)
    if elements is None:
        raise MlipsseError(
            f"{path} does not say which atom is which element. Give the elements of types 1, 2, "
            "..., or write the dump with a column `element`."
        )
    strides = np.unique(np.diff(dump.steps))
    if len(strides) > 1:
        raise MlipsseError(
            f"{path}: frames are {', '.join(map(str, strides[:4]))} steps apart; displacements "
            "need evenly spaced frames."
        )
    if frame_spacing_ps is None and timestep_fs is not None and len(strides):
        frame_spacing_ps = float(strides[0]) * timestep_fs * 1e-3
    if frame_spacing_ps is None:
        raise MlipsseError(
            f"{path} counts steps and not time: give the time between frames in ps, or the run's "
            "time step in fs."
        )
    return Frames(dump.positions, elements, dump.cells.mean(axis=0), frame_spacing_ps)


def _by_ase(path: Path, kind: str, frame_spacing_ps: float | None) -> Frames:
    from ase.io import iread

    if frame_spacing_ps is None and kind == "vasp-xml":
        frame_spacing_ps = _potim_ps(path)
    if frame_spacing_ps is None:
        raise MlipsseError(
            f"{path} does not say at which times its frames were written: give the time between "
            "them in ps."
        )
    positions: list[np.ndarray] = []
    cells: list[np.ndarray] = []
    species: tuple[str, ...] | None = None
    try:
        for atoms in iread(path, index=":", format=kind):
            found = tuple(atoms.get_chemical_symbols())
            if species is not None and found != species:
                raise MlipsseError(
                    f"Frame {len(positions)} of {path} holds other atoms than the first: analyse "
                    "the parts one by one."
                )
            species = found
            positions.append(atoms.get_positions())
            cells.append(np.array(atoms.cell))
    except MlipsseError:
        raise
    except Exception as error:
        raise MlipsseError(
            f"{path} cannot be read as {kind} ({type(error).__name__}: {error})."
        ) from error
    return _unwrapped(path, positions, species, cells, frame_spacing_ps)


def _unwrapped(
    path: Path,
    positions: Sequence[np.ndarray],
    species: tuple[str, ...] | None,
    cells: Sequence[np.ndarray],
    frame_spacing_ps: float,
) -> Frames:
    if not positions or species is None:
        raise MlipsseError(f"{path} holds no frame.")
    boxes = np.array(cells, dtype=float)
    if not (np.abs(np.linalg.det(boxes)) > 0).all():
        raise MlipsseError(f"{path} has a frame without a cell, which conductivities need.")
    return Frames(
        unwrap(np.array(positions, dtype=float), boxes, where=str(path)),
        species,
        boxes.mean(axis=0),
        frame_spacing_ps,
    )


def _potim_ps(path: Path) -> float | None:
    """POTIM of a vasprun.xml that is of MD (IBRION 0), ps."""
    with path.open(errors="replace") as stream:
        head = stream.read(200_000)
    ibrion = re.search(r'name="IBRION">\s*(-?\d+)', head)
    potim = re.search(r'name="POTIM">\s*([\d.eE+-]+)', head)
    if ibrion is None or potim is None or int(ibrion[1]) != 0:
        return None
    return float(potim[1]) * 1e-3


def _by_mdanalysis(path: Path, topology: Path | None, frame_spacing_ps: float | None) -> Frames:
    if topology is None:
        raise MlipsseError(
            f"{path} does not hold elements: give a topology (PDB, GRO, LAMMPS data file, ...) "
            f"beside it, or the folder of one of our runs, which has its {RECORD_FILE}."
        )
    import MDAnalysis
    from MDAnalysis.lib.mdamath import triclinic_vectors

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            universe = MDAnalysis.Universe(str(topology), str(path))
            species = _elements(universe, topology)
            positions, cells, times_ps = [], [], []
            for frame in universe.trajectory:
                times_ps.append(float(frame.time))
                positions.append(frame.positions.astype(float))
                cells.append(triclinic_vectors(frame.dimensions, dtype=np.float64))
    except MlipsseError:
        raise
    except Exception as error:
        raise MlipsseError(
            f"{path} with {topology} cannot be read by MDAnalysis ({type(error).__name__}: "
            f"{error})."
        ) from error
    if frame_spacing_ps is None and path.suffix.lower() in _OWN_TIME:
        frame_spacing_ps = _even_ps(times_ps)
    if frame_spacing_ps is None:
        raise MlipsseError(
            f"The times in {path} are uneven, or depend on the program that wrote it: give the "
            "time between frames in ps."
        )
    return _unwrapped(path, positions, species, cells, frame_spacing_ps)


def _even_ps(times_ps: Sequence[float]) -> float | None:
    """Time between frames; None where it is not one and the same, above 0."""
    steps = np.diff(times_ps)
    if not len(steps) or not steps[0] > 0 or np.ptp(steps) > 1e-3 * steps[0]:
        return None
    return float(steps.mean())


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
