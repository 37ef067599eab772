from fractions import Fraction

import numpy as np
import pytest

from mlipsse.errors import MlipsseError
from mlipsse.orderings import (
    HostSettings,
    Supercell,
    composition_grid,
    parse_composition,
    parse_repeats,
    read_host,
    smallest_supercells,
)


def test_counts_per_cell(halide):
    composition = parse_composition("Li3In0.5Y0.5Br3Cl3", halide)
    assert composition.species == (("Li", "vacancy"), ("Br", "Cl"), ("In", "Y"))
    assert composition.per_cell == ((6, 2), (6, 6), (1, 1))
    supercell = Supercell(halide, (1, 2, 2))
    assert composition.site_counts(supercell) == ((24, 8), (24, 24), (4, 4))


def test_parentheses(nasicon):
    assert (
        parse_composition("Na3Zr2(SiO4)2PO4", nasicon).per_cell
        == parse_composition("Na3Zr2Si2PO12", nasicon).per_cell
        == ((18, 6), (6, 12), (72,), (12,))
    )


def test_three_decimals_are_a_fraction_and_two_are_not(halide):
    third = parse_composition("Li3In0.333Y0.667Cl6", halide)
    assert third.per_cell[2] == (Fraction(2, 3), Fraction(4, 3))
    assert smallest_supercells(third) == [(1, 1, 3), (1, 3, 1), (3, 1, 1)]
    rounded = parse_composition("Li3In0.33Y0.67Cl6", halide)
    with pytest.raises(MlipsseError, match=r"write three decimals \(0.333\)"):
        rounded.site_counts(Supercell(halide, (1, 1, 3)))


def test_supercell_that_is_too_small_names_those_that_do(halide):
    composition = parse_composition("Li3In0.25Y0.75Cl6", halide)
    sentence = (
        r"cannot be realised in 1x1x1: it needs 0.5 In, 1.5 Y\. "
        r"The smallest supercells that can: 1x1x2, 1x2x1, 2x1x1\."
    )
    with pytest.raises(MlipsseError, match=sentence):
        composition.site_counts(Supercell(halide, (1, 1, 1)))
    assert composition.site_counts(Supercell(halide, (1, 1, 2)))[2] == (1, 3)


@pytest.mark.parametrize(
    ("formula", "sentence"),
    [
        ("", "names no element"),
        ("li3incl6", "'l' at position 1"),
        ("Li3InCl6)", "closes that never opened"),
        ("Li3(InCl6", "not closed"),
        ("3LiInCl6", "the number 3 follows no element"),
        ("Li3In1-xYxCl6", "'-' at position 7"),
        ("Li3QqCl6", "Qq is not an element"),
        ("Li3InO3", "holds O, but .* has sites only for Br, Cl, In, Li, Y"),
        ("Li3InCl5", r"not charge neutral: \+1 per formula unit \(.*Cl 5 x -1 = -5"),
        ("Li2InCl5", "does not fill the framework"),
    ],
)
def test_formulas_that_cannot_be(halide, formula, sentence):
    with pytest.raises(MlipsseError, match=sentence):
        parse_composition(formula, halide)


def test_more_ions_than_sites(structures):
    host = read_host(
        structures / "Li3InCl6_C2m.cif",
        HostSettings(mobile="Li", charges={"Li": 1, "In": 1, "Cl": -1}),
    )
    with pytest.raises(MlipsseError, match=r"puts 10 Li into a cell .* which has 8 sites"):
        parse_composition("Li5InCl6", host)


def test_fewer_ions_than_sites_that_hold_nothing_else(structures):
    host = read_host(
        structures / "Li3InCl6_C2m.cif",
        HostSettings(
            mobile="Li", substitutions={"Li1": ["Li"]}, charges={"Li": 1, "In": 5, "Cl": -1}
        ),
    )
    with pytest.raises(MlipsseError, match=r"puts 2 Li .* 8 sites may hold it and 4 hold nothing"):
        parse_composition("LiInCl6", host)


def test_host_without_a_full_sublattice(structures):
    host = read_host(
        structures / "Li3InCl6_C2m.cif",
        HostSettings(mobile="Li", substitutions={"In": ["In", "vacancy"], "Cl": ["Cl", "vacancy"]}),
    )
    with pytest.raises(MlipsseError, match="the number of formula units per cell is undetermined"):
        parse_composition("Li3InCl6", host)


