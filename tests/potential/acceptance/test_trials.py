"""A right potential passes every trial; each wrong one fails the trial that looks for it."""

import json

import numpy as np
import pytest

from mlipsse import keys
from mlipsse.errors import MlipsseError
from mlipsse.potential.acceptance import AcceptanceSettings, References, ReferenceVolume, accept
from mlipsse.potential.acceptance.report import acceptance_record, refusals, table_rows
from tests.support.potential.pair_potential import PairPotential, argon, lennard_jones, with_hole

SETTINGS = AcceptanceSettings(
    temperature_K=100.0,
    duration_ps=0.5,
    constant_energy_ps=0.5,
    timestep_fs=2.0,
    min_atoms=32,
)
RIGHT = PairPotential(lennard_jones())


@pytest.fixture(scope="module")
def frames():
    from mlipsse.dataset.sampling.dynamics import sample
    from mlipsse.dataset.sampling.settings import SamplingSettings

    how = SamplingSettings(
        temperature_K=100.0, duration_ps=0.6, timestep_fs=4, equilibration_ps=0.2, n_frames=40
    )
    found = sample(argon(2), PairPotential(lennard_jones()), how, seed=5).frames
    for frame in found:
        frame.info["temperature_K"] = 100.0
    return found


def verdicts(potential, settings=SETTINGS, **options):
    result = accept(argon(1), potential, settings, name="argon", references=References(**options))
    return result, {criterion.name: criterion.verdict for criterion in result.criteria}


def test_the_right_one_passes_everything(frames):
    volume = ReferenceVolume("itself", 0.03, calculator=PairPotential(lennard_jones()))
    result, found = verdicts(
        PairPotential(lennard_jones()), volume=volume, frames=frames, labelled=labelled(frames)
    )
    assert result.accepted
    assert set(found.values()) == {"pass"}
    criteria = {criterion.name: criterion for criterion in result.criteria}
    assert criteria["softening"].numbers["force_slope"] == pytest.approx(1)
    assert list(found) == [
        "equation of state", "minimum of the cell", "volume", "hot run", "closest pair",
        "energy conservation", "g(r)", "softening", "walls",
    ]  # fmt: skip
    record = acceptance_record([result])
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert len(table_rows(record)) == 9
    assert refusals(record) == []
    json.dumps(result.curves, allow_nan=False)


def test_g_of_r_of_a_run_as_long_as_the_reference(frames):
    said: list[str] = []
    for duration_ps, length in ((0.08, "0.1"), (9.0, "0.5")):
        expected = f"g(r): 5 runs of {length} ps at 100 K"
        references = References(frames=frames, duration_ps=duration_ps)
        accept(argon(1), RIGHT, SETTINGS, name="argon", references=references, announce=said.append)
        assert any(text.startswith(expected) for text in said), said


def labelled(frames, factor=1.0):
    """The frames with labels of the right potential, forces and stresses times a factor."""
    found = []
    for frame in frames[:10]:
        atoms = frame.copy()
        atoms.calc = PairPotential(lennard_jones())
        atoms.info[keys.ENERGY] = atoms.get_potential_energy()
        atoms.arrays[keys.FORCES] = factor * atoms.get_forces()
        atoms.info[keys.STRESS] = factor * atoms.get_stress()
        found.append(atoms)
    return found


@pytest.mark.parametrize(("factor", "verdict"), [(1 / 0.85, "fail"), (1 / 0.93, "pass")])
def test_a_model_softer_than_its_labels(frames, factor, verdict):
    result, found = verdicts(RIGHT, labelled=labelled(frames, factor))
    assert found["softening"] == verdict
    assert result.accepted is (verdict == "pass")
    assert verdicts(RIGHT)[1]["softening"] == "skip"


def test_a_hole_that_heat_reaches():
    hot = AcceptanceSettings(
        temperature_K=1500.0, duration_ps=1.0, constant_energy_ps=0.1, timestep_fs=2, min_atoms=32
    )
    result, found = verdicts(PairPotential(with_hole(0.12)), hot)
    assert not result.accepted
    assert found["hot run"] == "fail"
    assert found["energy conservation"] == "skip"
    assert found["walls"] == "fail"
    assert "hot run" in " ".join(refusals(acceptance_record([result])))


def test_forces_that_are_no_gradient():
    result, found = verdicts(PairPotential(lennard_jones(), curl=0.2))
    assert not result.accepted
    assert found["energy conservation"] == "fail"


def test_a_wrong_lattice_constant(frames):
    """3 % in length is 9 % in volume; g(r), at the reference's volume, need not show it."""
    volume = ReferenceVolume("the right one", 0.03, calculator=RIGHT)
    result, found = verdicts(PairPotential(lennard_jones(3.4 * 1.03)), volume=volume, frames=frames)
    assert not result.accepted
    assert found["volume"] == "fail"
    assert found["equation of state"] == found["minimum of the cell"] == "pass"


def test_a_known_volume_serves_where_no_potential_does():
    right = argon(1).get_volume() / 4
    for known, verdict in ((right, "pass"), (right * 1.12, "fail")):
        volume = ReferenceVolume("somebody", 0.08, volume_A3_atom=known)
        _, found = verdicts(RIGHT, volume=volume)
        assert found["volume"] == verdict
        assert found["g(r)"] == "skip"


def test_bad_input():
    molecule = argon(1)
    molecule.pbc = False
    with pytest.raises(MlipsseError, match="argon is not periodic"):
        accept(molecule, RIGHT, SETTINGS, name="argon")
    with pytest.raises(MlipsseError, match="temperature_K above 0"):
        AcceptanceSettings(temperature_K=0)
    with pytest.raises(MlipsseError, match="less than 20 steps"):
        AcceptanceSettings(temperature_K=300, duration_ps=0.01)


def test_the_same_seed_gives_the_same_record():
    records = [acceptance_record([verdicts(RIGHT)[0]]) for _ in range(2)]
    assert records[0] == records[1]
    assert np.isfinite(records[0]["structures"][0]["criteria"][0]["value"])
