import pytest
from ase import Atoms

from mlipsse.errors import MlipsseError
from mlipsse.structures.geometry import supercell, supercell_factors


def conventional_cell() -> Atoms:
    """20 atoms with the cell of Li3InCl6 (10.1002/anie.201909805)."""
    return Atoms("Li20", cell=[6.432, 11.093, 6.398, 90, 109.8, 90], pbc=True)


def test_supercell_of_80_atoms_is_nearly_cubic() -> None:
    assert supercell_factors(conventional_cell(), min_atoms=80) == (2, 1, 2)
    assert len(supercell(conventional_cell(), min_atoms=80)) == 80


def test_three_copies_in_a_row_are_not_taken_where_four_are_compact() -> None:
    assert supercell_factors(conventional_cell(), min_atoms=60) == (2, 1, 2)


def test_width_is_measured_between_faces() -> None:
    # Twice 6.398 Å along c is wide enough as an edge, but c leans: 12.04 Å between the faces.
    assert supercell_factors(conventional_cell(), min_width_A=12.0) == (2, 2, 2)
    assert supercell_factors(conventional_cell(), min_width_A=12.1) == (2, 2, 3)


def test_one_cell_is_enough_for_small_demands() -> None:
    assert supercell_factors(conventional_cell()) == (1, 1, 1)
    assert supercell_factors(conventional_cell(), min_atoms=20, min_width_A=6.0) == (1, 1, 1)


def test_every_smallest_supercell_of_a_cube_holds_enough_atoms() -> None:
    cube = Atoms("Li4", cell=[4, 4, 4], pbc=True)
    for wanted in range(1, 300, 7):
        assert len(supercell(cube, min_atoms=wanted)) >= wanted
    assert supercell_factors(cube, min_atoms=4 * 27) == (3, 3, 3)


def test_a_structure_without_a_cell_gets_a_sentence() -> None:
    with pytest.raises(MlipsseError, match="cell of non-zero volume"):
        supercell_factors(Atoms("Li"), min_atoms=8)


def test_info_is_kept() -> None:
    atoms = conventional_cell()
    atoms.info["ordering"] = "o001"
    assert supercell(atoms, min_atoms=40).info == {"ordering": "o001"}
