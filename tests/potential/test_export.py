"""Export by head name, and what a user is told when it cannot be."""

from pathlib import Path

import pytest
import torch
from tiny_potential import ELEMENTS, HEADS

from mlipsse.errors import MlipsseError
from mlipsse.potential.export import export_torchscript, model_summary


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


def test_unknown_head_names_those_there_are(tiny_model, tmp_path):
    with pytest.raises(MlipsseError, match="no head Default; it has replay, target"):
        export_torchscript(tiny_model, head="Default", dtype="float64", out=tmp_path / "x.pt")
    assert not list(tmp_path.iterdir())


def test_unknown_dtype(tiny_model, tmp_path):
    with pytest.raises(MlipsseError, match="float16"):
        export_torchscript(tiny_model, head="target", dtype="float16", out=tmp_path / "x.pt")


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
