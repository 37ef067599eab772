"""ASE calculators by name."""

import contextlib
import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path

from ase.calculators.calculator import Calculator
from ase.data import chemical_symbols

from mlipsse.energetics.environments.calculator import EnvironmentCalculator
from mlipsse.energetics.environments.process import calculator_worker
from mlipsse.energetics.environments.spec import find_calculator
from mlipsse.energetics.native.calculator import NativeCalculator
from mlipsse.energetics.potentials.catalogue import (
    DEFAULT_FOUNDATION,
    DEFAULT_TEACHER,
    NATIVE_SUFFIX,
    Potential,
    find_potential,
)
from mlipsse.energetics.potentials.loaded_mace import (
    check_placement,
    downloaded_file,
    elements,
    load_mace,
    read_mace,
)
from mlipsse.errors import MlipsseError

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
    dtype : `float32` or `float64`; the model's own when None. CHGNet works in float32 only, a
        potential of another environment in its own
    head : of a MACE model with several heads; must be given for such a model

    Raises
    ------
    MlipsseError
        for an unknown name, head, dtype or device, an unreadable file, a failed download, or a
        package that is not installed.

    Examples
    --------
    >>> from ase.build import bulk
    >>> crystal = bulk("LiCl", "rocksalt", a=5.13)
    >>> crystal.calc = make_calculator("mace-sse-small")
    >>> crystal.get_stress().shape
    (6,)
    """
    potential = find_potential(name)
    if potential.kind == "chgnet":
        return _chgnet(potential, device=device, dtype=dtype, head=head)
    if potential.kind == "environment":
        return _of_environment(potential, device=device, dtype=dtype, head=head)
    if potential.kind == "native":
        return _native(potential, device=device, dtype=dtype, head=head)
    mace = load_mace(potential, device=device, dtype=dtype, head=head)
    from mace.calculators import MACECalculator

    with contextlib.redirect_stdout(sys.stderr):
        return MACECalculator(
            models=mace.model, device=device, default_dtype=mace.dtype, head=mace.head
        )


def known_species(name: str) -> frozenset[str] | None:
    """Symbols of the elements a potential was made for.

    None for a model of mace-torch that is not downloaded yet: its elements show then. None also
    for a calculator of another environment that lists none.

    Raises
    ------
    MlipsseError
        see `make_calculator`.
    """
    potential = find_potential(name)
    if potential.kind == "environment":
        spec = find_calculator(name)
        return spec.elements or calculator_worker(spec, device="cpu").offer.elements
    if potential.kind == "native":
        numbers = NativeCalculator(potential.source).library.atomic_numbers
        return frozenset(chemical_symbols[number] for number in numbers)
    if potential.kind == "chgnet":
        _require_chgnet(name)
        return frozenset(chemical_symbols[1:95]) - _ABSENT_FROM_CHGNET[name]
    if downloaded_file(potential) is None and potential.kind == "mace-mp":
        return None
    return elements(read_mace(potential, device="cpu"))


def check_species(name: str, species: Iterable[str]) -> None:
    """Refuse species that a potential does not know.

    Raises
    ------
    MlipsseError
        naming them.
    """
    known = known_species(name)
    if known is not None:
        native = Path(name).suffix == NATIVE_SUFFIX
        require_species(Path(name).stem if native else name, known, species)


def check_potential(name: str, species: Iterable[str], *, head: str | None = None) -> None:
    """Refuse species that a potential does not know, and a head it lacks or that must be named.

    A model that is not downloaded yet passes.

    Raises
    ------
    MlipsseError
        as `make_calculator`.
    """
    check_species(name, species)
    potential = find_potential(name)
    if potential.in_batches and downloaded_file(potential) is not None:
        load_mace(potential, head=head)


def require_species(name: str, known: frozenset[str], species: Iterable[str]) -> None:
    """Refuse species that are not among the `known` ones of a potential.

    Raises
    ------
    MlipsseError
        naming them.
    """
    wanted = set(species)
    if wanted <= known:
        return
    here = f"it knows {', '.join(sorted(known))}" if len(known) <= 20 else f"it knows {len(known)}"
    raise MlipsseError(
        f"The potential {name} does not know {', '.join(sorted(wanted - known))}: {here} "
        "elements. Choose a potential that knows them, or remove these species."
    )


def _of_environment(
    potential: Potential, *, device: str, dtype: str | None, head: str | None
) -> Calculator:
    if dtype is not None:
        raise MlipsseError(
            f"{potential.name} computes in the number type of its own calculator, but {dtype} is "
            "requested. Remove the dtype."
        )
    if head is not None:
        raise MlipsseError(
            f"{potential.name} has no heads, but head {head!r} is requested. Remove the head. A "
            "channel of a SevenNet model stands behind its name: sevennet: 7net-mf-0/PBE."
        )
    return EnvironmentCalculator(find_calculator(potential.name), device=device)


def _native(
    potential: Potential, *, device: str, dtype: str | None, head: str | None
) -> NativeCalculator:
    calculator = NativeCalculator(potential.source)
    if device != "cpu":
        raise MlipsseError(
            f"{potential.name} is native code, which runs on CPUs alone, but device {device} is "
            "requested. Use device cpu, or name the model itself."
        )
    if dtype not in (None, calculator.library.dtype):
        raise MlipsseError(
            f"{potential.name} computes in {calculator.library.dtype}, but {dtype} is requested. "
            "Remove the dtype, or export native code of that type."
        )
    if head is not None:
        raise MlipsseError(
            f"{potential.name} contains one head, but head {head!r} is requested. Remove the head."
        )
    return calculator


def _require_chgnet(name: str) -> None:
    if importlib.util.find_spec("chgnet") is None:
        raise MlipsseError(
            f"The potential {name} requires the package chgnet, which is not installed. Install it "
            "(pip install 'mlipsse[chgnet]'), or name another potential, e.g. "
            f"{DEFAULT_FOUNDATION} or {DEFAULT_TEACHER}."
        )


def _chgnet(
    potential: Potential, *, device: str, dtype: str | None, head: str | None
) -> Calculator:
    check_placement(device, dtype)
    if dtype == "float64":
        raise MlipsseError(f"{potential.name} supports only float32, but float64 is requested.")
    if head is not None:
        raise MlipsseError(
            f"{potential.name} has no heads, but head {head!r} is requested. Remove the head."
        )
    _require_chgnet(potential.name)
    from mlipsse.energetics.potentials.chgnet import QuietCHGNet

    return QuietCHGNet(potential.source, device=device)
