from mlipsse.report.tables import compositions_table, selection_table


def test_compositions_say_what_the_hull_is():
    rows = [
        {
            "composition": "Li3InCl6", "x_Li3InCl6": "1.0", "energy_above_hull_eV_atom": "0.0",
            "formation_energy_eV_atom": "0.0", "stable": "yes", "decomposition": "Li3InCl6",
            "lowest_ordering": "Li3InCl6-o1", "orderings": "7", "left_out": "0",
        },
        {
            "composition": "Li3InBr3Cl3", "x_Li3InCl6": "0.5", "energy_above_hull_eV_atom": "0.001",
            "formation_energy_eV_atom": "", "stable": "no",
            "decomposition": "0.5 Li3InCl6 + 0.5 Li3InBr6",
            "lowest_ordering": "Li3InBr3Cl3-o4", "orderings": "16", "left_out": "2",
        },
    ]  # fmt: skip
    table = compositions_table(rows, note="There is no diagram of 4 end members.")
    assert table.columns[1:3] == ("above hull (meV/atom)", "formation (meV/atom)")
    assert table.rows == [
        ("Li3InCl6", "0", "0", "itself", "Li3InCl6-o1", "7", "0"),
        ("Li3InBr3Cl3", "1", None, "0.5 Li3InCl6 + 0.5 Li3InBr6", "Li3InBr3Cl3-o4", "16", "2"),
    ]
    assert table.note.endswith("There is no diagram of 4 end members.")


def test_selection_gives_expected_and_actual_numbers():
    row = {
        "composition": "Li3InCl6", "supercell": "1x1x2", "orderings": "40",
        "expected": "3.7182818", "selected": "4", "effective_orderings": "5.5",
        "lowest_weight": "0.25", "selected_weight": "0.75",
    }  # fmt: skip
    table = selection_table([row])
    assert table.columns[3:5] == ("expected", "selected")
    assert table.rows == [("Li3InCl6", "1x1x2", "40", "3.718", "4", "5.5", "0.25", "0.75")]
