"""CIFs that state one crystal's symmetry in many ways: the reading is the crystal, or a refusal."""

import numpy as np
import pytest
from gemmi import spacegroup_table

from mlipsse.errors import MlipsseError
from mlipsse.structures import read_crystal
from mlipsse.structures.cif.settings import (
    setting_of_hall,
    settings_of_number,
    settings_of_symbol,
)
from mlipsse.structures.cif.special_positions import orbit
from tests.support.crystals.written_cifs import (
    ALL_ATOMS,
    ROCK_SALT,
    perovskite,
    rock_salt,
)


def metric_of(number):
    """Cell parameters of a crystal family, all different where they may be."""
    if number <= 2:
        return 7.1, 8.3, 9.2, 82, 97, 105
    if number <= 15:
        return 7.1, 8.3, 9.2, 90, 90, 90  # the angle is set by the unique axis
    if number <= 74:
        return 7.1, 8.3, 9.2, 90, 90, 90
    if number <= 142:
        return 8.3, 8.3, 9.2, 90, 90, 90
    if number <= 194:
        return 8.3, 8.3, 9.2, 90, 90, 120
    return 9.2, 9.2, 9.2, 90, 90, 90


def groups():
    """Settings in which a symbol alone leaves nothing open, every sixth of them."""
    found = []
    for group in spacegroup_table():
        if group.ext in ("1", "2", "R") or group.number <= 15:
            continue
        found.append(group)
    return found[::6]


@pytest.mark.parametrize("group", groups(), ids=lambda group: group.xhm().replace(" ", ""))
def test_symbols_mean_their_operations(group, tmp_path):
    """The symbol of a space group and its operations give the same sites."""
    a, b, c, alpha, beta, gamma = metric_of(group.number)
    position = np.array([0.137, 0.229, 0.316])
    operations = "\n".join(f"'{op.triplet()}'" for op in group.operations())
    given = "loop_\n_space_group_symop_operation_xyz\n" + operations
    crystals = []
    for name, symmetry in {
        "symbol": f"_symmetry_space_group_name_H-M '{group.hm}'",
        "old": f"_symmetry_space_group_name_H-M '{group.hm.replace(' ', '')}'",
        "hall": f"_space_group_name_Hall '{group.hall}'",
        "operations": given,
    }.items():
        path = tmp_path / f"{name}.cif"
        path.write_text(
            f"data_x\n_cell_length_a {a}\n_cell_length_b {b}\n_cell_length_c {c}\n"
            f"_cell_angle_alpha {alpha}\n_cell_angle_beta {beta}\n_cell_angle_gamma {gamma}\n"
            f"{symmetry}\nloop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n"
            f"_atom_site_fract_z\n_atom_site_occupancy\nLi1 {position[0]} {position[1]} "
            f"{position[2]} 0.1\n"
        )
        crystals.append(read_crystal(path))
    expected = {
        tuple(np.round(np.array(op.apply_to_xyz(position.tolist())) % 1.0, 6) % 1.0)
        for op in group.operations()
    }
    for crystal in crystals:
        found = {tuple(np.round(place, 6) % 1.0) for place in crystal.scaled_positions}
        assert found == expected


@pytest.mark.parametrize(
    ("symbol", "angle"),
    [
        ("P 21/c", "beta"), ("P 1 21/c 1", "beta"), ("P2_1/n", "beta"), ("P 1 1 21/b", "gamma"),
        ("C 2/c", "beta"), ("I 2/a", "beta"), ("A 1 1 2/a", "gamma"), ("B 2/m", "gamma"),
        ("C 2/m", "beta"), ("P 21/m", "beta"), ("P 2/m 1 1", "alpha"),
    ],
)  # fmt: skip
def test_monoclinic_axes_follow_the_cell(symbol, angle, tmp_path):
    angles = {"alpha": 90, "beta": 90, "gamma": 90, angle: 104}
    path = tmp_path / "x.cif"
    path.write_text(
        "data_x\n_cell_length_a 7.1\n_cell_length_b 8.3\n_cell_length_c 9.2\n"
        + "".join(f"_cell_angle_{name} {value}\n" for name, value in angles.items())
        + f"_symmetry_space_group_name_H-M '{symbol}'\nloop_\n_atom_site_label\n"
        "_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\nLi1 0.13 0.12 0.31\n"
    )
    crystal = read_crystal(path)
    centred = symbol[0] != "P"
    assert len(crystal.sites) == (8 if centred else 4)
    metric = crystal.cell @ crystal.cell.T
    unique = ["alpha", "beta", "gamma"].index(angle)
    rotations = setting_of_hall("P 1").rotations
    assert rotations.shape == (1, 3, 3)
    others = [axis for axis in range(3) if axis != unique]
    assert abs(metric[others[0], others[1]]) > 1
    assert abs(metric[unique, others]).max() < 1e-9


