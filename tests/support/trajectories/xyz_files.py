"""Random walks as XYZ files, for the tests of what is read."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.support.trajectories.trajectory_files import BOX_A


def xyz_frame(
    places: np.ndarray, head: str, *, plain: bool = False, names: Sequence[str] = ("Li", "Cl")
) -> str:
    """One frame, wrapped, of atoms whose first half is Li and the others Cl."""
    n_atoms = len(places)
    rows = [
        f"{names[int(atom >= n_atoms // 2)]} " + " ".join(f"{x:.8f}" for x in place)
        for atom, place in enumerate(places % BOX_A)
    ]
    lattice = f'Lattice="{BOX_A} 0 0 0 {BOX_A} 0 0 0 {BOX_A}" Properties=species:S:1:pos:R:3 '
    return "\n".join([str(n_atoms), ("" if plain else lattice) + head, *rows]) + "\n"


def write_xyz(path: Path, places: np.ndarray, heads: Sequence[str], **options: object) -> Path:
    frames = zip(places, heads, strict=True)
    path.write_text("".join(xyz_frame(some, head, **options) for some, head in frames))
    return path
