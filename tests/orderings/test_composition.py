from fractions import Fraction

import pytest

from mlipsse.errors import MlipsseError
from mlipsse.orderings import Supercell, parse_composition, parse_supercell, smallest_supercells


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
    with pytest.raises(MlipsseError, match=r"give three decimals \(0.333\)"):
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
        ("LiCl", "puts 14 Li into a cell .* which has 8 sites"),
    ],
)
def test_formulas_that_cannot_be(halide, formula, sentence):
    with pytest.raises(MlipsseError, match=sentence):
        parse_composition(formula, halide)


def test_supercell_names():
    assert parse_supercell("1x1x2") == parse_supercell([1, 1, 2]) == (1, 1, 2)


@pytest.mark.parametrize("bad", ["1x1", "0x1x1", "axbxc", [1, 1], [1, 1, 0]])
def test_supercells_that_cannot_be(halide, bad):
    with pytest.raises(MlipsseError, match="whole numbers of at least 1"):
        parse_supercell(bad)


def test_supercell_refuses_zero(halide):
    with pytest.raises(MlipsseError, match="not 1x1x0"):
        Supercell(halide, (1, 1, 0))
