"""MACE potentials in memory, of a known head, dtype and device."""

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ase.data import chemical_symbols

from mlipsse.energetics.potentials.catalogue import Potential
from mlipsse.energetics.potentials.mace_model import head_names, import_mace, load_mace_model
from mlipsse.errors import MlipsseError

DTYPES = ("float32", "float64")


@dataclass(frozen=True)
class LoadedMace:
    """A MACE model, and how it is to be evaluated.

    Attributes
    ----------
    name : of the potential
    model : torch module of mace-torch, on `device`, of the dtype of its file
    head : one of the model's heads
    dtype : `float32` or `float64`
    device : `cpu` or `cuda`
    """

    name: str
    model: Any
    head: str
    dtype: str
    device: str


def load_mace(
    potential: Potential, *, device: str = "cpu", dtype: str | None = None, head: str | None = None
) -> LoadedMace:
    """Load a MACE potential; parameters and errors are those of `make_calculator`."""
    check_placement(device, dtype)
    model = read_mace(potential, device=device)
    heads = head_names(model)
    # Left to themselves MACECalculator takes the last head with a mere warning, torch-sim the first
    # without one.
    if head is None and len(heads) > 1:
        raise MlipsseError(
            f"{potential.name} has several heads ({', '.join(heads)}). Name one of them."
        )
    if head is not None and head not in heads:
        raise MlipsseError(
            f"{potential.name} has no head {head!r}; it has {', '.join(heads)}. Take one of these."
        )
    own_dtype = str(next(model.parameters()).dtype).removeprefix("torch.")
    return LoadedMace(potential.name, model, head or heads[0], dtype or own_dtype, device)


def read_mace(potential: Potential, *, device: str) -> Any:
    """The torch module of a MACE potential, downloaded by mace-torch where it is one of its own."""
    return load_mace_model(mace_file(potential), device=device)


def mace_file(potential: Potential) -> Path:
    """The model file of a MACE potential; mace-torch's own are downloaded at first use.

    Raises
    ------
    MlipsseError
        for a potential that is not MACE, and a failed download.
    """
    if not potential.in_batches:
        raise MlipsseError(f"{potential.name} is not a MACE potential: it has no model file.")
    return _download(potential) if potential.kind == "mace-mp" else Path(potential.source)


def downloaded_file(potential: Potential) -> Path | None:
    """The model file of a MACE potential when it is on this machine; downloads nothing."""
    path = Path(potential.source) if potential.kind == "mace" else download_target(potential)
    return path if path.is_file() else None


def download_url(potential: Potential) -> str:
    """Where mace-torch downloads one of its own models from."""
    import_mace()
    from mace.calculators.foundations_models import mace_mp_urls

    return str(mace_mp_urls[potential.source])


def download_target(potential: Potential) -> Path:
    """Where mace-torch (0.3.16) keeps one of its own models once it is downloaded."""
    import_mace()
    from mace.calculators.foundations_models import local_model_path
    from mace.tools.utils import get_cache_dir

    packaged = Path(local_model_path)
    if potential.source == "medium-mpa-0" and packaged.is_file():
        return packaged
    name = download_url(potential).rsplit("/", 1)[-1]
    return Path(get_cache_dir()) / "".join(c for c in name if c.isalnum() or c == "_")


def elements(model: Any) -> frozenset[str]:
    """Symbols of the elements that a MACE model knows."""
    return frozenset(chemical_symbols[int(number)] for number in model.atomic_numbers)


def check_placement(device: str, dtype: str | None) -> None:
    """Refuse a dtype or a device that there is not.

    Raises
    ------
    MlipsseError
        naming those that there are.
    """
    import torch

    if dtype is not None and dtype not in DTYPES:
        raise MlipsseError(f"dtype {dtype!r} is not known. Choose one of {', '.join(DTYPES)}.")
    if device not in {"cpu", "cuda"}:
        raise MlipsseError(f"Device {device!r} is not known. Choose cpu or cuda.")
    if device == "cuda" and not torch.cuda.is_available():
        raise MlipsseError(
            "Device cuda is requested, but torch finds no CUDA GPU on this machine (torch "
            f"{torch.__version__}). Use device cpu, or install a CUDA build of torch."
        )


def _download(potential: Potential) -> Path:
    import_mace()
    from mace.calculators.foundations_models import download_mace_mp_checkpoint

    try:
        with contextlib.redirect_stdout(sys.stderr):
            return Path(download_mace_mp_checkpoint(potential.source))
    except Exception as error:
        raise MlipsseError(
            f"mace-torch could not download its model {potential.source} ({error}). Connect this "
            "machine to the internet, or fetch the file elsewhere and give its path instead."
        ) from error
