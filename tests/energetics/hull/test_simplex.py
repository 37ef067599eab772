from fractions import Fraction

import numpy as np
import pytest
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition

from mlipsse.energetics.hull.simplex import (
    check_independent,
    mixture_text,
    simplex_coordinates,
    tie_lines,
)
from mlipsse.errors import MlipsseError
from mlipsse.orderings.host.formula import parse_formula

HALIDES = ("Li3InCl6", "Li3InBr6", "Li3YBr6")


def coordinates(formula, end_members):
    return simplex_coordinates(parse_formula(formula), [parse_formula(f) for f in end_members])


def halide(x, y):
    """Li3In(x)Y(1-x)Br(6y)Cl(6-6y)."""
    amounts = {"Li": 3, "In": x, "Y": 1 - x, "Br": 6 * y, "Cl": 6 - 6 * y}
    return {name: Fraction(amount) for name, amount in amounts.items() if amount}


def test_the_halide_triangle_is_the_published_grid():
    ends = [parse_formula(formula) for formula in HALIDES]
    for quarters_in in range(5):
        for quarters_br in range(4 - quarters_in, 5):
            x, y = Fraction(quarters_in, 4), Fraction(quarters_br, 4)
            # By hand: Cl only comes with Li3InCl6, Y only with Li3YBr6, the rest is Li3InBr6.
            assert simplex_coordinates(halide(x, y), ends) == (1 - y, x + y - 1, 1 - x)


@pytest.mark.parametrize("x", [0, 1, 2, 3])
def test_nasicon_is_a_line_in_formula_units(x):
    formula = f"Na{1 + x}Zr2Si{x}P{3 - x}O12"
    expected = (1 - Fraction(x, 3), Fraction(x, 3))
    assert coordinates(formula, ("NaZr2P3O12", "Na4Zr2Si3O12")) == expected


def test_end_members_of_other_sizes_count_by_formula_unit():
    ends = ("Li3PS4", "Li4GeO4")
    assert coordinates("Li3.125P0.875Ge0.125S3.5O0.5", ends) == (Fraction(7, 8), Fraction(1, 8))
    assert coordinates("Li7PGeS4O4", ends) == (Fraction(1, 2), Fraction(1, 2))
    assert coordinates("Li7PGeS4O4", ("Li6P2S8", "Li4GeO4")) == (Fraction(1, 3), Fraction(2, 3))


def test_thirds_are_exact():
    assert coordinates("Li3InBr2Cl4", HALIDES) == (Fraction(2, 3), Fraction(1, 3), 0)
    assert coordinates("Li3In0.333Y0.667Br6", HALIDES) == (0, Fraction(1, 3), Fraction(2, 3))


def test_four_end_members_have_coordinates():
    ends = ("Li3InCl6", "Li3InBr6", "Li3YBr6", "Li3InI6")
    found = coordinates("Li3In0.5Y0.5Br3.5Cl1.5I", ends)
    assert found == (Fraction(1, 4), Fraction(1, 12), Fraction(1, 2), Fraction(1, 6))


@pytest.mark.parametrize(
    ("formula", "sentence"),
    [
        ("Li3YCl6", r"outside .* it is Li3InCl6 \+ Li3YBr6 - Li3InBr6, .* amount of Li3InBr6\. "),
        # printed for x = 0.25, y = 0.75, which is Br4.5Cl1.5: the rounding leaves the triangle
        ("Li3In0.25Y0.75Br4Cl2", r"1/3 Li3InCl6 \+ 3/4 Li3YBr6 - 1/12 Li3InBr6"),
        ("Li3InI6", "Li3InI6 is not a mixture of the end members Li3InCl6, Li3InBr6, Li3YBr6"),
        ("Li4InCl7", "Li4InCl7 is not a mixture of"),
    ],
)
def test_compositions_outside_are_reported(formula, sentence):
    with pytest.raises(MlipsseError, match=sentence):
        coordinates(formula, HALIDES)


@pytest.mark.parametrize(
    ("ends", "relation"),
    [
        ((*HALIDES, "Li3YCl6"), r"Li3YCl6 is Li3InCl6 \+ Li3YBr6 - Li3InBr6, so"),
        (("Li3InCl6", "Li3InBr6", "Li3InBr3Cl3"), r"is 1/2 Li3InCl6 \+ 1/2 Li3InBr6, so"),
        (("Li3InCl6", "Li6In2Cl12"), "Li6In2Cl12 is 2 Li3InCl6, so"),
    ],
)
def test_dependent_end_members_are_reported(ends, relation):
    with pytest.raises(MlipsseError, match=relation):
        check_independent([parse_formula(formula) for formula in ends])
    with pytest.raises(MlipsseError, match="dependent"):
        coordinates("Li3InCl6", ends)


def neighbours(lines):
    return {frozenset(map(int, pair)) for pair in lines}


@pytest.mark.parametrize("seed", range(5))
def test_tie_lines_are_pymatgens(seed):
    rng = np.random.default_rng(seed)
    elements = ["Li", "In", "Cl"]
    counts = np.vstack([np.eye(3, dtype=int), rng.integers(0, 5, (25, 3))])
    counts = np.array(
        [row for row in {tuple(row // np.gcd.reduce(row)) for row in counts if any(row)}]
    )
    energies = counts.sum(axis=1) * rng.normal(-4.0, 0.3, len(counts))
    energies -= 3.0 * (counts > 0).all(axis=1)  # some ternaries on the hull
    entries = [
        PDEntry(Composition(dict(zip(elements, map(int, row), strict=True))), energy)
        for row, energy in zip(counts, energies, strict=True)
    ]
    diagram = PhaseDiagram(entries)
    stable = [i for i, entry in enumerate(entries) if entry in diagram.stable_entries]
    assert len(stable) > 3
    totals = counts.sum(axis=1)
    lines = tie_lines((counts / totals[:, None])[stable], (energies / totals)[stable])
    expected = set()
    for facet in diagram.facets:
        corner = [entries.index(diagram.qhull_entries[i]) for i in facet]
        expected |= {frozenset((corner[a], corner[b])) for a, b in ((0, 1), (1, 2), (0, 2))}
    assert {frozenset(stable[i] for i in pair) for pair in neighbours(lines)} == expected


def test_tie_lines_of_three_corners_and_of_a_middle():
    corners = np.eye(3)
    assert tie_lines(corners, np.array([-3.0, 1.0, 7.0])).tolist() == [[0, 1], [0, 2], [1, 2]]
    middle = np.vstack([corners, [1 / 3, 1 / 3, 1 / 3]])
    lines = tie_lines(middle, np.array([-3.0, 1.0, 7.0, 5 / 3 - 1e-3]))
    assert lines.tolist() == [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]
    edge = np.vstack([corners, [0.5, 0.5, 0.0]])
    lines = tie_lines(edge, np.array([0.0, 0.0, 0.0, -1e-4]))
    assert lines.tolist() == [[0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]
    with pytest.raises(MlipsseError, match="three end members"):
        tie_lines(edge[1:], np.zeros(3))


def test_mixtures_read_as_sums():
    assert mixture_text({"Li3InCl6": 0.5, "Li3YBr6": 0.5}) == "0.5 Li3InCl6 + 0.5 Li3YBr6"
    assert mixture_text({"Li3InCl6": 1 / 3, "Li3YBr6": 1.0}) == "0.3333 Li3InCl6 + Li3YBr6"
