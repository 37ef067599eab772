"""ASE calculators by name."""

import contextlib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ase.calculators.calculator import Calculator
from ase.data import chemical_symbols

from mlipsse.energetics.catalogue import Potential, find_potential
from mlipsse.errors import MlipsseError
from mlipsse.mace_model import head_names, import_mace, load_mace_model

DTYPES = ("float32", "float64")

# Elements of 1 to 94 without a frame in the training set; for r2SCAN the reference energies of
# these are zero in the composition model of the chgnet package.
_ABSENT_FROM_CHGNET = {
    "chgnet": {"Po", "At", "Rn", "Fr", "Ra"},
    "chgnet-r2scan": {"Yb", "Po", "At", "Rn", "Fr", "Ra"},
}


def make_calculator(
    name: str, *, device: str = "cpu", dtype: str | None = None, head: str | None = None
) -> Calculator:
    """Calculator of a potential: energy in eV per cell, forces in eV/Å, stress in eV/Å³.

    MACE files are pickles, which run code when loaded: name only files you trust.

    Parameters
    ----------
    name : see `find_potential`
    device : `cpu` or `cuda`
    dtype : `float32` or `float64`; the model's own when None. CHGNet works in float32 only.
    head : of a MACE model with several heads; must be given for such a model

    Raises
    ------
    MlipsseError
        for an unknown name, head, dtype or device, an unreadable file or a failed download.

    Examples
    --------
    >>> from ase.build import bulk
    >>> crystal = bulk("LiCl", "rocksalt", a=5.13)
    >>> crystal.calc = make_calculator("chgnet")
    >>> round(crystal.get_potential_energy(), 1)
    -8.0
    """
    potential = find_potential(name)
    if dtype is not None and dtype not in DTYPES:
        raise MlipsseError(f"dtype {dtype!r} is not one of {', '.join(DTYPES)}.")
    _check_device(device)
    if potential.kind == "chgnet":
        return _chgnet(potential, device=device, dtype=dtype, head=head)
    return _mace(potential, device=device, dtype=dtype, head=head)


def known_species(name: str) -> frozenset[str] | None:
    """Symbols of the elements a potential was made for.

    None for a model of mace-torch: which elements it has shows when it is downloaded.
    """
    potential = find_potential(name)
    if potential.kind == "chgnet":
        return frozenset(chemical_symbols[1:95]) - _ABSENT_FROM_CHGNET[name]
    if potential.kind == "mace-mp":
        return None
    model = _load_mace(potential, device="cpu")
    return frozenset(chemical_symbols[int(number)] for number in model.atomic_numbers)


def check_species(name: str, species: Iterable[str]) -> None:
    """Refuse species that a potential does not know.

    Raises
    ------
    MlipsseError
        naming them.
    """
    known = known_species(name)
    wanted = set(species)
    if known is None or wanted <= known:
        return
    here = f"it knows {', '.join(sorted(known))}" if len(known) <= 20 else f"it knows {len(known)}"
    raise MlipsseError(
        f"The potential {name} does not know {', '.join(sorted(wanted - known))}: {here} elements. "
        "Take a potential that does, or leave these species out."
    )


def _check_device(device: str) -> None:
    import torch

    if device not in {"cpu", "cuda"}:
        raise MlipsseError(f"Device {device!r} is not one of cpu, cuda.")
    if device == "cuda" and not torch.cuda.is_available():
        raise MlipsseError(
            "Device cuda was asked for, but torch finds no CUDA GPU here "
            f"(torch {torch.__version__}). Use device cpu, or install a CUDA build of torch."
        )


def _chgnet(
    potential: Potential, *, device: str, dtype: str | None, head: str | None
) -> Calculator:
    if dtype == "float64":
        raise MlipsseError(f"{potential.name} works in float32 only; dtype float64 was asked for.")
    if head is not None:
        raise MlipsseError(f"{potential.name} has no heads; head {head!r} was asked for.")
    from mlipsse.energetics.chgnet_calculator import QuietCHGNet

    return QuietCHGNet(potential.source, device=device)


def _mace(potential: Potential, *, device: str, dtype: str | None, head: str | None) -> Calculator:
    model = _load_mace(potential, device=device)
    heads = head_names(model)
    # Left to itself MACECalculator falls back to the last head with a mere warning.
    if head is None and len(heads) > 1:
        raise MlipsseError(
            f"{potential.name} has several heads ({', '.join(heads)}); say which by its name."
        )
    if head is not None and head not in heads:
        raise MlipsseError(
            f"{potential.name} has no head {head!r}; it has {', '.join(heads)}. Take one of these."
        )
    from mace.calculators import MACECalculator

    own_dtype = str(next(model.parameters()).dtype).removeprefix("torch.")
    with contextlib.redirect_stdout(sys.stderr):
        return MACECalculator(
            models=model,
            device=device,
            default_dtype=dtype or own_dtype,
            head=head or heads[0],
        )


def _load_mace(potential: Potential, *, device: str) -> Any:
    path = _download(potential) if potential.kind == "mace-mp" else Path(potential.source)
    return load_mace_model(path, device=device)


def _download(potential: Potential) -> Path:
    import_mace()
    from mace.calculators.foundations_models import download_mace_mp_checkpoint

    try:
        return Path(download_mace_mp_checkpoint(potential.source))
    except Exception as error:
        raise MlipsseError(
            f"mace-torch could not download its model {potential.source} ({error}). Connect this "
            "machine to the internet, or fetch the file elsewhere and give its path instead."
        ) from error
