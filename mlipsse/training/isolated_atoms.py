"""Isolated-atom energies of the head that learns the new labels."""

from collections.abc import Mapping, Set
from typing import Any

from ase.data import chemical_symbols

from mlipsse.dataset.frames.energy_offset import EnergyOffset
from mlipsse.energetics.potentials.loaded_mace import LoadedMace
from mlipsse.energetics.potentials.mace_model import head_names
from mlipsse.errors import MlipsseError
from mlipsse.training.settings import FineTuneSettings


def isolated_atom_energies(
    settings: FineTuneSettings,
    foundation: LoadedMace | None,
    offset: EnergyOffset | None,
    *,
    species: Set[str],
) -> dict[str, float] | None:
    """eV by element, for every element of the model that is trained.

    mace-torch's own «estimated» counts frames of close contacts, and gives elements that the new
    labels lack the energy 0, so that the first new composition is off by electron-volts. Here such
    elements keep the foundation's energy.

    Parameters
    ----------
    foundation, offset : the model and the new labels' offset from it; None from scratch only
    species : symbols in the training set

    Returns
    -------
    dict or None
        None for a model from scratch without given energies: mace-torch fits them to the labels.

    Raises
    ------
    MlipsseError
        when energies are given and one that is needed is not.
    """
    given = settings.e0s
    if not isinstance(given, str):
        missing = sorted(species - set(given))
        if missing:
            raise MlipsseError(
                f"e0s contains no energy of {', '.join(missing)}, which the training frames "
                "contain. Add it, or set e0s: estimated."
            )
    if settings.strategy == "scratch" or foundation is None or offset is None:
        return None if isinstance(given, str) else {symbol: given[symbol] for symbol in species}
    own = head_energies(foundation)
    if not isinstance(given, str):
        return own | {symbol: given[symbol] for symbol in own if symbol in given}
    shift = {} if given == "foundation" else offset.shift_eV
    return {symbol: energy + shift.get(symbol, 0.0) for symbol, energy in own.items()}


def head_energies(mace: LoadedMace) -> dict[str, float]:
    """Isolated-atom energies of a model's head, eV by element."""
    model: Any = mace.model
    table = model.atomic_energies_fn.atomic_energies.detach().double().cpu()
    if table.ndim > 1:
        table = table[head_names(model).index(mace.head)]
    symbols = [chemical_symbols[int(number)] for number in model.atomic_numbers]
    return dict(zip(symbols, table.tolist(), strict=True))


def set_energies(model: Any, e0s_eV: Mapping[str, float]) -> None:
    """Give every head of a model these isolated-atom energies, in place."""
    import torch

    symbols = [chemical_symbols[int(number)] for number in model.atomic_numbers]
    table = model.atomic_energies_fn.atomic_energies
    table.copy_(torch.tensor([e0s_eV[symbol] for symbol in symbols]).expand_as(table))
