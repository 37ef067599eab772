"""A campaign whose labels the user has: nothing is sampled, and stage 5 needs no stage before."""

import json
from pathlib import Path

import pytest
from ase import Atoms
from ase.io import write
from ase.stress import voigt_6_to_full_3x3_stress

from mlipsse import keys
from mlipsse.campaign.config.file import parse_config
from mlipsse.campaign.engine.folder import Campaign, read_campaign
from mlipsse.campaign.engine.stage import Work
from mlipsse.campaign.engine.table import read_csv
from mlipsse.campaign.stages.label import stage as label
from mlipsse.campaign.stages.sample import stage as sample
from mlipsse.dataset.frames.extxyz import read_frames
from mlipsse.errors import MlipsseError
from tests.support.labels.sound_set import trajectory

CONFIG = """
name: test
structure: {{host: host.cif, mobile: Cu}}
enumerate: {{compositions: [Cu0.5Au0.5]}}
label: {label}
simulate: {{temperatures_K: [800]}}
"""


def frames_of(*names: str, each: int = 2) -> list[Atoms]:
    """Sound labels (EMT) under ASE's names, `each` frames of every trajectory."""
    frames = []
    for seed, name in enumerate(names):
        for made in trajectory(name, gold=4, frames=each, seed=seed):
            made.info = {
                "energy": made.info[keys.ENERGY],
                "stress": voigt_6_to_full_3x3_stress(made.info[keys.STRESS]),
                "trajectory": name,
            }
            made.arrays["forces"] = made.arrays.pop(keys.FORCES)
            frames.append(made)
    return frames


class Idle:
    def run(self, units, progress):
        raise AssertionError("no unit of work is needed")


def _campaign(folder: Path, frames: list[Atoms], **section) -> Campaign:
    write(folder / "own.extxyz", frames, format="extxyz", write_results=False)
    section = {"source": "extxyz: own.extxyz", "functional": "SCAN", **section}
    (folder / "campaign.yaml").write_text(CONFIG.format(label=json.dumps(section)))
    return read_campaign(folder)


def _performed(campaign: Campaign, stage) -> Work:
    work = Work(campaign, campaign.folder / stage.STAGE.folder_name, Idle(), lambda *_: None)
    work.folder.mkdir(exist_ok=True)
    work.results["outputs"] = stage.perform(work)
    return work


def test_nothing_is_sampled_and_the_labels_become_the_sets(tmp_path):
    frames = frames_of("t0", "t1", "t2", "t3")
    frames[5].info["energy"] = float("nan")
    campaign = _campaign(tmp_path, frames, min_labelled=0.8)
    assert sample.inputs(campaign) == []
    assert _performed(campaign, sample).results["outputs"] == []
    assert label.inputs(campaign) == [tmp_path / "own.extxyz"]
    work = _performed(campaign, label)
    assert (work.results["labelled"], work.results["rejected"]) == (7, 1)
    assert work.notes[0] == "own.extxyz: energy from energy, eV"
    sets = {p: read_frames(f, labelled=True) for p, f in campaign.labelled_sets.items()}
    trajectories = [{f.info[keys.TRAJECTORY] for f in part} for part in sets.values()]
    assert set.union(*trajectories) == {"t0", "t1", "t2", "t3"}
    assert sum(map(len, trajectories)) == 4
    every = [f for part in sets.values() for f in part]
    # As the config writes the formula, not as the frame's atoms are counted.
    assert {f.info[keys.COMPOSITION] for f in every} == {"Cu0.5Au0.5"}
    assert {f.info[keys.LABEL_SOURCE] for f in every} == {"SCAN (labels given: own.extxyz)"}
    (row,) = read_csv(tmp_path / "05-label" / "rejected.csv")
    assert (row["frame"], row["trajectory"]) == ("own.extxyz #5", "t2")
    assert row["reason"] == "numbers of energy are not finite."


def test_too_many_bad_frames_stop_the_stage(tmp_path):
    frames = frames_of("t0", "t1", "t2", "t3", each=1)
    frames[1].info["energy"] = float("inf")
    with pytest.raises(MlipsseError, match=r"3 of 4 frames got labels, but label\.min_l"):
        _performed(_campaign(tmp_path, frames), label)


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ("{extxyz: {valid: v.extxyz}}", "valid and test require each other"),
        ("{extxyz: {energy_unit: erg}}", "energy unit 'erg' is not known"),
        ("{source: extxyz}", "There is no label source 'extxyz'"),
    ],
)
def test_bad_settings_get_a_sentence(section, sentence):
    text = CONFIG.format(label=section)
    with pytest.raises(MlipsseError, match=sentence):
        _ = parse_config(text, source="campaign.yaml").label.given_file
