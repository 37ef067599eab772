"""From a MACE model file to native code: the `.safetensors` and what lies beside it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlipsse.energetics.native.calculator import NativeCalculator
from mlipsse.energetics.native.processor import runs_here, targets
from mlipsse.errors import MlipsseError
from mlipsse.files import write_aside, write_text
from mlipsse.potential.export.source_model import load_head
from mlipsse.potential.export.target import Dtype, FormatRefused, check_dtype
from mlipsse.potential.export.trial import call_calculator, require_same
from mlipsse.potential.native.compilation import (
    command_line,
    compile_native,
    find_compiler,
    source_file,
)
from mlipsse.potential.native.reading import read_arithmetic
from mlipsse.potential.native.source import write_source


@dataclass(frozen=True)
class NativeFiles:
    """A native potential on disk.

    Attributes
    ----------
    weights : `.safetensors`, the file that `pair_coeff` names
    source : C++, `.cpp`
    libraries : compiled, one per target, the fastest first
    knots : of the radial splines
    slope_error : of the splines, relative to the largest slope
    """

    weights: Path
    source: Path
    libraries: tuple[Path, ...]
    knots: int
    slope_error: float

    @property
    def facts(self) -> dict[str, Any]:
        """What the card of a bundle states."""
        return {
            "radial_knots": self.knots,
            "largest_relative_slope_error": float(f"{self.slope_error:.2g}"),
            "libraries": [library.name for library in self.libraries],
        }


def export_native(
    model: Path, *, head: str, dtype: Dtype, out: Path, here_only: bool = False
) -> NativeFiles:
    """Write one head of `model` as C++ of its own, compile it, and compare it with the model.

    Parameters
    ----------
    model : `.model` file; loading it runs pickle code
    head : name of the head
    dtype : of the arithmetic
    out : `.safetensors` file; source and libraries are written beside it
    here_only : compile for this processor alone

    Raises
    ------
    FormatRefused
        when native code cannot be written for a block of the model, there is no compiler, or this
        processor runs none of the targets.
    MlipsseError
        when the model has no such head, or the code does not give the model's numbers.
    """
    check_dtype(dtype)
    try:
        find_compiler()
    except MlipsseError as error:
        raise FormatRefused(str(error)) from error
    if not any(map(runs_here, targets())):
        raise FormatRefused(
            f"Native code requires a processor of the kind {' or '.join(targets())}, and this one "
            "is of neither. Export as torchscript."
        )
    loaded, reference = load_head(model, head)
    arithmetic = read_arithmetic(loaded, head)
    source = write_source(
        arithmetic,
        dtype=dtype,
        title=f"{out.stem}: MACE, head {head}, {dtype}",
        command=command_line(out.stem, dtype),
    )
    with write_aside(out) as aside:
        aside.write_bytes(source.weights)
    write_text(source_file(out), source.code)
    libraries = compile_native(out, dtype, here_only=here_only)
    files = NativeFiles(
        out, source_file(out), tuple(libraries), source.n_knots, source.spline_error
    )

    try:
        require_same(
            call_calculator(NativeCalculator, out),
            reference,
            dtype="float32",
            what=f"The native code of {model}",
        )
    except MlipsseError:
        for file in (files.weights, files.source, *files.libraries):
            file.unlink(missing_ok=True)
        raise
    return files
