"""Stage 5 with CP2K, by way of a stand-in (EMT) of its output."""

import shlex
import sys
from pathlib import Path

import pytest
from ase.calculators.emt import EMT

from mlipsse import keys
from mlipsse.campaign.checks.campaign import problems, validate
from mlipsse.campaign.config.file import parse_config
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.table import read_csv
from mlipsse.dataset.frames.extxyz import read_frames
from mlipsse.errors import MlipsseError
from tests.support.here import Here
from tests.support.labels.stand_ins import CP2K_POTENTIALS, write_cp2k_data
from tests.support.sampled_alloy import (
    CONFIG,
    N_FRAMES,
    alloy_campaign,
    attempts,
    energies_eV,
    labelled,
)

STAND_IN = Path(__file__).parents[3] / "support" / "labels" / "fake_cp2k.py"


def _campaign(folder: Path, *modes: str, **settings) -> Campaign:
    data = write_cp2k_data(folder / "data")
    command = shlex.join([sys.executable, str(STAND_IN), *modes])
    cp2k = {"command": command, "retries": 0, "data_dir": str(data), **settings}
    section = {"source": "cp2k", "cp2k": cp2k, "min_labelled": 0.7}
    return alloy_campaign(folder, section)


def _sets(campaign: Campaign) -> dict[str, float]:
    how = "1200 Ry, DZVP-MOLOPT-SCAN-GTH, GTH-SCAN, k-points to 10 Å"
    return energies_eV(campaign, label_source=f"SCAN (CP2K 2023.1, {how})")


def test_an_interrupted_stage_goes_on_and_a_killed_run_is_redone_alone(tmp_path):
    campaign = _campaign(tmp_path, "fine", "killed", "fine")
    with pytest.raises(KeyboardInterrupt):
        labelled(campaign, Here(at_most=3))
    assert len(attempts(campaign)) == 3
    work = labelled(campaign, Here())
    runs = attempts(campaign)
    # The second was killed and is done again, the fourth was not begun; the others stand.
    assert runs[3] == runs[1]
    assert len(set(runs)) == N_FRAMES
    assert len(runs) == N_FRAMES + 1
    assert read_csv(tmp_path / "05-label" / "rejected.csv") == []
    assert "fake_cp2k.py" in work.commands[0]
    truth = {}
    for frame in read_frames(tmp_path / "04-sample" / "frames.extxyz", labelled=False):
        frame.calc = EMT()
        truth[frame.info[keys.TRAJECTORY]] = frame.get_potential_energy()
    assert _sets(campaign) == pytest.approx(truth, abs=1e-6)
    labelled(campaign, Here())
    assert attempts(campaign) == runs


def test_another_potential_labels_anew_and_a_rejected_frame_is_listed(tmp_path):
    campaign = _campaign(tmp_path, "fine", "unconverged", "fine")
    labelled(campaign, Here())
    (row,) = read_csv(tmp_path / "05-label" / "rejected.csv")
    assert row["reason"] == "the electrons did not converge in 100 steps."
    assert len(_sets(campaign)) == N_FRAMES - 1
    file = tmp_path / "data" / "POTENTIAL_UZH"
    file.write_text(CP2K_POTENTIALS.replace("    1    0   10", "    1    0   11"))
    labelled(campaign, Here())
    assert len(attempts(campaign)) == 2 * N_FRAMES


@pytest.mark.parametrize("mode", ["r2scan", "basis"])
def test_what_every_frame_would_have_stops_after_the_first(tmp_path, mode):
    campaign = _campaign(tmp_path, mode, retries=2)
    with pytest.raises(
        MlipsseError, match="Every frame would fail in this way, so no further frame is computed"
    ):
        labelled(campaign, Here())
    assert len(attempts(campaign)) == 1
    # Nothing of it is kept: with the cause mended all frames are labelled.
    labelled(_campaign(tmp_path, "fine", retries=2), Here())
    assert len(_sets(campaign)) == N_FRAMES


def test_validate_reports_what_is_missing(tmp_path):
    def stated(**settings) -> str:
        return "\n".join(p for p in problems(_campaign(tmp_path, **settings)) if "label" in p)

    assert "label.cp2k: The command 'no-such-cp2k' cannot be run" in stated(command="no-such-cp2k")
    assert "label.cp2k: CP2K's data hold no basis set TZVP" in stated(basis="TZVP-MOLOPT-SCAN-GTH")


def test_validate_notes_a_grid_that_is_too_coarse(tmp_path):
    def notes(**settings) -> str:
        return " ".join(validate(_campaign(tmp_path, **settings), ("label",)).notes)

    assert "label.cp2k.cutoff_Ry: 600 is too low for the basis sets of" in notes(cutoff_Ry=600)
    assert "they need more (Cu 1001)" in notes(cutoff_Ry=1000)
    assert "too low" not in notes(cutoff_Ry=1002)
    assert "too low" not in notes(basis="TZVP-MOLOPT-SCAN-GTH")  # a problem, stated as such


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ("{cp2k: {cutoff: 500}}", r"label\.cp2k\.cutoff: .*did you mean cutoff_Ry"),
        ("{cp2k: {multiplicity: 3}}", r"label\.cp2k: multiplicity 3 requires"),
        ("{cp2k: {small_cells: gamma}}", r"label\.cp2k\.small_cells: .*supercell"),
        ("{cp2k: {command: null, slurm: {}}}", "a slurm block requires a command"),
    ],
)
def test_bad_settings_get_a_sentence(section, sentence):
    with pytest.raises(MlipsseError, match=sentence):
        parse_config(CONFIG.format(label=section), source="campaign.yaml")
