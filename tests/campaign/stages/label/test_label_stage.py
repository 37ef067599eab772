"""Stage 5 on a handful of frames, in this process, with a stand-in for VASP (EMT)."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from ase.calculators.calculator import Calculator
from ase.calculators.emt import EMT

from mlipsse import keys
from mlipsse.campaign.checks.campaign import problems
from mlipsse.campaign.config.file import parse_config
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.table import read_csv
from mlipsse.campaign.stages.label import units as labelling
from mlipsse.campaign.stages.label.units import COLUMNS
from mlipsse.dataset.frames.extxyz import read_frames, write_frames
from mlipsse.dataset.labels.teacher import Teacher
from mlipsse.errors import MlipsseError
from tests.support.here import Here
from tests.support.sampled_alloy import (
    CONFIG,
    N_FRAMES,
    alloy_campaign,
    attempts,
    energies_eV,
    labelled,
)

STAND_IN = Path(__file__).parents[3] / "support" / "labels" / "fake_vasp.py"


def _campaign(folder: Path, **settings) -> Campaign:
    """Four frames of four trajectories, and a config in which VASP follows `modes`."""
    vasp = {"write_potcar": False, "nelm": 20, "retries": 0, "command": None, **settings}
    if modes := vasp.pop("modes", None):
        vasp["command"] = shlex.join([sys.executable, str(STAND_IN), *modes])
    share = vasp.pop("min_labelled", 0.7)
    source = vasp.pop("source", "vasp")
    section = {"source": source, "min_labelled": share, "vasp": vasp}
    return alloy_campaign(folder, section)


def _sets(campaign: Campaign) -> dict[str, float]:
    return energies_eV(campaign, label_source="SCAN (VASP 6.4.2, 680 eV)")


def test_frames_are_labelled_and_the_rejected_listed(tmp_path):
    campaign = _campaign(tmp_path, modes=["fine", "unconverged", "fine"])
    work = labelled(campaign, Here())
    truth = {}
    for frame in read_frames(tmp_path / "04-sample" / "frames.extxyz", labelled=False):
        frame.calc = EMT()
        truth[frame.info[keys.TRAJECTORY]] = frame.get_potential_energy()
    del truth["t1"]
    assert _sets(campaign) == pytest.approx(truth, abs=1e-6)
    (row,) = read_csv(tmp_path / "05-label" / "rejected.csv")
    assert tuple(row) == COLUMNS
    assert (row["frame"], row["composition"], row["trajectory"]) == ("1", "CuAu", "t1")
    assert row["reason"] == "the electrons did not converge in 20 steps."
    assert work.results == {"labelled": 3, "rejected": 1}
    assert "fake_vasp.py" in work.commands[0]


def emt_teacher(source: str, *, head: str | None, device: str) -> Teacher:
    return Teacher("emt", EMT())


def test_compositions_without_a_training_frame_are_a_note(tmp_path, monkeypatch):
    campaign = _campaign(tmp_path, source="teacher: mace-sse-small")
    monkeypatch.setattr(labelling, "make_teacher", emt_teacher)
    assert labelled(campaign, Here()).notes == []
    path = tmp_path / "04-sample" / "frames.extxyz"
    frames = read_frames(path, labelled=False)
    for number, frame in enumerate(frames):
        frame.info[keys.COMPOSITION] = f"composition{number}"
    write_frames(path, frames)
    (note,) = labelled(campaign, Here()).notes
    assert re.match(r"No training frame is of composition\d, composition\d: ", note)


def test_an_interrupted_stage_goes_on_and_a_killed_run_is_redone_alone(tmp_path):
    campaign = _campaign(tmp_path, modes=["fine", "killed", "fine"])
    first = Here(at_most=3)
    with pytest.raises(KeyboardInterrupt):
        labelled(campaign, first)
    assert len(attempts(campaign)) == 3
    labelled(campaign, Here())
    runs = attempts(campaign)
    # The second was killed and is done again, the fourth was not begun; the others stand.
    assert runs[3] == runs[1]
    assert len(set(runs)) == N_FRAMES
    assert len(runs) == N_FRAMES + 1
    assert set(_sets(campaign)) == {"t0", "t1", "t2", "t3"}
    assert read_csv(tmp_path / "05-label" / "rejected.csv") == []
    labelled(campaign, Here())
    assert attempts(campaign) == runs


def test_too_few_labels_stop_the_stage_and_more_steps_redo_the_rejected(tmp_path):
    campaign = _campaign(tmp_path, modes=["fine", "unconverged"])
    with pytest.raises(
        MlipsseError, match=r"1 of 4 frames got labels.*requires 70%.*reason \(3 frames\): the el"
    ):
        labelled(campaign, Here())
    assert len(read_csv(tmp_path / "05-label" / "rejected.csv")) == 3
    with pytest.raises(MlipsseError, match="1 of 4 frames"):
        labelled(campaign, Here())
    assert len(attempts(campaign)) == N_FRAMES
    campaign = _campaign(tmp_path, modes=["fine"], nelm=60)
    labelled(campaign, Here())
    assert len(attempts(campaign)) == N_FRAMES + 3
    assert len(_sets(campaign)) == N_FRAMES
    labelled(_campaign(tmp_path, modes=["fine"], encut_eV=500), Here())
    assert len(attempts(campaign)) == 2 * N_FRAMES + 3


def test_without_a_command_inputs_are_written_and_outputs_read(tmp_path):
    campaign = _campaign(tmp_path)
    for _ in range(2):
        with pytest.raises(MlipsseError, match=r"4 of 4 frames wait for SCAN .VASP.*05-label/runs"):
            labelled(campaign, Here())
    folders = sorted(path for path in (tmp_path / "05-label" / "runs").iterdir())
    assert len(folders) == N_FRAMES
    for folder in folders:
        assert {"INCAR", "KPOINTS", "POSCAR", "POTCAR.spec"} <= {p.name for p in folder.iterdir()}
        subprocess.run([sys.executable, STAND_IN, "fine"], cwd=folder, check=True)
    labelled(campaign, Here())
    assert len(_sets(campaign)) == N_FRAMES


class Moody(Calculator):
    implemented_properties = ("energy", "forces", "stress")  # type: ignore[assignment]

    def calculate(self, atoms=None, *arguments):
        if atoms.info[keys.TRAJECTORY] == "t2":
            raise ValueError("not this one")
        copy = atoms.copy()
        self.results = {
            name: EMT().get_property(name, copy) for name in self.implemented_properties
        }


def moody_teacher(source: str, *, head: str | None, device: str) -> Teacher:
    return Teacher("moody", Moody())


def test_a_teachers_failures_are_rejected_too(tmp_path, monkeypatch):
    campaign = _campaign(tmp_path, source="teacher: mace-sse-small")
    monkeypatch.setattr(labelling, "make_teacher", moody_teacher)
    work = labelled(campaign, Here())
    assert work.results == {"labelled": 3, "rejected": 1}
    (row,) = read_csv(tmp_path / "05-label" / "rejected.csv")
    assert row["trajectory"] == "t2"
    assert "moody cannot label Au2Cu2 of trajectory t2: not this one" in row["reason"]


def test_validate_reports_a_missing_command_and_library(tmp_path):
    def stated(**settings) -> str:
        return "\n".join(p for p in problems(_campaign(tmp_path, **settings)) if "label" in p)

    assert stated(command="sh run.sh") == ""
    assert "label.vasp: The command 'no-such-vasp' cannot be run" in stated(command="no-such-vasp")
    assert "label.vasp: VASP needs the POTCAR Au of PBE_54" in stated(write_potcar=True)


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ("{vasp: {encut: 500}}", r"label\.vasp\.encut: .*did you mean encut_eV"),
        ("{vasp: {functional: PBE}}", r"label\.vasp\.functional: .*SCAN"),
        ("{vasp: {incar: {METAGGA: R2SCAN}}}", r"label\.vasp: The INCAR tag METAGGA is reserved"),
        ("{vasp: {kspacing_1_A: 0.3, kpoint_density_A3: 64}}", "exclude each other"),
        ("{min_labelled: 0}", r"label\.min_labelled"),
    ],
)
def test_bad_settings_get_a_sentence(section: str, sentence: str):
    with pytest.raises(MlipsseError, match=sentence):
        parse_config(CONFIG.format(label=section), source="campaign.yaml")
