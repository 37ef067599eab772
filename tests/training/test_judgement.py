"""What is judged after a training, on numbers made by hand."""

import pytest

from mlipsse.dataset.frames.predictions import Errors
from mlipsse.training import FineTuneSettings
from mlipsse.training.judgement import (
    check_better,
    check_energy_offset,
    check_forgetting,
    check_heads,
    check_isolated_atoms,
    check_labels_read,
    check_learning,
    check_stress,
    failures,
    forgetting,
)
from mlipsse.training.learning_curve import LearningCurve
from mlipsse.training.settings import FineTuneLimits

READ = "Training set 1/1 [energy: {0}, stress: {0}, virials: 0, forces: {0}, charges: 0]\n"
FED = "Total number of configurations in pretraining: train=9, valid=1\n"
MULTIHEAD, NAIVE = FineTuneSettings(), FineTuneSettings(strategy="naive")
SCRATCH = FineTuneSettings(strategy="scratch")
LIMITS = FineTuneLimits()


def errors(
    *, energy: float = 1.0, force: float = 50.0, offset: float = 0.0, stress: float = 1.0
) -> Errors:
    return Errors(
        frames=10,
        energy_rmse_meV_atom=energy,
        force_rmse_meV_A=force,
        stress_rmse_meV_A3=stress,
        energy_mae_meV_atom=energy,
        force_mae_meV_A=force,
        stress_mae_meV_A3=stress,
        energy_offset_meV_atom=offset,
    )


def curve(losses: list[float]) -> LearningCurve:
    nothing = [0.0] * len(losses)
    return LearningCurve(list(range(len(losses))), losses, nothing, nothing, nothing)


@pytest.mark.parametrize(
    "log", ["", READ.format(0), READ.format(5), READ.format(8).replace("forces: 8", "forces: 0")]
)
def test_labels_that_mace_did_not_find_fail(log: str) -> None:
    assert check_labels_read(READ.format(8), n_train=8).verdict == "pass"
    check = check_labels_read(log, n_train=8)
    assert check.verdict == "fail"
    assert "for 8 training frames" in check.sentence


@pytest.mark.parametrize(
    ("heads", "log", "settings", "n_replay", "sentence"),
    [
        (["Default"], FED, MULTIHEAD, 9, "Replay was off: the trained model has no head pt_head"),
        (["pt_head", "Default"], "", MULTIHEAD, 9, "used 0 of 9 replay frames"),
        (["pt_head", "Default"], FED, MULTIHEAD, 8, "used 9 of 8 replay frames"),
        (["Default", "pt_head"], FED, MULTIHEAD, 9, "heads Default, pt_head, not pt_head, Default"),
        (["pt_head", "Default"], FED, NAIVE, 0, "not Default"),
    ],
)
def test_heads_that_should_not_be(
    heads: list[str], log: str, settings: FineTuneSettings, n_replay: int, sentence: str
) -> None:
    check = check_heads(heads, log, settings=settings, n_replay=n_replay)
    assert check.verdict == "fail"
    assert sentence in check.sentence


def test_heads_as_they_should_be() -> None:
    both = check_heads(["pt_head", "Default"], FED, settings=MULTIHEAD, n_replay=9)
    assert both.verdict == "pass"
    assert check_heads(["Default"], "", settings=NAIVE, n_replay=0).verdict == "pass"


def test_isolated_atoms_that_were_not_taken() -> None:
    given = {"Li": -8.4, "Cl": -0.2}
    assert check_isolated_atoms({"Li": -8.4000001, "Cl": -0.2}, given).verdict == "pass"
    check = check_isolated_atoms({"Li": -1.0, "Cl": -0.2}, given)
    assert check.verdict == "fail"
    assert "energy of Li is -1.0 eV, not -8.4" in check.sentence
    assert check_isolated_atoms({"Cl": -0.2}, given).verdict == "fail"


@pytest.mark.parametrize("losses", [[], [0.0, 0.0], [0.1, float("nan")]])
def test_a_training_without_a_loss_fails(losses: list[float]) -> None:
    check = check_learning(curve(losses), errors(), LIMITS)
    assert (check.verdict, check.sentence[:18]) == ("fail", "Nothing was learne")


@pytest.mark.parametrize("energy", [501.0, float("nan")])
def test_energies_far_off_fail(energy: float) -> None:
    assert check_learning(curve([0.2, 0.1]), errors(energy=499.0), LIMITS).verdict == "pass"
    assert check_learning(curve([0.2, 0.1]), errors(energy=energy), LIMITS).verdict == "fail"


