"""From relaxed orderings to hull.csv, compositions.csv and the figures, without a potential."""

import csv
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from mlipsse.campaign.checks.campaign import problems
from mlipsse.campaign.config.campaign import EnumerateConfig
from mlipsse.campaign.crystals.database import Row
from mlipsse.campaign.crystals.system import system_of
from mlipsse.campaign.engine.folder import read_campaign
from mlipsse.campaign.engine.table import write_csv
from mlipsse.campaign.stages.rank.hull_figures import save_hull_figures
from mlipsse.campaign.stages.rank.ranking import Ranked, composition_rows, hull_row, with_hull
from mlipsse.errors import MlipsseError
from mlipsse.orderings.host.formula import parse_formula
from mlipsse.resources import resource_dir

# (x, y) of Li3In(x)Y(1-x)Br(6y)Cl(6-6y): published energy above hull, meV/atom (Deng et al.,
# 2025, doi 10.1039/d5ta05321h).
PUBLISHED_MEV_ATOM = {
    (1, 1): 0, (1, 0.75): 1, (1, 0.5): 1, (1, 0.25): 1, (1, 0): 0, (0.75, 0.25): 3,
    (0.5, 0.5): 0, (0.25, 0.75): 2, (0, 1): 0, (0.25, 1): 1, (0.5, 1): 0, (0.75, 1): 1,
}  # fmt: skip
CORNERS = ["Li3InCl6", "Li3InBr6", "Li3YBr6"]


def halide(x: float, y: float) -> str:
    amounts = {"Li": 3, "In": x, "Y": 1 - x, "Br": 6 * y, "Cl": 6 - 6 * y}
    return "".join(f"{n}{'' if a == 1 else f'{a:g}'}" for n, a in amounts.items() if a)


def ordering(formula: str, number: int, energy_eV_unit: float, *, units: int = 4) -> Ranked:
    """A relaxed ordering in a cell of `units` formula units."""
    counts = {name: int(amount * units) for name, amount in parse_formula(formula).items()}
    atoms = Atoms("".join(f"{name}{n}" for name, n in counts.items()))
    values = {
        "composition": formula,
        "ordering": f"{formula}-o{number}",
        "energy_eV": energy_eV_unit * units,
        "ewald_energy_eV": -1.0,
    }
    return Ranked(Row(atoms, values), 7, None)


def failed(formula: str, number: int) -> Ranked:
    entry = ordering(formula, number, 0.0)
    return Ranked(
        Row(entry.row.atoms, {**entry.row.values, "energy_eV": None}),
        500,
        "not_converged",
        "too slow",
    )


@pytest.fixture
def halides() -> tuple[EnumerateConfig, list[Ranked]]:
    """Orderings whose hull is the published one: a bowl of the stable phases, the rest above it."""
    config = EnumerateConfig(
        compositions=[halide(x, y) for x, y in PUBLISHED_MEV_ATOM], end_members=CORNERS
    )
    rng = np.random.default_rng(4)
    relaxed = []
    for (x, y), above_meV_atom in PUBLISHED_MEV_ATOM.items():
        # Two stable mixtures on edges, 0.05 eV below the flat bottom; between them straight lines.
        shares = np.array([1 - y, x + y - 1, 1 - x])
        mixed = -0.1 * min(shares[0], shares[2]) - 0.1 * min(max(shares[1], 0.0), shares[2])
        unit_eV = float(shares @ [-30.0, -27.0, -29.0]) + mixed + 0.01 * above_meV_atom
        lifts_eV = [0.0, *rng.gamma(2.0, 0.1, 5)]
        relaxed += [ordering(halide(x, y), i, unit_eV + d) for i, d in enumerate(lifts_eV)]
    relaxed.append(failed("Li3InBr6", 99))
    return config, relaxed


def test_halides_have_the_published_hull(halides, tmp_path: Path) -> None:
    config, relaxed = halides
    system = system_of(config)
    ranked = with_hull(relaxed, config)
    rows = composition_rows(ranked, config, system)
    assert [row["composition"] for row in rows] == config.formulas
    for row, above_meV_atom in zip(rows, PUBLISHED_MEV_ATOM.values(), strict=True):
        assert 1000 * row["energy_above_hull_eV_atom"] == pytest.approx(above_meV_atom, abs=1e-6)
        assert row["stable"] == ("yes" if above_meV_atom == 0 else "no")
        assert row["lowest_ordering"] == f"{row['composition']}-o0"
        assert row["left_out"] == (1 if row["composition"] == "Li3InBr6" else 0)
        assert row["orderings"] == 6
    texts = {row["composition"]: row["decomposition"] for row in rows}
    assert texts["Li3InCl6"] == "Li3InCl6"
    assert texts["Li3In0.75Y0.25Br1.5Cl4.5"] == "0.5 Li3InCl6 + 0.5 Li3In0.5Y0.5Br3Cl3"
    assert texts["Li3InBr1.5Cl4.5"] == "0.25 Li3InBr6 + 0.75 Li3InCl6"
    by_hand = {halide(x, y): (1 - y, x + y - 1, 1 - x) for x, y in PUBLISHED_MEV_ATOM}
    for row in rows:
        found = tuple(row[f"x_{name}"] for name in CORNERS)
        assert found == tuple(map(float, by_hand[row["composition"]]))
    path = tmp_path / "hull.csv"
    write_csv(path, [hull_row(e, system.columns(e.row.composition)) for e in ranked])
    table = list(csv.DictReader(path.open()))
    assert len(table) == 12 * 6 + 1
    assert [row["x_Li3YBr6"] for row in table if row["composition"] == "Li3YBr6"] == ["1.0"] * 6
    assert table[-1]["left_out"] == "too slow"
    written = save_hull_figures(ranked, rows, config, system, tmp_path)
    names = sorted(path.name for path in written)
    assert names == ["hull.png", "hull.svg", "ternary.png", "ternary.svg"]


