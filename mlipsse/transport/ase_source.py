"""Trajectories that ASE reads: extxyz, .traj, XDATCAR, vasprun.xml."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.source import RawBlock, Source, raw_block


def open_with_ase(path: Path, kind: str) -> Source:
    """A file that ASE reads as `kind`; frames that are torn at its end are left out."""

    def read(block_frames: int | None) -> Iterator[RawBlock]:
        positions: list[np.ndarray] = []
        cells: list[np.ndarray] = []
        for number, atoms in enumerate(_ase_frames(path, kind)):
            if tuple(atoms.get_chemical_symbols()) != species:
                raise MlipsseError(
                    f"Frame {number} of {path} holds other atoms than the first: analyse "
                    "the parts one by one."
                )
            positions.append(atoms.get_positions())
            cells.append(np.array(atoms.cell))
            if len(positions) == block_frames:
                yield raw_block(np.array(positions), np.array(cells))
                positions, cells = [], []
        if positions:
            yield raw_block(np.array(positions), np.array(cells))

    first = next(_ase_frames(path, kind), None)
    if first is None:
        raise MlipsseError(f"{path} holds no frame.")
    species = tuple(first.get_chemical_symbols())
    return Source(
        path=path,
        inputs=(path,),
        kind=kind,
        species=species,
        n_frames=None,
        trusted=False,
        read=read,
        spacing_ps=_potim_ps(path) if kind == "vasp-xml" else None,
    )


def _ase_frames(path: Path, kind: str) -> Iterator[Any]:
    """Atoms of every whole frame; what a run that was cut off left at the end is no frame."""
    from ase.io import iread

    whole = {"extxyz": _whole_extxyz, "vasp-xdatcar": _whole_xdatcar}.get(kind)
    try:
        if whole is None:
            yield from iread(path, index=":", format=kind)
        else:
            stream, n_frames = whole(path)
            if n_frames:
                with stream:
                    yield from iread(stream, index=slice(0, n_frames), format=kind)
    except Exception as error:
        raise MlipsseError(
            f"{path} cannot be read as {kind} ({type(error).__name__}: {error})."
        ) from error


def _whole_extxyz(path: Path) -> tuple[Any, int]:
    """The file, and how many of its frames are whole."""
    n_frames = 0
    with path.open("rb") as stream:
        while (line := stream.readline()).strip():
            for _ in range(int(line) + 1):
                line = stream.readline()
            if not line.endswith(b"\n"):  # its last number may be torn
                break
            n_frames += 1
    return path.open(), n_frames


def _whole_xdatcar(path: Path) -> tuple[Any, int]:
    """The text up to its last whole frame, and how many frames it has."""
    lines = path.read_text(errors="replace").splitlines(keepends=True)
    starts = [index for index, line in enumerate(lines) if line.startswith("Direct conf")]
    if not starts or len(lines) < 7:
        return io.StringIO(), 0
    n_atoms = sum(int(word) for word in lines[6].split())
    last = starts[-1]
    end = last + 1 + n_atoms
    rows = lines[last + 1 : end]
    if len(rows) < n_atoms or not rows[-1].endswith("\n"):
        repeated = last > 7 and _is_counts(lines[last - 1])
        end = last - 7 if repeated else last
        starts.pop()
    return io.StringIO("".join(lines[:end])), len(starts)


def _is_counts(line: str) -> bool:
    return bool(line.split()) and all(word.isdigit() for word in line.split())


def _potim_ps(path: Path) -> float | None:
    """POTIM of a vasprun.xml that is of MD (IBRION 0), ps."""
    with path.open(errors="replace") as stream:
        head = stream.read(200_000)
    ibrion = re.search(r'name="IBRION">\s*(-?\d+)', head)
    potim = re.search(r'name="POTIM">\s*([\d.eE+-]+)', head)
    if ibrion is None or potim is None or int(ibrion[1]) != 0:
        return None
    return float(potim[1]) * 1e-3
