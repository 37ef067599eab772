"""NPT, then NVT in the average cell: what LAMMPS does of it, whole and killed."""

import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms

from mlipsse import lammps
from mlipsse.errors import MlipsseError
from mlipsse.md.files.record import read_record
from mlipsse.md.plan.protocol import Protocol
from mlipsse.md.plan.settling import settling
from mlipsse.md.run import run_folder
from mlipsse.md.watch.health import read_thermo, run_health
from mlipsse.md.watch.state import run_state

MakeRun = Callable[..., Path]
NPT = {"npt_ps": 8.0, "restart_every_ps": 2.0, "thermo_every_fs": 10.0}


def test_the_production_runs_in_the_average_cell(make_run: MakeRun) -> None:
    folder = make_run(temperature_K=600.0, production_ps=40.0, **NPT)
    assert run_folder(folder).frames == 4001
    record, thermo = read_record(folder), read_thermo(folder)
    assert record.equilibration_steps == 10_000
    averaged = (thermo.step > 4000) & (thermo.step <= 8000)
    constant = thermo.volume_A3[thermo.step > 8000]
    assert np.ptp(constant) < 1e-6
    # The edges are averaged, not the volume; their fluctuations are a percent.
    assert constant[0] == pytest.approx(thermo.volume_A3[averaged].mean(), rel=3e-4)
    assert constant[0] > 1.02 * thermo.volume_A3[0]  # it has expanded, and the pressure is gone:
    fixed = make_run("fixed", temperature_K=600.0, production_ps=40.0)
    run_folder(fixed)
    averaged_cell, zero_K_cell = (run_health(path, read_record(path)) for path in (folder, fixed))
    assert averaged_cell.pressure is not None
    assert zero_K_cell.pressure is not None
    assert abs(averaged_cell.pressure.mean_GPa) < 0.3 * zero_K_cell.pressure.mean_GPa
    assert averaged_cell.cautions == []
    assert zero_K_cell.pressure.mean_GPa > 1.0
    assert "set simulate.npt_ps" in " ".join(zero_K_cell.cautions)


def test_deck_and_log_judge_the_volume_alike(make_run: MakeRun) -> None:
    folder = make_run(temperature_K=600.0, production_ps=0.1, **(NPT | {"thermo_every_fs": 1.0}))
    run_folder(folder)
    record, thermo = read_record(folder), read_thermo(folder)
    inside = (thermo.step > 4000) & (thermo.step <= 8000)
    means_A3 = thermo.volume_A3[inside].reshape(10, 400).mean(1)
    slope, middle_A3 = np.polyfit(np.arange(10) - 4.5, means_A3, 1)  # another library's line
    found = run_health(folder, record).volume_drift
    assert found is not None
    assert found.drift_percent == pytest.approx(1000 * slope / middle_A3, rel=1e-6)
    words = (folder / "volume.txt").read_text().split()
    of_deck = [float(word) for word, unit in pairwise(words) if unit == "%"]
    assert of_deck == pytest.approx([found.drift_percent, found.error_percent], abs=0.0051)
    assert float(words[1]) == pytest.approx(middle_A3, rel=1e-5)


@pytest.mark.parametrize(
    ("per_ps", "status", "words"),
    [
        (0.004, "unsettled", "over the second half of the NPT part: it had not settled"),
        (0.02, "exploded", "its volume had changed by 25."),
        (-0.02, "exploded", "its volume had changed by 25."),
    ],
)
def test_a_cell_that_does_not_settle_stops_in_plain_lammps(
    make_run: MakeRun, per_ps: float, status: str, words: str
) -> None:
    folder = make_run(production_ps=1.0, temperature_K=100.0, **NPT)
    deck = folder / "in.lammps"
    barostat = next(x for x in deck.read_text().splitlines() if " all npt temp" in x)
    growing = (
        "fix integrate all nvt temp 100.0 100.0 0.1\n"
        f"fix growing all deform 1 x erate {per_ps} y erate {per_ps} z erate {per_ps} remap x"
    )
    deck.write_text(deck.read_text().replace(barostat, growing))
    with pytest.raises(MlipsseError, match="ERROR"):
        lammps.run(["-log", "none", "-in", "in.lammps"], folder=folder)
    assert not list(folder.glob("traj.*"))
    shutil.copy(folder / "lammps.out", folder / "stopped.txt")  # as run.sh leaves its ERROR line
    result = run_folder(folder)
    assert (result.status, result.frames) == (status, 0)
    assert words in str(result.reason)
    state = run_state(folder)
    assert (state.state, state.seconds_left) == (status, 0.0)