def test_a_line_of_phosphates_gets_its_own_diagram(tmp_path: Path) -> None:
    ends = ["NaZr2P3O12", "Na4Zr2Si3O12"]
    between = ["Na3Zr2Si2PO12", "Na2Zr2SiP2O12"]
    config = EnumerateConfig(compositions=between, end_members=ends)
    system = system_of(config)
    assert system.coordinates["Na3Zr2Si2PO12"] == (Fraction(1, 3), Fraction(2, 3))
    relaxed = [
        ordering("NaZr2P3O12", 0, -100.0, units=1),
        ordering("Na4Zr2Si3O12", 0, -130.0, units=1),
        ordering("Na3Zr2Si2PO12", 0, -121.0, units=1),
        ordering("Na2Zr2SiP2O12", 0, -110.3, units=1),
    ]
    ranked = with_hull(relaxed, config)
    rows = {row["composition"]: row for row in composition_rows(ranked, config, system)}
    assert rows["Na3Zr2Si2PO12"]["stable"] == "yes"
    assert rows["Na3Zr2Si2PO12"]["formation_energy_eV_atom"] == pytest.approx(-1.0 / 20)
    # x = 1 is halfway between x = 0 and x = 2: -110.5 eV per formula unit of 19 atoms
    middle = rows["Na2Zr2SiP2O12"]
    assert middle["energy_above_hull_eV_atom"] == pytest.approx(0.2 / 19)
    assert middle["decomposition"] == "0.5 Na3Zr2Si2PO12 + 0.5 NaZr2P3O12"
    (tmp_path / "ternary.png").write_text("of end members that are no more")
    table = list(rows.values())
    save_hull_figures(ranked, table, config, system, tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["formation.png", "formation.svg", "hull.png", "hull.svg"]


@pytest.mark.parametrize(
    ("compositions", "ends", "columns", "note"),
    [
        (["Li3InCl6"], [], 0, "Without end members"),
        (["Li3InCl6"], ["Li3InCl6"], 1, "requires 2 or 3 end members, not 1"),
        (
            ["Li3InBr3Cl2I"],
            ["Li3InCl6", "Li3InBr6", "Li3InI6", "Li3YCl6"],
            4,
            "2 or 3 end members, not 4",
        ),
        (
            ["Li3In0.5Y0.5Br3Cl3"],
            ["Li3InCl6", "Li3InBr6", "Li3YCl6", "Li3YBr6"],
            0,
            "Li3YBr6 is Li3InBr6 + Li3YCl6 - Li3InCl6, so compositions have no unique coordinates",
        ),
    ],
)
def test_other_numbers_of_end_members_have_a_table_and_no_diagram(
    compositions: list[str], ends: list[str], columns: int, note: str, tmp_path: Path
) -> None:
    config = EnumerateConfig(compositions=compositions, end_members=ends)
    system = system_of(config)
    assert system.diagram is None
    assert note in system.note
    ranked = with_hull([ordering(f, 0, -20.0) for f in config.formulas], config)
    rows = composition_rows(ranked, config, system)
    assert sum(name.startswith("x_") for name in rows[0]) == columns
    assert len(rows) == len(config.formulas)
    written = save_hull_figures(ranked, rows, config, system, tmp_path)
    assert sorted(path.name for path in written) == ["hull.png", "hull.svg"]


@pytest.mark.parametrize(
    ("ends", "sentence"),
    [
        (CORNERS, "Li3YCl6 lies outside"),
        (["Li3InCl6", "Li3YBr6"], "Li3YCl6 is not a mixture of the end members"),
        (["Li3InCl6", "Li6In2Cl12"], "is not a mixture of the end members"),  # dependent besides
    ],
)
def test_compositions_outside_are_refused_before_they_cost_time(
    ends: list[str], sentence: str
) -> None:
    with pytest.raises(MlipsseError, match=sentence):
        system_of(EnumerateConfig(compositions=["Li3YCl6"], end_members=ends))


def test_validate_names_the_composition_outside(tmp_path: Path) -> None:
    example = resource_dir("examples") / "li3incl6"
    (tmp_path / "Li3InCl6.cif").write_bytes((example / "Li3InCl6.cif").read_bytes())
    text = (example / "campaign.yaml").read_text()
    (tmp_path / "campaign.yaml").write_text(text)
    assert not any("end members" in problem for problem in problems(read_campaign(tmp_path)))
    changed = text.replace("[Li3InCl6, Li3YBr6]", "[Li3InCl6, Li3YCl6]")
    assert changed != text
    (tmp_path / "campaign.yaml").write_text(changed)
    found = [problem for problem in problems(read_campaign(tmp_path)) if "end members" in problem]
    assert found[0].startswith("Li3In0.5Y0.5Br3Cl3 is not a mixture of the end members")
