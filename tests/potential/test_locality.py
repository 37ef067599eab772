"""How far a force depends on its surroundings: zero beyond a model's reach, and not before it."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from ase.calculators.lj import LennardJones
from ase.geometry import get_distances

from mlipsse import keys
from mlipsse.campaign.studies import locality as study
from mlipsse.campaign.studies.locality import study_locality
from mlipsse.dataset.frames.extxyz import read_frames, write_frames
from mlipsse.errors import MlipsseError
from mlipsse.potential.locality.measure import (
    LocalitySettings,
    central_atoms,
    check_radii,
    heated,
    locality_point,
    sample_outside,
)
from tests.support.here import HereExecution

QUICK = LocalitySettings(temperature_K=40.0, equilibration_ps=0.1, samples=6, timestep_fs=4.0)


def argon() -> Atoms:
    return bulk("Ar", "fcc", a=5.3, cubic=True).repeat(4)


def pairs() -> LennardJones:
    """Forces end at 6 Å."""
    return LennardJones(sigma=3.4, epsilon=0.0104, rc=6.0)


def test_pairs_know_nothing_beyond_their_cutoff() -> None:
    hot = heated(argon(), pairs(), QUICK, seed=1)
    spreads = {}
    for radius_A in (4.5, 6.0, 8.0):
        frames, forces = sample_outside(hot, pairs(), QUICK, centre=7, radius_A=radius_A, seed=1)
        point = locality_point(hot, 7, radius_A, forces)
        spreads[radius_A] = point.spread_eV_A
        assert point.element == "Ar"
        assert len(frames) == point.samples == 6
        _, apart = get_distances(hot.positions[[7]], hot.positions, cell=hot.cell, pbc=True)
        inside = apart[0] <= radius_A
        assert point.free_atoms == (~inside).sum()
        for frame in frames:
            assert (frame.positions[inside] == hot.positions[inside]).all()
            assert (frame.positions[~inside] != hot.positions[~inside]).any(axis=1).all()
    assert spreads[4.5] > 1e-5
    assert spreads[6.0] < 1e-12
    assert spreads[8.0] < 1e-12


def test_the_spread_is_that_of_the_definition() -> None:
    rng = np.random.default_rng(0)
    forces = rng.normal(size=(4000, 3)) * [0.1, 0.2, 0.3] + [1.0, 2.0, 2.0]
    point = locality_point(argon(), 0, 5.0, forces)
    assert point.spread_eV_A == pytest.approx(np.sqrt((0.01 + 0.04 + 0.09) / 3), rel=0.03)
    assert point.force_eV_A == pytest.approx(3.0, rel=0.01)
    # of a variance of Gaussian numbers: s / sqrt(2 n), here of three of different width
    assert point.spread_std_eV_A == pytest.approx(0.0018, rel=0.3)
    with pytest.raises(MlipsseError, match="a spread requires two"):
        locality_point(argon(), 0, 5.0, forces[:1])


def test_cells_that_are_too_small() -> None:
    check_radii(argon(), [10.6])
    with pytest.raises(MlipsseError, match=r"the cell is 21\.2 Å wide"):
        check_radii(argon(), [4.0, 10.7])
    with pytest.raises(MlipsseError, match="none is left to move"):
        check_radii(Atoms("ArAr", positions=[[0, 0, 0], [0, 0, 2]], cell=[20] * 3, pbc=True), [4])


def test_central_atoms() -> None:
    atoms = bulk("NaCl", "rocksalt", a=5.6, cubic=True)
    assert [atoms.symbols[k] for k in central_atoms(atoms, 2)].count("Na") == 2
    assert len(central_atoms(atoms, 2)) == 4


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "Execution", HereExecution)


@pytest.mark.usefixtures("here")
def test_a_mace_model_is_blind_beyond_its_reach(thin_model: Path, tmp_path: Path) -> None:
    """One layer of random weights, in float64."""
    crystal = bulk("LiCl", "rocksalt", a=5.13, cubic=True).repeat(4)
    settings = LocalitySettings(temperature_K=300, equilibration_ps=0.02, samples=2)
    reach_A = 2 * float(torch.load(thin_model, weights_only=False).r_max)
    radii_A = [reach_A / 2, reach_A + 1e-3]
    found = study_locality(
        crystal, str(thin_model), radii_A, out=tmp_path, settings=settings, head="target"
    )
    assert found.reach_A == reach_A
    for point in found.points:
        if point.radius_A < reach_A:
            assert point.spread_eV_A > 1e-6
        else:
            assert point.spread_eV_A < 1e-12 * max(1.0, point.force_eV_A)


@pytest.mark.usefixtures("here")
def test_tables_figures_and_labels(tmp_path: Path) -> None:
    crystal = bulk("LiCl", "rocksalt", a=5.13, cubic=True).repeat((2, 2, 2))
    settings = LocalitySettings(temperature_K=300, equilibration_ps=0.05, samples=3)
    found = study_locality(
        crystal, "mace-sse-small", [3.0, 5.0], out=tmp_path, settings=settings, per_element=1
    )
    assert found.reach_A == 20.0
    assert [point.radius_A for point in found.points] == [3.0, 5.0, 3.0, 5.0]
    assert all(point.spread_eV_A > 1e-4 for point in found.points)
    assert (tmp_path / "report.html").is_file()
    assert (tmp_path / "locality.png").is_file()
    assert len(json.loads((tmp_path / "locality.json").read_text())["points"]) == 4
    frames = read_frames(tmp_path / "frames.extxyz", labelled=False)
    assert len(frames) == 12
    before = (tmp_path / "locality.csv").read_bytes()
    for frame in frames:  # labels that do not vary
        frame.info[keys.ENERGY] = 0.0
        frame.arrays[keys.FORCES] = np.ones((len(frame), 3))
        frame.info[keys.STRESS] = np.zeros(6)
    write_frames(tmp_path / "labelled.extxyz", frames)
    again = study_locality(
        crystal,
        "mace-sse-small",
        [3.0, 5.0],
        out=tmp_path,
        settings=settings,
        per_element=1,
        labels=tmp_path / "labelled.extxyz",
    )
    assert [point.spread_eV_A for point in again.points] == [
        point.spread_eV_A for point in found.points
    ], "nothing is computed again"
    assert [point.spread_eV_A for point in again.labelled] == [0.0] * 4
    assert (tmp_path / "locality.csv").read_bytes().startswith(before.rstrip())
    frames[0].positions += 0.1
    write_frames(tmp_path / "labelled.extxyz", frames)
    with pytest.raises(MlipsseError, match="holds 1 frames that are none of this study"):
        study_locality(
            crystal,
            "mace-sse-small",
            [3.0, 5.0],
            out=tmp_path,
            settings=settings,
            per_element=1,
            labels=tmp_path / "labelled.extxyz",
        )


def test_what_is_refused(tmp_path: Path) -> None:
    crystal = bulk("LiF", "rocksalt", a=4.1, cubic=True).repeat(2)
    with pytest.raises(MlipsseError, match="F"):
        study_locality(crystal, "mace-sse-small", [3.0], out=tmp_path / "out")
    with pytest.raises(MlipsseError, match="at least one radius"):
        study_locality(crystal, "mace-sse-small", [], out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
