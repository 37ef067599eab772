"""From a MACE model file to its TorchScript, which LAMMPS loads on any machine."""

from pathlib import Path

from mlipsse.files import write_aside
from mlipsse.potential.export.compilation import can_be_traced, torchscript
from mlipsse.potential.export.source_model import load_head
from mlipsse.potential.export.target import Dtype, FormatRefused, check_dtype
from mlipsse.potential.export.trial import (
    call_file,
    failure_line,
    require_same,
)


def export_torchscript(model: Path, *, head: str, dtype: Dtype, out: Path) -> None:
    """Write the TorchScript of one head of `model` to `out`: portable from machine to machine.

    It holds `mlipsse.potential.export.edge_model.EdgeModel`: mace-torch's own `forward`, for any
    `pair_style mace`, and the edge form, for ours. It is called once, and compared with the model.

    Parameters
    ----------
    model : `.model` file; loading it runs pickle code
    head : name of the head LAMMPS will see
    dtype : number type of the exported weights
    out : `.pt` file, written in one step; the same in every process that makes it first

    Raises
    ------
    FormatRefused
        when TorchScript cannot compile the model.
    MlipsseError
        when the model has no such head, no format takes it (see `model_family`), or the file does
        not give the model's numbers.
    """
    check_dtype(dtype)
    loaded, reference = load_head(model, head)
    import torch

    try:
        scripted = torchscript(loaded, head=head, dtype=dtype)
    except Exception as error:
        advice = "no other format of pair_style mace supports it either; use it in ASE"
        if can_be_traced(model, head=head):
            advice = "export it as aotinductor (--format aotinductor), which supports it"
        raise FormatRefused(
            f"TorchScript cannot compile {model} ({failure_line(error)}): {advice}."
        ) from error
    # Through a stream: given a path, torch writes the temporary file's name into the archive.
    with write_aside(out) as aside:
        with aside.open("wb") as stream:
            torch.jit.save(scripted, stream)
        what = f"The TorchScript file of {model}"
        require_same(call_file(aside), reference, dtype=dtype, what=what)
