"""Packages compiled for this machine against the calculator, at sizes they were not traced with."""

import platform
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from mlipsse.energetics.potentials.mace_model import load_mace_model
from mlipsse.errors import MlipsseError
from mlipsse.potential.export import package
from mlipsse.potential.export.aotinductor import export_aotinductor
from mlipsse.potential.export.package import package_metadata
from mlipsse.potential.export.target import Target
from tests.support.potential.edge_graphs import Graph, forces, graph, make_mace, reference
from tests.support.potential.tiny_potential import ELEMENTS, random_cell

pytestmark = pytest.mark.xdist_group("aotinductor")  # so that one process compiles the package

SMALL = random_cell(cell=np.eye(3) * 4.7, n_atoms=2, closest_A=1.7, seed=4)
CUBE = random_cell(cell=np.eye(3) * 6.5, n_atoms=12, closest_A=1.7, seed=1)
LARGE = CUBE.repeat((2, 1, 3))

KINDS = {
    "one layer": {"layers": 1},
    "three layers, L=2": {"layers": 3, "hidden": "3x0e+3x1o+3x2e", "max_ell": 3},
    "density blocks, ZBL, agnesi": {
        "interaction": "RealAgnosticDensityResidualInteractionBlock",
        "first": "RealAgnosticDensityInteractionBlock",
        "pair_repulsion": True,
        "distance_transform": "Agnesi",
    },
    "nonlinear blocks": {
        "interaction": "RealAgnosticResidualNonLinearInteractionBlock",
        "readout_cls": "NonLinearBiasReadoutBlock",
    },
    "attention blocks": {"interaction": "RealAgnosticAttResidualInteractionBlock"},
    "MACE without scale and shift, one head": {"scale_shift": False, "heads": ("target",)},
}


def run(package: Path, edges: Graph) -> tuple[torch.Tensor, torch.Tensor]:
    return tuple(torch._inductor.aoti_load_package(str(package))(*edges))


@pytest.mark.parametrize("atoms", [SMALL, CUBE, LARGE], ids=len)
def test_agrees_with_the_calculator(aotinductor64, thin_model, atoms):
    energy, force, _ = reference(load_mace_model(thin_model), atoms, head="target")
    edges = graph(atoms)
    node_energy, gradient = run(aotinductor64, edges)
    assert (node_energy.dtype, gradient.dtype) == (torch.float64, torch.float64)
    assert float(node_energy.sum()) == pytest.approx(energy, rel=0, abs=1e-10 * len(atoms))
    np.testing.assert_allclose(forces(edges, gradient), force, rtol=0, atol=1e-10)


def test_agrees_with_torchscript_on_part_of_the_atoms(aotinductor64, thin_torchscript):
    types, edge_index, vectors, weights = graph(CUBE)
    weights[::3] = 0.0
    expected = torch.jit.load(thin_torchscript).edge_energies(types, edge_index, vectors, weights)
    found = run(aotinductor64, (types, edge_index, vectors, weights))
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)


def test_the_smallest_padded_system(aotinductor64, thin_torchscript):
    """A lone atom, a second one of no weight, and two edges of the cutoff's length."""
    edges = (
        torch.tensor([1, 0]),
        torch.tensor([[1, 1], [1, 1]]),
        torch.tensor([[4.5, 0.0, 0.0]] * 2, dtype=torch.float64),
        torch.tensor([1.0, 0.0], dtype=torch.float64),
    )
    node_energy, gradient = run(aotinductor64, edges)
    lone = torch.jit.load(thin_torchscript).edge_energies(
        edges[0][:1],
        torch.zeros((2, 0), dtype=torch.int64),
        torch.zeros((0, 3), dtype=torch.float64),
        edges[3][:1],
    )[0]
    assert float(node_energy[0]) == pytest.approx(float(lone[0]), rel=0, abs=1e-12)
    assert not gradient.any()


