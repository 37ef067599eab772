"""What no file for LAMMPS can hold is refused by its name; what is made was called before."""

import re
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from mlipsse.cli.potential import app
from mlipsse.energetics.single_point import SinglePoint
from mlipsse.errors import MlipsseError
from mlipsse.potential.export import aotinductor, compilation
from mlipsse.potential.export import torchscript as export
from mlipsse.potential.export.aotinductor import export_aotinductor
from mlipsse.potential.export.edge_form import load_edge_form
from mlipsse.potential.export.other_engines import mliap
from mlipsse.potential.export.other_engines.mliap import export_mliap
from mlipsse.potential.export.other_engines.upstream import export_upstream
from mlipsse.potential.export.package import require_made_for_here
from mlipsse.potential.export.target import FormatRefused
from mlipsse.potential.export.torchscript import export_torchscript
from mlipsse.potential.export.trial import Reference, require_same, small_cell
from tests.support.potential.edge_graphs import make_mace, reference
from tests.support.potential.tiny_potential import ELEMENTS, random_cell

ATOMS = random_cell(cell=np.eye(3) * 6.5, n_atoms=12, closest_A=1.7, seed=1)
FORMATS: dict[str, tuple[Callable[..., None], str]] = {
    "torchscript": (export_torchscript, "x.pt"),
    "aotinductor": (export_aotinductor, "x.pt2"),
    "mliap": (export_mliap, "x.mliap.pt"),
    "upstream": (export_upstream, "x.pt"),
}
OMOL = {
    "total_charge": {"type": "continuous", "in_dim": 1, "emb_dim": 4, "per": "graph"},
    "total_spin": {"type": "categorical", "num_classes": 5, "emb_dim": 4, "per": "graph"},
}


def with_lora() -> torch.nn.Module:
    from mace.modules.lora import inject_LoRAs

    return inject_LoRAs(make_mace(layers=1))


def of_class(name: str) -> torch.nn.Module:
    """A model of a class of that name, where making a real one needs packages that are not here."""
    model = make_mace(layers=1)
    kind = type(name, (type(model),), {})
    kind.__module__ = __name__
    globals()[name] = kind  # for pickle
    model.__class__ = kind
    return model


def dipoles(name: str) -> torch.nn.Module:
    from e3nn import o3
    from mace import modules

    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    block = modules.interaction_classes["RealAgnosticResidualInteractionBlock"]
    try:
        return getattr(modules, name)(
            r_max=4.5,
            num_bessel=6,
            num_polynomial_cutoff=5,
            max_ell=2,
            interaction_cls=block,
            interaction_cls_first=block,
            num_interactions=1,
            num_elements=4,
            hidden_irreps=o3.Irreps("4x0e+4x1o"),
            MLP_irreps=o3.Irreps("8x0e"),
            gate=torch.nn.functional.silu,
            atomic_energies=np.zeros(4) if name == "EnergyDipolesMACE" else None,
            avg_num_neighbors=4.0,
            atomic_numbers=[3, 17, 39, 49],
            correlation=2,
        )
    finally:
        torch.set_default_dtype(default)


FAMILIES = {
    "OMOL": (lambda: make_mace(layers=1, embedding_specs=OMOL), "OMOL"),
    "LES": (lambda: of_class("MACELES"), r"\(LES\)"),
    "Polar": (lambda: of_class("PolarMACE"), "Polar"),
    "dipoles": (lambda: dipoles("AtomicDipolesMACE"), "dipoles"),
    "energy and dipoles": (lambda: dipoles("EnergyDipolesMACE"), "dipoles"),
    "LoRA": (with_lora, "LoRA layers that are not merged"),
}


@pytest.fixture(scope="module", params=FAMILIES)
def family(request, tmp_path_factory) -> tuple[Path, str]:
    make, name = FAMILIES[request.param]
    path = tmp_path_factory.mktemp("family") / "some.model"
    torch.save(make(), path)
    return path, name


