"""Models as native code."""

from pathlib import Path

import torch

from mlipsse.energetics.native.calculator import NativeCalculator
from mlipsse.potential.export.target import Dtype
from mlipsse.potential.native.export import export_native


def exported(model: torch.nn.Module, folder: Path, dtype: Dtype) -> NativeCalculator:
    """The native code of a model's head `target`, for this processor alone."""
    path = folder / "some.model"
    torch.save(model, path)
    files = export_native(
        path, head="target", dtype=dtype, out=folder / "some.safetensors", here_only=True
    )
    return NativeCalculator(files.weights)
