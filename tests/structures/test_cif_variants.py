"""CIFs whose sites were written in many ways: the reading is the crystal, or a refusal."""

import re

import pytest
from gemmi import spacegroup_table

from mlipsse.errors import MlipsseError
from mlipsse.structures import read_crystal, read_ordered
from tests.support.crystals.written_cifs import (
    PEROVSKITE,
    ROWS,
    perovskite,
    rock_salt,
)


@pytest.mark.parametrize(
    ("site", "content"),
    [
        ("M1 '0.5La + 0.3Li' 0.5 0.5 0.5 1\n", {"La": 0.5, "Li": 0.3}),
        ("M1 '0.5La3+ + 0.5Li+' 0.5 0.5 0.5 1\n", {"La": 0.5, "Li": 0.5}),
        ("M1 '0.25La,0.25Li' 0.5 0.5 0.5 1\n", {"La": 0.25, "Li": 0.25}),
        ("M1 7Li 0.5 0.5 0.5 1/3\n", {"Li": 1 / 3}),
        ("M1 LI+1 0.5 0.5 0.5 .25(3)\n", {"Li": 0.25}),
        ("A LA 0.5 0.5 0.5 .5\nB Vc 1/2 1/2 1/2 .5\n", {"La": 0.5}),
        ("A La 0.5 0.5 0.5 0.66\nB Li 0.5 0.5 0.5 0.33\n", {"La": 2 / 3, "Li": 1 / 3}),
        ("A La 0.5 0.5 0.5 0.9\n", {"La": 0.9}),
        ("A La 0.5 0.5 0.5 0.98\nB □ 0.5 0.5 0.5 0.02\n", {"La": 0.98}),
        ("A La 0.5 0.5 0.5 0.49\nB Li 0.5 0.5 0.5 0.49\nC Va 0.5 0.5 0.5 0.02\n",
         {"La": 0.49, "Li": 0.49}),
        ("A La 0.5 0.5 0.5 0.9\nB VacLi 0.5 0.5 0.5 0.1\n", {"La": 0.9}),
        ("A La 0.5 0.5 0.5 0.9\nB Va_La 0.5 0.5 0.5 0.1\n", {"La": 0.9}),
        ("A La 0.51 0.5 0.5 0.5\nB Li 0.5 0.5 0.5 0.5\n", {"La": 0.5, "Li": 0.5}),
        # Six places around the centre: each row has the occupancy of one.
        ("A La 0.5 0.5 0.5 0.5\nB Li 0.45 0.5 0.5 0.08333\n", {"La": 0.5, "Li": 0.49998}),
        ("B Li 0.45 0.5 0.5 0.05\nA La 0.5 0.5 0.5 0.5\n", {"La": 0.5, "Li": 0.3}),
        ("A La 0.5 0.5 0.5 0.5\nB Li 0.45 0.5 0.5 0.5\n", {"La": 0.5, "Li": 0.5}),
        ("A La 0.5 0.5 0.5 0.9\nB Hole 0.5 0.5 0.5 0.1\n", {"La": 0.9}),
    ],
)  # fmt: skip
def test_site_contents(site, content, tmp_path):
    rows = "Ti1 Ti 0 0 0 1\nO1 O 0.5 0 0 1\n" + site
    found = read_crystal(perovskite(tmp_path, rows=rows)).content
    assert found == pytest.approx({"Ti": 1, "O": 3, **content}, abs=1e-6)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("A La 0.5 0.5 0.5 1.03\n", "site A add up to 1.03"),
        ("A La 0.5 0.5 0.5 0.6\nB La 0.5 0.5 0.5 0.5\n", "site A/B add up to 1.1"),
        ("A Mn/Fe 0.5 0.5 0.5 1\n", "a mixture without amounts"),
        ("A Li+1/Na+1 0.5 0.5 0.5 1\n", "a mixture without amounts"),
        ("A Li+Na 0.5 0.5 0.5 1\n", "a mixture without amounts"),
        ("A V_Li 0.5 0.5 0.5 1\n", "may be a vacancy or vanadium"),
        ("A Dum 0.5 0.5 0.5 1\n", "names no element"),
        ("A M 0.5 0.5 0.5 1\n", "names no element"),
        ("A H2O 0.5 0.5 0.5 1\n", "a group of atoms"),
        ("A PS4 0.5 0.5 0.5 1\n", "'PS4', which names no element"),
        ("A Vn 0.5 0.5 0.5 1\n", "'Vn', which names no element"),
        ("A OD 0.5 0.5 0.5 1\n", "'OD', which names no element"),
        ("A Li_vac 0.5 0.5 0.5 0.5\n", "'Li_vac', which names no element"),
        ("A LiVac 0.5 0.5 0.5 0.5\n", "'LiVac', which names no element"),
        ("A O:H 0.5 0.5 0.5 1\n", "a mixture without amounts"),
        ("A La 0.5 0.5 0.5 0,5\n", "occupancy '0,5'"),
        ("A La 0.5 0.5 0.5 -0.5\n", "occupancy '-0.5'"),
        ("A La 0.5 . 0.5 1\n", "site A has no coordinates"),
        ("A La 0.5 half 0.5 1\n", "coordinate 'half'"),
        ("A La 0.5 0.5 0.4 1\n", "A and A lie 0.77 Å apart"),
    ],
)
def test_sites_that_cannot_be_read(row, sentence, tmp_path):
    with pytest.raises(MlipsseError, match=re.escape(sentence)):
        read_crystal(perovskite(tmp_path, rows="Ti1 Ti 0 0 0 1\nO1 O 0.5 0 0 1\n" + row))