@pytest.mark.parametrize("form", FORMATS)
def test_a_family_is_refused_by_its_name(family, tmp_path, form):
    path, name = family
    write, file = FORMATS[form]
    with pytest.raises(MlipsseError, match=name) as caught:
        write(path, head="Default" if "dipoles" in name else "target", dtype="float64",
              out=tmp_path / file)  # fmt: skip
    for advised in ("torchscript", "aotinductor", "mliap"):
        assert advised not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_on_the_command_line(family, tmp_path):
    path, name = family
    words = ["export", str(path), "--out", str(tmp_path / "new")]
    words += [] if "dipoles" in name else ["--head", "target"]
    for form in ("torchscript", "aotinductor"):
        done = CliRunner().invoke(app, [*words, "--format", form])
        assert isinstance(done.exception, MlipsseError)
        assert re.search(name, str(done.exception))
        assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("package", "words"), [("les", "latent Ewald"), ("graph_longrange", "Polar MACE")]
)
def test_a_model_whose_package_is_missing(tmp_path, monkeypatch, package, words):
    module: Any = types.ModuleType(package)
    module.Part = type("Part", (torch.nn.Module,), {"__module__": package})
    monkeypatch.setitem(sys.modules, package, module)
    torch.save(module.Part(), tmp_path / "some.model")
    monkeypatch.delitem(sys.modules, package)
    with pytest.raises(MlipsseError, match=f"Python package {package}, which is not .*{words}"):
        export_torchscript(
            tmp_path / "some.model", head="x", dtype="float64", out=tmp_path / "x.pt"
        )


def test_a_model_saved_with_cuequivariance_is_converted(tiny_model, tmp_path):
    from mace.cli.convert_e3nn_cueq import run

    default = torch.get_default_dtype()
    try:
        converted = run(torch.load(tiny_model, weights_only=False))
    finally:
        torch.set_default_dtype(default)
    assert any(type(part).__module__.startswith("cuequivariance") for part in converted.modules())
    torch.save(converted, tmp_path / "cueq.model")
    energy, force, stress = reference(
        torch.load(tiny_model, weights_only=False), ATOMS, head="target"
    )
    out = tmp_path / "cueq.pt"
    export_torchscript(tmp_path / "cueq.model", head="target", dtype="float64", out=out)
    found = load_edge_form(out).single_point(ATOMS)
    assert found.energy_eV == pytest.approx(energy, rel=0, abs=1e-9)
    np.testing.assert_allclose(found.forces_eV_A, force, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.stress_eV_A3, stress, rtol=0, atol=1e-9)


