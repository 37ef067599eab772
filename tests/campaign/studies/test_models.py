"""`mlipsse study models`: several potentials on one set of labels."""

import csv
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

from mlipsse import keys
from mlipsse.campaign.studies import models
from mlipsse.campaign.studies.models import ModelChoice, compare_models, parse_choice
from mlipsse.dataset.frames.extxyz import write_frames
from mlipsse.energetics.potentials.calculators import make_calculator
from mlipsse.errors import MlipsseError
from tests.support.here import HereExecution

FIRST, SECOND = "mace-sse-small", "mace-liybc-scan-small"


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the units that were done."""
    done: list[str] = []

    class Execution(HereExecution):
        def __init__(self, *_: object) -> None:
            super().__init__()
            self.done = done

    monkeypatch.setattr(models, "Execution", Execution)
    return done


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames whose labels are of the first potential, moved by 3 eV per Li and 1 eV per Cl."""
    calculator = make_calculator(FIRST)
    rng = np.random.default_rng(2)
    frames = []
    for number in range(6):
        atoms = bulk("LiCl", "rocksalt", a=5.0 + 0.05 * number, cubic=True)
        if number % 2:
            del atoms[0]
        atoms.positions += rng.normal(scale=0.08, size=atoms.positions.shape)
        atoms.calc = calculator
        energy, forces, stress = (
            atoms.get_potential_energy(),
            atoms.get_forces(),
            atoms.get_stress(),
        )
        n_li = int((atoms.symbols == "Li").sum())
        atoms.calc = None
        atoms.info = {
            keys.ENERGY: energy + 3.0 * n_li + (len(atoms) - n_li),
            keys.STRESS: stress,
            keys.LABEL_SOURCE: "test",
        }
        atoms.arrays[keys.FORCES] = forces
        frames.append(atoms)
    path = tmp_path_factory.mktemp("labels") / "labels.extxyz"
    write_frames(path, frames)
    return path


def test_a_potential_against_its_own_labels(labels: Path, tmp_path: Path, here: list[str]) -> None:
    choices = [ModelChoice(FIRST), ModelChoice(SECOND, "Default")]
    first, second = compare_models(labels, choices, out=tmp_path).rows
    assert first["energy_rmse_meV_atom"] < 0.1, "constants per element are no error"
    # of 4 Li and 4 Cl in half of the frames, 3 and 4 in the others
    offset = -1e3 * (16 / 8 + 13 / 7) / 2
    assert first["energy_offset_meV_atom"] == pytest.approx(offset, abs=0.1)
    assert first["force_rmse_meV_A"] < 0.1
    assert first["force_slope"] == pytest.approx(1.0, abs=1e-3)
    assert second["potential"] == f"{SECOND} (Default)"
    assert second["force_rmse_meV_A"] > 5
    assert second["force_relative"] == pytest.approx(
        second["force_rmse_meV_A"] / (1e3 * np.sqrt(np.mean(np.concatenate(_forces(labels)) ** 2))),
        rel=1e-6,
    )
    assert 0 < second["energy_relative"] < 1
    assert [row["potential"] for row in csv.DictReader((tmp_path / "models.csv").open())] == [
        FIRST,
        f"{SECOND} (Default)",
    ]
    assert (tmp_path / "models.png").is_file()
    assert FIRST in (tmp_path / "report.html").read_text()
    n = len(here)
    compare_models(labels, choices, out=tmp_path)
    assert len(here) == n, "what is done is kept"


def _forces(labels: Path) -> list[np.ndarray]:
    from mlipsse.dataset.frames.extxyz import read_frames

    return [frame.arrays[keys.FORCES] for frame in read_frames(labels, labelled=True)]


def test_what_is_refused(labels: Path, tmp_path: Path) -> None:
    with pytest.raises(MlipsseError, match="at least one potential"):
        compare_models(labels, [], out=tmp_path / "out")
    with pytest.raises(MlipsseError, match="named twice"):
        compare_models(labels, [ModelChoice(FIRST)] * 2, out=tmp_path / "out")
    with pytest.raises(MlipsseError, match="head"):
        compare_models(labels, [ModelChoice(SECOND)], out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_constants_that_explain_everything_leave_no_error(labels: Path, tmp_path: Path) -> None:
    """Of two frames of two compositions nothing is left to judge energies by."""
    from mlipsse.dataset.frames.extxyz import read_frames

    write_frames(tmp_path / "few.extxyz", read_frames(labels, labelled=True)[:2])
    (row,) = compare_models(tmp_path / "few.extxyz", [ModelChoice(FIRST)], out=tmp_path / "o").rows
    assert row["energy_rmse_meV_atom"] is None
    assert row["energy_relative"] is None
    assert row["force_rmse_meV_A"] is not None


def test_choices() -> None:
    assert parse_choice(" sevennet: 7net-0 ") == ModelChoice("sevennet: 7net-0")
    assert parse_choice("a.model@Default") == ModelChoice("a.model", "Default")