def test_duplicate_rows_of_part_of_the_crystal_are_refused(tmp_path):
    """Half the oxygen at an image of the other half: twice the same, or two halves of a site."""
    rows = ROWS.replace("O1 O 0.5 0 0 1", "O1 O 0.5 0 0 0.5\nO2 O 0 0.5 0 0.5")
    with pytest.raises(MlipsseError, match="rows O1, O2 lie on images of one site"):
        read_crystal(perovskite(tmp_path, rows=rows))


def test_content_against_the_formula(tmp_path):
    agreeing = "_chemical_formula_sum 'La0.5 Li0.5 Ti O3'\n_cell_formula_units_Z 1"
    assert read_crystal(perovskite(tmp_path, head=agreeing)).notes == ()
    whole_cell = "_chemical_formula_sum 'La Li Ti2 O6'\n_cell_formula_units_Z 1"
    with pytest.raises(MlipsseError, match=r"differs in elements that fill their sites .*O -3"):
        read_crystal(perovskite(tmp_path, head=whole_cell))
    refined = "_chemical_formula_sum 'La0.57 Li0.3 Ti O3'\n_cell_formula_units_Z 1"
    (note,) = read_crystal(perovskite(tmp_path, head=refined)).notes
    assert re.search(r"WARNING: .*differs from its stated formula \(La -0.07, Li \+0.2", note)


@pytest.mark.parametrize(
    ("formula", "units", "sentence"),
    [
        # One unit is the content: of a cell of Z = 2, but this formula is not that of two units.
        ("La0.5 Li0.5 Ti O3", 2, r"differs in elements that fill their sites .*for Z = 2"),
        ("La0.5 Li0.5 Ti O2.5", 1, r"differs in elements that fill their sites .*O \+0.5"),
        ("LaLiTi2O6", 1, r"differs in elements that fill their sites .*O -3"),
    ],
)
def test_symmetry_that_was_lost_shows_in_the_formula(formula, units, sentence, tmp_path):
    head = f"_chemical_formula_sum '{formula}'\n_cell_formula_units_Z {units}"
    with pytest.raises(MlipsseError, match=sentence):
        read_crystal(perovskite(tmp_path, head=head))


