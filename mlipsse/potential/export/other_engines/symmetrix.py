"""From a MACE model file to the JSON of symmetrix-xl, and code prepared for this processor."""

import json
import os
import shutil
import tempfile
import warnings
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from ase.calculators.calculator import Calculator

from mlipsse.errors import MlipsseError
from mlipsse.files import write_aside, write_text
from mlipsse.potential.export.other_engines.command import run_command
from mlipsse.potential.export.source_model import load_head
from mlipsse.potential.export.target import Dtype, FormatRefused, check_dtype
from mlipsse.potential.export.trial import call_calculator, require_same

PACKAGE = "symmetrix-xl"
MAX_ELL = 3
MOST_LAYERS = 2
"""What its evaluator holds: spherical harmonics to this degree exactly, and so many layers."""

SPLINE_POINTS = 1024
"""Of the radial functions. With the command's 256, forces of a 32x0e model are off by 1.2e-5 eV/Å;
with these by 2e-7. File and speed are the same."""

_KEY = "mlipsse"


@dataclass(frozen=True)
class SymmetrixFiles:
    """A potential for symmetrix-xl on disk.

    Attributes
    ----------
    model : the `.symmetrix.json`
    library : code for this processor, for `jit_host_artifact` of the pair style; None where it
        could not be prepared
    version : of symmetrix-xl
    reason : why there is no library; None where there is one
    """

    model: Path
    library: Path | None
    version: str
    reason: str | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """What the card of a bundle states."""
        prepared = self.library.name if self.library else f"none: {self.reason}"
        return {"symmetrix-xl": self.version, "prepared_for_this_processor": prepared}


def export_symmetrix(model: Path, *, head: str, dtype: Dtype, out: Path) -> SymmetrixFiles:
    """Write one head of `model` for symmetrix-xl, and compare its numbers with the model's.

    symmetrix-xl's own commands convert the model and prepare code for this processor. Code for a
    GPU has to be prepared on the machine with the GPU: `run.sh` of a campaign does that.

    Parameters
    ----------
    model : `.model` file; loading it runs pickle code
    head : name of the head
    dtype : of the prepared code, and of the trial; the JSON holds float64
    out : `.symmetrix.json` file, written in one step

    Raises
    ------
    FormatRefused
        when symmetrix-xl cannot hold the model.
    MlipsseError
        when symmetrix-xl is missing, the model has no such head, or the file does not give the
        model's numbers.
    """
    check_dtype(dtype)
    version = installed_version()
    loaded, reference = load_head(model, head)
    require_holds(loaded, model)
    with tempfile.TemporaryDirectory(prefix="mlipsse-symmetrix-") as temporary:
        folder = Path(temporary)
        options = ["--model", str(model.resolve()), "--output", "model.json"]
        if len(loaded.heads) > 1:
            options += ["--head", head]
        run_command(
            [
                *("symmetrix.cli.extract_mace", *options),
                *("--num-spline-points", str(SPLINE_POINTS)),
            ],
            folder=folder,
            name="symmetrix_extract_mace",
            model=model,
        )
        converted = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    converted[_KEY] = {PACKAGE: version, "head": head, "dtype": dtype}
    write_text(out, json.dumps(converted, separators=(",", ":")) + "\n")

    try:
        # Splines: no nearer than float32.
        require_same(
            call_calculator(symmetrix_calculator, out),
            reference,
            dtype="float32",
            what=f"The symmetrix file of {model}",
        )
    except MlipsseError:
        out.unlink()
        raise
    return _prepared(out, model, dtype=dtype, version=version)


def library_file(exported: Path) -> Path:
    """Code prepared for this machine's processor, beside a `.symmetrix.json`."""
    return exported.with_suffix(".cpu.so")


def symmetrix_calculator(exported: Path) -> Calculator:
    """ASE calculator of a `.symmetrix.json`, as symmetrix-xl has it, on the CPU.

    Raises
    ------
    MlipsseError
        when symmetrix-xl is missing or has another version than the file, or the file is not one
        of ours.
    """
    version = installed_version()
    try:
        made = json.loads(exported.read_text(encoding="utf-8"))[_KEY]
        written_by, dtype = made[PACKAGE], made["dtype"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MlipsseError(
            f"{exported} is not a file that mlipsse wrote for symmetrix-xl. Export the potential: "
            "mlipsse potential export BUNDLE --out BUNDLE --format symmetrix"
        ) from error
    if written_by != version:
        raise MlipsseError(
            f"{exported} was written by symmetrix-xl {written_by}, and this is {version}: their "
            "files may differ. Export it again: mlipsse potential export BUNDLE --out BUNDLE "
            "--format symmetrix"
        )
    # One thread unless the user says more; Kokkos prints advice about binding them otherwise.
    os.environ.setdefault("OMP_PROC_BIND", "false")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from symmetrix import Symmetrix

        calculator: Calculator = Symmetrix(str(exported), dtype=dtype)
    return calculator


def _prepared(out: Path, model: Path, *, dtype: Dtype, version: str) -> SymmetrixFiles:
    library = library_file(out)
    with tempfile.TemporaryDirectory(prefix="mlipsse-symmetrix-") as temporary:
        try:
            printed = run_command(
                [
                    *("symmetrix.cli.prepare_jit_host_artifact", "--model", str(out.resolve())),
                    *("--precision", dtype, "--cache-root", "cache", "--path-only"),
                ],
                folder=Path(temporary),
                name="symmetrix_prepare_jit_host_artifact",
                model=model,
            )
        except FormatRefused as refused:
            library.unlink(missing_ok=True)
            return SymmetrixFiles(out, None, version, str(refused))
        with write_aside(library) as aside:
            shutil.copyfile(Path(temporary) / printed.splitlines()[-1].strip(), aside)
    return SymmetrixFiles(out, library, version)


def installed_version() -> str:
    """Version of symmetrix-xl.

    Raises
    ------
    MlipsseError
        when it is not installed; the package symmetrix, from which it was made, is another.
    """
    try:
        return metadata.version(PACKAGE)
    except metadata.PackageNotFoundError as error:
        raise MlipsseError(
            "The symmetrix format requires symmetrix-xl, which is not installed. Install it (pip "
            "install symmetrix-xl), or export in another format."
        ) from error


def require_holds(loaded: Any, model: Path) -> None:
    """Refuse a model that symmetrix-xl cannot hold, by its number that does not fit.

    Raises
    ------
    FormatRefused
        naming the number, and the one that symmetrix-xl requires.
    """
    require_orders(
        int(loaded.spherical_harmonics.irreps_out.lmax), int(loaded.num_interactions), str(model)
    )


def require_orders(max_ell: int, layers: int, model: str) -> None:
    """As `require_holds`, of the orders of a model that does not exist yet."""
    if max_ell != MAX_ELL:
        raise FormatRefused(
            f"symmetrix-xl does not hold {model}: its spherical harmonics go to max_ell {max_ell}, "
            f"and symmetrix-xl requires {MAX_ELL}. Export it in another format."
        )
    if layers > MOST_LAYERS:
        raise FormatRefused(
            f"symmetrix-xl does not hold {model}: it has {layers} message-passing layers, and "
            f"symmetrix-xl has at most {MOST_LAYERS}. Export it in another format."
        )
