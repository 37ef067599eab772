"""Tables of orderings: how many, how found, how stable, in which cells."""

from collections.abc import Mapping, Sequence

from mlipsse.report.page.content import Table, table_of
from mlipsse.report.page.text import count_text, milli_text, short_text

Rows = Sequence[Mapping[str, str]]

_ROUTES = {
    "exact": "all of them",
    "patterns": "a sample: patterns of lowest Ewald energy, decorated at random",
    "annealing": "a sample: patterns found by annealing, decorated at random",
    "impossible": "the supercell cannot hold it",
}


def orderings_table(rows: Rows) -> Table:
    """How many orderings there are, and how those that went on were got."""
    columns = {
        "composition": "composition",
        "supercell": "supercell",
        "distinct": "distinct",
        "charge patterns": "patterns_distinct",
        "taken": "kept",
        "of all": "coverage",
        "how": "how",
    }
    counts = ("distinct", "patterns_distinct", "kept")
    shown = [
        {**row, **{key: count_text(row[key]) for key in counts}, "how": _ROUTES[row["route"]]}
        for row in rows
    ]
    return table_of(
        "Orderings",
        columns,
        shown,
        note="Symmetry-distinct, by Burnside's lemma. A charge pattern is what an Ewald sum "
        "distinguishes: it treats species of equal formal charge as equal.",
    )


def compositions_table(rows: Rows, *, note: str = "") -> Table:
    """The lowest ordering of each composition, and what the hull consists of there."""
    columns = {
        "composition": "composition",
        "above hull (meV/atom)": "above",
        "formation (meV/atom)": "formation",
        "the hull there": "decomposition",
        "lowest ordering": "lowest_ordering",
        "found by": "found",
        "relaxed": "orderings",
        "left out": "left_out",
    }
    shown = [
        {
            "found": "",  # of a ranking by an earlier version
            **row,
            "above": milli_text(row["energy_above_hull_eV_atom"]),
            "formation": milli_text(row["formation_energy_eV_atom"]),
            "decomposition": "itself" if row["stable"] == "yes" else row["decomposition"],
        }
        for row in rows
    ]
    meaning = "All energies come from the ranking potential; mixtures are in formula units."
    return table_of("Compositions", columns, shown, note=f"{meaning} {note}".strip())


def search_table(rows: Rows) -> Table:
    """What the search by energy did for each composition and supercell."""
    groups: dict[tuple[str, str], list[Mapping[str, str]]] = {}
    for row in rows:
        groups.setdefault((row["composition"], row["supercell"]), []).append(row)
    return Table(
        "Search by energy",
        (
            "composition",
            "supercell",
            "rounds",
            "relaxed",
            "at random",
            "lowered (meV/atom)",
            "model error (meV/cell)",
            "error of its proposals (meV/cell)",
        ),
        [
            (
                *place,
                len(some),
                sum(int(row["converged"]) for row in some),
                sum(int(row["at_random"]) for row in some),
                f"{sum(float(row['lowered_meV_atom']) for row in some):.2f}",
                short_text(some[-1]["model_error_meV_cell"]),
                short_text(some[-1]["proposal_error_meV_cell"]),
            )
            for place, some in groups.items()
        ],
        note="Orderings proposed by a pair model and relaxed with the ranking potential. Lowered: "
        "the lowest ordering found, below the lowest one that was enumerated. The errors are those "
        "of the last round, per cell of the host: in cross-validation, and for what it proposed.",
    )


def reranked_table(rows: Rows) -> Table:
    """Stability by the ranking potential and by the fine-tuned model."""
    columns = {
        "composition": "composition",
        "above hull, ranking (meV/atom)": "before",
        "above hull, fine-tuned (meV/atom)": "after",
        "above hull, labels (meV/atom)": "labels",
        "lowest, ranking": "ranked_lowest_ordering",
        "lowest, fine-tuned": "lowest_ordering",
        "Kendall's tau": "kendall_tau",
    }
    energies = {
        "before": "ranked_energy_above_hull_eV_atom",
        "after": "energy_above_hull_eV_atom",
        "labels": "label_energy_above_hull_eV_atom",
    }
    shown = [
        {**row, **{key: milli_text(row[name]) for key, name in energies.items()}} for row in rows
    ]
    return table_of(
        "Ranking by the fine-tuned model",
        columns,
        shown,
        note="The lowest ranked orderings, relaxed again. Labels: single points of the labels' "
        "potential on the same cells. Kendall's tau compares the energies of the orderings before "
        "and after; 1 is the same order.",
    )


def lattice_table(rows: Rows) -> Table:
    """The host's cell in the lowest orderings of the fine-tuned model, beside the published one."""
    names = ("a_A", "b_A", "c_A", "alpha_deg", "beta_deg", "gamma_deg")
    return Table(
        "Lattice",
        ("composition", "a (Å)", "b (Å)", "c (Å)", "α (°)", "β (°)", "γ (°)", "published"),
        [
            (
                row["composition"],
                *(short_text(row[name]) for name in names),
                ", ".join(short_text(row[f"published_{name}"]) or "" for name in names)
                if row["published_a_A"]
                else None,
            )
            for row in rows
        ],
        note="The cell of the host in the relaxed lowest ordering.",
    )


def coordination_table(rows: Rows) -> Table:
    """Surroundings of the cations and sites of the mobile ion, one row per set of orderings."""
    groups: dict[tuple[str, str, str], list[Mapping[str, str]]] = {}
    for row in rows:
        groups.setdefault((row["composition"], row["supercell"], row["of"]), []).append(row)

    def shown(some: Sequence[Mapping[str, str]], quantity: str) -> str | None:
        found = [row for row in some if row["quantity"] == quantity]
        return ", ".join(f"{row['subject']} {float(row['value']):.2f}" for row in found) or None

    quantities = ("pure", "shell", "warren-cowley", "occupancy")
    return Table(
        "Coordination",
        (
            "composition",
            "supercell",
            "of",
            "cations with one kind of anion",
            "shells",
            "Warren-Cowley",
            "occupied",
        ),
        [
            (*place, *(shown(some, quantity) for quantity in quantities))
            for place, some in groups.items()
        ],
        note="On the sites of the host. Of: the lowest ordering, or the Boltzmann average over all "
        "ranked orderings at a temperature. Warren-Cowley parameters are 0 for random "
        "surroundings and negative where a cation prefers an anion. Occupied: share of a Wyckoff "
        "position that the mobile ion fills.",
        folded=True,
    )


def selection_table(rows: Rows) -> Table:
    """How many orderings were selected, and how many matter."""
    columns = {
        "composition": "composition",
        "supercell": "supercell",
        "ranked": "orderings",
        "expected": "expected",
        "selected": "selected",
        "effective number": "effective_orderings",
        "weight of the lowest": "lowest_weight",
        "weight of the selected": "selected_weight",
    }
    return table_of(
        "Selection",
        columns,
        rows,
        note="Boltzmann weights among the ranked orderings of one composition and supercell; the "
        "effective number is exp(entropy) of the weights.",
        folded=len(rows) > 16,
    )
