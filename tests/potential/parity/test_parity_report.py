"""The parity report of a bundle: it passes what is right, and notices each thing that is wrong."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from ase import Atoms
from ase.io import read

from mlipsse.errors import MlipsseError
from mlipsse.files import sha256
from mlipsse.potential.bundle.folder import Bundle, read_bundle, write_bundle
from mlipsse.potential.bundle.provenance import Provenance
from mlipsse.potential.export.target import ExportSettings
from mlipsse.potential.parity import comparison, dynamics
from mlipsse.potential.parity import report as parity
from mlipsse.potential.parity.dynamics import slope
from mlipsse.potential.parity.report import check_bundle
from mlipsse.potential.parity.single_points import (
    differences,
    lammps_single_points,
    python_single_points,
)
from mlipsse.resources import resource_dir

SHIPPED = resource_dir("potentials") / "mace-sse-small"


def shipped_frame(index: int) -> Atoms:
    """A 20-atom cell or a 40-atom frame of dynamics that the shipped potential knows."""
    frame = read(SHIPPED / "replay.extxyz", index)
    assert isinstance(frame, Atoms)
    return frame


@pytest.fixture(scope="module")
def small_frame() -> Atoms:
    frames = read(SHIPPED / "replay.extxyz", ":")
    return min(frames, key=len)


@pytest.fixture(scope="module")
def written(tmp_path_factory, small_frame) -> Bundle:
    return write_bundle(
        tmp_path_factory.mktemp("bundle"),
        model=SHIPPED / "mace-sse-small.model",
        name="halide",
        export=ExportSettings(head="Default", dtype="float64"),
        provenance=Provenance("teacher: chgnet"),
        example=small_frame,
    )


@pytest.fixture
def bundle(tmp_path, written) -> Bundle:
    """A copy of our own, to be damaged."""
    shutil.copytree(written.folder, tmp_path / "halide")
    return read_bundle(tmp_path / "halide")


@pytest.fixture
def quick(monkeypatch):
    """As small and short as dynamics can be: too short for a meaningful slope."""
    monkeypatch.setattr(comparison, "MAX_DRIFT_EV_ATOM_PS", np.inf)
    monkeypatch.setattr(parity, "LEAST_ATOMS", 1)
    monkeypatch.setattr(dynamics, "STEPS", 20)
    monkeypatch.setattr(dynamics, "_RELAXATION_STEPS", 3)
    monkeypatch.setattr(dynamics, "_THERMALISATION_STEPS", 10)


def replace_export(bundle: Bundle, model: Path) -> None:
    """Put another potential's export in place of the bundle's, and its checksum into the card."""
    made = write_bundle(
        bundle.folder.parent / "other",
        model=model,
        name="other",
        export=ExportSettings(head="Default", dtype="float64"),
    )
    shutil.copyfile(made.torchscript, bundle.torchscript)
    card = bundle.folder / "card.yaml"
    facts = yaml.safe_load(card.read_text())
    facts["sha256"][bundle.torchscript.name] = sha256(bundle.torchscript)
    card.write_text(yaml.safe_dump(facts))


@pytest.mark.slow
def test_energy_is_conserved(written):
    """The whole of what a user runs, 1,000 steps on the example repeated to 60 atoms."""
    result = check_bundle(written.folder)
    assert result.passed, result.problems
    assert result.atoms == 60
    assert 0 < abs(result.drift_eV_atom_ps) < 2e-6, "a fifth of the limit: not by luck"
    assert 200 < result.comparisons[-1].temperature_K < 400, "it moves, and has not melted"


def test_a_bundle_in_float64(written, quick):
    """The numbers a user is promised."""
    result = check_bundle(written.folder)
    assert result.problems == ()
    assert result.passed
    assert result.dtype == "float64"
    assert result.max_energy_error_eV < 1e-9
    assert result.max_force_error_eV_A < 1e-10
    assert result.max_stress_error_eV_A3 < 1e-10
    assert {(one.backend, one.runner) for one in result.comparisons} == {
        ("torchscript", "python"),
        ("torchscript", "lammps"),
    }
    assert result.drift_eV_atom_ps == result.comparisons[-1].drift_eV_atom_ps != 0
    assert result.structures == 2


def test_another_number_type_is_made_for_the_occasion(written, quick):
    before = {path: path.stat().st_mtime_ns for path in written.folder.iterdir()}
    result = check_bundle(written.folder, dtype="float32")
    assert result.passed, result.problems
    assert result.dtype == "float32"
    assert 1e-8 < result.max_force_error_eV_A < 1e-4, "float32 leaves its mark"
    mace, *exported = result.comparisons
    assert mace.backend == "ase"
    assert len(exported) == 2
    assert {path: path.stat().st_mtime_ns for path in written.folder.iterdir()} == before


def test_a_bundle_without_exports(quick):
    result = check_bundle(SHIPPED, structures=[shipped_frame(0)])
    assert result.passed, result.problems
    assert result.dtype == "float32"
    assert result.structures == 2


def test_an_export_of_other_weights_is_noticed(bundle, no_dynamics, tmp_path):
    import mace  # noqa: F401
    import torch

    model = torch.load(bundle.model, weights_only=False)
    with torch.no_grad():
        weights = next(iter(model.readouts.parameters()))
        weights *= 1 + 1e-6
    torch.save(model, tmp_path / "changed.model")
    replace_export(bundle, model=tmp_path / "changed.model")
    result = check_bundle(bundle.folder)
    assert not result.passed
    assert len(result.problems) == 2
    assert all("forces differ by" in problem for problem in result.problems)
    assert result.max_force_error_eV_A > 1e-9


def test_an_export_that_does_not_load_is_reported_in_a_sentence(bundle, quick):
    """As of a .pt2 made for another machine: the rest is checked nevertheless."""
    package = bundle.folder / "halide.pt2"
    package.write_bytes(b"no package")
    card = bundle.folder / "card.yaml"
    facts = yaml.safe_load(card.read_text())
    facts["sha256"][package.name] = sha256(package)
    card.write_text(yaml.safe_dump(facts))
    result = check_bundle(bundle.folder)
    assert not result.passed
    assert [problem.split(":")[0] for problem in result.problems] == [
        "aotinductor in python",
        "aotinductor in lammps",
    ]
    assert "ERROR" in result.problems[1]
    torchscript = [one for one in result.comparisons if one.backend == "torchscript"]
    assert not any(one.problem for one in torchscript)


@pytest.fixture
def no_dynamics(monkeypatch, small_frame):
    """The frame as it is, and a run that conserves energy."""
    frame = dynamics.ThermalisedFrame(small_frame, Path("nowhere"), ())
    monkeypatch.setattr(parity, "thermalise", lambda *_, **__: frame)
    found = dynamics.Conservation(1e-7, 1e-6, 300.0, 1e-8)
    monkeypatch.setattr(parity, "conserve", lambda *_, **__: found)


def test_a_drift_is_noticed(written, no_dynamics, monkeypatch):
    found = dynamics.Conservation(-2e-5, 1e-6, 300.0, 1e-8)
    monkeypatch.setattr(parity, "conserve", lambda *_, **__: found)
    result = check_bundle(written.folder)
    assert not result.passed
    assert result.drift_eV_atom_ps == -2e-5
    assert "drifts by -2e-05 eV/atom/ps (limit 1e-05)" in result.problems[0]


def test_numbers_that_are_not_finite_never_pass(written, no_dynamics, monkeypatch):
    def broken(*arguments, **options):
        points = lammps_single_points(*arguments, **options)
        for point in points:
            point.forces_eV_A[0, 0] = np.nan
        return points

    monkeypatch.setattr(parity, "lammps_single_points", broken)
    result = check_bundle(written.folder)
    assert not result.passed
    assert np.isnan(result.max_force_error_eV_A)


def test_structures_that_do_not_fit(written):
    with pytest.raises(MlipsseError, match="contains K, which halide does not know"):
        check_bundle(written.folder, structures=[Atoms("KCl", cell=3 * np.eye(3), pbc=True)])
    with pytest.raises(MlipsseError, match="not periodic"):
        check_bundle(written.folder, structures=[Atoms("LiCl", positions=[[0, 0, 0], [2, 0, 0]])])
    with pytest.raises(MlipsseError, match="at least one structure"):
        check_bundle(written.folder, structures=[])


def test_slope_of_a_line_and_of_noise():
    times_ps = np.linspace(0, 1, 1001)
    noise = np.random.default_rng(1).normal(scale=1e-3, size=1001)
    rows = np.stack([times_ps, -500 + 40 * 3e-5 * times_ps, 300 + noise], axis=1)
    exact = slope(rows, n_atoms=40)
    assert exact.drift_eV_atom_ps == pytest.approx(3e-5, rel=1e-6)
    assert exact.fluctuation_eV_atom < 1e-12
    assert exact.temperature_K == pytest.approx(300, abs=1e-3)
    rows[5, 1] = np.nan
    with pytest.raises(MlipsseError, match="no finite energies"):
        slope(rows, n_atoms=40)


CELLS = {
    "strongly tilted": (np.array([[8.0, 0.0, 0.0], [6.0, 7.0, 0.0], [-5.0, 6.5, 8.0]]), 14),
    "shorter than the cutoff": (np.array([[3.0, 0.3, 0.0], [0.2, 3.4, 0.0], [0.5, 0.4, 3.8]]), 2),
    "an atom without neighbours": (12.0 * np.eye(3), 1),
}


@pytest.mark.parametrize("name", CELLS)
def test_python_and_lammps_agree(torchscript, plugin, name):
    from tests.support.potential.tiny_potential import random_cell

    cell, n_atoms = CELLS[name]
    atoms = random_cell(cell=cell, n_atoms=n_atoms, closest_A=1.7, seed=3)
    in_python = python_single_points(torchscript, [atoms])
    in_lammps = lammps_single_points([atoms], exported=torchscript, plugin=plugin)
    worst = differences(in_lammps, in_python)
    assert max(worst.energy_eV, worst.force_eV_A, worst.stress_eV_A3) < 1e-10


def test_example_is_in_the_bundle(written: Bundle):
    assert written.example == Path(written.folder / "example.data")
