"""CHGCAR and cube, read back by pymatgen and ASE."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io.cube import read_cube

from mlipsse.errors import MlipsseError
from mlipsse.transport.density.files import structure_in, write_chgcar, write_density_cube
from mlipsse.transport.density.grid import ProbabilityDensity, probability_density

CELL = np.array([[5.0, 0, 0], [1.0, 6.0, 0], [-0.5, 2.0, 7.0]])
BOHR_A = 0.529177210903


@pytest.fixture(params=[False, True], ids=["all", "one"])
def density(request: pytest.FixtureRequest) -> ProbabilityDensity:
    """7 x 9 x 11 voxels, an odd number for lines of five."""
    positions = np.random.default_rng(1).normal(2, 1.5, (50, 4, 3))
    return probability_density(positions, CELL, spacing_A=0.68, per_ion=request.param)


FRAMEWORK = Atoms(
    "ClInCl", scaled_positions=[[0.5, 0.5, 0.5], [0, 0.25, 0], [0.1, 0.2, 0.9]], cell=CELL, pbc=True
)


def half_voxel(density: ProbabilityDensity) -> np.ndarray:
    return 0.5 / np.array(density.shape)


def test_chgcar(density: ProbabilityDensity, tmp_path: Path) -> None:
    from pymatgen.io.vasp import Chgcar

    assert density.values.size % 5
    write_chgcar(tmp_path / "CHGCAR", density, FRAMEWORK)
    found = Chgcar.from_file(tmp_path / "CHGCAR")
    assert found.dim == density.shape
    volume = 5.0 * 6.0 * 7.0
    np.testing.assert_allclose(found.data["total"] / volume, density.values, rtol=1e-10)
    grid_sum = found.data["total"].sum() / density.values.size
    assert grid_sum == pytest.approx(1 if density.per_ion else 4, rel=1e-9)
    np.testing.assert_allclose(found.structure.lattice.matrix, CELL, atol=1e-12)
    assert [site.specie.symbol for site in found.structure] == ["Cl", "Cl", "In"]
    places = FRAMEWORK.get_scaled_positions()[[0, 2, 1]] - half_voxel(density)
    np.testing.assert_allclose(found.structure.frac_coords, places, atol=1e-9)
    stated = (tmp_path / "CHGCAR").read_text().splitlines()[0]
    ions = "one mobile ion" if density.per_ion else "all 4 mobile ions"
    assert stated == f"density of {ions}, 50 frames, x cell volume"


def test_cube(density: ProbabilityDensity, tmp_path: Path) -> None:
    write_density_cube(tmp_path / "x.cube", density, FRAMEWORK)
    with (tmp_path / "x.cube").open() as stream:
        found = read_cube(stream)
    np.testing.assert_allclose(found["data"] / BOHR_A**3, density.values, rtol=1e-6)
    np.testing.assert_allclose(np.array(found["atoms"].cell), CELL, atol=1e-5)
    np.testing.assert_allclose(found["origin"], 0)
    assert found["atoms"].get_chemical_symbols() == ["Cl", "In", "Cl"]
    places = FRAMEWORK.positions - half_voxel(density) @ CELL
    np.testing.assert_allclose(found["atoms"].positions, places, atol=1e-5)
    ions = "one mobile ion" if density.per_ion else "all 4 mobile ions"
    assert (tmp_path / "x.cube").read_text().startswith(f"density of {ions}, 50 frames, Bohr^-3\n")


def test_density_and_atoms_keep_their_places(tmp_path: Path) -> None:
    """An ion at rest in the middle of a voxel lies on its grid point, as an atom there would."""
    from pymatgen.io.vasp import Chgcar

    place = (np.array([[2, 3, 4]]) + 0.5) / [7, 9, 11] @ CELL
    density = probability_density(place[None], CELL, spacing_A=0.68)
    write_chgcar(tmp_path / "CHGCAR", density, Atoms("Li", positions=place, cell=CELL))
    found = Chgcar.from_file(tmp_path / "CHGCAR")
    peak = np.argwhere(found.data["total"])[0] / found.dim
    np.testing.assert_allclose(found.structure.frac_coords[0], peak, atol=1e-9)


def test_structure_in_a_cell() -> None:
    places = np.array([[-0.1, 1, 1], [1.5, 1, 1]])
    found = structure_in(places, ["Cl", "In"], np.eye(3) * 10)
    np.testing.assert_allclose(found.positions, [[9.9, 1, 1], [1.5, 1, 1]], atol=1e-12)
    assert found.get_chemical_symbols() == ["Cl", "In"]
    assert found.pbc.all()


def test_no_framework(density: ProbabilityDensity, tmp_path: Path) -> None:
    none = Atoms(cell=CELL)
    with pytest.raises(MlipsseError, match="Write a cube file instead"):
        write_chgcar(tmp_path / "CHGCAR", density, none)
    write_density_cube(tmp_path / "x.cube", density, none)
    with (tmp_path / "x.cube").open() as stream:
        np.testing.assert_allclose(read_cube(stream)["data"] / BOHR_A**3, density.values, rtol=1e-6)
    with pytest.raises(MlipsseError, match="differs from that of the density"):
        write_chgcar(tmp_path / "CHGCAR", density, Atoms("Cl", cell=CELL * 1.01))
    assert not (tmp_path / "CHGCAR").exists()
