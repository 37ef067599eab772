"""Export by head name, what an exported file offers, and the error when it is not possible."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from mlipsse.energetics.potentials.mace_model import load_mace_model
from mlipsse.energetics.single_point import SinglePoint
from mlipsse.errors import MlipsseError
from mlipsse.potential.export.other_engines.mliap import MliapCalculator, export_mliap
from mlipsse.potential.export.other_engines.upstream import export_upstream
from mlipsse.potential.export.source_model import model_summary
from mlipsse.potential.export.torchscript import export_torchscript
from tests.support.potential.edge_graphs import forces, graph, make_mace, reference
from tests.support.potential.tiny_potential import ELEMENTS, HEADS, random_cell

ATOMS = random_cell(cell=np.eye(3) * 6.5, n_atoms=12, closest_A=1.7, seed=1)


def lammps_data(dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """As other pair styles call `forward`: positions in an open cell, from which edges follow."""
    types, edge_index, vectors, _ = graph(ATOMS, dtype=dtype)
    positions = torch.tensor(ATOMS.positions, dtype=dtype)
    senders, receivers = edge_index
    return {
        "positions": positions,
        "shifts": vectors - (positions[receivers] - positions[senders]),
        "unit_shifts": torch.zeros_like(vectors),
        "cell": torch.tensor(ATOMS.cell.array, dtype=dtype),
        "node_attrs": torch.nn.functional.one_hot(types, len(ELEMENTS)).to(dtype),
        "edge_index": edge_index,
        "batch": torch.zeros_like(types),
        "ptr": torch.tensor([0, len(types)]),
        "energy": torch.zeros(1, dtype=dtype),
        "forces": torch.zeros_like(positions),
        "weight": torch.ones(1, dtype=dtype),
    }


def test_summary(tiny_model):
    summary = model_summary(tiny_model)
    assert summary.elements == ELEMENTS
    assert summary.heads == HEADS
    assert summary.r_max_A == 4.5
    assert summary.layers == 2
    assert summary.dtype == "float64"
    assert summary.n_parameters == sum(
        p.numel() for p in torch.load(tiny_model, weights_only=False).parameters()
    )


def test_dtype_of_the_export(torchscript, torchscript32):
    for path, dtype in ((torchscript, torch.float64), (torchscript32, torch.float32)):
        module = torch.jit.load(path)
        assert {p.dtype for p in module.parameters()} == {dtype}
        assert int(module.head) == HEADS.index("target")
        assert module.head_name == "target"
        assert float(module.r_max) == 4.5
        assert int(module.num_interactions) == 2
        assert module.atomic_numbers.tolist() == [3, 17, 39, 49]


def test_both_methods_of_the_file(torchscript, tiny_model):
    """The edge form, and the `forward` that other pair styles call."""
    module = torch.jit.load(torchscript)
    energy, force, _ = reference(load_mace_model(tiny_model), ATOMS, head="target")
    edges = graph(ATOMS)
    for _ in range(3):  # TorchScript compiles again after the first calls
        node_energy, gradient = module.edge_energies(*edges)
        assert float(node_energy.sum()) == pytest.approx(energy, rel=0, abs=1e-10)
        np.testing.assert_allclose(forces(edges, gradient), force, rtol=0, atol=1e-10)
        out = module(lammps_data(torch.float64), torch.ones(len(ATOMS), dtype=torch.float64))
        assert float(out["total_energy_local"]) == pytest.approx(energy, rel=0, abs=1e-10)
        np.testing.assert_allclose(out["forces"].numpy(), force, rtol=0, atol=1e-10)
        torch.testing.assert_close(out["node_energy"], node_energy, rtol=0, atol=1e-10)


def test_forward_is_that_of_mace(torchscript, tiny_model):
    from mace.calculators import LAMMPS_MACE

    theirs = LAMMPS_MACE(load_mace_model(tiny_model), head="target")
    ours = torch.jit.load(torchscript)
    local = (torch.arange(len(ATOMS)) % 3 > 0).to(torch.float64)
    for virials in (False, True):
        expected = theirs(lammps_data(torch.float64), local, virials)
        found = ours(lammps_data(torch.float64), local, virials)
        assert set(found) == set(expected)
        for key, value in expected.items():
            torch.testing.assert_close(found[key], value, rtol=0, atol=1e-10)


def test_float32_stays_close(torchscript, torchscript32):
    expected = torch.jit.load(torchscript).edge_energies(*graph(ATOMS))
    found = torch.jit.load(torchscript32).edge_energies(*graph(ATOMS, dtype=torch.float32))
    assert [tensor.dtype for tensor in found] == [torch.float64, torch.float32]
    largest = float(expected[1].abs().max())
    torch.testing.assert_close(found[1].to(torch.float64), expected[1], rtol=0, atol=1e-5 * largest)


def test_model_without_heads(tmp_path):
    """As they were before multi-head training."""
    model = make_mace(heads=("target",))
    energy, _, _ = reference(model, ATOMS, head="target")
    del model.heads
    path = tmp_path / "old.model"
    torch.save(model, path)
    export_torchscript(path, head="Default", dtype="float64", out=tmp_path / "old.pt")
    node_energy, _ = torch.jit.load(tmp_path / "old.pt").edge_energies(*graph(ATOMS))
    assert float(node_energy.sum()) == pytest.approx(energy, rel=0, abs=1e-10)


def test_unknown_head_names_those_there_are(tiny_model, tmp_path):
    for export in (export_torchscript, export_upstream):
        with pytest.raises(MlipsseError, match="no head Default; it has replay, target"):
            export(tiny_model, head="Default", dtype="float64", out=tmp_path / "x.pt")
    assert not list(tmp_path.iterdir())


def test_unknown_dtype(tiny_model, tmp_path):
    for export in (export_torchscript, export_upstream, export_mliap):
        with pytest.raises(MlipsseError, match="float16"):
            export(tiny_model, head="target", dtype="float16", out=tmp_path / "x.pt")


def test_upstream_file_has_no_edge_form(tiny_model, torchscript, tmp_path):
    out = tmp_path / "upstream.pt"
    export_upstream(tiny_model, head="target", dtype="float64", out=out)
    assert [path.name for path in tmp_path.iterdir()] == ["upstream.pt"]
    theirs, ours = torch.jit.load(out), torch.jit.load(torchscript)
    assert not hasattr(theirs, "edge_energies")
    assert hasattr(ours, "edge_energies")
    local = torch.ones(len(ATOMS), dtype=torch.float64)
    expected = theirs(lammps_data(torch.float64), local)
    found = ours(lammps_data(torch.float64), local)
    torch.testing.assert_close(found["forces"], expected["forces"], rtol=0, atol=1e-12)


def test_mliap_needs_cuequivariance(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MlipsseError, match="pip install cuequivariance-torch"):
        export_mliap(tiny_model, head="target", dtype="float64", out=tmp_path / "x.pt")


def test_mliap(tiny_model, tmp_path):
    out = tmp_path / "mliap.pt"
    export_mliap(tiny_model, head="target", dtype="float64", out=out)
    assert torch.load(out, weights_only=False).element_types == list(ELEMENTS)
    calculator = MliapCalculator(out)
    calculator.calculate(ATOMS)
    found = SinglePoint.from_results(calculator.results)
    energy_eV, forces_eV_A, stress = reference(load_mace_model(tiny_model), ATOMS, head="target")
    assert found.energy_eV == pytest.approx(energy_eV, rel=0, abs=1e-9)
    np.testing.assert_allclose(found.forces_eV_A, forces_eV_A, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.stress_eV_A3, stress, rtol=0, atol=1e-9)


def test_missing_model(tmp_path):
    with pytest.raises(MlipsseError, match="no model file"):
        model_summary(tmp_path / "nowhere.model")


def test_not_a_model(tmp_path):
    path = tmp_path / "text.model"
    path.write_text("hello")
    with pytest.raises(MlipsseError, match="cannot be loaded as a MACE model"):
        model_summary(path)


def test_some_other_network(tmp_path: Path):
    path = tmp_path / "linear.model"
    torch.save(torch.nn.Linear(2, 2), path)
    with pytest.raises(MlipsseError, match="holds a Linear, not a MACE model"):
        model_summary(path)


def test_an_export_is_not_exported_again(shipped_bundle: Path) -> None:
    with pytest.raises(MlipsseError, match="an export of a model already, in TorchScript"):
        model_summary(shipped_bundle / f"{shipped_bundle.name}.pt")