def test_unfitting_axes_are_refused(tmp_path):
    with pytest.raises(MlipsseError, match=r"does not have the symmetry of its .*P m -3 m"):
        read_crystal(perovskite(tmp_path, **{"_cell_length_c 3.87": "_cell_length_c 4.4"}))


def test_unknown_symbol_is_refused(tmp_path):
    with pytest.raises(MlipsseError, match=r"'Q m -3 m' is in no table"):
        read_crystal(perovskite(tmp_path, **{"P m -3 m": "Q m -3 m"}))


def test_a_small_misfit_of_the_cell_is_put_right(tmp_path):
    crystal = read_crystal(perovskite(tmp_path, **{"_cell_length_c 3.87": "_cell_length_c 3.88"}))
    assert np.ptp(np.linalg.norm(crystal.cell, axis=1)) < 1e-12
    assert any("deviates from the metric" in note for note in crystal.notes)


def test_open_origins_are_decided_or_refused(tmp_path):
    """A lone general position fits both origins of P n -3: the file must name one."""
    text = (
        "data_x\n_cell_length_a 12.0\n_cell_length_b 12.0\n_cell_length_c 12.0\n"
        "_symmetry_space_group_name_H-M '{symbol}'\nloop_\n_atom_site_label\n_atom_site_fract_x\n"
        "_atom_site_fract_y\n_atom_site_fract_z\nLi1 0.11 0.21 0.34\n"
    )
    path = tmp_path / "x.cif"
    path.write_text(text.format(symbol="P n -3"))
    with pytest.raises(MlipsseError, match=r"several settings \(P n -3:1 and P n -3:2\)"):
        read_crystal(path)
    path.write_text(text.format(symbol="P n -3 :2"))
    crystal = read_crystal(path)
    wanted = orbit(setting_of_hall("-P 2ab 2bc 3"), np.array([0.11, 0.21, 0.34]), 12.0 * np.eye(3))
    assert np.allclose(np.sort(crystal.scaled_positions, 0), np.sort(wanted, 0))


SPINEL = {
    "1": "Li1 Li 0 0 0 1\nMn1 Mn 0.625 0.625 0.625 1\nO1 O 0.3875 0.3875 0.3875 1\n",
    "2": "Li1 Li 0.125 0.125 0.125 1\nMn1 Mn 0.5 0.5 0.5 1\nO1 O 0.2625 0.2625 0.2625 1\n",
}


@pytest.mark.parametrize("stated", ["1", "2"])
@pytest.mark.parametrize("written", ["1", "2"])
def test_a_stated_origin_is_compared_with_the_sites(stated, written, tmp_path):
    change = {"P m -3 m": f"F d -3 m:{stated}", "3.87": "8.24"}
    path = perovskite(tmp_path, rows=SPINEL[written], **change)
    if stated == written:
        assert read_crystal(path).content == {"Li": 8.0, "Mn": 16.0, "O": 32.0}
        return
    with pytest.raises(MlipsseError, match=rf"do not fit .*:{stated}\), but they fit .*:{written}"):
        read_crystal(path)


@pytest.mark.parametrize(
    ("symmetry", "rows"),
    [
        ("_space_group_name_H-M_alt 'F m -3 m'\n_symmetry_equiv_pos_as_xyz 'x,y,z'", ROCK_SALT),
        ("_space_group_name_H-M_alt 'F m -3 m'\n_symmetry_equiv_pos_as_xyz 'x,y,z'", ALL_ATOMS),
        ("_symmetry_space_group_name_H-M 'F m -3 m'", ALL_ATOMS),
        ("_symmetry_space_group_name_H-M 'F m -3 m'", ALL_ATOMS.replace("Na 0 .5", "Na 0 .505")),
        ("_symmetry_space_group_name_H-M 'F m 3 m'\n_symmetry_Int_Tables_number 221", ROCK_SALT),
        ("_symmetry_space_group_name_H-M 'P m -3 m'\n_symmetry_Int_Tables_number 225", ROCK_SALT),
        ("_symmetry_space_group_name_Hall '-P 4 2 3'\n_symmetry_space_group_name_H-M 'Fm-3m'",
         ROCK_SALT),
        ("_symmetry_space_group_name_Hall 'nonsense'\n_symmetry_space_group_name_H-M 'Fm-3m'",
         ROCK_SALT),
        ("_space_group.name_H-M_alt 'FM3M'", ROCK_SALT),
        ("_space_group_IT_number 225", ROCK_SALT),
        ("loop_\n_space_group_symop_magn_operation.xyz\nx,y,z,+1\n-x,-y,-z,-1\nloop_\n"
         "_space_group_symop_magn_centering.xyz\nx,y,z,+1\nx+1/2,y+1/2,z,+1\nx,y+1/2,z+1/2,+1",
         ROCK_SALT),
        ("loop_\n_space_group_symop_operation_xyz\nx,y,z\n-y,x,z\nz,x,y\n-x,-y,-z\nx+.5,y+.5,z",
         ROCK_SALT),
    ],
)  # fmt: skip
def test_rock_salt_whatever_its_file_states(symmetry, rows, tmp_path):
    """Statements that contradict each other or are cut short; only the whole crystal can be."""
    crystal = read_crystal(rock_salt(tmp_path, symmetry, rows))
    assert crystal.content == {"Cl": 4.0, "Na": 4.0}


