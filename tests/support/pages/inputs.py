"""Files that the examples of the pages start from, by the name in `<!-- input: NAME -->`."""

import math
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from mlipsse.resources import resource_dir

SIDE = 6
"""Sites of Li along each direction of the box; Cl is on every other one of a second lattice."""
HOP_A = 3.0
BOX_A = SIDE * HOP_A
VIBRATION_A = 0.12
FRAME_PS = 0.1
BARRIER_EV = 0.3
BOLTZMANN_EV_K = 8.617333262e-5
HOPS_PER_PS_AT_800_K = 1.0


def walks(folder: Path) -> None:
    """LAMMPS dumps of 27 Li that hop to free sites of a lattice over 0.3 eV, among 27 Cl."""
    for temperature_K in (700, 800, 900):
        exponent = BARRIER_EV / BOLTZMANN_EV_K * (1 / 800 - 1 / temperature_K)
        rate = HOPS_PER_PS_AT_800_K * math.exp(exponent)
        positions = _walk(rate, n_frames=1001, seed=temperature_K)
        (folder / f"{temperature_K}.lammpstrj").write_text(_dump(positions), encoding="utf-8")


def caged(folder: Path) -> None:
    """A dump, and an XYZ, in which nothing hops."""
    (folder / "caged.lammpstrj").write_text(
        _dump(_walk(0.0, n_frames=401, seed=1)), encoding="utf-8"
    )


def labels(folder: Path) -> None:
    """Frames with the labels of the potential that is shipped."""
    shutil.copy(resource_dir("potentials") / "mace-sse-small" / "replay.extxyz", folder)


def bundle(folder: Path) -> None:
    """The potential that is shipped, as if it were given."""
    shutil.copytree(resource_dir("potentials") / "mace-liybc-scan-small", folder / "given")


INPUTS: Mapping[str, Callable[[Path], None]] = {
    "walks": walks,
    "caged": caged,
    "labels": labels,
    "bundle": bundle,
}
"""Besides these, `tiny` is a campaign that has been run to its end."""


def _walk(hops_per_ps: float, *, n_frames: int, seed: int) -> np.ndarray:
    """(n_frames, 54, 3) positions, Å, unwrapped; Li, then Cl."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.arange(SIDE)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    anions = HOP_A * grid[(grid % 2 == 0).all(axis=1)]
    places = rng.permutation(grid)[: len(anions)]
    taken = {tuple(place) for place in places}
    ways = np.concatenate([np.eye(3, dtype=int), -np.eye(3, dtype=int)])
    frames = np.empty((n_frames, 2 * len(anions), 3))
    for frame in frames:
        frame[: len(places)] = HOP_A * (places + 0.5)
        frame[len(places) :] = anions
        for ion in np.repeat(
            np.arange(len(places)), rng.poisson(hops_per_ps * FRAME_PS, len(places))
        ):
            target = places[ion] + ways[rng.integers(6)]
            if tuple(target % SIDE) not in taken:
                taken.remove(tuple(places[ion] % SIDE))
                taken.add(tuple(target % SIDE))
                places[ion] = target
    return frames + rng.normal(0, VIBRATION_A, frames.shape)


def _dump(positions: np.ndarray) -> str:
    n_atoms = positions.shape[1]
    lines = []
    for frame, places in enumerate(positions):
        lines += ["ITEM: TIMESTEP", str(100 * frame), "ITEM: NUMBER OF ATOMS", str(n_atoms)]
        lines += ["ITEM: BOX BOUNDS pp pp pp", *[f"0 {BOX_A}"] * 3]
        lines.append("ITEM: ATOMS id element xu yu zu")
        for atom, (x, y, z) in enumerate(places):
            symbol = "Li" if 2 * atom < n_atoms else "Cl"
            lines.append(f"{atom + 1} {symbol} {x:.3f} {y:.3f} {z:.3f}")
    return "\n".join(lines) + "\n"
