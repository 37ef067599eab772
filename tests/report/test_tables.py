from mlipsse.report.page.ordering_tables import (
    compositions_table,
    orderings_table,
    search_table,
    selection_table,
)


def test_orderings_state_what_is_a_sample():
    shared = {"raw": "1", "reason": "", "composition": "Li3InCl6"}
    rows = [
        {
            **shared, "supercell": "1x1x2", "distinct": "160", "patterns_distinct": "160",
            "route": "exact", "kept": "160", "coverage": "1.0",
        },
        {
            **shared, "supercell": "1x2x2", "distinct": "741978059902102199008",
            "patterns_distinct": "338316", "route": "patterns", "kept": "2000",
            "coverage": "2.7e-18",
        },
        {
            **shared, "supercell": "1x1x1", "distinct": "0", "patterns_distinct": "0",
            "route": "impossible", "kept": "0", "coverage": "",
        },
    ]  # fmt: skip
    first, second, third = orderings_table(rows).rows
    assert first[2:] == ("160", "160", "160", "1", "all of them")
    assert second[2:6] == ("7.42e+20", "338,316", "2,000", "2.7e-18")
    assert str(second[6]).startswith("a sample: ")
    assert third[6] == "the supercell cannot hold it"


def test_compositions_state_what_the_hull_is():
    rows = [
        {
            "composition": "Li3InCl6", "x_Li3InCl6": "1.0", "energy_above_hull_eV_atom": "0.0",
            "formation_energy_eV_atom": "0.0", "stable": "yes", "decomposition": "Li3InCl6",
            "lowest_ordering": "Li3InCl6-o1", "found": "exact", "orderings": "7", "left_out": "0",
        },
        {
            "composition": "Li3InBr3Cl3", "x_Li3InCl6": "0.5", "energy_above_hull_eV_atom": "0.001",
            "formation_energy_eV_atom": "", "stable": "no",
            "decomposition": "0.5 Li3InCl6 + 0.5 Li3InBr6",
            "lowest_ordering": "Li3InBr3Cl3-o4", "orderings": "16", "left_out": "2",
        },
    ]  # fmt: skip
    table = compositions_table(rows, note="A diagram requires 2 or 3 end members, not 4.")
    assert table.columns[1:3] == ("above hull (meV/atom)", "formation (meV/atom)")
    assert table.rows == [
        ("Li3InCl6", "0", "0", "itself", "Li3InCl6-o1", "exact", "7", "0"),
        (
            "Li3InBr3Cl3",
            "1",
            None,
            "0.5 Li3InCl6 + 0.5 Li3InBr6",
            "Li3InBr3Cl3-o4",
            None,
            "16",
            "2",
        ),
    ]
    assert table.note.endswith("A diagram requires 2 or 3 end members, not 4.")


def test_a_search_is_a_row_per_composition_and_supercell():
    first = {
        "composition": "LiCl", "supercell": "1x1x2", "round": "1", "proposed": "16",
        "at_random": "16", "converged": "15", "model_error_meV_cell": "",
        "proposal_error_meV_cell": "", "lowest_eV_atom": "-4", "lowered_meV_atom": "1.25",
        "new_lowest": "yes", "reason": "too few energies",
    }  # fmt: skip
    second = {
        **first, "round": "2", "at_random": "0", "converged": "16",
        "model_error_meV_cell": "12.345", "proposal_error_meV_cell": "20",
        "lowered_meV_atom": "0.5",
    }  # fmt: skip
    (row,) = search_table([first, second]).rows
    assert row == ("LiCl", "1x1x2", 2, 31, 16, "1.75", "12.35", "20")


def test_selection_gives_expected_and_actual_numbers():
    row = {
        "composition": "Li3InCl6", "supercell": "1x1x2", "orderings": "40",
        "expected": "3.7182818", "selected": "4", "effective_orderings": "5.5",
        "lowest_weight": "0.25", "selected_weight": "0.75",
    }  # fmt: skip
    table = selection_table([row])
    assert table.columns[3:5] == ("expected", "selected")
    assert table.rows == [("Li3InCl6", "1x1x2", "40", "3.718", "4", "5.5", "0.25", "0.75")]