@pytest.mark.parametrize(
    ("symbol", "group", "choice"),
    [
        ("F d -3 m (227)", 227, ""), ("P 21/c (14)", 14, ""), ("Fd-3m (#227)", 227, ""),
        ("P 63/m m c, No. 194", 194, ""), ("#62", 62, ""), ("P n m a [62]", 62, ""),
        ("R -3 m (166) :H", 166, "H"), ("R -3 m :R (166)", 166, "R"), ("R -3 c h", 167, "H"),
        ("R -3 m (hexagonal axes)", 166, "H"), ("R-3m, rhombohedral setting", 166, "R"),
        ("F d -3 m (227) Z", 227, "2"), ("F d -3 m (2)", 227, "2"), ("P n -3 n S (222)", 222, "1"),
        ("F d -3 m, origin 1", 227, "1"), ("F d -3 m (227) origin choice 2", 227, "2"),
        # A number in brackets is a screw axis, unless the symbol before it has that number.
        ("P 6(3)", 173, ""), ("P 6 (168)", 168, ""), ("P 2 (3)", 3, ""), ("P 2(1)", 4, ""),
        ("P2(1)2(1)2(1)", 19, ""), ("P2(1)2(1)2(1) (19)", 19, ""), ("P 1 (1)", 1, ""),
        ("P 2~1~/c", 14, ""), ("P2₁/c", 14, ""), ("P 2<sub>1</sub>/n", 14, ""),
        (r"F d \bar{3} m", 227, ""),
    ],
)  # fmt: skip
def test_symbols_with_numbers_and_choices(symbol, group, choice):
    settings, named, _ = settings_of_symbol(symbol)
    numbers = {one.number for one in settings or settings_of_number(group)}
    assert numbers == {group}
    assert named == choice


def test_a_number_beside_the_symbol_decides_like_a_tag(tmp_path):
    plain = read_crystal(perovskite(tmp_path))
    numbered = read_crystal(perovskite(tmp_path, **{"P m -3 m": "P m -3 m (221)"}))
    assert numbered.content == plain.content
    assert numbered.number == 221
    unknown = read_crystal(perovskite(tmp_path, **{"P m -3 m": "Q m -3 m (221)"}))
    assert unknown.content == plain.content
    assert any("the number 221 is used" in note for note in unknown.notes)
    general = "Li1 Li 0.1 0.2 0.3 0.01\n"
    with pytest.raises(MlipsseError, match="statements on symmetry contradict each other"):
        read_crystal(perovskite(tmp_path, rows=general, **{"P m -3 m": "P m -3 m (200)"}))
    with pytest.raises(MlipsseError, match="'Q m -3 m' is in no table"):
        read_crystal(perovskite(tmp_path, **{"P m -3 m": "Q m -3 m"}))
    with pytest.raises(MlipsseError, match="number '300' is not"):
        read_crystal(perovskite(tmp_path, **{"P m -3 m": "P m -3 m (300)"}))


def test_a_choice_that_the_group_does_not_have_is_refused(tmp_path):
    change = {"P m -3 m": "F d -3 m:3", "3.87": "8.24"}
    with pytest.raises(MlipsseError, match=r"names the choice 3 .* Write one of 1, 2"):
        read_crystal(perovskite(tmp_path, rows=SPINEL["2"], **change))
    coded = {
        "_space_group_name_H-M_alt 'P m -3 m'": "_space_group_IT_number 62\n"
        "_space_group_IT_coordinate_system_code abc",
    }
    rows = "Li1 Li 0.1 0.25 0.3 0.1\n"
    assert read_crystal(perovskite(tmp_path, rows=rows, **coded)).setting == "P n m a"
    coded = {old: new.replace("abc", "cab") for old, new in coded.items()}
    assert read_crystal(perovskite(tmp_path, rows=rows, **coded)).setting == "P b n m"


def test_a_bar_above_its_digit_is_kept(tmp_path):
    """The letter would be lost where the syntax of CIFs knows ASCII only: P3̅ is not P3."""
    change = {"'P m -3 m'": "P3\u0305", "_cell_length_c 3.87": "_cell_length_c 6.1"}
    change["_cell_length_b 3.87"] = "_cell_length_b 3.87\n_cell_angle_gamma 120"
    crystal = read_crystal(perovskite(tmp_path, rows="Li1 Li 0.1 0.3 0.2 0.1\n", **change))
    assert (crystal.setting_number, len(crystal.sites)) == (147, 6)
