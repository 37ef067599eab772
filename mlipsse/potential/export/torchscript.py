"""From a MACE model file to what LAMMPS loads: TorchScript, and mace-torch's own file.

The other formats are in `mlipsse.potential.export.aotinductor` and
`mlipsse.potential.export.mliap`.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from mlipsse.errors import MlipsseError
from mlipsse.files import write_aside
from mlipsse.potential.export.compilation import can_be_traced, torchscript
from mlipsse.potential.export.source_model import load_head, load_model
from mlipsse.potential.export.target import Dtype, FormatRefused, check_dtype
from mlipsse.potential.export.trial import (
    call_file,
    failure_line,
    require_same,
)
from mlipsse.processes import start_child, wait_for_child


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


def export_upstream(model: Path, *, head: str, out: Path, dtype: Dtype) -> None:
    """Write the file that mace-torch's own command `mace_create_lammps_model` makes.

    It has no edge form: `pair_style mace` runs it, without per-atom virials. For comparisons.

    Parameters
    ----------
    model : `.model` file; loading it runs pickle code
    head : name of the head LAMMPS will see
    out : `.pt` file, written in one step
    dtype : number type of the exported weights

    Raises
    ------
    MlipsseError
        when the model has no such head, or the command fails.
    """
    check_dtype(dtype)
    loaded = load_model(model, head)
    options = ["--dtype", dtype]
    if len(loaded.heads) > 1:  # the command stops at --head when the model never had any
        options += ["--head", head]
    with tempfile.TemporaryDirectory(prefix="mlipsse-upstream-") as temporary:
        folder = Path(temporary)
        shutil.copyfile(model, folder / "copy.model")
        with (folder / "log").open("wb") as log:
            status = wait_for_child(
                start_child(
                    [sys.executable, "-m", "mace.cli.create_lammps_model", "copy.model", *options],
                    folder=folder,
                    output=log,
                )
            )
        if status:
            words = (folder / "log").read_text(encoding="utf-8", errors="replace").split("\n")
            last = next((line for line in reversed(words) if line.strip()), "no output")
            raise MlipsseError(
                f"mace_create_lammps_model cannot convert {model}, status {status}: {last}. "
                "Export it with mlipsse, as torchscript."
            )
        with write_aside(out) as aside:
            shutil.copyfile(folder / "copy.model-lammps.pt", aside)
