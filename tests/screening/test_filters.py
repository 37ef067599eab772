"""Which crystals are worth a landscape: conditions on a table, and the hull they span."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition

from mlipsse import keys
from mlipsse.campaign.studies.screening.crystals import (
    RELAXED_EV,
    ScreeningFilters,
    above_hull,
    stable,
)
from mlipsse.errors import MlipsseError
from mlipsse.screening.filters import (
    Condition,
    parse_condition,
    read_properties,
    reason_against,
)
from mlipsse.screening.landscape.crystals import Candidate
from mlipsse.screening.stability import energies_above_hull_eV_atom

FORMULAS = (
    "Li", "Cl", "In", "Y", "LiCl", "InCl3", "InCl", "YCl3", "Li3InCl6", "Li3YCl6", "LiInCl4",
    "Li3InCl6", "Li6InYCl12",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_the_hull_is_that_of_pymatgen(seed):
    rng = np.random.default_rng(seed)
    elements = {"Li", "Cl", "In", "Y"}
    energies = [0.0 if f in elements else float(rng.uniform(-2, 0.2)) for f in FORMULAS]
    entries = [
        PDEntry(Composition(f), e * Composition(f).num_atoms)
        for f, e in zip(FORMULAS, energies, strict=True)
    ]
    diagram = PhaseDiagram(entries)
    found = energies_above_hull_eV_atom([Composition(f).as_dict() for f in FORMULAS], energies)
    for formula, own, entry in zip(FORMULAS, found, entries, strict=True):
        if formula in elements:
            assert own is None, "nothing else can form an element"
        else:
            assert own == pytest.approx(diagram.get_e_above_hull(entry), abs=1e-7)


def test_crystals_that_nothing_else_can_form_have_no_hull():
    contents = [{"Li": 3, "In": 1, "Cl": 6}, {"Li": 1, "Cl": 1}, {"Li": 6, "In": 2, "Cl": 12}]
    assert energies_above_hull_eV_atom(contents, [-3.0, -3.5, -2.9]) == [None, None, None]
    contents.append({"In": 1, "Cl": 3})
    first, _, other, _ = energies_above_hull_eV_atom(contents, [-3.0, -3.5, -2.9, -2.0])
    # 3 LiCl + InCl3: (6 * -3.5 + 4 * -2.0) / 10 = -2.9
    assert first == pytest.approx(0.0)
    assert other == pytest.approx(0.1)


def test_crystals_above_the_hull_are_left_out():
    """By energies of 6 LiCl + 2 InCl3 against 2 Li3InCl6: -2.9 eV/atom, as above."""
    crystals = []
    for formula, energy_eV_atom in (
        ("LiCl", -3.5), ("InCl3", -2.0), ("Li3InCl6", -2.85), ("Li6In2Cl12", -2.7), ("NaCl", -1.0)
    ):  # fmt: skip
        atoms = Atoms(formula)
        atoms.info = {RELAXED_EV: energy_eV_atom * len(atoms), keys.ORDERING: formula}
        crystals.append((Candidate(formula, Path(formula), [atoms]), atoms))
    above = above_hull(crystals)
    assert above["Li3InCl6"] == pytest.approx(0.05)
    assert above["Li6In2Cl12"] == pytest.approx(0.2)
    assert above["NaCl"] is None
    rows: list[dict] = []
    kept = stable(crystals, ScreeningFilters(max_above_hull_eV_atom=0.1), above, rows)
    assert [one.name for one, _ in kept] == ["LiCl", "InCl3", "Li3InCl6", "NaCl"]
    (row,) = rows
    assert row["name"] == "Li6In2Cl12"
    assert row["reason"] == "it lies 0.200 eV/atom above the hull of these crystals (limit 0.1)"


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("band_gap > 0.5", Condition("band_gap", ">", 0.5)),
        ("E hull (eV)<=5e-2", Condition("E hull (eV)", "<=", 0.05)),
        (" x >=-1 ", Condition("x", ">=", -1.0)),
    ],
)
def test_conditions(text, condition):
    assert parse_condition(text) == condition


@pytest.mark.parametrize("text", ["band_gap", "band_gap = 1", "> 0.5", "gap > wide", "a < b < 1"])
def test_conditions_that_are_none(text):
    with pytest.raises(MlipsseError, match="is not understood"):
        parse_condition(text)


def test_a_table_of_properties(tmp_path: Path):
    path = tmp_path / "properties.csv"
    path.write_text("name,gap,x\nA,1.0,\nB,0.2,3\nC,unknown,1\n", encoding="utf-8-sig")
    conditions = [Condition("gap", ">", 0.5)]
    rows = read_properties(path, conditions)
    assert reason_against("A", conditions, rows) == ""
    assert reason_against("B", conditions, rows) == "its gap is 0.2, and gap > 0.5 is required"
    assert reason_against("C", conditions, rows) == "its gap is 'unknown', which is not a number"
    assert "has no row of it" in reason_against("D", conditions, rows)
    assert reason_against("D", [], rows) == ""
    with pytest.raises(MlipsseError, match="has no column 'band'; it has name, gap, x"):
        read_properties(path, [Condition("band", ">", 1)])
    with pytest.raises(MlipsseError, match="cannot be read"):
        read_properties(tmp_path / "none.csv", conditions)
    path.write_text("name,gap\nA,1\nA,2\n")
    with pytest.raises(MlipsseError, match="two rows of A"):
        read_properties(path, conditions)
