"""Several trajectories side by side: what they come to, alone and in company, killed or not."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from ase import units
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.geometry import find_mic
from ase.md.langevinbaoab import LangevinBAOAB
from scipy import stats

from mlipsse.dataset.sampling import checkpoint
from mlipsse.dataset.sampling.dynamics import sample_together
from mlipsse.dataset.sampling.run import SamplingRun
from mlipsse.dataset.sampling.settings import SamplingSettings
from mlipsse.energetics.relaxation.evaluators import make_evaluator
from mlipsse.energetics.single_point import SinglePoint
from mlipsse.errors import MlipsseError
from mlipsse.units import BOLTZMANN_EV_K

SPRING_EV_A2 = 2.0


class Springs:
    """Every atom on a spring to its site in `crystal`, or to where it was when it was first seen.

    `fault` is asked for (crystal, evaluations before) and may return what is wrong.
    """

    def __init__(self, fault=lambda atoms, calls: None, pause_s=0.0):
        self.home = {}
        self.calls = {}
        self.fault = fault
        self.pause_s = pause_s

    def evaluate(self, structures, *, invariants=False):
        time.sleep(self.pause_s)
        return [self._evaluate(atoms) for atoms in structures]

    def _evaluate(self, atoms):
        home = self.home.setdefault(id(atoms), _sites(atoms))
        calls = self.calls[id(atoms)] = self.calls.get(id(atoms), -1) + 1
        if (error := self.fault(atoms, calls)) is not None:
            return error
        offset = atoms.positions - home
        energy_eV = 0.5 * SPRING_EV_A2 * float((offset**2).sum())
        return SinglePoint(energy_eV, -SPRING_EV_A2 * offset)


class Harmonic(Calculator):
    """The same for ASE, as an oracle of its own."""

    implemented_properties = ("energy", "forces")  # type: ignore[assignment]

    def __init__(self, sites):
        super().__init__()
        self.sites = sites.copy()

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        offset = atoms.positions - self.sites
        self.results["energy"] = SPRING_EV_A2 * (offset**2).sum() / 2
        self.results["forces"] = -SPRING_EV_A2 * offset


def crystal():
    return bulk("LiCl", "rocksalt", a=5.1, cubic=True)


def _sites(atoms):
    if "Li" not in atoms.symbols:
        return atoms.positions.copy()
    return crystal().repeat((1, 1, len(atoms) // 8)).positions


def settings(temperature_K=600.0, **changes):
    usual = {"duration_ps": 0.4, "timestep_fs": 2.0, "equilibration_ps": 0.1, "n_frames": 12}
    return SamplingSettings(
        **usual | {"temperature_K": temperature_K, "friction_per_ps": 20.0} | changes
    )


def three_runs():
    return [
        SamplingRun(crystal(), settings(600.0), 1, "Li"),
        SamplingRun(crystal().repeat((1, 1, 2)), settings(900.0), 2, "Li"),
        SamplingRun(crystal(), settings(300.0, duration_ps=0.3, timestep_fs=1.0), 3, "Li"),
    ]


def assert_same(one, other):
    assert one.stopped == other.stopped
    assert (one.temperatures_K == other.temperatures_K).all()
    assert [f.info for f in one.frames] == [f.info for f in other.frames]
    for left, right in zip(one.frames, other.frames, strict=True):
        assert (left.positions == right.positions).all()


def test_the_path_is_that_of_ase_s_baoab_given_the_same_noise():
    atoms = bulk("Cu", cubic=True)
    asked = settings(500.0, n_frames=149)
    (found,) = sample_together([SamplingRun(atoms, asked, 7)], Springs())
    # The run's own stream gives velocities first, then noise; its second one the frames' times.
    stream = np.random.default_rng(7).spawn(2)[0]
    thermal = np.sqrt(atoms.get_masses()[:, None] * units.kB * 500.0)
    work = atoms.copy()
    work.calc = Harmonic(atoms.positions)
    work.set_momenta(thermal * stream.standard_normal((4, 3)))
    dynamics = LangevinBAOAB(
        work, 2.0 * units.fs, temperature_K=500.0, T_tau=50.0 * units.fs, rng=stream
    )
    expected = []
    for _ in range(asked.n_steps):
        dynamics.step()
        frame = work.copy()
        frame.wrap()
        expected.append(frame.positions)
    assert len(found.frames) == 149
    for frame in found.frames:
        step = round(frame.info["time_ps"] * 1000 / 2)
        assert frame.positions == pytest.approx(expected[step - 1], abs=1e-9)


def test_kinetic_energies_are_chi_squared_with_3n_degrees_of_freedom():
    # A mean that is right with fluctuations that are not is no canonical ensemble.
    asked = settings(
        700.0,
        duration_ps=15.0,
        equilibration_ps=0.5,
        friction_per_ps=50.0,
        max_temperature_factor=100.0,  # twelve degrees of freedom now and then have thrice as much
    )
    atoms = bulk("Cu", cubic=True, a=6.0)  # far apart: nothing collides
    runs = [SamplingRun(atoms, asked, seed) for seed in range(4)]
    # Velocities forget themselves in some 0.02 ps; every 0.2 ps they are independent.
    drawn = np.concatenate([one.temperatures_K[::100] for one in sample_together(runs, Springs())])
    freedom = 3 * len(atoms)
    assert len(drawn) == 292
    chi2 = freedom * drawn / 700.0
    assert stats.kstest(chi2, stats.chi2(freedom).cdf).pvalue > 1e-3
    assert stats.kstest(chi2, stats.chi2(freedom - 3).cdf).pvalue < 1e-3


def test_configurations_of_springs_are_gaussian_even_with_a_long_time_step():
    # BAOAB has no error of the time step in the positions of a harmonic crystal (closed form).
    atoms = bulk("Al", cubic=True, a=6.0)
    asked = settings(400.0, duration_ps=60.0, timestep_fs=10.0, equilibration_ps=1.5, n_frames=300)
    asked = asked.model_copy(update={"timestep_fs": 15.0})  # longer than the settings allow
    runs = [SamplingRun(atoms, asked, seed) for seed in range(2)]
    offsets = [
        find_mic(frame.positions - atoms.positions, frame.cell)[0]
        for one in sample_together(runs, Springs())
        for frame in one.frames
    ]
    assert len(offsets) == 600
    variance_A2 = BOLTZMANN_EV_K * 400.0 / SPRING_EV_A2
    values = np.concatenate([offset.ravel() for offset in offsets])
    # 600 frames some 0.2 ps apart of 12 oscillators: half a per cent of scatter each way, doubled
    # by what they still remember.
    error = 2 * np.sqrt(2 / len(values))
    assert abs(values.var() / variance_A2 - 1) < 4 * error
    assert 4 * error < 0.15


def test_company_changes_nothing():
    together = sample_together(three_runs(), Springs())
    backwards = sample_together(three_runs()[::-1], Springs())[::-1]
    for run, one, other in zip(three_runs(), together, backwards, strict=True):
        (alone,) = sample_together([run], Springs())
        assert_same(one, alone)
        assert_same(one, other)
        assert len(one.frames) == 12
    assert not np.allclose(together[0].frames[0].positions, together[2].frames[0].positions)


def test_company_changes_mace_by_rounding_alone():
    evaluator = make_evaluator("mace-sse-small", {"Li", "Cl"}, dtype="float64", batch_atoms=30)
    short = {"duration_ps": 0.02, "equilibration_ps": 0.0, "n_frames": 10}
    runs = [
        SamplingRun(crystal().repeat((1, 1, 1 + k)), settings(500.0 + 200 * k, **short), k, "Li")
        for k in range(3)
    ]
    together = sample_together(runs, evaluator)
    for run, one in zip(runs, together, strict=True):
        (alone,) = sample_together([run], evaluator)
        assert len(one.frames) == 10
        for left, right in zip(one.frames, alone.frames, strict=True):
            assert left.positions == pytest.approx(right.positions, abs=1e-10)


def test_one_that_stops_leaves_its_frames_and_the_others():
    def fault(atoms, calls):
        return ValueError("isolated atom") if len(atoms) == 16 and calls == 120 else None

    ends = []
    undisturbed = sample_together(three_runs(), Springs())
    found = sample_together(
        three_runs(), Springs(fault), ended=lambda index, one: ends.append((index, one.stopped))
    )
    reason = "stopped at 0.24 of 0.4 ps: the potential failed: isolated atom"
    assert ends == [(1, reason), (0, None), (2, None)]
    assert 0 < len(found[1].frames) < 12
    assert max(frame.info["time_ps"] for frame in found[1].frames) < 0.24
    assert_same(found[0], undisturbed[0])
    assert_same(found[2], undisturbed[2])


class Sliding(Springs):
    """Alternate layers slide past each other, 1.5 Å in a picosecond of 2 fs steps."""

    def _evaluate(self, atoms):
        home = self.home.setdefault(id(atoms), _sites(atoms))
        calls = self.calls[id(atoms)] = self.calls.get(id(atoms), -1) + 1
        way = np.where(crystal().positions[:, 2] < 1.0, 1.0, -1.0)
        offset = atoms.positions - home - 1.5 * 2e-3 * calls * way[:, None] * [1.0, 0.0, 0.0]
        energy_eV = 0.5 * SPRING_EV_A2 * float((offset**2).sum())
        return SinglePoint(energy_eV, -SPRING_EV_A2 * offset)


def test_a_melting_framework_is_stopped_where_the_mobile_ion_is_known():
    asked = settings(300.0, duration_ps=3.0)
    runs = [
        SamplingRun(crystal(), asked, 5, "Li"),
        SamplingRun(crystal(), asked, 5, None),
        SamplingRun(crystal(), settings(300.0, duration_ps=3.0, stop_when_melted=False), 5, "Li"),
    ]
    melted, *others = sample_together(runs, Sliding())
    # On the average of the first ps layers have moved 0.75 Å, on that of the second 2.25 Å; the
    # limit is a third of the cube root of 5.1³ / 4 Å³, 1.07 Å.
    assert melted.stopped == (
        "stopped at 2 of 3 ps: its framework melted: 100 % of the framework's centres are "
        "displaced by more than a third of their spacing, averaged over 1 ps (limit 50 %)"
    )
    assert [other.stopped for other in others] == [None, None]
    (hot,) = sample_together(
        [SamplingRun(crystal(), settings(1200.0, duration_ps=3.0), 5, "Li")], Springs()
    )
    assert hot.stopped is None


def test_the_former_setting_is_refused_where_it_has_no_meaning():
    assert settings(max_lindemann=None).stop_when_melted is False
    with pytest.raises(MlipsseError, match="write stop_when_melted: false"):
        settings(max_lindemann=0.3)


def test_a_run_goes_on_where_it_was_kept(tmp_path):
    expected = sample_together(three_runs(), Springs())

    class Killed(Exception):
        pass

    def kill(atoms, calls):
        if calls == 130 and len(atoms) == 16:
            raise Killed
        return None

    keep = tmp_path / "kept.npz"
    with pytest.raises(Killed):
        sample_together(three_runs(), Springs(kill), keep=keep, save_every_s=0.0)
    assert checkpoint.steps_done(keep) == 3 * 129
    found = sample_together(three_runs(), Springs(), keep=keep, save_every_s=0.0)
    for one, other in zip(found, expected, strict=True):
        assert_same(one, other)


def test_a_file_of_other_runs_is_refused(tmp_path):
    keep = tmp_path / "kept.npz"
    runs = three_runs()
    sample_together(runs[:1], Springs(), keep=keep)
    with pytest.raises(MlipsseError, match=r"kept.npz cannot be continued \(It contains 1 runs"):
        sample_together(runs, Springs(), keep=keep)
    other = SamplingRun(crystal(), settings(600.0), 4, "Li")
    with pytest.raises(MlipsseError, match="belongs to other runs"):
        sample_together([other], Springs(), keep=keep)
    keep.write_bytes(keep.read_bytes()[:200])
    with pytest.raises(MlipsseError, match="Remove the file to run them from the start"):
        sample_together(runs[:1], Springs(), keep=keep)


def _run_in_a_process(keep: Path, pause_s: float) -> None:
    """What the child of the next test does."""
    springs = Springs(pause_s=pause_s)
    found = sample_together(three_runs(), springs, keep=keep, save_every_s=0.0)
    np.savez(
        keep.with_name("found.npz"),
        **{f"t{k}": one.temperatures_K for k, one in enumerate(found)},
        **{f"f{k}": np.array([f.positions for f in one.frames]) for k, one in enumerate(found)},
    )


@pytest.mark.parametrize("kills", [1, 4])
def test_kill_9_loses_no_frame_and_no_bit(tmp_path, kills):
    keep = tmp_path / "kept.npz"
    code = (
        "from pathlib import Path; import sys; "
        "from tests.dataset.sampling.test_sampling_together import _run_in_a_process as run; "
        "run(Path(sys.argv[1]), float(sys.argv[2]))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    def start(pause_s):
        command = [sys.executable, "-c", code, str(keep), str(pause_s)]
        return subprocess.Popen(command, env=environment)

    total = sum(run.settings.n_steps for run in three_runs())
    for kill in range(kills):
        child = start(0.005)
        goal = total * (kill + 1) // (kills + 2)
        while (checkpoint.steps_done(keep) or 0) < goal:
            assert child.poll() is None
            time.sleep(0.005)
        os.kill(child.pid, signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
    assert goal <= checkpoint.steps_done(keep) < total
    assert start(0.0).wait() == 0
    expected = sample_together(three_runs(), Springs())
    with np.load(tmp_path / "found.npz") as found:
        for index, one in enumerate(expected):
            assert (found[f"t{index}"] == one.temperatures_K).all()
            assert (found[f"f{index}"] == [frame.positions for frame in one.frames]).all()
