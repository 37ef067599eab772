"""Formal charges: given, stated, or the likeliest of those met in crystals."""

from fractions import Fraction
from pathlib import Path

import pytest

from mlipsse.errors import MlipsseError
from mlipsse.orderings import HostSettings, parse_composition, read_host
from mlipsse.orderings.host.charges import find_charges
from mlipsse.orderings.host.formula import parse_formula
from mlipsse.orderings.host.oxidation_states import is_absurd, shares


def charges(formula, **options):
    content = {name: float(amount) for name, amount in parse_formula(formula).items()}
    return find_charges(content, [[name] for name in content], **options)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        # Argyrodites: Cl+1 with P+3, I+7 with P-3 and Ge-4 are neutral too.
        ("Li6PS5Cl", {"Li": 1, "P": 5, "S": -2, "Cl": -1}),
        ("Li6PS5I", {"Li": 1, "P": 5, "S": -2, "I": -1}),
        ("Li6.7P0.3Ge0.7S5I", {"Li": 1, "P": 5, "Ge": 4, "S": -2, "I": -1}),
        ("Cu6PS5Cl", {"Cu": 1, "P": 5, "S": -2, "Cl": -1}),
        ("Li10GeP2S12", {"Li": 1, "Ge": 4, "P": 5, "S": -2}),
        ("Li4P2S6", {"Li": 1, "P": 4, "S": -2}),
        ("Na3SbS4", {"Na": 1, "Sb": 5, "S": -2}),
        ("LiClO4", {"Li": 1, "Cl": 7, "O": -2}),
        ("LiFePO4", {"Li": 1, "Fe": 2, "P": 5, "O": -2}),
        ("Li2CrCl4", {"Li": 1, "Cr": 2, "Cl": -1}),
        ("Na2S2", {"Na": 1, "S": -1}),
        ("La2LiHO3", {"La": 3, "Li": 1, "H": -1, "O": -2}),
        ("LiNH2", {"Li": 1, "N": -3, "H": 1}),
        ("LiBH4", {"Li": 1, "B": 3, "H": -1}),
        ("LiMn2O4", {"Li": 1, "Mn": Fraction(7, 2), "O": -2}),
        ("Fe3O4", {"Fe": Fraction(8, 3), "O": -2}),
        ("Li0.5CoO2", {"Li": 1, "Co": Fraction(7, 2), "O": -2}),
        ("LiNi0.5Mn1.5O4", {"Li": 1, "Ni": 2, "Mn": 4, "O": -2}),
        ("Li2B12H12", {"Li": 1, "B": Fraction(5, 6), "H": -1}),
        ("Rb1Ag4I5", {"Rb": 1, "Ag": 1, "I": -1}),
    ],
)
def test_guesses_are_the_chemical_ones(formula, expected):
    found = charges(formula)
    assert found.values == expected
    assert set(found.sources.values()) == {"guessed"}
    averaged = [name for name, charge in expected.items() if Fraction(charge).denominator > 1]
    notes = [note.partition(" gets its average")[0] for note in found.notes if "average" in note]
    assert [name for name in expected for note in notes if note == name] == averaged


def test_wrong_occupancies_leave_the_charges_and_are_noted():
    found = charges("Li12.08Ge1.03P1.97S12")
    assert found.values == {"Li": 1, "Ge": 4, "P": 5, "S": -2}
    assert "not neutral: +2.05" in found.notes[0]


@pytest.mark.parametrize("formula", ["Li11.5PS5Cl", "Li2OBr", "Na3Bi", "LiGe"])
def test_nothing_absurd_is_guessed(formula):
    with pytest.raises(MlipsseError, match="no set of usual oxidation states makes"):
        charges(formula)


@pytest.mark.parametrize(
    ("substitute", "site", "charge"),
    [("Ta", "Zr", 5), ("Nb", "Zr", 5), ("W", "Zr", 6), ("Hf", "Zr", 4), ("Ca", "La", 2),
     ("Sr", "La", 2), ("Al", "Li", 3), ("Ga", "Li", 3)],
)  # fmt: skip
def test_dopants_of_a_garnet(substitute, site, charge):
    """They keep the state of their closed shell, whatever they replace."""
    content = {"Li": 56.0, "La": 24.0, "Zr": 16.0, "O": 96.0}
    groups = [[name] if name != site else [name, substitute] for name in content]
    assert find_charges(content, groups).values[substitute] == charge


@pytest.mark.parametrize(("substitute", "site"), [("Ni", "Co"), ("Mn", "Co"), ("Sb", "P")])
def test_substitutes_of_several_valences_are_asked_for(substitute, site):
    """Ni is +2 in most crystals, but +3 in LiCoO2."""
    content = {"Li": 1.0, site: 1.0, "O": 2.0 if site == "Co" else 3.0}
    groups = [["Li"], [site, substitute], ["O"]]
    with pytest.raises(MlipsseError, match=rf"charge of {substitute}, .* Give `charges`, e\.g\."):
        find_charges(content, groups)