def test_states_what_it_was_made_for(aotinductor64):
    found = package_metadata(aotinductor64)
    expected = {
        "mlipsse_format": "1",
        "elements": " ".join(ELEMENTS),
        "r_max_A": "4.5",
        "layers": "1",
        "dtype": "float64",
        "head": "target",
        "device": "cpu",
        "torch": torch.__version__.split("+")[0],
        "machine": platform.machine(),
        "cpu_flags": " ".join(package.cpu_flags()),
        "gpu": "",
        "threads": "any",
    }
    assert {key: found[key] for key in expected} == expected
    loaded = torch._inductor.aoti_load_package(str(aotinductor64)).loader.get_metadata()
    assert {key: loaded[key] for key in expected} == expected


def test_threads_are_counted_at_run_time(aotinductor64):
    expected = run(aotinductor64, graph(LARGE))
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        found = run(aotinductor64, graph(LARGE))
    finally:
        torch.set_num_threads(before)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_kind_of_model(kind, dtype, tmp_path):
    model = make_mace(**KINDS[kind])
    torch.save(model, tmp_path / "some.model")
    out = tmp_path / "some.pt2"
    export_aotinductor(tmp_path / "some.model", head="target", dtype=dtype, out=out)
    for atoms in (CUBE, LARGE):
        energy, force, _ = reference(model, atoms, head="target")
        edges = graph(atoms, dtype=getattr(torch, dtype))
        node_energy, gradient = run(out, edges)
        assert node_energy.dtype == torch.float64
        assert gradient.dtype == getattr(torch, dtype)
        largest = np.abs(force).max()
        double = dtype == "float64"
        assert float(node_energy.sum()) == pytest.approx(
            energy, rel=1e-12 if double else 1e-6, abs=0
        )
        np.testing.assert_allclose(
            forces(edges, gradient), force, rtol=0, atol=1e-10 if double else 1e-5 * largest
        )


@pytest.mark.slow
def test_compiled_for_one_thread(tiny_model, torchscript, tmp_path):
    out = tmp_path / "one.pt2"
    export_aotinductor(
        tiny_model, head="target", dtype="float64", out=out, target=Target(serial=True)
    )
    expected = torch.jit.load(torchscript).edge_energies(*graph(LARGE))
    for ours, theirs in zip(run(out, graph(LARGE)), expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)


def test_unknown_head_and_dtype_and_name(tiny_model, tmp_path):
    out = tmp_path / "x.pt2"
    with pytest.raises(MlipsseError, match="no head Default; it has replay, target"):
        export_aotinductor(tiny_model, head="Default", dtype="float64", out=out)
    with pytest.raises(MlipsseError, match="float16"):
        export_aotinductor(tiny_model, head="target", dtype="float16", out=out)
    with pytest.raises(MlipsseError, match=r"named NAME\.pt2, not x\.so"):
        export_aotinductor(tiny_model, head="target", dtype="float64", out=tmp_path / "x.so")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_no_gpu(tiny_model, tmp_path):
    with pytest.raises(MlipsseError, match="finds no GPU on this machine"):
        export_aotinductor(
            tiny_model,
            head="target",
            dtype="float32",
            out=tmp_path / "x.pt2",
            target=Target("cuda"),
        )


def test_no_compiler(tiny_model, tmp_path, monkeypatch):
    from torch._inductor import config

    monkeypatch.setattr(config.cpp, "cxx", (None, "no-such-compiler"))
    with pytest.raises(MlipsseError, match=r"Install g\+\+, set CXX"):
        export_aotinductor(tiny_model, head="target", dtype="float32", out=tmp_path / "x.pt2")
    assert not list(tmp_path.iterdir())


def test_metadata_of_something_else(tmp_path):
    path = tmp_path / "text.pt2"
    path.write_text("hello")
    with pytest.raises(MlipsseError, match="cannot be read as an AOTInductor package"):
        package_metadata(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/model_metadata.json", "{}")
    with pytest.raises(MlipsseError, match="has no metadata"):
        package_metadata(path)


def test_processor_flags(tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor : 0\nflags\t\t: fpu vme sse4_2 avx2 fma amx_tile avx512f\n\n")
    assert package.cpu_flags(cpuinfo) == ("amx_tile", "avx2", "avx512f", "fma", "sse4_2")
    cpuinfo.write_text("processor : 0\nFeatures : fp asimd\n")
    assert package.cpu_flags(cpuinfo) == ()
    assert package.cpu_flags(tmp_path / "nowhere") == ()
