"""Amounts fixed by label, and the formulas offered where one cannot be."""

from math import comb

import numpy as np
import pytest

from mlipsse.errors import MlipsseError
from mlipsse.orderings import (
    HostSettings,
    Supercell,
    count_orderings,
    enumerate_orderings,
    parse_composition,
    read_host,
)
from mlipsse.orderings.composition.neutral import nearest_formula

ARGYRODITE = """data_exchange
_cell_length_a 9.9
_cell_length_b 9.9
_cell_length_c 9.9
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_space_group_symop_operation_xyz
'x,y,z'
'x,y+1/2,z+1/2'
'x+1/2,y,z+1/2'
'x+1/2,y+1/2,z'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Li1 Li 0.1 0.2 0.3 1
Li2 Li 0.6 0.15 0.3 1
P1 P 0 0 0.5 1
Cl1 Cl 0 0 0 0.75
S1 S 0 0 0 0.25
S2 S 0.25 0.25 0.25 0.75
Cl2 Cl 0.25 0.25 0.25 0.25
"""


@pytest.fixture
def exchange(tmp_path):
    path = tmp_path / "exchange.cif"
    path.write_text(ARGYRODITE)

    def read(**options):
        charges = {"Li": 1, "P": 1, "S": -2, "Cl": -1}
        return read_host(path, HostSettings(mobile="Li", charges=charges, **options))

    return read


def test_degree_of_exchange_is_fixed(exchange):
    label = {site for s in exchange().sublattices for site in s.name.split("/")}
    assert label == {"Li", "P", "Cl", "S"}
    free = exchange()
    fixed = exchange(occupations={"S1": 0.5})
    assert "Cl/S on S1" in [s.name for s in fixed.sublattices]
    composition = "Li2PSCl"
    counts = parse_composition(composition, fixed).site_counts(Supercell(fixed, (1, 1, 1)))
    by_name = dict(zip([s.name for s in fixed.sublattices], counts, strict=True))
    assert by_name["Cl/S on S1"] == (2, 2)
    assert by_name["Cl/S"] == (2, 2)
    both = [
        count_orderings(parse_composition(composition, host), Supercell(host, (1, 1, 1))).raw
        for host in (free, fixed)
    ]
    assert both == [comb(8, 4), comb(4, 2) ** 2]
    cell = Supercell(fixed, (1, 1, 1))
    found = enumerate_orderings(
        parse_composition(composition, fixed), cell, max_orderings=100, seed=0
    )
    assert sum(ordering.degeneracy for ordering in found) == 36
    for ordering in found:
        scaled = ordering.atoms[ordering.atoms.symbols == "Cl"].get_scaled_positions()
        assert (np.abs(scaled * 4 % 2).sum(axis=1) < 0.1).sum() == 2


@pytest.mark.parametrize(
    ("occupations", "sentence"),
    [
        ({"Cl9": 0.5}, "names the site label 'Cl9', which is not in"),
        ({"S1": 1.5}, "a share of 1.5: shares are between 0 and 1"),
        ({"S1": {"P": 0.5}}, r"puts P on the sites of S1, which allow only Cl, S"),
        ({"S1": {"S": 0.5, "Cl": 0.7}}, "to 1.2. Shares of a site add up to at most 1"),
        ({"P1": 0.5}, "leaves 0.5 of the sites of P1, where nothing else may sit"),
    ],
)
def test_occupations_that_cannot_be(exchange, occupations, sentence):
    with pytest.raises(MlipsseError, match=sentence):
        exchange(occupations=occupations)


def test_fixed_amounts_that_a_cell_cannot_hold(exchange):
    """The formula itself fits, so that it is not offered as the nearest one."""
    host = exchange(occupations={"S1": 0.3})
    composition = parse_composition("Li2PSCl", host)
    with pytest.raises(MlipsseError, match=r"needs .*Li2PSCl would fit with other `occupations`"):
        composition.site_counts(Supercell(host, (1, 1, 1)))


def test_formula_that_the_fixed_amounts_do_not_leave(exchange):
    host = exchange(occupations={"S1": 0.0})
    with pytest.raises(MlipsseError, match=r"puts 0 Cl.*`occupations` fixes 4"):
        parse_composition("Li3PS2", exchange(occupations={"S1": 0.0}, substitutions={}))
    assert parse_composition("Li2PSCl", host).per_cell


def test_every_label_of_a_mixed_site_is_known(exchange):
    for label in ("Cl1", "S1"):
        host = exchange(occupations={label: 0.5})
        assert f"Cl/S on {label}" in [s.name for s in host.sublattices]
        host = exchange(substitutions={label: ["Cl", "S", "vacancy"]})
        sites = [site for s in host.sublattices for site in s.allowed if "vacancy" in site]
        assert sites.count(("Cl", "S", "vacancy")) == 4
    two = exchange(occupations={"Cl1": 0.5, "S2": 0.25})
    assert {"Cl/S on Cl1", "Cl/S on S2"} <= {s.name for s in two.sublattices}
    composition = parse_composition("Li2PSCl", exchange(occupations={"Cl1": 0.5, "S2": 0.5}))
    assert composition.cells_needed == 1
    with pytest.raises(MlipsseError, match=r"`occupations` fixes 3.*leaves no site for others"):
        parse_composition("Li2PSCl", two)


def test_nearest_neutral_formula(structures):
    host = read_host(
        structures / "Li3InCl6_C2m.cif",
        HostSettings(mobile="Li", substitutions={"Cl": ["Cl", "S"]}),
    )
    with pytest.raises(MlipsseError, match=r"not charge neutral.*one cell can hold is Li3InCl6\."):
        parse_composition("Li3.0001InCl6", host)
    with pytest.raises(MlipsseError, match=r"one cell can hold is Li3.5InS0.5Cl5.5\."):
        parse_composition("Li3.5InS0.45Cl5.55", host, cells=[1])
    assert nearest_formula("Li3.26InS0.25Cl5.75", host).n_cells == 2
    assert nearest_formula("Li3.26InS0.25Cl5.75", host).formula == "Li3.25InS0.25Cl5.75"
    # Five Li on four sites per formula unit are no offer.
    assert nearest_formula("Li5InS2Cl4", host, [1]).formula == "Li4InSCl5"


def test_nearest_formula_by_hand(structures):
    """Every whole content of one cell, one by one."""
    host = read_host(
        structures / "Li3InCl6_C2m.cif",
        HostSettings(mobile="Li", substitutions={"Cl": ["Cl", "S"]}),
    )
    rng = np.random.default_rng(0)
    for _ in range(10):
        lithium, sulphur = rng.uniform(2.2, 3.9), rng.uniform(0, 2)
        asked = f"Li{lithium:.2f}InS{sulphur:.2f}Cl{6 - round(sulphur, 2):.2f}"
        best = min(
            abs(li - 2 * round(lithium, 2)) + 2 * abs(s - 2 * round(sulphur, 2))
            for li in range(9)
            for s in range(13)
            if li + 6 - 2 * s - (12 - s) == 0
        )
        assert 2 * nearest_formula(asked, host, [1]).distance == pytest.approx(best, abs=1e-6)
