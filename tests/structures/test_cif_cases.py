"""Every file in tests/data/cifs reads to its true content, or is refused with the reason."""

import json
import re
from pathlib import Path

import gemmi
import numpy as np
import pytest

from mlipsse.errors import MlipsseError
from mlipsse.structures import read_crystal

FOLDER = Path(__file__).parents[1] / "data" / "cifs"
EXPECTED = json.loads((FOLDER / "expected.json").read_text())
NAMES = sorted(path.name for path in FOLDER.iterdir() if path.name != "expected.json")

# Occupancies in the files have two to four decimals.
TOLERANCE = 2e-3


def test_every_file_has_an_expectation():
    assert sorted(EXPECTED) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_content(name):
    expected = EXPECTED[name]
    if "refused" in expected:
        with pytest.raises(MlipsseError, match=re.escape(expected["refused"])):
            read_crystal(FOLDER / name)
        return
    crystal = read_crystal(FOLDER / name)
    assert crystal.content == pytest.approx(expected["content"], abs=TOLERANCE, rel=TOLERANCE)
    if "note" in expected:
        assert re.search(expected["note"], "\n".join(crystal.notes))
    if "sites" in expected:
        assert len(crystal.sites) == expected["sites"]
    assert all(site.occupancy <= 1 + 1e-9 for site in crystal.sites)


@pytest.mark.parametrize(
    "name", [name for name in NAMES if re.match(r"(ops_only|c2m.*ops|spinel.*ops|oxyhy.*)", name)]
)
def test_sites_are_those_of_gemmi(name):
    """Another library lays out the same sites, where the operations are listed.

    Not so in nasicon_h_ops.cif: gemmi joins images of Li2 that are 0.17 Å apart and loses half of
    it.
    """
    structure = gemmi.read_small_structure(str(FOLDER / name))
    theirs = np.array([site.fract.tolist() for site in structure.get_all_unit_cell_sites()])
    ours = read_crystal(FOLDER / name)
    apart = ours.scaled_positions[:, None] - theirs
    away_A = np.linalg.norm((apart - np.rint(apart)) @ ours.cell, axis=2)
    assert away_A.min(axis=0).max() < 2e-3
    assert away_A.min(axis=1).max() < 2e-3


@pytest.mark.parametrize("name", [name for name in NAMES if "llto" in name or "OSCAR" in name])
def test_poscars_are_one_crystal(name):
    if "refused" in EXPECTED[name]:
        return
    crystal = read_crystal(FOLDER / name)
    assert abs(np.linalg.det(crystal.cell)) == pytest.approx(3.87**3)
    elements = [next(iter(site.amounts)) for site in crystal.sites]
    places = {
        tuple(np.round(position, 6).tolist()): element
        for position, element in zip(crystal.scaled_positions, elements, strict=True)
    }
    assert places == {
        (0.5, 0.5, 0.5): "La", (0.5, 0.5, 0.0): "Li", (0.0, 0.0, 0.0): "Ti",
        (0.5, 0.0, 0.0): "O", (0.0, 0.5, 0.0): "O", (0.0, 0.0, 0.5): "O",
    }  # fmt: skip


def test_stated_oxidation_states_are_kept():
    crystal = read_crystal(FOLDER / "mixed_valence_uneven.cif")
    assert crystal.oxidation_states == {
        "La": {3.0: 0.5}, "Li": {1.0: 0.5}, "O": {-2.0: 3.0}, "Ti": {4.0: 0.3, 3.0: 0.7},
    }  # fmt: skip
    assert read_crystal(FOLDER / "charges_label_only.cif").oxidation_states["Ti"] == {4.0: 1.0}
    assert read_crystal(FOLDER / "argyrodite_stated.cif").oxidation_states["Cl"] == {
        -1.0: pytest.approx(4)
    }
    assert read_crystal(FOLDER / "base.cif").oxidation_states == {}
