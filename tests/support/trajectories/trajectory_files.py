"""Random walks as files, for the tests of what is read."""

from pathlib import Path

import numpy as np

BOX_A = 12.0


def walk(n_frames: int, n_atoms: int = 8, *, step_A: float = 0.2, seed: int = 0) -> np.ndarray:
    """(n_frames, n_atoms, 3) unwrapped, Å; half of the atoms only vibrate."""
    rng = np.random.default_rng(seed)
    start = rng.uniform(0, BOX_A, (n_atoms, 3))
    hops = rng.normal(0, step_A, (n_frames, n_atoms, 3))
    hops[0] = 0
    places = start + hops.cumsum(axis=0)
    rest = n_atoms // 2
    places[:, rest:] = start[rest:] + rng.normal(0, 0.1, (n_frames, n_atoms - rest, 3))
    return places


def dump_text(
    positions: np.ndarray,
    *,
    first: int = 0,
    every: int = 100,
    columns: str = "xu yu zu",
    boxes_A: np.ndarray | None = None,
    digits: int = 9,
) -> str:
    """A text dump of atoms whose first half is Li (type 1), the others Cl (type 2)."""
    lines = []
    n_atoms = positions.shape[1]
    for frame, places in enumerate(positions):
        length = BOX_A if boxes_A is None else boxes_A[frame]
        lines += ["ITEM: TIMESTEP", str(first + frame * every)]
        lines += ["ITEM: NUMBER OF ATOMS", str(n_atoms)]
        lines += ["ITEM: BOX BOUNDS pp pp pp", *[f"0 {length:.9f}"] * 3]
        lines.append(f"ITEM: ATOMS id type {columns}")
        for atom, place in enumerate(places):
            words = " ".join(f"{x:.{digits}f}" for x in place)
            lines.append(f"{atom + 1} {1 if atom < n_atoms // 2 else 2} {words}")
    return "\n".join(lines) + "\n"


def write_dump(path: Path, positions: np.ndarray, **options) -> Path:
    path.write_text(dump_text(positions, **options))
    return path


DUMP = {"species": ("Li", "Cl"), "timestep_fs": 2.0}
"""What a text dump of `write_dump` does not state."""
