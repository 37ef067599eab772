"""`mlipsse orderings` as a user calls it."""

import csv
import json
import shutil

import ase.io
import numpy as np
import pytest
from typer.testing import CliRunner

from mlipsse.campaign.crystals.database import Row, mark_rows, ordering_row, write_database
from mlipsse.campaign.crystals.orderings import campaign_host, campaign_supercells
from mlipsse.campaign.crystals.store import row_labels, row_supercell, stored_rows
from mlipsse.campaign.engine.folder import read_campaign
from mlipsse.cli import app
from mlipsse.errors import MlipsseError
from mlipsse.orderings import enumerate_orderings, parse_composition
from mlipsse.resources import resource_dir

HALF = "Li3In0.5Y0.5Br3Cl3"


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    """A campaign whose ranking is of Ewald energies, scaled: no potential is needed."""
    folder = tmp_path_factory.mktemp("campaign")
    shutil.copytree(resource_dir("examples") / "li3incl6", folder, dirs_exist_ok=True)
    text = (folder / "campaign.yaml").read_text()
    text = text.replace("max_force_eV_A: 0.1", "relaxation: none")
    (folder / "campaign.yaml").write_text(text.replace("[1x1x1] ", "[1x1x1, 1x1x2] "))
    read = read_campaign(folder)
    host = campaign_host(read)
    rows = []
    for cell in campaign_supercells(read, host):
        for ordering in enumerate_orderings(
            parse_composition(HALF, host), cell, max_orderings=60, seed=1
        ):
            row = ordering_row(ordering)
            energy = ordering.ewald_energy_eV / 5
            hull = (energy / cell.n_cells + 30.5) / 20
            values = {"energy_eV": energy, "energy_above_hull_eV_atom": hull}
            rows.append(Row(row.atoms, {**row.values, **values}))
    write_database(folder / "02-rank" / "ranked.db", rows)
    names = [row.name for row in rows[:2]]
    mark_rows(
        folder / "02-rank" / "ranked.db", folder / "03-select" / "orderings.db", names, "selected"
    )
    return folder


def call(*arguments) -> str:
    result = CliRunner().invoke(app, ["orderings", *map(str, arguments)])
    if isinstance(result.exception, MlipsseError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_count(campaign):
    rows = json.loads(call("count", campaign, "--json"))
    found = {(row["composition"], row["supercell"]): row for row in rows}
    assert found["Li3InCl6", "1x1x1"]["distinct"] == 10
    assert found["Li3InCl6", "1x1x2"]["distinct"] == 160
    half = found[HALF, "1x1x2"]
    assert (half["raw"], half["distinct"], half["route"]) == (
        29_529_383_520,
        1_845_803_568,
        "patterns",
    )
    assert {part["name"]: part["sites"] for part in half["sublattices"]} == {
        "Li": 16, "Br/Cl": 24, "In/Y": 4,
    }  # fmt: skip
    assert "1,845,803,568" in call("count", campaign)


def test_table_by_query(campaign, tmp_path):
    rows = json.loads(call("table", campaign, "--json"))
    assert len(rows) == 120
    wanted = [row["ordering"] for row in rows if row["energy_above_hull_eV_atom"] < 0.004]
    assert 0 < len(wanted) < 120
    out = tmp_path / "low.csv"
    call("table", campaign, "--where", "energy_above_hull_eV_atom<0.004", "--csv", out)
    with out.open() as stream:
        assert [row["ordering"] for row in csv.DictReader(stream)] == wanted
    selected = json.loads(
        call("table", campaign, "--where", "selected", "--columns", "ordering,degeneracy", "--json")
    )
    assert [row["ordering"] for row in selected] == [row["ordering"] for row in rows[:2]]
    assert set(selected[0]) == {"ordering", "degeneracy"}
    text = call("table", campaign, "--where", "selected", "--columns", "ordering").split()
    assert text == ["ordering", *(row["ordering"] for row in selected)]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--columns", "colour"), "no column 'colour'. Choose among ordering, composition"),
        (("--where", "energy_eV<"), "cannot be read"),
        (("--where", "composition=LiCl", "--csv", "x.csv"), "No ordering fulfils"),
        (("--where", "composition=LiCl"), f"composition is one of {HALF}"),
        (("--where", "compositon=Li3InCl6"), "'compositon=Li3InCl6' names no column.*composition"),
        (("--where", "energy_ev<0", "--json"), "'energy_ev<0' names no column.*energy_eV"),
        (("--where", "seleted"), "'seleted' names no column"),
    ],
)
def test_tables_that_cannot_be(campaign, arguments, sentence):
    with pytest.raises(MlipsseError, match=sentence):
        call("table", campaign, *arguments)


