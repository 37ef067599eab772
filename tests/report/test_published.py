"""The published numbers, and ours beside them."""

import numpy as np
import pytest

from mlipsse.orderings.host.formula import same_composition
from mlipsse.report.page.estimate import conductivity_at, diffusivity_at
from mlipsse.report.page.published import (
    comparison_table,
    published_of,
    published_values,
)
from mlipsse.transport.diffusion.arrhenius.fit import fit_arrhenius
from mlipsse.units import BOLTZMANN_EV_K

ENERGY_EV, PREFACTOR = 0.30, 2e-3


def diffusivity(temperature_K, energy_eV=ENERGY_EV):
    return PREFACTOR * np.exp(-energy_eV / (BOLTZMANN_EV_K * temperature_K))


def entry(formula, temperatures=(700.0, 900.0, 1000.0), energies=(0.30, 0.32)):
    """A composition whose D and conductivity follow Arrhenius exactly, errors of 5 %."""

    def part(energy_eV):
        values = [float(diffusivity(t, energy_eV)) for t in temperatures]
        fit = fit_arrhenius(temperatures, values, [0.05 * value for value in values])
        return {
            "temperature_K": list(temperatures),
            "diffusivity_cm2_s": values,
            "diffusivity_std_cm2_s": [0.05 * value for value in values],
            "runs": [1] * len(temperatures),
            "activation_energy_eV": fit.activation_energy_eV,
            "activation_energy_std_eV": fit.activation_energy_std_eV,
            "prefactor_cm2_s": fit.prefactor_cm2_s,
        }

    whole = part(energies[0])
    conductivity = [
        4e10 * d / t for d, t in zip(whole["diffusivity_cm2_s"], temperatures, strict=True)
    ]
    return {
        "formula": formula,
        **whole,
        "conductivity_mS_cm": conductivity,
        "conductivity_std_mS_cm": [0.05 * value for value in conductivity],
        "directions": {name: part(energies[1]) for name in ("a", "b", "c", "ab", "ac", "bc")},
        "excluded": [],
    }


def rows_of(table, quantity):
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows if row[1] == quantity]


def test_estimates_follow_the_line():
    ours = entry("Li3InCl6")
    for kelvin, origin in ((900.0, "run"), (800.0, "interpolated"), (573.0, "extrapolated")):
        found = diffusivity_at(ours, kelvin)
        assert found.origin == origin
        assert found.value == pytest.approx(diffusivity(kelvin), rel=1e-9)
        charge = conductivity_at(ours, kelvin)
        assert charge.origin == origin
        assert charge.value == pytest.approx(4e10 * diffusivity(kelvin) / kelvin, rel=1e-9)
        assert charge.std / charge.value == pytest.approx(found.std / found.value)
    assert diffusivity_at(ours, 573.0).std > diffusivity_at(ours, 800.0).std / 5
    two = entry("Li3InCl6", temperatures=(700.0, 900.0))
    # between two points of equal relative error the line is better known than either
    assert 0 < diffusivity_at(two, 800.0).std / diffusivity(800.0) < 0.05
    one = entry("Li3InCl6", temperatures=(700.0,))
    assert diffusivity_at(one, 800.0) is None
    assert diffusivity_at(one, 700.0).value == pytest.approx(diffusivity(700.0))
    assert conductivity_at({**one, "temperature_K": [], "diffusivity_cm2_s": [],
                            "diffusivity_std_cm2_s": []}, 800.0) is None  # fmt: skip


def test_the_table_is_whole():
    values = published_values()
    grid = [value for value in values if value.system.startswith("LIYBC") and not value.of]
    assert len({value.formula for value in grid}) == 12
    assert len(grid) == 12 * 6
    from pymatgen.core import Composition

    for value in grid:  # every formula is neutral, and lies on the grid that is named
        amounts = Composition(value.formula)
        assert amounts["Li"] == 3
        assert amounts["In"] + amounts["Y"] == pytest.approx(1)
        assert amounts["Br"] + amounts["Cl"] == pytest.approx(6)
        if value.printed is not None:
            assert not same_composition(value.formula, value.printed)
    assert {value.system.split(",")[0] for value in values} == {"LIYBC", "NaSICON", "LPSGO"}


def test_formulas_match_by_their_ratios():
    assert same_composition("Li6InYBr6Cl6", "Li3In0.5Y0.5Br3Cl3")
    assert same_composition("Na8Zr6Si4P5O36", "Na2.667Zr2Si1.333P1.667O12")  # thirds, rounded
    assert not same_composition("Li3InBr4Cl2", "Li3InBr4.5Cl1.5")
    assert not same_composition("Li3InCl6", "Li3InCl6O")
    by_rule = {value.quantity: value.value for value in published_of("Li3InBr4.5Cl1.5")}
    as_printed = {value.quantity: value.value for value in published_of("Li3InBr4Cl2")}
    assert by_rule == as_printed
    assert by_rule["Ea_ac"] == 0.335
    assert published_of("Li3ScCl6") == []


def test_comparison_of_a_halide():
    phases = [{"composition": "Li3YBr6", "energy_above_hull_eV_atom": "0.0012",
               "formation_energy_eV_atom": "0.0"}]  # fmt: skip
    ours = entry("Li3YBr6")
    table = comparison_table({"compositions": [ours]}, phases)
    (hull,) = rows_of(table, "energy above hull (meV/atom)")
    assert (hull["ours"], hull["published"], hull["from"]) == ("1.2", "0", "ranking")
    ml, aimd = rows_of(table, "Ea (eV)")
    assert (ml["published"], aimd["published"], aimd["of"]) == ("0.29", "0.28", "AIMD")
    off = (0.30 - 0.29) / ours["activation_energy_std_eV"]
    assert float(ml["difference / error"]) == pytest.approx(off, abs=0.05)
    (plane,) = rows_of(table, "D, ab plane (10⁻⁵ cm²/s)")
    assert plane["T (K)"] == "800"
    assert plane["from"] == "fit, between our temperatures"
    theirs, mine = 2.40e-5, diffusivity(800.0, 0.32)
    std = diffusivity_at(ours["directions"]["ab"], 800.0).std
    assert float(plane["difference / error"]) == pytest.approx((mine - theirs) / std, abs=0.05)
    assert "10.1039/d5ta05321h" in table.note
    assert "Cartesian components" in table.note
    assert "673 K" not in table.note


def test_comparison_states_what_the_captions_state():
    table = comparison_table({"compositions": [entry("Na3Zr2Si2PO12")]})
    assert "573 K is taken" in table.note
    conductivities = rows_of(table, "conductivity (mS/cm)")
    assert {row["T (K)"] for row in conductivities} == {"573"}
    assert {row["from"] for row in conductivities} == {"fit, beyond our temperatures"}
    assert table.folded
    (hull,) = rows_of(table, "energy above hull (meV/atom)")
    assert (hull["ours"], hull["from"], hull["difference / error"]) == (None, "no value", None)
    oxide = comparison_table({"compositions": [entry("Li4GeO4")]})
    assert rows_of(oxide, "Ea (eV)")[0]["published"] == "0.77 ± 0.27"
    # Their error counts: 0.47 over its root of squares with ours is less than two.
    assert -1.8 < float(rows_of(oxide, "Ea (eV)")[0]["difference / error"]) < -1.6


def test_other_systems_have_no_comparison():
    assert comparison_table({"compositions": [entry("Li3ScCl6")]}) is None
    assert comparison_table({"compositions": []}) is None
