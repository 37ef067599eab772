"""From a MACE model file to the one that mace-torch's own command makes."""

import shutil
import tempfile
from pathlib import Path

from mlipsse.files import write_aside
from mlipsse.potential.export.other_engines.command import run_command
from mlipsse.potential.export.source_model import load_model
from mlipsse.potential.export.target import Dtype, check_dtype


def export_upstream(model: Path, *, head: str, out: Path, dtype: Dtype) -> None:
    """Write the file that mace-torch's own command `mace_create_lammps_model` makes.

    For `pair_style mace` of ACEsuit's fork of LAMMPS. It has no edge form: ours runs it too, but
    without per-atom virials.

    Parameters
    ----------
    model : `.model` file; loading it runs pickle code
    head : name of the head LAMMPS will see
    out : `.pt` file, written in one step
    dtype : number type of the exported weights

    Raises
    ------
    FormatRefused
        when the command fails.
    MlipsseError
        when the model has no such head.
    """
    check_dtype(dtype)
    loaded = load_model(model, head)
    options = ["--dtype", dtype]
    if len(loaded.heads) > 1:  # the command stops at --head when the model never had any
        options += ["--head", head]
    with tempfile.TemporaryDirectory(prefix="mlipsse-upstream-") as temporary:
        folder = Path(temporary)
        shutil.copyfile(model, folder / "copy.model")
        run_command(
            ["mace.cli.create_lammps_model", "copy.model", *options],
            folder=folder,
            name="mace_create_lammps_model",
            model=model,
        )
        with write_aside(out) as aside:
            shutil.copyfile(folder / "copy.model-lammps.pt", aside)
