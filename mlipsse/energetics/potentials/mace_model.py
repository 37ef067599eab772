"""Load MACE model files: pickles, which run code when loaded, by a library that chats on import."""

import contextlib
import io
import os
import warnings
from pathlib import Path
from typing import Any

from mlipsse.errors import MlipsseError, first_line

_NEEDED_BY = {
    "les": "A MACE with latent Ewald summation (LES)",
    "graph_longrange": "A Polar MACE",
}
"""Packages that models of a family are pickled with."""


def import_mace() -> None:
    """Import mace-torch so that torch reads its pickles, and keep its remarks off the screen."""
    # e3nn's constants are pickled objects; torch and e3nn read this when they are imported.
    os.environ.setdefault("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        import mace.calculators
        import mace.tools  # noqa: F401


def load_mace_model(path: Path, *, device: str = "cpu") -> Any:
    """The torch module in a `.model` file. This runs pickle code: open only files you trust.

    Raises
    ------
    MlipsseError
        when the file is missing or holds no MACE model.
    """
    if not path.is_file():
        raise MlipsseError(f"There is no model file {path}. Name an existing file.")
    import_mace()
    import torch

    try:
        with warnings.catch_warnings():  # an export in place of a model is refused below
            warnings.filterwarnings("ignore", message="'torch.load' received a zip file")
            model = torch.load(path, map_location=device, weights_only=False)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        family = _NEEDED_BY.get(package)
        remark = f" {family} cannot be exported for LAMMPS; ASE runs it." if family else ""
        raise MlipsseError(
            f"{path} needs the Python package {package}, which is not installed. Install "
            f"it.{remark}"
        ) from error
    except Exception as error:
        raise MlipsseError(
            f"{path} cannot be loaded as a MACE model ({first_line(error)}). Give the file that "
            "mace_run_train wrote (NAME.model)."
        ) from error
    if isinstance(model, torch.jit.ScriptModule):
        raise MlipsseError(
            f"{path} is an export of a model already, in TorchScript. Give the file that "
            "mace_run_train wrote (NAME.model), from which it was made."
        )
    if not all(hasattr(model, name) for name in ("r_max", "atomic_numbers", "num_interactions")):
        raise MlipsseError(
            f"{path} holds a {type(model).__name__}, not a MACE model. Give the file that "
            "mace_run_train wrote (NAME.model), not a checkpoint, a bundle or a compiled model."
        )
    return model


def head_names(model: Any) -> tuple[str, ...]:
    """Names of a model's heads; models older than multi-head training have none, or [None]."""
    names = getattr(model, "heads", None) or [None]
    return tuple("Default" if name is None else str(name) for name in names)
