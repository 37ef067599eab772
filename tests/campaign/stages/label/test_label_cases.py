"""Label files that were once taken wrongly: each is read right, or refused by its cause."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms, units
from ase.io import read

from mlipsse import keys
from mlipsse.campaign.checks.campaign import problems
from mlipsse.campaign.engine.folder import Campaign, read_campaign
from mlipsse.campaign.engine.stage import Work
from mlipsse.campaign.stages.finetune.stage import isolated_atoms_eV
from mlipsse.campaign.stages.label import stage as label
from mlipsse.campaign.stages.label.given_labels import GivenSets, check_given, read_given
from mlipsse.dataset.check.measures.labelled_set import read_labelled_set
from mlipsse.dataset.frames.extxyz import read_frames
from mlipsse.dataset.frames.label_names import LabelNames
from mlipsse.dataset.labels.cp2k.settings import Cp2kSettings
from mlipsse.dataset.labels.cp2k.source import Cp2k
from mlipsse.dataset.labels.sources import Label
from mlipsse.errors import MlipsseError

FOLDER = Path(__file__).parents[3] / "data" / "labels"
CONFIG = """
name: cases
structure: {{host: host.cif, mobile: Li}}
enumerate: {{compositions: [Li3InCl6]}}
label: {label}
simulate: {{temperatures_K: [800]}}
"""


@dataclass(frozen=True)
class Case:
    """A file: what `label.extxyz` states about it, and the result."""

    extxyz: dict[str, Any]
    refused: str = ""
    right: Callable[[GivenSets], None] = lambda given: None


def _isolated(given: GivenSets) -> None:
    assert set(given.labels.isolated_eV) == {"Li", "In", "Y", "Cl", "Br"}
    assert given.labels.isolated_eV["Li"] == -0.3
    assert given.labels.rejected == []
    assert min(map(len, given.labels.frames)) == 40


def _one_atom_crystals(given: GivenSets) -> None:
    assert sum(len(frame) == 1 for frame in given.labels.frames) == 3
    assert given.labels.isolated_eV == {}


def _free_energy_is_the_energy(given: GivenSets) -> None:
    assert "2 in all, which were cut into 4 blocks" in " ".join(given.notes)
    frame = given.labels.frames[0]
    assert frame.info[keys.ENERGY] == -417.4015808105469
    assert frame.info[keys.STRESS][3:] == pytest.approx([2.9e-4, -1.7e-4, -6.8e-4], abs=1e-5)


BY_NAME = {"stress_unit": "eV/A3", "trajectory_key": "traj"}
CASES = {
    "constrained_zeroed.xyz": Case(BY_NAME, "zero labels: .*constraints zeroed them"),
    "replay_turned_stress.extxyz": Case({}, "stress unit and sign: .*sign is wrong"),
    "t14.xyz": Case({"stress_unit": "eV/A3"}, right=_isolated),
    "t15.xyz": Case({"stress_unit": "eV/A3"}, right=_one_atom_crystals),
    "t18.xyz": Case({}, right=_free_energy_is_the_energy),
    "turned_stress.xyz": Case(BY_NAME, "stress unit and sign: .*sign is wrong"),
    "two_functionals.xyz": Case(BY_NAME, "energy bands: .*two functionals"),
    "with_isolated_30.xyz": Case(BY_NAME, right=_isolated),
}
OTHERS = {
    *("cp2k_2025_layout_frame.out", "cp2k_geo_opt_frame.out"),
    *("dpdata_energy_hartree.xyz", "dpdata_stress_gpa.xyz"),
}


def test_every_file_has_a_case() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {*CASES, *OTHERS}


def _campaign(folder: Path, name: str, **extxyz: Any) -> Campaign:
    shutil.copyfile(FOLDER / name, folder / name)
    section = {"source": f"extxyz: {name}", "functional": "SCAN", "extxyz": extxyz}
    (folder / "campaign.yaml").write_text(CONFIG.format(label=json.dumps(section)))
    return read_campaign(folder)


@pytest.mark.parametrize("name", CASES)
def test_labels_given_to_a_campaign(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    campaign = _campaign(tmp_path, name, **case.extxyz)
    if case.refused:
        with pytest.raises(MlipsseError, match=case.refused):
            check_given(campaign, read_given(campaign))
    else:
        case.right(check_given(campaign, read_given(campaign)))


class Idle:
    def run(self, units: object, progress: object) -> None:
        raise AssertionError("no unit of work is needed")


def test_stage_and_validate_stop_at_what_a_check_finds(tmp_path: Path) -> None:
    campaign = _campaign(tmp_path, "turned_stress.xyz", **BY_NAME)
    (stated,) = [problem for problem in problems(campaign) if problem.startswith("label.source")]
    assert "sign is wrong" in stated
    assert "label.extxyz.some_name here" in stated
    work = Work(campaign, tmp_path / "05-label", Idle(), lambda *_: None)
    work.folder.mkdir()
    with pytest.raises(MlipsseError, match="sign is wrong"):
        label.perform(work)
    right = _campaign(tmp_path, "turned_stress.xyz", **BY_NAME, stress_sign="compression")
    work = Work(right, tmp_path / "05-label", Idle(), lambda *_: None)
    label.perform(work)
    assert work.results["labelled"] == 16


def test_isolated_atoms_count_as_no_rejected_frames_and_are_kept(tmp_path: Path) -> None:
    """5 of 20 frames: with them among the rejected, min_labelled would stop the stage."""
    campaign = _campaign(tmp_path, "with_isolated_30.xyz", **BY_NAME)
    work = Work(campaign, tmp_path / "05-label", Idle(), lambda *_: None)
    work.folder.mkdir()
    label.perform(work)
    assert work.results == {"labelled": 15, "rejected": 0}
    found = isolated_atoms_eV(campaign)
    assert found == {"Br": -0.2, "Cl": -0.3, "In": -0.3, "Li": -0.3, "Y": -2.2}
    settings = campaign.config.finetune.settings(seed=1, isolated_eV=found)
    assert settings.e0s == found
    assert campaign.config.finetune.settings(seed=1).e0s == "estimated"


def test_leakage_between_given_splits_stops(tmp_path: Path) -> None:
    """The same frame, and one 0.03 Å away, in train and test, under names of their own."""
    campaign = _campaign(tmp_path, "t14.xyz", stress_unit="eV/A3", split_key="split")
    frames = [frame for frame in read(FOLDER / "t14.xyz", ":") if len(frame) > 1]

    def write(copies: list[Atoms]) -> None:
        from ase.io import write as write_extxyz

        parts = ["train"] * 12 + ["valid"] * 2 + ["test"] * (2 + len(copies))
        every = [frame.copy() for frame in (*frames, *copies)]
        for frame, part in zip(every, parts, strict=True):
            del frame.info["traj"]
            frame.info["split"] = part
        write_extxyz(tmp_path / "t14.xyz", every, format="extxyz", write_results=False)

    write([])
    checks = {one.name: one for one in check_given(campaign, read_given(campaign)).checks}
    assert checks["leakage"].verdict == "pass"
    near = frames[3].copy()
    near.positions += np.random.default_rng(1).normal(0, 0.03 / np.sqrt(3), (40, 3))
    for copy in (frames[3], near):
        write([copy])
        with pytest.raises(MlipsseError, match=r"leakage: .*1 pairs .* near-identical"):
            check_given(campaign, read_given(campaign))


@pytest.mark.parametrize(
    ("name", "energy_eV", "force_eV_A", "stress_eV_A3"),
    [
        ("dpdata_energy_hartree.xyz", -0.5 * units.Ha, 0.01 * units.Ha / units.Bohr, None),
        ("dpdata_stress_gpa.xyz", -3.0, 0.1, units.GPa),
    ],
)
def test_units_that_a_file_states(
    name: str, energy_eV: float, force_eV_A: float, stress_eV_A3: float | None
) -> None:
    (frame,) = read_labelled_set({"train": [FOLDER / name]}).frames
    assert frame.info[keys.ENERGY] == pytest.approx(energy_eV, rel=1e-5)
    assert frame.arrays[keys.FORCES][0, 0] == pytest.approx(force_eV_A, rel=1e-5)
    if stress_eV_A3 is not None:
        assert frame.info[keys.STRESS][:3] == pytest.approx([stress_eV_A3] * 3, rel=1e-5)
    names = LabelNames(energy_unit="eV", force_unit="eV/A", stress_unit="eV/A3")
    with pytest.raises(MlipsseError, match=r"states that its \w+ is in .*, but .* is given"):
        read_labelled_set({"train": [FOLDER / name]}, names=names)


def _cp2k_frame() -> Atoms:
    positions = [
        [0.162435, -0.061176, -0.052817],
        [-0.107297, 1.891541, 1.574846],
        [1.979481, -0.076121, 1.836904],
        [1.780063, 1.951211, -0.206014],
    ]
    return Atoms("Cu4", positions=positions, cell=[3.61] * 3, pbc=True)


def _cp2k_answer(name: str, folder: Path) -> Any:
    shutil.copyfile(FOLDER / name, folder / "frame.out")
    return Cp2k(Cp2kSettings(cutoff_Ry=600)).read(_cp2k_frame(), folder)


def test_cp2k_of_2025(tmp_path: Path) -> None:
    found = _cp2k_answer("cp2k_2025_layout_frame.out", tmp_path)
    assert isinstance(found, Label)
    assert found.point.energy_eV == pytest.approx(0.027483673617244 * units.Ha, rel=1e-5)
    wanted = np.array([9.79379926e-3, -4.57064360e-2, 2.19166568e-2]) * units.Ha / units.Bohr
    assert found.point.forces_eV_A[3] == pytest.approx(wanted, rel=1e-5)
    # GPa, positive under pressure: xx yy zz yz xz xy.
    stress = [5.47127239692, 12.2458207872, 4.80696906525, -6.03351036582, -3.201501955, -6.6141537]
    assert found.point.stress_eV_A3 == pytest.approx(-np.array(stress) * units.GPa, rel=1e-5)
    assert "CP2K 2025.2" in found.source


def test_an_optimisation_by_cp2k_is_no_single_point(tmp_path: Path) -> None:
    found = _cp2k_answer("cp2k_geo_opt_frame.out", tmp_path)
    assert "CP2K ran GEO_OPT (2 ionic steps), not the single point" in found.reason
    assert found.common


def test_frames_are_read_whole() -> None:
    assert len(read_frames(FOLDER / "t14.xyz", labelled=False)) == 21
