"""Native code behind ASE's interface."""

from pathlib import Path
from typing import Any
from weakref import ReferenceType, ref

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.data import chemical_symbols
from ase.stress import full_3x3_to_voigt_6_stress

from mlipsse.energetics.native.library import NativeLibrary
from mlipsse.energetics.native.neighbours import Neighbours
from mlipsse.energetics.native.processor import library_for_here
from mlipsse.errors import MlipsseError


class NativeCalculator(Calculator):
    """Energy, forces and stress of a native potential (`mlipsse potential export --format native`).

    Threads are OMP_NUM_THREADS, or all of the processor's.

    Parameters
    ----------
    potential : `.safetensors` file of native weights, with its library beside it

    Raises
    ------
    MlipsseError
        when the library or the weights are missing, damaged, or made for other processors.

    Examples
    --------
    >>> atoms.calc = NativeCalculator("mace-sse-small/mace-sse-small.safetensors")  # doctest: +SKIP
    >>> atoms.get_potential_energy()  # doctest: +SKIP
    """

    implemented_properties = ["energy", "free_energy", "energies", "forces", "stress"]  # noqa: RUF012

    def __init__(self, potential: Path | str, **options: Any) -> None:
        super().__init__(**options)
        weights = Path(potential)
        if not weights.is_file():
            raise MlipsseError(
                f"{weights} is not there. Name the .safetensors file of a native potential."
            )
        self.library = NativeLibrary(library_for_here(weights), weights)
        self._neighbours: dict[int, tuple[ReferenceType[Atoms], Neighbours]] = {}
        self._place = np.full(len(chemical_symbols), -1, dtype=np.int32)
        numbers = self.library.atomic_numbers
        self._place[list(numbers)] = np.arange(len(numbers), dtype=np.int32)

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: list[str] | None = None,
        system_changes: list[str] = all_changes,
    ) -> None:
        """Compute everything at once; see `Calculator.calculate`.

        Raises
        ------
        MlipsseError
            for an element that the model does not know, and atoms on top of each other.
        """
        super().calculate(atoms, properties, system_changes)
        crystal = self.atoms
        assert crystal is not None  # what ASE just copied
        species = self._place[crystal.numbers]
        if (species < 0).any():
            unknown = sorted({crystal.symbols[k] for k in np.flatnonzero(species < 0)})
            known = ", ".join(chemical_symbols[z] for z in self.library.atomic_numbers)
            raise MlipsseError(
                f"The potential does not know {', '.join(unknown)}. It knows {known}."
            )
        receivers, senders, vectors_A = self._lists(atoms or crystal).edges(crystal)
        first = np.searchsorted(receivers, np.arange(len(crystal) + 1))
        energies, gradient = self.library.evaluate(species, first, senders, vectors_A)
        n = len(crystal)
        forces = np.stack(
            [
                np.bincount(senders, gradient[:, k], n) - np.bincount(receivers, gradient[:, k], n)
                for k in range(3)
            ],
            axis=1,
        )
        energy = float(energies.sum())
        self.results = {
            "energy": energy,
            "free_energy": energy,
            "energies": energies,
            "forces": forces,
        }
        if crystal.cell.rank == 3:
            stress = vectors_A.T @ gradient / crystal.get_volume()
            self.results["stress"] = full_3x3_to_voigt_6_stress((stress + stress.T) / 2)

    def _lists(self, atoms: Atoms) -> Neighbours:
        """The neighbours of a structure, kept for when it comes again, moved."""
        structure, found = self._neighbours.get(id(atoms), (None, None))
        if found is None or structure is None or structure() is not atoms:
            gone = [key for key, (one, _) in self._neighbours.items() if one() is None]
            for key in gone:
                del self._neighbours[key]
            found = Neighbours(self.library.r_max_A)
            self._neighbours[id(atoms)] = (ref(atoms), found)
        return found
