"""Compile a MACE model for the machine at hand: the `.pt2` file of `pair_style mace`.

torch traces `EdgeModel.edge_energies` together with its gradient, for any number of atoms and
edges, and AOTInductor turns the trace into a shared library (torch's manual, «AOTInductor»). Such
a file runs with the torch and on the kind of processor or GPU that it was made with and no other;
its metadata name it.
"""

import shutil
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlipsse.errors import MlipsseError
from mlipsse.files import write_aside
from mlipsse.potential.export import package
from mlipsse.potential.export.compilation import can_be_scripted, exported_program
from mlipsse.potential.export.source_model import load_head, summarise
from mlipsse.potential.export.target import ANY_CPU, Dtype, FormatRefused, Target, check_dtype
from mlipsse.potential.export.trial import call_file, failure_line, require_same

FORMAT = "1"
"""Version of the package's inputs, outputs and metadata."""


def export_aotinductor(
    model: Path,
    *,
    head: str,
    dtype: Dtype,
    out: Path,
    target: Target = ANY_CPU,
) -> None:
    """Compile one head of `model` for this machine and write it to `out`; about a minute.

    The package takes `(types, edge_index, vectors, weights)` and gives `(node_energy, gradient)`,
    see `EdgeModel.edge_energies`; at least two atoms and two edges. It is called once, and compared
    with the model.

    Parameters
    ----------
    model : `.model` file; loading it runs pickle code
    head : name of the head LAMMPS will see
    dtype : number type of weights, vectors and gradient
    out : `.pt2` file, written in one step
    target : what it is compiled for

    Raises
    ------
    FormatRefused
        when torch cannot trace or compile the model.
    MlipsseError
        when the model has no such head, no format takes it, the device or a C++ compiler is
        missing, or the package does not give the model's numbers.
    """
    check_dtype(dtype)
    if out.suffix != ".pt2":
        raise MlipsseError(f"An AOTInductor package is named NAME.pt2, not {out.name}.")
    loaded, reference = load_head(model, head)
    import torch

    if target.device == "cuda" and not torch.cuda.is_available():
        raise MlipsseError(
            "torch finds no GPU on this machine, but a package for a GPU must be compiled on one. "
            "Export on the GPU machine, or with device cpu."
        )
    _find_compiler()
    try:
        program = exported_program(
            loaded.to(device=target.device, dtype=getattr(torch, dtype)), head=head
        )
    except Exception as error:
        raise FormatRefused(
            f"torch cannot trace {model} for AOTInductor ({failure_line(error)})."
            f"{_advice(model, head)}"
        ) from error
    options = {
        "aot_inductor.metadata": _metadata(loaded, head=head, dtype=dtype, target=target),
        "cpp.dynamic_threads": not target.serial,
    } | ({"cpp.threads": 1} if target.serial else {})
    # Elsewhere first: the file's name goes into the archive.
    with tempfile.TemporaryDirectory(prefix="mlipsse-aotinductor-") as folder:
        package = Path(folder) / out.name
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                torch._inductor.aoti_compile_and_package(
                    program, package_path=str(package), inductor_configs=options
                )
        except Exception as error:
            raise FormatRefused(
                f"AOTInductor cannot compile {model} ({failure_line(error)}).{_advice(model, head)}"
            ) from error
        what = f"The AOTInductor package of {model}"
        require_same(call_file(package), reference, dtype=dtype, what=what)
        with write_aside(out) as aside:
            shutil.copyfile(package, aside)


def _advice(model: Path, head: str) -> str:
    if can_be_scripted(model, head=head):
        return " Export it as torchscript, which supports it and requires no compiler."
    return " TorchScript does not support it either. Use it in ASE."


def _find_compiler() -> None:
    """Miss a C++ compiler now, not after a minute's work."""
    from torch._inductor.cpp_builder import get_cpp_compiler

    try:
        get_cpp_compiler()
    except Exception as error:
        raise MlipsseError(
            "AOTInductor requires a C++ compiler, and none is installed. Install g++, set CXX, or "
            "export as torchscript."
        ) from error


def _metadata(loaded: Any, *, head: str, dtype: Dtype, target: Target) -> Mapping[str, str]:
    import torch

    summary = summarise(loaded)
    return {
        "mlipsse_format": FORMAT,
        "elements": " ".join(summary.elements),
        "r_max_A": repr(summary.r_max_A),
        "layers": str(summary.layers),
        "dtype": dtype,
        "head": head,
        "device": target.device,
        "threads": "1" if target.serial else "any",
        "torch": torch.__version__.partition("+")[0],
        "machine": package.cpu_machine(),
        "cpu_flags": " ".join(package.cpu_flags()),
        "gpu": package.gpu_name() if target.device == "cuda" else "",
        "toolkit": package.gpu_toolkit() if target.device == "cuda" else "",
    }
