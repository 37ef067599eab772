"""Labels against the predictions of a model."""

import numpy as np
import pytest
from ase import units
from ase.calculators.emt import EMT

from mlipsse import keys
from mlipsse.dataset.check.findings import against_model
from tests.support.labels.planted import every, labelled, scale

EV_A3_TO_KB = 1602.176634
UNITS = ("energy unit", "force unit and sign", "stress unit and sign")


def model_verdicts(sets, most=40):
    checks = against_model.check_against_model(labelled(sets), EMT(), most=most, seed=1)
    return {check.name: check.verdict for check in checks}


MODEL_CHECKS = (
    "energy offset",
    "forces against model",
    "stress against model",
    "softening of the model",
)


@pytest.mark.parametrize(
    ("key", "factor", "name"),
    [
        (keys.STRESS, -1.0, "stress against model"),
        (keys.STRESS, EV_A3_TO_KB, "stress against model"),
        (keys.FORCES, -1.0, "forces against model"),
        (keys.FORCES, units.Bohr / units.Ry, "forces against model"),
    ],
)
def test_defects_against_a_model(sets, key, factor, name):
    assert model_verdicts(sets) == dict.fromkeys(MODEL_CHECKS, "pass")
    scale(every(sets), key, factor)
    found = model_verdicts(sets)
    assert found.pop(name) == "fail"
    assert set(found.values()) == {"pass"}


def test_offset_per_element_against_a_model(sets):
    for frame in every(sets):
        frame.info[keys.ENERGY] += float(np.where(frame.numbers == 79, -3.0, 0.25).sum())
    checks = against_model.check_against_model(labelled(sets), EMT(), most=None, seed=1)
    offset = checks[0]
    assert offset.verdict == "warn"
    assert offset.numbers["frames"] == 96
    assert offset.numbers["Au_eV"] == pytest.approx(-3.0, abs=1e-6)
    assert offset.numbers["Cu_eV"] == pytest.approx(0.25, abs=1e-6)


def test_stress_that_some_lack_is_compared_where_it_is(sets):
    for frame in sets["train"][::2]:
        del frame.info[keys.STRESS]
    assert model_verdicts(sets) == dict.fromkeys(MODEL_CHECKS, "pass")


def test_elements_that_a_model_does_not_know(sets):
    check = against_model.check_known_elements(labelled(sets), "m", frozenset({"Cu"}))
    assert check.verdict == "fail"
    assert "Au" in check.sentence
    known = frozenset({"Cu", "Au"})
    assert against_model.check_known_elements(labelled(sets), "m", known).verdict == "pass"