def test_cells_that_are_too_small_are_one_line(campaign, tmp_path):
    """One sentence per formula, with the cells that hold it; none where every cell does."""
    folder = tmp_path / "campaign"
    shutil.copytree(campaign, folder)
    text = (folder / "campaign.yaml").read_text()
    quarter = "Li3In0.75Y0.25Br3Cl3"
    text = text.replace("[1x1x1, 1x1x2] ", "[1x1x1, 1x1x2, 1x1x3, 2x1x1] ")
    (folder / "campaign.yaml").write_text(text.replace(HALF, quarter))
    printed = call("count", folder)
    (line,) = [line for line in printed.splitlines() if "cannot be realised" in line]
    assert line == (
        f"{quarter} cannot be realised in 1x1x1, 1x1x3, whose numbers of atoms would not be "
        "whole, but in 1x1x2, 2x1x1."
    )
    rows = [row for row in json.loads(call("count", folder, "--json"))
            if row["composition"] == quarter]  # fmt: skip
    assert [row["whole_atoms"] for row in rows] == [False, True, False, True]
    assert "In" in rows[0]["reason"]
    assert "cannot be realised" not in call("count", campaign)


def test_count_prints_the_hosts_charges_and_distances(campaign):
    text = call("count", campaign)
    assert "Formal charges: Br-1, Cl-1, In+3, Li+1, Y+3 (given)." in text
    assert "Shortest Li-Li distance between fillable sites: 3." in text
    (row, *_) = json.loads(call("count", campaign, "--json"))
    assert row["charges"] == {"Br": -1, "Cl": -1, "In": 3, "Li": 1, "Y": 3}
    assert set(row["charge_sources"].values()) == {"given"}
    assert row["distances"][0]["least_A"] == 2.0


def test_count_that_no_supercell_can_hold(tmp_path):
    shutil.copytree(resource_dir("examples") / "li3incl6", tmp_path, dirs_exist_ok=True)
    file = tmp_path / "campaign.yaml"
    text = file.read_text().replace("  mobile: Li\n", "  mobile: Li\n  closest_A: {Li-Li: 4.0}\n")
    file.write_text(text)
    sentence = r"holds at most \d Li, and 6 are asked for\. Sites 3\.\d\d.* Å apart are not filled"
    with pytest.raises(MlipsseError, match=sentence):
        call("count", tmp_path)


def test_exports_that_cannot_be(campaign, tmp_path):
    with pytest.raises(MlipsseError, match="No ordering fulfils composition=LiCl: nothing"):
        call("export", campaign, "--where", "composition=LiCl", "--out", tmp_path)
    with pytest.raises(MlipsseError, match="Unknown format 'pdf'"):
        call("export", campaign, "--format", "pdf", "--out", tmp_path)
    place = ("--composition", HALF, "--supercell", "2x2x2", "--temperature", 900)
    with pytest.raises(MlipsseError, match="Unknown format 'pdf'"):
        call("sample", campaign, *place, "--format", "pdf", "--out", tmp_path)
    assert not list(tmp_path.iterdir())