def test_supercell_names():
    assert parse_repeats("1x1x2") == parse_repeats([1, 1, 2])
    assert parse_repeats("1x1x2").name == "1x1x2"
    rows = [[1, 1, 0], [-1, 1, 0], [0, 0, 1]]
    assert parse_repeats(rows).name == "1.1.0_-1.1.0_0.0.1"
    assert parse_repeats("1.1.0_-1.1.0_0.0.1") == parse_repeats(rows)
    assert parse_repeats([[1, 0, 0], [0, 1, 0], [0, 0, 2]]).name == "1x1x2"


@pytest.mark.parametrize(
    "bad",
    [
        "1x1",
        "0x1x1",
        "axbxc",
        [1, 1],
        [1, 1, 0],
        [1, 1, 1.5],
        [[1, 0, 0], [0, 1, 0], [1, 1, 0]],
        [[0, 1, 0], [1, 0, 0], [0, 0, 1]],
    ],
)
def test_supercells_that_cannot_be(bad):
    with pytest.raises(MlipsseError, match=r"whole numbers of at least 1, .* positive volume"):
        parse_repeats(bad)


@pytest.mark.parametrize("seed", range(20))
def test_cells_of_a_matrix_are_one_per_translation(seed):
    rng = np.random.default_rng(seed)
    rows = rng.integers(-3, 4, size=(3, 3))
    while round(np.linalg.det(rows)) <= 0:
        rows = rng.integers(-3, 4, size=(3, 3))
    repeats = parse_repeats(rows.tolist())
    assert len(repeats.origins) == repeats.n_cells == round(np.linalg.det(rows))
    assert (repeats.index(repeats.origins) == np.arange(repeats.n_cells)).all()
    moved = repeats.origins + rng.integers(-5, 6, size=(repeats.n_cells, 3)) @ rows
    assert (repeats.index(moved) == np.arange(repeats.n_cells)).all()


def test_grid_of_the_published_triangle():
    formulas = composition_grid(
        "Li3In{x}Y{1-x}Br{6*y}Cl{6-6*y}",
        {"x": [0, 0.25, 0.5, 0.75, 1], "y": [0, "1/4", 0.5, 0.75, 1]},
        where="x + y >= 1",
    )
    assert len(formulas) == 15
    assert formulas[0] == "Li3YBr6"
    assert "Li3In0.5Y0.5Br3Cl3" in formulas
    assert {"Li3InCl6", "Li3InBr6", "Li3InBr4.5Cl1.5"} <= set(formulas)


def test_grid_with_groups_and_thirds(nasicon):
    formulas = composition_grid("Na{1+x}Zr2(SiO4){x}(PO4){3-x}", {"x": [0, "1/3", 3]})
    assert formulas == ["NaZr2(PO4)3", "Na1.333Zr2(SiO4)0.333(PO4)2.667", "Na4Zr2(SiO4)3"]
    assert parse_composition(formulas[1], nasicon).per_cell[0] == (8, 16)


@pytest.mark.parametrize(
    ("formula", "values", "where", "sentence"),
    [
        (
            "Li3In{x}Y{1-x}Cl6",
            {"x": [0, 1.5]},
            None,
            "At x = 1.5 .* gives Y an amount of -0.5.*is not a composition",
        ),
        ("Li3In{x}Y{1-z}Cl6", {"x": [1]}, None, r"'1-z' .* names with values \(x\)"),
        ("Li3In{x}Y{1-x}Cl6", {"x": [0.5]}, "x > 1", "no points"),
        ("Li3In{x}Y{1-x}Cl6", {"x": ["half"]}, None, "'half' of x is not a number"),
        ("Li3In{x}Y{1-x}Cl6", {"x": [1]}, "__import__('os')", "cannot be evaluated"),
        ("Li3In{x > 0}Cl6", {"x": [1]}, None, "is not a number"),
        ("Li3InCl6", {"x": [1]}, None, "no amount in braces"),
        ("Li3Qq{x}Cl6", {"x": [1]}, None, "Qq is not an element"),
    ],
)
def test_grids_that_cannot_be(formula, values, where, sentence):
    with pytest.raises(MlipsseError, match=sentence):
        composition_grid(formula, values, where=where)
