"""Labels that a user has: which frames are taken, how they are split, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import write
from ase.stress import full_3x3_to_voigt_6_stress, voigt_6_to_full_3x3_stress

from mlipsse import keys
from mlipsse.dataset.frames.label_names import LabelNames
from mlipsse.dataset.own_labels import OwnLabelSettings, read_own_labels
from mlipsse.errors import MlipsseError

SCAN = OwnLabelSettings(functional="SCAN (VASP 6.4)")


def frame(seed: int = 0, symbols: str = "Cu2Au2", **entries) -> Atoms:
    """Labels under ASE's names, as numbers by seed."""
    rng = np.random.default_rng(seed)
    atoms = Atoms(symbols, positions=rng.random((4, 3)) * 4, cell=[4, 4, 5], pbc=True)
    atoms.info["energy"] = -3.0 - seed
    atoms.arrays["forces"] = rng.normal(size=(4, 3))
    # ASE reads a stress under this name from nine numbers only.
    atoms.info["stress"] = voigt_6_to_full_3x3_stress(rng.normal(size=6) / 100)
    atoms.info.update(entries)
    return atoms


def voigt(atoms: Atoms) -> np.ndarray:
    return full_3x3_to_voigt_6_stress(atoms.info["stress"])


def written(path: Path, frames: list[Atoms]) -> Path:
    write(path, frames, format="extxyz", write_results=False)
    return path


def one(path: Path, frames: list[Atoms], settings: OwnLabelSettings = SCAN, **arguments):
    return read_own_labels({"train": written(path / "own.extxyz", frames)}, settings, **arguments)


def test_labels_come_under_our_keys_with_their_source(tmp_path):
    labels = one(tmp_path, [frame(seed, trajectory=f"t{seed}") for seed in range(3)])
    first = labels.frames[0]
    assert first.info[keys.ENERGY] == -3.0
    assert first.arrays[keys.FORCES] == pytest.approx(frame(0).arrays["forces"], abs=1e-7)
    assert first.info[keys.STRESS] == pytest.approx(voigt(frame(0)), abs=1e-7)
    assert first.info[keys.LABEL_SOURCE] == "SCAN (VASP 6.4) (labels given: own.extxyz)"
    assert [f.info[keys.TRAJECTORY] for f in labels.frames] == ["t0", "t1", "t2"]
    assert first.info[keys.COMPOSITION] == "AuCu"
    assert labels.rejected == []
    assert labels.notes == [
        "own.extxyz: energy from energy, eV",
        "own.extxyz: forces from forces, eV/A",
        "own.extxyz: stress from stress, eV/A3, positive under tension",
    ]


def test_other_names_and_units_are_reported(tmp_path):
    frames = [frame(seed, E=-1.0, trajectory=f"t{seed}") for seed in range(2)]
    for atoms in frames:
        del atoms.info["energy"]
    names = LabelNames(energy="E", energy_unit="eV/atom", stress_sign="compression")
    labels = one(tmp_path, frames, OwnLabelSettings(names=names, functional="SCAN"))
    assert labels.frames[1].info[keys.ENERGY] == pytest.approx(-4.0)
    assert labels.frames[1].info[keys.STRESS] == pytest.approx(-voigt(frame(1)), abs=1e-7)


@pytest.mark.parametrize("where", ["energy", "forces", "stress", "positions"])
def test_a_frame_with_nan_is_rejected_and_the_others_kept(tmp_path, where):
    frames = [frame(seed, trajectory=f"t{seed}") for seed in range(4)]
    bad = frames[2]
    if where in ("energy", "stress"):
        bad.info[where] = bad.info[where] * np.nan
    else:
        bad.arrays[where][1, 2] = np.nan
    labels = one(tmp_path, frames)
    assert [f.info[keys.TRAJECTORY] for f in labels.frames] == ["t0", "t1", "t3"]
    ((place, atoms, reason),) = labels.rejected
    assert place == "own.extxyz #2"
    assert atoms.info[keys.TRAJECTORY] == "t2"
    assert reason == f"numbers of {where} are not finite."


def test_missing_stress_is_refused_or_left_out(tmp_path):
    frames = [frame(seed, trajectory=f"t{seed}") for seed in range(5)]
    for index in (1, 3):
        del frames[index].info["stress"]
    with pytest.raises(
        MlipsseError,
        match=r"2 of 5 frames have no stress.*own.extxyz #1, own.extxyz #3.*without_stress",
    ):
        one(tmp_path, frames)
    settings = OwnLabelSettings(functional="SCAN", without_stress="leave out")
    labels = one(tmp_path, frames, settings)
    assert len(labels.frames) == 3
    assert [reason for *_, reason in labels.rejected] == ["has no stress."] * 2