@pytest.mark.parametrize(
    ("formula", "sentence"),
    [
        ("La0.5 Li0.5 Ti O3 F", r"names F, which no filled site holds: the sites make La0.5 Li0.5"),
        ("La0.5 Li0.5 Ti O3 H0.3", r"names H, .* take H out of `_chemical_formula_sum`"),
        ("La0.5 Ta0.1 Sr Li0.5 Ti O3", r"names Sr, Ta, which"),
    ],
)
def test_an_element_of_the_formula_without_a_site_is_refused(formula, sentence, tmp_path):
    """The crystal would lack it: what is simulated would be another compound."""
    head = f"_chemical_formula_sum '{formula}'\n_cell_formula_units_Z 1"
    with pytest.raises(MlipsseError, match=sentence):
        read_crystal(perovskite(tmp_path, head=head))


def test_an_element_of_amount_zero_needs_no_site(tmp_path):
    head = "_chemical_formula_sum 'La0.5 Li0.5 Ti O3 F0'\n_cell_formula_units_Z 1"
    assert read_crystal(perovskite(tmp_path, head=head)).notes == ()


def test_a_formula_that_cannot_be_read_is_noted(tmp_path):
    head = "_chemical_formula_sum 'La0.5 Li0.5 Ti (O3)'"
    (note,) = read_crystal(perovskite(tmp_path, head=head)).notes
    assert note.startswith("Its formula 'La0.5 Li0.5 Ti (O3)' cannot be read")


def test_oxidation_numbers_with_the_sign_behind(tmp_path):
    head = "loop_\n_atom_type_symbol\n_atom_type_oxidation_number\nLa 3+\nLi 1+\nTi +3.5\nO 2-\n"
    states = read_crystal(perovskite(tmp_path, head=head)).oxidation_states
    assert {name: list(found) for name, found in states.items()} == {
        "La": [3.0], "Li": [1.0], "Ti": [3.5], "O": [-2.0],
    }  # fmt: skip


def test_stated_multiplicities_are_checked(tmp_path):
    rows = "La1 La 0.5 0.5 0.5 0.5 1\nTi1 Ti 0 0 0 1 1\nO1 O 0.5 0 0 1 6\n"
    tag = {"_atom_site_occupancy": "_atom_site_occupancy\n_atom_site_symmetry_multiplicity"}
    with pytest.raises(MlipsseError, match=r"O1 has 3 positions .* states a multiplicity of 6"):
        read_crystal(perovskite(tmp_path, rows=rows, **tag))
    crystal = read_crystal(perovskite(tmp_path, rows=rows.replace("1 6", "1 3"), **tag))
    assert crystal.content == {"La": 0.5, "O": 3.0, "Ti": 1.0}


def test_noise_is_undone_by_the_stated_multiplicity(tmp_path):
    """0.15 Å off its place, which is too far to be taken for it without the multiplicity."""
    rows = "La1 La 0.5 0.5 0.5 0.3 1\nTi1 Ti 0 0 0 1 1\nO1 O 0.46 0 0 0.3 3\n"
    tag = {"_atom_site_occupancy": "_atom_site_occupancy\n_atom_site_symmetry_multiplicity"}
    crystal = read_crystal(perovskite(tmp_path, rows=rows, **tag))
    assert len(crystal.sites) == 5
    assert any("O1: moved to the nearest special position" in note for note in crystal.notes)
    split = read_crystal(perovskite(tmp_path, rows=rows.replace("0.3 3", "0.3 6"), **tag))
    assert len(split.sites) == 8


@pytest.mark.parametrize("decimals", [2, 3, 4])
def test_rounded_thirds_and_sixths(decimals, tmp_path):
    """Coordinates of 1/3, 2/3, 1/6, rounded and cut, are those of the special positions."""
    group = next(g for g in spacegroup_table() if g.xhm() == "P 63/m m c")
    a, c = 11.0, 17.0
    for cut in (round, lambda value, n: int(value * 10**n) / 10**n):
        third, two, sixth = (cut(x, decimals) for x in (1 / 3, 2 / 3, 1 / 6))
        path = tmp_path / "x.cif"
        path.write_text(
            f"data_x\n_cell_length_a {a}\n_cell_length_b {a}\n_cell_length_c {c}\n"
            f"_cell_angle_gamma 120\n_symmetry_space_group_name_H-M '{group.hm}'\nloop_\n"
            "_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
            f"_atom_site_occupancy\nY1 {third:.{decimals}f} {two:.{decimals}f} 0.25 0.2\n"
            f"Cl1 {sixth:.{decimals}f} {third:.{decimals}f} 0.1 0.2\n"
        )
        crystal = read_crystal(path)
        # 2c and 12k (x, 2x, z).
        assert crystal.content == pytest.approx({"Y": 2 * 0.2, "Cl": 12 * 0.2})


