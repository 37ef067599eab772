from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from mlipsse.potential.export.aotinductor import export_aotinductor
from mlipsse.potential.export.other_engines.upstream import export_upstream
from mlipsse.potential.export.target import Dtype
from mlipsse.potential.export.torchscript import export_torchscript
from mlipsse.potential.lammps.plugin import build_plugin
from tests.support.potential.edge_graphs import make_mace
from tests.support.potential.lammps_deck import Deck, lammps_command, run_lammps, write_deck


def _saved(name: str, model: torch.nn.Module, folders: pytest.TempPathFactory) -> Path:
    path = folders.mktemp("model") / f"{name}.model"
    torch.save(model, path)
    return path


def _exported(model: Path, dtype: Dtype) -> Path:
    out = model.with_name(f"target-{dtype}.pt")
    export_torchscript(model, head="target", dtype=dtype, out=out)
    return out


@pytest.fixture(scope="session")
def plugin() -> Path:
    return build_plugin()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-head, two-layer MACE of random weights in float64, with forces of some eV/Å."""
    return _saved("tiny", make_mace(), tmp_path_factory)


@pytest.fixture(scope="session")
def torchscript(tiny_model: Path) -> Path:
    """The head `target` in float64."""
    return _exported(tiny_model, "float64")


@pytest.fixture(scope="session")
def torchscript32(tiny_model: Path) -> Path:
    """The head `target` in float32."""
    return _exported(tiny_model, "float32")


@pytest.fixture(scope="session")
def thin_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `tiny_model`, but of one layer and scalars: compiled in a third of the time."""
    thin = make_mace(layers=1, hidden="4x0e", max_ell=1, correlation=1)
    return _saved("thin", thin, tmp_path_factory)


@pytest.fixture(scope="session")
def thin_torchscript(thin_model: Path) -> Path:
    """The head `target` in float64."""
    return _exported(thin_model, "float64")


@pytest.fixture(scope="session")
def aotinductor64(thin_model: Path) -> Path:
    """The head `target` in float64, compiled for this machine: once, in the group of its tests."""
    out = thin_model.with_name("target-float64.pt2")
    export_aotinductor(thin_model, head="target", dtype="float64", out=out)
    return out


@pytest.fixture(scope="session")
def upstream(tiny_model: Path) -> Path:
    """The head `target` in float64 as mace-torch's own mace_create_lammps_model writes it."""
    out = tiny_model.with_name("target-upstream.pt")
    export_upstream(tiny_model, head="target", dtype="float64", out=out)
    return out


@pytest.fixture
def deck(tmp_path: Path, torchscript: Path) -> Deck:
    """Runs structures with the head `target` in float64."""
    return Deck(tmp_path, torchscript)


@pytest.fixture
def run_deck(tmp_path: Path, plugin: Path, torchscript: Path) -> Callable[..., tuple[int, str]]:
    """Run a three-atom deck with one thing changed; give exit status and screen output."""

    def run(*, ranks: int = 1, **changes: str) -> tuple[int, str]:
        write_deck(tmp_path, plugin, torchscript, **changes)
        return run_lammps(tmp_path, lammps_command(ranks))

    return run