def test_mixed_or_unknown_sources_are_refused(tmp_path):
    frames = [frame(0, xc="PBE"), frame(1, xc="PBE"), frame(2, xc="SCAN")]
    with pytest.raises(
        MlipsseError, match=r"several xc: 2 of «PBE», 1 of «SCAN».*must not be mixed"
    ):
        one(tmp_path, frames)
    with pytest.raises(MlipsseError, match=r"is not known, and all later.*label\.functional"):
        one(tmp_path, [frame(0)], OwnLabelSettings())
    stated = one(tmp_path, frames[:2], OwnLabelSettings())
    assert {f.info[keys.LABEL_SOURCE] for f in stated.frames} == {"PBE"}
    with pytest.raises(MlipsseError, match=r"several heads \(a, b\)"):
        one(tmp_path, [frame(0, head="a"), frame(1, head="b")])


def test_trajectories_that_are_not_named_are_runs_of_the_same_atoms(tmp_path):
    kinds = ["Cu2Au2"] * 3 + ["Cu3Au"] * 2 + ["Cu2Au2"]
    labels = one(tmp_path, [frame(seed, symbols) for seed, symbols in enumerate(kinds)])
    names = [f.info[keys.TRAJECTORY] for f in labels.frames]
    assert names == [f"own-section{i:03d}" for i in (0, 0, 0, 1, 1, 2)]
    assert labels.notes[-1].startswith("6 of 6 frames do not name their trajectory.")
    assert "neighbouring frames may lie in train and test" in labels.notes[-1]
    split = labels.split(valid_fraction=0.2, test_fraction=0.2, seed=1)
    of = [
        {f.info[keys.TRAJECTORY] for f in part} for part in (split.train, split.valid, split.test)
    ]
    assert sorted(map(len, of)) == [1, 1, 1]
    assert len(set.union(*of)) == 3


def test_a_trajectory_key_that_compositions_share(tmp_path):
    frames = [frame(0, run="a"), frame(1, "Cu3Au", run="a"), frame(2, run="b")]
    settings = OwnLabelSettings(functional="SCAN", trajectory_key="run")
    labels = one(tmp_path, frames, settings)
    assert [f.info[keys.TRAJECTORY] for f in labels.frames] == ["a-AuCu", "a-AuCu3", "b"]
    with pytest.raises(MlipsseError, match=r"1 of 2 frames have no 'run'.*own.extxyz #1"):
        one(tmp_path, [frame(0, run="a"), frame(1)], settings)


def test_given_splits_are_kept(tmp_path):
    words = ["train", "val", "Test", "training"]
    frames = [frame(seed, split=word, trajectory="t") for seed, word in enumerate(words)]
    settings = OwnLabelSettings(functional="SCAN", split_key="split")
    labels = one(tmp_path, frames, settings)
    split = labels.split(valid_fraction=0.1, test_fraction=0.1, seed=1)
    energies = [[f.info[keys.ENERGY] for f in p] for p in (split.train, split.valid, split.test)]
    assert energies == [[-3.0, -6.0], [-4.0], [-5.0]]
    with pytest.raises(MlipsseError, match="no labelled frame for test"):
        one(tmp_path, frames[:2], settings).split(valid_fraction=0.1, test_fraction=0.1, seed=1)
    with pytest.raises(MlipsseError, match="'unknown' under 'split'"):
        one(tmp_path, [frame(0, split="unknown")], settings)


def test_files_can_be_the_split(tmp_path):
    files = {
        part: written(tmp_path / f"{part}.extxyz", [frame(seed, trajectory=part)])
        for seed, part in enumerate(("train", "valid", "test"))
    }
    labels = read_own_labels(files, SCAN)
    split = labels.split(valid_fraction=0.1, test_fraction=0.1, seed=1)
    assert [len(p) for p in (split.train, split.valid, split.test)] == [1, 1, 1]
    assert split.test[0].info[keys.ENERGY] == -5.0
    assert (
        split.test[0].info[keys.LABEL_SOURCE].endswith("train.extxyz, valid.extxyz, test.extxyz)")
    )


def test_nothing_whole_is_a_sentence_and_isolated_atoms_are_left_out(tmp_path):
    with pytest.raises(MlipsseError, match=r"No frame of own.extxyz has complete labels.*isolated"):
        one(tmp_path, [Atoms("Cu", info={"energy": -1.0})])
    labels = one(tmp_path, [frame(0), Atoms("Cu", cell=[9, 9, 9], info={"energy": -1.0})])
    assert len(labels.frames) == 1
    assert labels.rejected == []
    assert labels.isolated_eV == {"Cu": -1.0}
    assert "energies: Cu" in labels.notes[-1]
