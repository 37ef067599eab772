"""Landscapes by symmetry against all points computed, and what cannot be computed."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.lj import LennardJones

from mlipsse.energetics.relaxation.evaluators import OneByOne
from mlipsse.errors import MlipsseError
from mlipsse.screening.landscape.energies import (
    distinct_ions,
    energies_eV,
    landscape,
    site_energy_eV,
    turned,
)
from mlipsse.screening.landscape.grid import (
    LandscapeGrid,
    clearance_A,
    grid_operations,
    published_shape,
    symmetric_shape,
)


def evaluator() -> OneByOne:
    return OneByOne(LennardJones(sigma=2.0, epsilon=0.3, rc=5.0, ro=4.0, smooth=True))


def hexagonal() -> Atoms:
    """Wurtzite: a screw axis and a glide plane."""
    return bulk("LiCl", "wurtzite", a=4.0, c=6.5, u=0.37)


def low() -> Atoms:
    """A monoclinic cell with an inversion centre alone."""
    cell = np.array([[5.0, 0, 0], [0, 6.0, 0], [-1.5, 0, 5.5]])
    half = np.array([[0.1, 0.2, 0.15], [0.4, 0.7, 0.3], [0.25, 0.45, 0.8]])
    return Atoms("LiClOLiClO", scaled_positions=[*half, *-half], cell=cell, pbc=True)


def test_published_grid():
    assert published_shape(np.diag([5.0, 5.01, 0.2])) == (20, 21, 1)
    with pytest.raises(MlipsseError, match="must be above 0 Å, but is 0"):
        published_shape(np.eye(3), 0.0)


@pytest.mark.parametrize("crystal", [bulk("LiCl", "rocksalt", a=5.1, cubic=True), hexagonal()])
def test_the_symmetric_grid_keeps_every_symmetry(crystal):
    shape = symmetric_shape(crystal, 0.3)
    published = published_shape(crystal.cell.array, 0.3)
    assert all(0 <= n - m < 6 for n, m in zip(shape, published, strict=True))
    import spglib

    cell = (crystal.cell.array, crystal.get_scaled_positions(), crystal.numbers)
    n_operations = len(spglib.get_symmetry(cell, symprec=1e-3)["rotations"])
    assert len(list(grid_operations(crystal, shape))) == n_operations


@pytest.mark.parametrize("crystal", [hexagonal(), low()], ids=["hexagonal", "monoclinic"])
def test_symmetry_gives_what_computing_all_points_gives(crystal):
    shape = symmetric_shape(crystal, 0.6)
    for one in distinct_ions(crystal, "Li", shape):
        grid = LandscapeGrid(crystal, one.ion, shape, closest_A=1.0)
        assert len(one.alike) > 1
        if len(crystal) != 6:  # the monoclinic one has no symmetry without its Li
            assert len(grid.wanted) < 0.7 * grid.open.sum()
        site_eV = site_energy_eV(crystal, evaluator())
        found = landscape(grid, energies_eV(grid, grid.wanted, evaluator()), site_eV)
        for alike in one.alike:
            own = turned(found, alike, crystal)
            every = LandscapeGrid(crystal, alike.ion, shape, closest_A=1.0)
            points = np.flatnonzero(every.open)
            expected = np.full(every.open.size, np.nan)
            expected[points] = energies_eV(every, points, evaluator())
            expected[~every.open] = np.nanmax(expected)
            scale = np.abs(own.energies_eV).clip(1.0)
            difference = np.abs(own.energies_eV - expected.reshape(shape)) / scale
            assert difference.max() < 1e-6


def test_every_mobile_ion_is_alike_to_one():
    crystal = bulk("LiCl", "rocksalt", a=5.1, cubic=True).repeat((2, 1, 1))
    (one,) = distinct_ions(crystal, "Li", symmetric_shape(crystal, 0.5))
    assert [alike.ion for alike in one.alike] == [0, 2, 4, 6, 8, 10, 12, 14]
    crystal.positions[0] += 0.05
    apart = distinct_ions(crystal, "Li", symmetric_shape(crystal, 0.5))
    assert sorted(a.ion for each in apart for a in each.alike) == [0, 2, 4, 6, 8, 10, 12, 14]
    assert len(apart) > 1


def test_symmetry_saves_points_of_a_special_host():
    """As many orbits as Burnside's lemma has: points over the group's order, and few more."""
    crystal = bulk("LiCl", "rocksalt", a=5.1, cubic=True)
    shape = symmetric_shape(crystal, 0.1)
    grid = LandscapeGrid(crystal, 0, shape)
    operations = list(grid_operations(grid.framework, shape))
    index = np.stack(np.unravel_index(np.arange(grid.open.size), shape), axis=1)
    fixed = sum(
        int(((index @ r.T + t - index) % shape == 0).all(axis=1).sum()) for r, t in operations
    )
    orbits = len(np.unique(grid.representative))
    assert orbits == fixed / len(operations)
    assert orbits < 1.25 * grid.open.size / len(operations)


@pytest.mark.parametrize("crystal", [hexagonal(), low()], ids=["hexagonal", "monoclinic"])
def test_clearance_counts_images(crystal):
    shape = (5, 4, 6)
    framework = LandscapeGrid(crystal, 0, shape).framework
    found = clearance_A(framework, shape, most_A=2.5)
    index = np.stack(np.unravel_index(np.arange(found.size), shape), axis=1) / shape
    for point, distance_A in zip(index, found, strict=True):
        probe = framework + Atoms("X", positions=[point @ crystal.cell.array])
        nearest = min(
            np.linalg.norm(probe.positions[k] + shift @ crystal.cell.array - probe.positions[-1])
            for k in range(len(framework))
            for shift in np.stack(np.meshgrid(*[range(-2, 3)] * 3), axis=-1).reshape(-1, 3)
        )
        assert distance_A == pytest.approx(min(nearest, 2.5))


class Failing(OneByOne):
    """Gives up on every third structure, and on the first if asked."""

    def __init__(self, *, at_once: bool = False) -> None:
        super().__init__(LennardJones())
        self.calls = 0 if not at_once else 2

    def _evaluate(self, atoms):
        self.calls += 1
        return RuntimeError("too close") if self.calls % 3 == 0 else super()._evaluate(atoms)


def test_points_at_which_the_potential_fails_are_high():
    crystal = low()
    grid = LandscapeGrid(crystal, 0, (4, 4, 4), closest_A=1.0)
    values = energies_eV(grid, grid.wanted, Failing())
    assert np.isnan(values).sum() == len(values) // 3
    found = landscape(grid, values, 0.0)
    assert np.isfinite(found.energies_eV).all()
    failed = grid.wanted[np.isnan(values)]
    assert (found.energies_eV.ravel()[failed] == np.nanmax(values)).all()
    with pytest.raises(MlipsseError, match="No point of the landscape of ion 0"):
        landscape(grid, np.full(len(grid.wanted), np.nan), 0.0)
    with pytest.raises(MlipsseError, match=r"cannot compute Cl2Li2O2 \(too close\)"):
        site_energy_eV(crystal, Failing(at_once=True))


def test_crystals_that_have_no_landscape():
    with pytest.raises(MlipsseError, match="contains no Na"):
        distinct_ions(low(), "Na", (3, 3, 3))
    slab = low()
    slab.pbc = (True, True, False)
    with pytest.raises(MlipsseError, match="periodic in three directions"):
        distinct_ions(slab, "Li", (3, 3, 3))