def test_an_export_that_fails_is_not_kept(tiny_model, tmp_path, monkeypatch):
    """As if TorchScript compiled what it cannot run, or what gives something else."""

    class Fails(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    monkeypatch.setattr(export, "torchscript", lambda *_, **__: torch.jit.script(Fails()))
    with pytest.raises(MlipsseError, match="cannot compute one step"):
        export_torchscript(tiny_model, head="target", dtype="float64", out=tmp_path / "x.pt")
    assert not list(tmp_path.iterdir())


def test_other_numbers_are_refused(tiny_model, tmp_path, monkeypatch):
    scripted = export.torchscript
    monkeypatch.setattr(
        export,
        "torchscript",
        lambda loaded, head, dtype: scripted(loaded, head="replay", dtype=dtype),
    )
    with pytest.raises(MlipsseError, match="differs from the model in ASE"):
        export_torchscript(tiny_model, head="target", dtype="float64", out=tmp_path / "x.pt")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("wrong", ["energy", "forces", "nan"])
def test_how_far_it_may_be_off(wrong):
    atoms = small_cell(ELEMENTS)
    forces = np.linspace(-2, 2, 3 * len(atoms)).reshape(-1, 3)
    expected = Reference(atoms, SinglePoint(-40.0, forces, np.zeros(6)))
    shift = {"energy": (1e-2, 0), "forces": (0, 1e-3), "nan": (np.nan, 0)}[wrong]
    found = SinglePoint(-40.0 + shift[0], forces + shift[1], np.zeros(6))
    with pytest.raises(MlipsseError, match="differs from the model in ASE"):
        require_same(lambda _: found, expected, dtype="float32", what="This")
    require_same(lambda _: expected.point, expected, dtype="float64", what="This")


def test_small_cell_holds_elements_from_all_over_a_model():
    cell = small_cell([f for f in ("H", "Li", "C", "O", "Na", "Cl", "Zr", "In", "I", "La", "U")])
    assert len(cell) == 8
    assert {"H", "U"} <= set(cell.get_chemical_symbols())
    distances = cell.get_all_distances(mic=True)[np.triu_indices(8, 1)]
    assert distances.min() > 1.0
    assert set(small_cell(["Li"]).get_chemical_symbols()) == {"Li"}


def test_no_format_is_advised_that_refuses(tmp_path, monkeypatch):
    path = tmp_path / "some.model"
    torch.save(make_mace(interaction="RealAgnosticAttResidualInteractionBlock"), path)
    for traced, advice in ((True, "--format aotinductor"), (False, "no other format")):
        monkeypatch.setattr(export, "can_be_traced", lambda *_, answer=traced, **__: answer)
        with pytest.raises(FormatRefused, match=rf"TorchScript cannot compile .*{advice}"):
            export_torchscript(path, head="target", dtype="float64", out=tmp_path / "x.pt")
    monkeypatch.setattr(aotinductor, "exported_program", fails)
    with pytest.raises(
        FormatRefused, match=r"cannot trace .*TorchScript does not support it either"
    ):
        export_aotinductor(path, head="target", dtype="float64", out=tmp_path / "x.pt2")
    monkeypatch.setattr(aotinductor, "can_be_scripted", lambda *_, **__: True)
    with pytest.raises(FormatRefused, match="Export it as torchscript, which supports it"):
        export_aotinductor(path, head="target", dtype="float64", out=tmp_path / "x.pt2")
    monkeypatch.setattr("mace.cli.convert_e3nn_cueq.run", fails)
    with pytest.raises(FormatRefused, match=r"cannot convert .*\(no way\)\.$"):
        export_mliap(path, head="target", dtype="float64", out=tmp_path / "x.mliap.pt")
    assert [path.name for path in tmp_path.iterdir()] == ["some.model"]
    assert mliap.can_be_scripted is compilation.can_be_scripted


def fails(*_: object, **__: object) -> None:
    raise RuntimeError("no way")


def test_packages_of_other_machines_in_python(monkeypatch):
    """Before their machine code is loaded."""
    from mlipsse.potential.export import package as module

    here = {
        "torch": torch.__version__.partition("+")[0],
        "machine": module.cpu_machine(),
        "cpu_flags": " ".join(module.cpu_flags()),
        "gpu": "",
        "device": "cpu",
        "head": "target",
        "dtype": "float32",
    }
    file = Path("somewhere/x.pt2")
    require_made_for_here(file, here)
    for changes, words in (
        ({"torch": "1.13.1"}, "torch 1.13.1, and this is"),
        ({"machine": "riscv64"}, "kind riscv64"),
        ({"cpu_flags": "avx99"}, "avx99, which this one lacks"),
        ({"device": "cuda", "gpu": "NVIDIA H200 sm_90"}, "H200 sm_90, and torch finds none"),
    ):
        with pytest.raises(MlipsseError, match=f"{words}.*potential export somewhere/x.model"):
            require_made_for_here(file, here | changes)
    monkeypatch.setattr(module, "gpu_name", lambda: "NVIDIA A100 sm_80")
    on_gpu = here | {"device": "cuda", "gpu": "NVIDIA A40 sm_86"}
    with pytest.raises(MlipsseError, match="NVIDIA A40 sm_86, and this one is NVIDIA A100 sm_80"):
        require_made_for_here(file, on_gpu)
    require_made_for_here(file, on_gpu | {"gpu": "NVIDIA A100 80GB PCIe sm_80"})


def test_a_file_for_ml_iap_is_known_by_its_name(tmp_path):
    from mlipsse.md.files.deck import mace_commands

    for call in (
        lambda: load_edge_form(tmp_path / "x.mliap.pt"),
        lambda: mace_commands(plugin=Path("/a.so"), model=Path("/x.mliap.pt"), species=["Li"]),
        lambda: mace_commands(plugin=Path("/a.so"), model=Path("/x.model"), species=["Li"]),
    ):
        with pytest.raises(MlipsseError, match=r"engine mliap loads|end in \.safeten|unified"):
            call()
