"""A crystal to try a potential on, and the deck that runs it in any LAMMPS."""

from collections.abc import Callable, Collection, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import cast

import numpy as np
from ase import Atoms
from ase.data import atomic_masses, atomic_numbers, covalent_radii

from mlipsse.engines import EngineName
from mlipsse.errors import MlipsseError
from mlipsse.potential.bundle.texts import DECK_FILE, deck_text
from mlipsse.potential.lammps.structure_file import data_text

DATA_FILE = "example.data"

_MOST_ELEMENTS = 8  # of a made-up crystal
_SALTS = (("Na", "Cl"), ("Li", "F"), ("Mg", "O"))
_ANIONS = (
    frozenset({"F", "O", "Cl", "N", "Br", "I", "S", "Se", "Te"}),
    frozenset({"C", "P", "As", "H"}),
)
"""Which elements sit on anion sites: those of the first set, or else those of the second."""


def write_example(
    folder: Path,
    atoms: Atoms,
    *,
    file: str,
    name: str,
    elements: Sequence[str],
    dtype: str,
    without: Collection[EngineName] = (),
) -> None:
    """Write `example.data` and `in.example` for the potential `name` into its bundle.

    Parameters
    ----------
    atoms : periodic in three directions, of the model's elements
    file : exported file that the deck names for mlipsse's pair style
    elements : of the model, in its order
    dtype : of the exported files
    without : engines that do not hold the model
    """
    used = present_elements(atoms, elements)
    title = f"{name}: {formula(atoms)}, atom types {' '.join(used)}"
    text = data_text(atoms, elements=used, title=title)
    (folder / DATA_FILE).write_text(text, encoding="utf-8")
    deck = deck_text(
        name=name,
        file=file,
        formula=formula(atoms),
        data_file=DATA_FILE,
        elements=used,
        dtype=dtype,
        without=without,
    )
    (folder / DECK_FILE).write_text(deck, encoding="utf-8")


def read_example(path: Path, elements: Sequence[str]) -> Atoms:
    """The structure in a bundle's `example.data`.

    Parameters
    ----------
    elements : of the model; the masses in the file identify its types
    """
    try:
        from ase.io import read

        atoms = cast(Atoms, read(path, format="lammps-data", atom_style="atomic"))
        known = {atomic_masses[atomic_numbers[element]]: element for element in elements}
        masses = list(known)
        nearest = [int(np.argmin(np.abs(np.subtract(masses, m)))) for m in atoms.get_masses()]
        atoms.set_chemical_symbols([known[masses[k]] for k in nearest])
    except Exception as error:  # the reader of ASE raises whatever the line made it stumble on
        raise MlipsseError(
            f"{path} cannot be read as a LAMMPS data file ({error}). Get an intact copy of the "
            "bundle, or name other structures."
        ) from error
    return Atoms(atoms.symbols, positions=atoms.positions, cell=atoms.cell, pbc=True)


def present_elements(atoms: Atoms, elements: Sequence[str]) -> list[str]:
    """Elements of `atoms`, in the order of `elements`; those that are not among them come last."""
    present = set(atoms.get_chemical_symbols())
    known = [element for element in elements if element in present]
    return known + sorted(present.difference(known))


def formula(atoms: Atoms) -> str:
    """Chemical formula of the cell."""
    return str(atoms.get_chemical_formula())


def example_crystal(elements: Sequence[str]) -> Atoms:
    """A crystal of up to 64 atoms made from nothing but a list of elements, slightly rattled.

    Rock salt: anions share one sublattice, the other holds all other elements, and vacancies where
    their usual charges would be too many. Without anions, or of anions alone, a face-centred cubic
    alloy. Bonds are as long as 1.1 covalent radii. It is a place to start a relaxation, not a
    structure to learn from.

    Parameters
    ----------
    elements : of the model; of a model with many, a simple salt is made
    seed : of the order of the elements and of the displacements (0.05 Å)
    """
    chosen = list(elements)
    if len(chosen) > _MOST_ELEMENTS:
        salts = (list(salt) for salt in _SALTS if set(salt) <= set(elements))
        chosen = next(salts, chosen[:_MOST_ELEMENTS])
    tier = next((tier for tier in _ANIONS if tier & set(chosen)), frozenset())
    anions = [element for element in chosen if element in tier]
    cations = [element for element in chosen if element not in tier]
    from ase.build import bulk

    rng = np.random.default_rng(1)
    if anions and cations:
        bond_A = 1.1 * (_mean_radius_A(anions) + _mean_radius_A(cations))
        crystal = bulk("NaCl", "rocksalt", a=2 * bond_A, cubic=True).repeat(2)
        is_anion = crystal.numbers == atomic_numbers["Cl"]
        on_anion_sites = list(islice(cycle(anions), int(is_anion.sum())))
        on_cation_sites = _neutral(cations, on_anion_sites, n_sites=int((~is_anion).sum()))
        symbols = np.empty(len(crystal), dtype=object)
        symbols[is_anion] = rng.permutation(np.array(on_anion_sites, dtype=object))
        symbols[~is_anion] = rng.permutation(np.array(on_cation_sites, dtype=object))
    else:
        crystal = bulk("Cu", "fcc", a=2**0.5 * 2.2 * _mean_radius_A(chosen), cubic=True)
        crystal = crystal.repeat((4, 2, 2))
        symbols = rng.permutation(np.array(list(islice(cycle(chosen), len(crystal))), dtype=object))
    places = crystal.positions + rng.normal(scale=0.05, size=(len(crystal), 3))
    filled = [k for k, symbol in enumerate(symbols) if symbol]
    return Atoms(list(symbols[filled]), positions=places[filled], cell=crystal.cell, pbc=True)


def _neutral(cations: Sequence[str], anions: Sequence[str], *, n_sites: int) -> list[str]:
    """Cations in turn until they balance the anions; the rest of the sites is empty, ""."""
    missing = -sum(_charge(anion, min) for anion in anions)
    charges = {cation: _charge(cation, max) for cation in cations}
    sites: list[str] = []
    turn = cycle(sorted(cations, key=lambda cation: -charges[cation]))
    while len(sites) < n_sites and any(charge <= missing for charge in charges.values()):
        cation = next(turn)
        if charges[cation] <= missing:
            sites.append(cation)
            missing -= charges[cation]
    return sites + [""] * (n_sites - len(sites))


def _charge(element: str, pick: Callable[[Sequence[int]], int]) -> int:
    """The usual charge of an ion that is surely one: at least 1 in size."""
    from pymatgen.core import Element

    states = Element(element).common_oxidation_states
    charge = int(pick(states)) if states else 0
    return charge if (charge > 0) == (pick is max) and charge else (1 if pick is max else -1)


def _mean_radius_A(elements: Sequence[str]) -> float:
    return float(np.mean([covalent_radii[atomic_numbers[element]] for element in elements]))
