"""What a host's file states of its symmetry, beside what is found, as users see it."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mlipsse.cli import app
from mlipsse.orderings import HostSettings, Supercell, count_orderings, parse_composition, read_host
from mlipsse.orderings.cell.symmetry import describe_host, host_group
from mlipsse.resources import resource_dir

CIFS = Path(__file__).parents[1] / "data" / "cifs"
CHARGES = {"Li": 1, "Y": 3, "Cl": -1}


def host(name, **settings):
    return read_host(CIFS / name, HostSettings(mobile="Li", charges=CHARGES, **settings))


def test_space_group_of_a_file_with_symmetry():
    lines = describe_host(host("ycl_exact.cif"))
    assert lines == [
        "Crystal: ycl_exact.cif, Cl18 Li9 Y3 per cell, 35 sites.",
        "Space group: P-3m1 (164), 12 operations at a tolerance of 0.01 Å; the file states "
        "'P -3 m 1'.",
    ]


@pytest.mark.parametrize(
    ("name", "tolerance_A"),
    [("p1-Li3YCl6-3.cif", 0.02), ("p1-Li3YCl6-noise0.01.cif", 0.05)],
)
def test_noise_is_named_with_the_tolerance_that_undoes_it(name, tolerance_A):
    noisy = host(name)
    assert host_group(noisy).n_operations < 12
    assert describe_host(noisy)[-1] == (
        f"WARNING: a tolerance of {tolerance_A} Å finds P-3m1 (164), 12 operations: noise or "
        f"rounding may have cost symmetry. `structure.symprec_A: {tolerance_A}` restores it."
    )
    # The tolerance does: as many distinct orderings as in the exact crystal.
    counts = [
        count_orderings(parse_composition("Li3YCl6", one), Supercell(one, (1, 1, 1))).distinct
        for one in (host(name, symprec_A=tolerance_A), host("ycl_exact.cif"), noisy)
    ]
    assert counts[0] == counts[1] < counts[2]


def test_coordinates_off_a_mirror_cost_no_symmetry():
    assert host_group(host("ycl_off2.cif")).n_operations == 12
    assert host_group(host("ycl_2dec.cif")).n_operations == 12


def test_lost_operations_are_named():
    exact = host("ycl_exact.cif")
    moved = exact.scaled_positions + np.linspace(0, 0.02, 105).reshape(-1, 3)
    lines = describe_host(replace(exact, scaled_positions=moved))
    assert any("operations are found where the file's space group has 12" in line for line in lines)


def test_a_primitive_cell_has_fewer_operations():
    """4 instead of the 8 of the centred cell, which is no loss."""
    cif = resource_dir("examples") / "li3incl6" / "Li3InCl6.cif"
    lines = describe_host(read_host(cif, HostSettings(mobile="Li", primitive=True)))
    assert lines[0].endswith("per cell, 22 sites; its primitive cell of 11 is used.")
    assert "C2/m (12), 4 operations" in lines[1]
    assert not any("WARNING" in line for line in lines)


@pytest.fixture
def campaign(tmp_path):
    shutil.copytree(resource_dir("examples") / "li3incl6", tmp_path, dirs_exist_ok=True)
    cif = tmp_path / "Li3InCl6.cif"
    text = cif.read_text()
    assert "_cell_formula_units_Z   2" in text
    cif.write_text(text.replace("'Li6 In2 Cl12'", "'Li5.5 In2 Cl12'"))
    return tmp_path


def test_count_and_validate_print_the_crystal(campaign):
    counted = CliRunner().invoke(app, ["orderings", "count", str(campaign)])
    assert "Space group: C2/m (12), 8 operations" in counted.stdout
    assert "WARNING: its sites make Cl12 In2 Li6 per cell" in counted.stdout
    in_json = CliRunner().invoke(app, ["orderings", "count", str(campaign), "--json"])
    assert json.loads(in_json.stdout)[0]["supercell"] == "1x1x1"
    assert "Li +0.5" in in_json.stderr
    validated = CliRunner().invoke(app, ["validate", str(campaign), "--json"])
    assert any("Li +0.5" in line for line in json.loads(validated.stdout)["notes"])


def test_all_atoms_under_a_symbol_have_its_symmetry():
    charges = {"La": 3, "Li": 1, "Ti": 4, "O": -2}
    lines = describe_host(
        read_host(CIFS / "hm_but_all_atoms.cif", HostSettings(mobile="Li", charges=charges))
    )
    assert "Pm-3m (221), 48 operations" in lines[1]
    assert not any("more symmetry" in line or "WARNING" in line for line in lines)


def test_every_label_of_a_mixed_site_names_it():
    """Its rows are La1 and Li1; a list under either is the site's."""
    for label in ("La1", "Li1"):
        mixed = read_host(
            CIFS / "base.cif",
            HostSettings(
                mobile="Li",
                charges={"La": 3, "Li": 1, "Ti": 4, "O": -2},
                substitutions={label: ["La", "vacancy"], "Ti1": ["Li", "Ti"]},
            ),
        )
        assert {part.name: part.species for part in mixed.sublattices} == {
            "La": ("La", "vacancy"), "Li/Ti": ("Li", "Ti"), "O": ("O",),
        }  # fmt: skip