def test_campaign_without_orderings(tmp_path):
    shutil.copytree(resource_dir("examples") / "li3incl6", tmp_path, dirs_exist_ok=True)
    with pytest.raises(MlipsseError, match=r"has no orderings yet.*mlipsse run"):
        call("table", tmp_path)
    with pytest.raises(MlipsseError, match=r"no ranked orderings.*--until rank"):
        call(
            "sample", tmp_path, "--composition", HALF, "--supercell", "2x2x2", "--temperature", 800
        )


def test_export(campaign, tmp_path):
    call("export", campaign, "--where", "selected", "--format", "cif,extxyz", "--out", tmp_path)
    rows = list(stored_rows(campaign / "03-select" / "orderings.db", where=["selected"]))
    for row in rows:
        atoms = ase.io.read(tmp_path / f"{row.name}.extxyz")
        assert atoms.info["mobile_code"] == row.values["mobile_code"]
        assert sorted(atoms.symbols) == sorted(row.atoms.symbols)
        cif = ase.io.read(tmp_path / f"{row.name}.cif")
        np.testing.assert_allclose(cif.cell.cellpar(), row.atoms.cell.cellpar(), atol=1e-4)
        distances = [np.sort(a.get_all_distances(mic=True), axis=None) for a in (cif, row.atoms)]
        np.testing.assert_allclose(*distances, atol=1e-4)
    assert len(list(tmp_path.iterdir())) == 4


def test_rows_give_their_labels_back(campaign):
    host = campaign_host(read_campaign(campaign))
    for row in list(stored_rows(campaign / "02-rank" / "ranked.db"))[::17]:
        supercell = row_supercell(host, row.values)
        labels = row_labels(supercell, row.values)
        for sublattice, sites in zip(host.sublattices, supercell.sites, strict=True):
            for index, name in enumerate(sublattice.species):
                if name != "vacancy":
                    held = int((labels[sites] == index).sum())
                    assert held == list(row.atoms.symbols).count(name)


def test_sample_of_a_large_cell(campaign, tmp_path):
    """Energies are an Ewald sum over 5: the fit finds the 5 and leaves nothing."""
    arguments = (
        "sample", campaign, "--composition", HALF, "--supercell", "2x2x2", "--temperature", 2000,
        "--samples", 4, "--cutoff", 3, "--typical", 0, "--out", tmp_path, "--json",
    )  # fmt: skip
    first = json.loads(call(*arguments))
    assert "dielectric constant 5." in first["fit"]
    assert first["independent"]
    assert len(first["samples"]) == 4
    for name in first["samples"]:
        atoms = ase.io.read(tmp_path / "samples" / f"{name}.extxyz")
        assert len(atoms) == 8 * 20
        assert (tmp_path / "samples" / f"{name}.data").is_file()
        assert (tmp_path / "samples" / f"{name}.cif").is_file()
    assert json.loads(call(*arguments)) == first


def test_sample_with_energies_of_typical_orderings(campaign, tmp_path):
    """The potential is another than the one behind the ranking: the measured error shows it."""
    result = json.loads(
        call(
            "sample",
            campaign,
            "--composition",
            HALF,
            "--supercell",
            "1x2x2",
            "--temperature",
            2000,
            "--samples",
            2,
            "--cutoff",
            3,
            "--typical",
            4,
            "--out",
            tmp_path,
            "--json",
        )
    )
    assert result["typical_error_meV"] > 1000
    assert result["typical_left_out"] == 0
    assert result["fit"] != result["ranked_fit"]
    kept = (tmp_path / "typical" / "energies.json").read_text()
    assert len(json.loads(kept)) <= 4


def test_a_folder_whose_name_holds_marks_of_addresses(campaign, tmp_path):
    folder = tmp_path / "run#1?50%"
    shutil.copytree(campaign, folder)
    assert "selected" in call("table", folder, "--where", "selected", "--limit", "1")