def test_tantalum_of_a_published_garnet():
    """Neutral with Ta+5 alone."""
    assert charges("Li6.4La3Zr1.4Ta0.6O12").values == {"Li": 1, "La": 3, "Zr": 4, "Ta": 5, "O": -2}


@pytest.mark.parametrize(
    ("formula", "open_", "given"),
    [
        ("LiNi0.3333Co0.3333Mn0.3334O2", "Co, Ni", {"Ni": 2, "Mn": 4, "Co": 3}),
        ("LiNi0.8Mn0.1Co0.1O2", "Co, Mn", {"Ni": 2.875, "Mn": 4, "Co": 3}),
        ("La0.6Sr0.4Co0.2Fe0.8O3", "Co, Fe", {"Co": 3, "Fe": 3.5}),
    ],
)
def test_mixed_valences_are_asked_for_with_an_example(formula, open_, given):
    with pytest.raises(MlipsseError, match=rf"at least of {open_}, e\.g\. `charges: {{Co: [23], "):
        charges(formula)
    found = charges(formula, given=given)
    assert {name: found.values[name] for name in given} == given
    assert not any("not neutral" in note for note in found.notes)


def test_guesses_about_as_likely_are_asked_for():
    sentence = r"Ni\+2, O-2 or Co\+2.*Mn\+4, Ni\+3, O-2.* about as likely"
    with pytest.raises(MlipsseError, match=sentence):
        charges("LiNi0.333Mn0.333Co0.333O2")


def test_given_and_stated_charges_go_before_guesses():
    stated = {"Ti": {3.0: 0.5, 4.0: 0.5}, "Li": {1.0: 1.0}}
    found = charges("Li1TiO2", stated=stated, given={"O": -2})
    assert found.values == {"Li": 1, "Ti": Fraction(7, 2), "O": -2}
    assert found.sources == {"Li": "stated", "Ti": "stated", "O": "given"}
    assert (
        "Ti takes the mean +3.5 of the charges stated per cell (0.5 Ti+3, 0.5 Ti+4)"
        in (found.notes[0])
    )
    assert "not neutral: +0.5" in found.notes[1]
    assert found.describe() == "O-2 (given); Li+1, Ti+3.5 (stated)"


def test_a_file_of_zeros_states_nothing():
    found = charges("Li2S", stated={"Li": {0.0: 2.0}, "S": {0.0: 1.0}})
    assert found.values == {"Li": 1, "S": -2}
    assert set(found.sources.values()) == {"guessed"}


def test_stated_nonsense_is_not_silent():
    found = charges("LiCl", stated={"Li": {-1.0: 1.0}, "Cl": {1.0: 1.0}})
    assert found.values == {"Li": -1, "Cl": 1}
    assert any("charge +1 of Cl, stated, is unusual" in note for note in found.notes)


@pytest.mark.parametrize(("element", "charge"), [("Ge", -4), ("I", 7), ("Cl", 1), ("Ti", 4.5)])
def test_absurd(element, charge):
    assert is_absurd(element, charge)


@pytest.mark.parametrize(("element", "charge"), [("Ge", 4), ("I", -1), ("Mn", 3.5), ("S", 6)])
def test_not_absurd(element, charge):
    assert not is_absurd(element, charge)


def test_shares_add_up():
    for element in ("Li", "S", "Mn", "O"):
        assert sum(shares(element).values()) == pytest.approx(1, abs=0.02)


def test_fractional_charges_are_exact_in_a_composition(tmp_path, structures):
    host = read_host(
        structures / "Li3InCl6_C2m.cif",
        HostSettings(
            mobile="Li", substitutions={"In": ["In", "Ti"]}, charges={"Ti": 3.333, "In": 3}
        ),
    )
    assert host.charges["Ti"] == Fraction(10, 3)
    with pytest.raises(MlipsseError, match=r"\+0.3333 per formula unit"):
        parse_composition("Li3TiCl6", host)
    assert parse_composition("Li2.667TiCl6", host).cells_needed == 3


def test_mixed_valence_of_another_composition_is_offered():
    cifs = Path(__file__).parents[1] / "data" / "cifs"
    host = read_host(cifs / "mixed_valence.cif", HostSettings(mobile="Li"))
    assert (host.charges["Ti"], host.charge_sources["Ti"]) == (Fraction(7, 2), "stated")
    with pytest.raises(MlipsseError, match=r"neutral with `charges: \{Ti: 4\}`"):
        parse_composition("Li0.5La0.5TiO3", host)
    again = read_host(cifs / "mixed_valence.cif", HostSettings(mobile="Li", charges={"Ti": 4}))
    assert parse_composition("Li0.5La0.5TiO3", again).cells_needed == 2


def test_stated_charges_of_a_published_argyrodite():
    cifs = Path(__file__).parents[1] / "data" / "cifs"
    for name, source in (("argyrodite_stated", "stated"), ("Li6PS5Cl_Neutron", "guessed")):
        host = read_host(cifs / f"{name}.cif", HostSettings(mobile="Li"))
        assert host.charges == {"Li": 1, "P": 5, "S": -2, "Cl": -1, "vacancy": 0}
        assert set(host.charge_sources.values()) == {source}