def test_a_volume_that_drifts_is_named_where_the_deck_did_not_look(make_run: MakeRun) -> None:
    """A run of an earlier version or another template: done, and its log states what it was."""
    folder = make_run(**NPT)
    record = read_record(folder)
    names = "'Step', 'Time', 'Temp', 'TotEng', 'Econserve', 'Press', 'Volume', "
    rng = np.random.default_rng(1)
    for volume_A3, cautions in ((lambda t: 1712 + 126 * t, 1), (lambda t: 1712 + 0 * t, 0)):
        steps = np.arange(0, record.last_step + 1, 100)
        volumes_A3 = volume_A3(np.minimum(steps, 8000) / 1000) + rng.normal(0, 5, len(steps))
        rows = [
            f"  - [{step}, 0, 300, 0, 0, 100, {volume}, ]\n"
            for step, volume in zip(steps, volumes_A3, strict=True)
        ]
        (folder / "log.0.lammps").write_text(f"keywords: [{names}]\ndata:\n{''.join(rows)}")
        health = run_health(folder, record)
        assert len(health.cautions) == cautions
        assert health.volume_drift is not None
        assert health.volume_drift.settled is not bool(cautions)
        assert health.pressure is not None
        assert health.pressure.anisotropy_GPa is None  # the log holds no tensor
    assert health.volume_drift.drift_percent == pytest.approx(0, abs=1)


@pytest.mark.parametrize("tau", [0.1, 0.5])
def test_noise_is_rarely_taken_for_a_drift(tau: float) -> None:
    """Volumes that fluctuate by 1.8 % (64 atoms), correlated over a share `tau` of a block."""
    rng = np.random.default_rng(0)
    per_block, n = 20, 1000
    kept = np.exp(-1 / (tau * per_block))
    series = np.empty((n, 10 * per_block))
    series[:, 0] = rng.standard_normal(n)
    for k in range(1, series.shape[1]):
        noise = np.sqrt(1 - kept**2) * rng.standard_normal(n)
        series[:, k] = kept * series[:, k - 1] + noise
    volumes_A3 = 1300 * (1 + 0.018 * series.reshape(n, 10, per_block).mean(2))
    refused = sum(not settling(one).settled for one in volumes_A3)
    assert refused < 0.04 * n
    drifting = volumes_A3 + 1300 * np.linspace(-0.06, 0.06, 10)
    assert sum(not settling(one).settled for one in drifting) > 0.9 * n


@pytest.mark.parametrize("stop", [2000, 4250, 6000, 8000])
def test_a_run_killed_in_npt_takes_the_same_cell(make_run: MakeRun, stop: int) -> None:
    changes = NPT | ({"restart_every_ps": 0.25} if stop % 400 else {})  # within a block
    whole, folder = make_run("whole", **changes), make_run("interrupted", **changes)
    run_folder(whole)
    deck = folder / "in.lammps"
    text = deck.read_text()
    # Half a piece further than `stop`, of which nothing is left when it goes on.
    broken_off = f'if "$(step) >= {stop}" then "run 500" "quit 1"\nrun  '
    deck.write_text(text.replace("\nrun  ", "\n" + broken_off))
    with pytest.raises(MlipsseError, match="exit status 1"):
        run_folder(folder)
    deck.write_text(text)
    assert run_folder(folder).resumed_from_step == stop
    cells = [averaged_cell(path) for path in (whole, folder)]
    np.testing.assert_allclose(cells[1], cells[0], atol=1e-9)
    assert (folder / "volume.txt").read_text() == (whole / "volume.txt").read_text()


def averaged_cell(folder: Path) -> np.ndarray:
    atoms = ase.io.read(folder / "averaged.data", format="lammps-data", atom_style="atomic")
    assert isinstance(atoms, Atoms)
    return atoms.cell[:]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"npt_ps": 4.05}, r"dump_every_fs = 100 does not divide npt_ps = 4\.05"),
        ({"npt_ps": 2.0}, "npt_ps = 2 is shorter than 4 time constants of the barostat"),
        (
            {"npt_ps": 4.01, "dump_every_fs": 10},
            r"npt_ps = 4\.01 is 4010 steps, .* Set a multiple of 0\.02 ps",
        ),
        ({"pressure_bar": 20_000.0}, "applies to the NPT part, but npt_ps is 0"),
    ],
)
def test_an_npt_part_that_could_not_be_judged_is_refused(
    change: dict[str, float], words: str
) -> None:
    good = {"temperature_K": 300, "equilibration_ps": 1, "production_ps": 1, "restart_every_ps": 1}
    with pytest.raises(MlipsseError, match=words):
        Protocol(**(good | change))
