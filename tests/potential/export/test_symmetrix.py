"""symmetrix-xl gives the model's numbers, and what it cannot hold is refused by its name."""

import json
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import torch

from mlipsse import lammps
from mlipsse.energetics.single_point import SinglePoint
from mlipsse.errors import MlipsseError
from mlipsse.potential.bundle.making import export_bundle, export_formats
from mlipsse.potential.export.other_engines import symmetrix
from mlipsse.potential.export.other_engines.symmetrix import (
    export_symmetrix,
    library_file,
    symmetrix_calculator,
)
from mlipsse.potential.export.target import FORMATS, ExportSettings, FormatRefused, parse_formats
from mlipsse.potential.parity import comparison, dynamics, report
from mlipsse.potential.parity.report import check_bundle
from mlipsse.potential.parity.single_points import ase_single_points, differences
from tests.support.potential.edge_graphs import make_mace
from tests.support.potential.tiny_potential import random_cell

pytestmark = pytest.mark.xdist_group("symmetrix")


@pytest.fixture
def quick_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dynamics as short as they can be: the weights are random."""
    monkeypatch.setattr(comparison, "MAX_DRIFT_EV_ATOM_PS", np.inf)
    monkeypatch.setattr(report, "LEAST_ATOMS", 1)
    monkeypatch.setattr(dynamics, "STEPS", 20)
    monkeypatch.setattr(dynamics, "_RELAXATION_STEPS", 3)
    monkeypatch.setattr(dynamics, "_THERMALISATION_STEPS", 10)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two heads, max_ell 3."""
    path = tmp_path_factory.mktemp("model") / "some.model"
    torch.save(make_mace(max_ell=3, correlation=3), path)
    return path


@pytest.fixture(scope="module")
def exported(model: Path) -> Path:
    out = model.parent / "some.symmetrix.json"
    files = export_symmetrix(model, head="target", dtype="float32", out=out)
    assert files.library == library_file(out)
    assert files.library.read_bytes()[:4] == b"\x7fELF"
    return out


def test_the_numbers_of_the_model(model: Path, exported: Path) -> None:
    cells = [
        random_cell(cell=np.diag([9.0, 8.0, 10.0]), n_atoms=24, closest_A=1.9, seed=1),
        random_cell(
            cell=np.array([[5.0, 0, 0], [1.0, 5.5, 0], [0.5, 1.5, 6.0]]),
            n_atoms=6, closest_A=1.8, seed=2,
        ),
    ]  # fmt: skip
    expected = ase_single_points(cells, model=model, head="target", dtype="float64")
    rounded = ase_single_points(cells, model=model, head="target", dtype="float32")
    calculator = symmetrix_calculator(exported)
    found = []
    for atoms in cells:
        calculator.calculate(atoms, ["energy", "forces", "stress"])
        found.append(SinglePoint.from_results(calculator.results))
    theirs, of_mace = differences(found, expected), differences(rounded, expected)
    assert theirs.force_eV_A < max(5 * of_mace.force_eV_A, 2e-6)
    assert theirs.stress_eV_A3 < max(5 * of_mace.stress_eV_A3, 1e-7)
    assert theirs.energy_eV_atom < max(5 * of_mace.energy_eV_atom, 1e-6)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ({"max_ell": 2}, "spherical harmonics go to max_ell 2, and symmetrix-xl requires 3"),
        ({"max_ell": 3, "layers": 3}, "has 3 message-passing layers"),
    ],
)
def test_what_it_cannot_hold(tmp_path: Path, shape: dict[str, int], words: str) -> None:
    path = tmp_path / "some.model"
    torch.save(make_mace(**shape), path)
    with pytest.raises(FormatRefused, match=words):
        export_symmetrix(path, head="target", dtype="float32", out=tmp_path / "x.symmetrix.json")
    assert [file.name for file in tmp_path.iterdir()] == ["some.model"]


def test_another_version_is_refused(exported: Path, tmp_path: Path) -> None:
    content = json.loads(exported.read_text())
    content["mlipsse"]["symmetrix-xl"] = "0.0.9"
    other = tmp_path / "x.symmetrix.json"
    other.write_text(json.dumps(content))
    with pytest.raises(MlipsseError, match=r"was written by symmetrix-xl 0\.0\.9, and this is"):
        symmetrix_calculator(other)
    other.write_text("{}")
    with pytest.raises(MlipsseError, match="is not a file that mlipsse wrote"):
        symmetrix_calculator(other)


def test_without_the_package(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(symmetrix.metadata, "version", none)
    with pytest.raises(MlipsseError, match="pip install symmetrix-xl"):
        export_symmetrix(model, head="target", dtype="float32", out=tmp_path / "x")


def test_without_a_compiler(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "/nowhere/c++")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("SYMMETRIX_JIT_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "x.symmetrix.json"
    # symmetrix-xl's calculator compiles too, so the numbers cannot be compared.
    with pytest.raises(MlipsseError, match=r"cannot compute one step .* and was removed"):
        export_symmetrix(model, head="target", dtype="float32", out=out)
    assert not out.exists()


def test_formats_by_name() -> None:
    assert parse_formats("native, torchscript") == ("torchscript", "native")
    assert parse_formats("all") == FORMATS
    for text in ("", "onnx", "torchscript,onnx", "all,native"):
        with pytest.raises(MlipsseError, match="name one, several separated by commas, or all"):
            parse_formats(text)


def test_one_bundle_for_every_engine(model: Path, tmp_path: Path, quick_check: None) -> None:
    settings = ExportSettings(head="target", dtype="float32")
    formats = ("torchscript", "symmetrix", "mliap", "upstream")
    made = export_formats(model, formats, out=tmp_path / "mine", export=settings)
    assert dict(made.refused) == {}
    assert [file.name for file in made.files.values()] == [
        "mine.pt", "mine.symmetrix.json", "mine.mliap.pt", "mine.upstream.pt",
    ]  # fmt: skip
    assert made.bundle.exports == made.files
    readme = " ".join((tmp_path / "mine" / "README.md").read_text().split())
    assert "pair_style symmetrix/mace/float32/kk mpi_message_passing ${symmetrix}" in readme
    with pytest.raises(MlipsseError, match="Unrecognized pair style 'symmetrix/mace/float32/kk'"):
        lammps.run(["-in", "in.example", "-var", "engine", "symmetrix"], folder=tmp_path / "mine")
    checked = check_bundle(tmp_path / "mine")
    assert [(c.backend, c.runner) for c in checked.comparisons] == [
        ("ase", "python"), ("torchscript", "python"), ("torchscript", "lammps"),
        ("symmetrix", "python"), ("mliap", "python"), ("upstream", "lammps"),
    ]  # fmt: skip
    assert checked.problems == ()


def test_a_format_that_is_refused_leaves_the_others(tmp_path: Path) -> None:
    path = tmp_path / "some.model"
    torch.save(make_mace(max_ell=2), path)
    settings = ExportSettings(head="target", dtype="float32")
    made = export_formats(path, ("torchscript", "symmetrix"), out=tmp_path / "a", export=settings)
    assert list(made.files) == ["torchscript"]
    assert "max_ell 2" in made.refused["symmetrix"]
    with pytest.raises(FormatRefused, match="max_ell 2"):
        export_formats(path, ("symmetrix",), out=tmp_path / "a", export=settings)
    export_bundle(path, out=tmp_path / "a", export=settings)