@pytest.mark.parametrize(
    ("offset", "verdict"),
    [(1.9, "pass"), (-1.9, "pass"), (-2.1, "warn"), (20.1, "fail"), (float("nan"), "fail")],
)
def test_mean_errors_of_energies(offset: float, verdict: str) -> None:
    assert check_energy_offset(errors(offset=offset), LIMITS).verdict == verdict


def test_no_better_than_the_foundation() -> None:
    better = check_better(errors(force=60), errors(force=150), settings=MULTIHEAD)
    assert better.verdict == "pass"
    same = check_better(errors(force=150), errors(force=150), settings=MULTIHEAD)
    assert same.verdict == "fail"
    assert "off by 150 meV/Å, those of the foundation by 150" in same.sentence
    assert check_better(errors(force=9e3), errors(force=1), settings=SCRATCH).verdict == "warn"


@pytest.mark.parametrize(("after", "verdict"), [(59, "pass"), (61, "warn"), (76, "fail")])
def test_forgetting_is_growth_of_the_force_error(after: float, verdict: str) -> None:
    arguments = {"force_rms_meV_A": 1000.0, "limits": LIMITS}
    check = check_forgetting(errors(force=50), errors(force=after), settings=MULTIHEAD, **arguments)
    assert check.verdict == verdict
    assert check.numbers["forgetting"] == pytest.approx((after - 50) / 50)
    naive = check_forgetting(errors(force=50), errors(force=after), settings=NAIVE, **arguments)
    assert naive.verdict == "skip"
    assert check_forgetting(None, None, settings=NAIVE, **arguments).verdict == "skip"


@pytest.mark.parametrize(
    ("after", "verdict"), [(2.9, "pass"), (3.05, "warn"), (3.4, "fail"), (float("nan"), "fail")]
)
def test_stresses_no_better_than_the_foundation_s(after: float, verdict: str) -> None:
    judged = check_stress(
        errors(stress=after), errors(stress=3.0), stress_rms_meV_A3=9.0, settings=MULTIHEAD
    )
    assert judged.verdict == verdict
    assert "of the foundation by 3.00" in judged.sentence
    small = check_stress(
        errors(stress=0.9), errors(stress=0.1), stress_rms_meV_A3=9.0, settings=MULTIHEAD
    )
    assert small.verdict == "pass"


def test_stresses_without_a_foundation() -> None:
    for after, verdict in ((8.0, "pass"), (10.0, "warn")):
        judged = check_stress(errors(stress=after), None, stress_rms_meV_A3=9.0, settings=SCRATCH)
        assert judged.verdict == verdict
    for rms, verdict in ((9.0, "skip"), (0.1, "warn")):
        judged = check_better(errors(stress=2), None, settings=SCRATCH, stress_rms_meV_A3=rms)
        assert judged.verdict == verdict


def test_better_forces_do_not_excuse_worse_stresses() -> None:
    before, after = errors(force=150, stress=3.0), errors(force=60, stress=6.0)
    judged = check_better(after, before, settings=MULTIHEAD, stress_rms_meV_A3=9.0)
    assert judged.verdict == "fail"
    assert "Stresses of the validation set are off by 6.00 meV/Å³" in judged.sentence


@pytest.mark.parametrize(("after", "verdict"), [(2.2, "pass"), (2.6, "warn"), (3.1, "fail")])
def test_stresses_are_forgotten_too(after: float, verdict: str) -> None:
    judged = check_forgetting(
        errors(stress=2.0),
        errors(stress=after),
        force_rms_meV_A=1000.0,
        stress_rms_meV_A3=30.0,
        settings=MULTIHEAD,
        limits=LIMITS,
    )
    assert judged.verdict == verdict
    assert judged.numbers["stress_forgetting"] == pytest.approx((after - 2) / 2)


@pytest.mark.parametrize("lost", ["force", "stress"])
def test_errors_that_are_not_numbers_are_forgetting(lost: str) -> None:
    judged = check_forgetting(
        errors(force=50.0, stress=2.0),
        errors(**{"force": 50.0, "stress": 2.0} | {lost: float("nan")}),
        force_rms_meV_A=1000.0,
        stress_rms_meV_A3=30.0,
        settings=MULTIHEAD,
        limits=LIMITS,
    )
    assert judged.verdict == "fail"


def test_forgetting_of_pseudo_labels_is_reported_against_the_forces() -> None:
    share = forgetting(errors(force=0.0), errors(force=30.0), force_rms_meV_A=1000.0)
    assert share == pytest.approx(0.03)


def test_failures_are_the_sentences_that_failed() -> None:
    good = check_energy_offset(errors(offset=0), LIMITS)
    noted = check_energy_offset(errors(offset=5), LIMITS)
    bad = check_energy_offset(errors(offset=5), LIMITS.replaced(max_energy_offset_meV_atom=1.0))
    assert failures([good, noted, bad]) == [bad.sentence]
