import numpy as np
import pytest
from ase.build import bulk
from ase.data import covalent_radii

from mlipsse.dataset.sampling.contacts import contact_frames
from mlipsse.errors import MlipsseError

CRYSTAL = bulk("LiCl", "rocksalt", a=5.13, cubic=True)


def closest_part(atoms) -> tuple[float, frozenset[str]]:
    """Brute force over images: the least distance in units of the covalent radii, and its pair."""
    shifts = np.stack(np.meshgrid(*[range(-2, 3)] * 3), axis=-1).reshape(-1, 3) @ atoms.cell[:]
    best, pair = np.inf, frozenset[str]()
    for i in range(len(atoms)):
        for j in range(len(atoms)):
            lengths = np.linalg.norm(atoms.positions[j] + shifts - atoms.positions[i], axis=1)
            lengths = lengths[lengths > 1e-9]
            part = lengths.min() / covalent_radii[atoms.numbers[[i, j]]].sum()
            if part < best:
                best, pair = part, frozenset((atoms.symbols[i], atoms.symbols[j]))
    return best, pair


def test_one_pair_is_close_and_no_other_closer() -> None:
    frames = contact_frames(
        CRYSTAL, mobile="Li", count=12, seed=1, closest=0.6, farthest=0.75, rattle_A=0.02
    )
    found = [closest_part(frame) for frame in frames]
    assert all(0.6 - 1e-9 <= part <= 0.75 for part, _ in found)
    assert {pair for _, pair in found} == {frozenset({"Li"}), frozenset({"Li", "Cl"})}
    for frame in frames:
        moved = np.linalg.norm(frame.positions - CRYSTAL.positions, axis=1) > 0.3
        assert moved.sum() == 1


def test_a_seed_decides() -> None:
    one, two = (contact_frames(CRYSTAL, mobile="Li", count=4, seed=5) for _ in range(2))
    assert one == two
    assert contact_frames(CRYSTAL, mobile="Li", count=4, seed=6) != one


def test_bounds_and_crowds_get_a_sentence() -> None:
    with pytest.raises(MlipsseError, match="0 < closest < farthest"):
        contact_frames(CRYSTAL, mobile="Li", count=1, seed=1, closest=1.0, farthest=0.5)
    for crowded in ({"mobile": "Li", "closest": 1.4, "farthest": 1.5}, {"mobile": "Na"}):
        with pytest.raises(MlipsseError, match="Only 0 of 1 contacts"):
            contact_frames(CRYSTAL, count=1, seed=1, **crowded)