def test_a_deliberate_step_off_a_special_position_is_kept(tmp_path):
    """0.02 is not a rounded 0: two half sites, 0.15 Å apart, not one."""
    rows = "La1 La 0.5 0.5 0.5 0.5\nTi1 Ti 0 0 0.02 0.16\nO1 O 0.5 0 0 1\n"
    assert len(read_crystal(perovskite(tmp_path, rows=rows)).sites) == 1 + 6 + 3


def test_cif2_values_that_are_no_text(tmp_path):
    head = "#\\#CIF_2.0\n"
    symmetry = (
        '_space_group.name_H-M_alt \'F m -3 m\'\n_a [1 [2 3]]\n_b {\'a\':1}\n_c """it\'s\n[x]"""'
    )
    assert len(read_crystal(rock_salt(tmp_path, symmetry, head=head)).sites) == 8


def test_letters_outside_ascii(tmp_path):
    symmetry = "_publ_author Müller\n_symmetry_space_group_name_H-M 'F m -3 m'"
    assert len(read_crystal(rock_salt(tmp_path, symmetry)).sites) == 8


def test_crowded_images_of_a_partial_site_are_refused(tmp_path):
    """Four images within 0.2 Å of their mean that hold 1.6 atoms: no site can be meant."""
    rows = "La1 La 0.5 0.5 0.5 1\nLi1 Li 0.25 0.03 0.03 0.4\n"
    with pytest.raises(MlipsseError, match=r"images of its site Li1 .* hold 1.6 atoms together"):
        read_crystal(perovskite(tmp_path, rows=rows))


def test_the_formula_decides_near_special_positions(tmp_path):
    """0.04 Å off a mirror: two sites of one half, or one, by the stated formula."""
    rows = "La1 La 0.5 0.5 0.5 1\nO1 O 0.01 0 0 0.05\n"
    assert read_crystal(perovskite(tmp_path, rows=rows)).content["O"] == pytest.approx(0.05)
    head = "_chemical_formula_sum 'La O0.3'\n_cell_formula_units_Z 1"
    crystal = read_crystal(perovskite(tmp_path, rows=rows, head=head))
    assert crystal.content["O"] == pytest.approx(0.3)


def test_structures_of_several_blocks(tmp_path):
    path = tmp_path / "two.cif"
    one = PEROVSKITE.format(head="", rows="Ti1 Ti 0 0 0 1\nO1 O 0.5 0 0 1\n")
    path.write_text(one + one.replace("data_x", "data_y").replace("Ti1 Ti", "Zr1 Zr"))
    assert [atoms.get_chemical_formula() for atoms in read_ordered(path)] == ["O3Ti", "O3Zr"]
    assert read_crystal(path).content == {"O": 3.0, "Ti": 1.0}


def test_disordered_crystals_are_no_atoms(tmp_path):
    with pytest.raises(MlipsseError, match=r"disordered: its site La1 holds La 0.5, Li 0.5"):
        read_ordered(perovskite(tmp_path))


@pytest.mark.parametrize("text", ["hello\n", "data_x\n_cell_length_a 3\n", "a\n1.0\n1 0 0\n"])
def test_other_files_are_refused(text, tmp_path):
    path = tmp_path / "x.cif"
    path.write_text(text)
    with pytest.raises(MlipsseError, match="cannot be read as a CIF or POSCAR"):
        read_crystal(path)
