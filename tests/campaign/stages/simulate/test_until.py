"""Runs that are lengthened until D is known, of a crystal whose ions diffuse and one that holds."""

import json
from pathlib import Path

import pytest

from mlipsse.campaign.engine import paths
from mlipsse.campaign.stages.simulate.until import Lengthening, run_until, unit_output
from mlipsse.md.files.record import OUTCOME_FILE, read_record
from mlipsse.md.run import run_folder
from mlipsse.transport import analyse_run
from tests.support.trajectories.lennard_jones import CONDUCTOR, render

RUN = {"production_ps": 4.0, "dump_every_fs": 50.0, "relax_cell": False, "temperature_K": 400.0}


def rule(relative_error: float, max_production_ps: float) -> Lengthening:
    return Lengthening(
        relative_error=relative_error,
        step_ps=4.0,
        max_production_ps=max_production_ps,
        window_ps=None,
        template_dir=None,
    )


def length_ps(folder: Path) -> float:
    return read_record(folder).protocol.production_ps


def test_a_run_ends_when_d_is_known(tmp_path: Path) -> None:
    folder = render(tmp_path / "run", pair_commands=CONDUCTOR, **RUN)
    run_until(folder / paths.Simulate.until.name, threads=1, rule=rule(0.08, 400.0))
    assert 4.0 < length_ps(folder) < 100.0
    fit = analyse_run(folder).diffusivity
    assert fit.diffusivity_cm2_s is not None
    assert fit.diffusivity_std_cm2_s is not None
    assert fit.diffusivity_std_cm2_s < 0.08 * fit.diffusivity_cm2_s
    # One length before it was not known: what is on disk of the run, cut there, shows it.
    shorter = length_ps(folder) - 4.0
    render(folder, pair_commands=CONDUCTOR, **(RUN | {"production_ps": shorter}))
    assert run_folder(folder).status == "done"
    fit = analyse_run(folder).diffusivity
    assert (
        fit.diffusivity_cm2_s is None
        or (fit.diffusivity_std_cm2_s or 0.0) >= 0.08 * fit.diffusivity_cm2_s
    )


def test_a_crystal_that_holds_is_run_to_the_limit(tmp_path: Path) -> None:
    folder = render(tmp_path / "run", **RUN)
    run_until(folder / paths.Simulate.until.name, threads=1, rule=rule(0.2, 10.0))
    assert length_ps(folder) == pytest.approx(10.0)
    assert run_folder(folder).frames == 201


def test_a_run_that_was_lengthened_goes_on_where_it_was(tmp_path: Path) -> None:
    """Killed between two lengths: the outcome of the shorter run is no end of the unit."""
    folder = render(tmp_path / "run", **RUN)
    run_folder(folder)
    assert (folder / OUTCOME_FILE).is_file()
    output = unit_output(folder, rule(0.2, 8.0))
    assert not output.is_file()
    run_until(output, threads=1, rule=rule(0.2, 8.0))
    assert length_ps(folder) == pytest.approx(8.0)
    assert json.loads(output.read_text())["max_production_ps"] == 8.0
    assert unit_output(folder, rule(0.2, 8.0)).is_file()
    assert not unit_output(folder, rule(0.1, 8.0)).is_file()  # another rule: looked at again
    assert unit_output(folder, None) == folder / OUTCOME_FILE
