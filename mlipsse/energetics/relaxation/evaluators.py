"""Energies and forces of several structures, again and again: MACE in batches, others in turn."""

from collections.abc import Sequence
from typing import Protocol

from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from mlipsse.energetics.potentials.calculators import (
    check_species,
    make_calculator,
    require_species,
)
from mlipsse.energetics.potentials.catalogue import find_potential
from mlipsse.energetics.potentials.loaded_mace import elements, load_mace
from mlipsse.energetics.relaxation.energies import BATCH_ATOMS
from mlipsse.energetics.relaxation.outcome import FAILURES
from mlipsse.energetics.single_point import SinglePoint
from mlipsse.errors import MlipsseError


class Evaluator(Protocol):
    """A loaded potential."""

    def evaluate(
        self, structures: Sequence[Atoms], *, invariants: bool = False
    ) -> list[SinglePoint | Exception]:
        """Predictions for every structure, in order, or the exception that it raised.

        What comes out for a structure depends on the others by rounding alone. Structures that come
        again, moved, cost less than others in their place.

        Raises
        ------
        MlipsseError
            when `invariants` are asked of a potential that has none.
        """


class OneByOne:
    """An ASE calculator."""

    def __init__(self, calculator: Calculator, *, stress: bool = False) -> None:
        self._calculator = calculator
        self._properties = ["energy", "forces", *(["stress"] if stress else [])]

    def evaluate(
        self, structures: Sequence[Atoms], *, invariants: bool = False
    ) -> list[SinglePoint | Exception]:
        """See `Evaluator`."""
        if invariants:
            raise MlipsseError(
                "This potential gives no invariants of an atom's surroundings. Choose a MACE "
                "potential."
            )
        return [self._evaluate(atoms) for atoms in structures]

    def _evaluate(self, atoms: Atoms) -> SinglePoint | Exception:
        try:
            self._calculator.calculate(atoms, self._properties, all_changes)
        except FAILURES as error:
            return error
        results = self._calculator.results
        # Some calculators leave a stress of the structure before.
        return SinglePoint.from_results({name: results[name] for name in self._properties})


def make_evaluator(
    potential: str,
    species: set[str],
    *,
    device: str = "cpu",
    dtype: str | None = None,
    head: str | None = None,
    batch_atoms: int = BATCH_ATOMS,
) -> Evaluator:
    """Load a potential by name for energies and forces of structures of certain species.

    Parameters
    ----------
    potential, device, dtype, head : as in `make_calculator`
    batch_atoms : most atoms in a batch on a CPU; a GPU holds what its memory holds

    Raises
    ------
    MlipsseError
        when the potential cannot be had or does not know a species.
    """
    found = find_potential(potential)
    if not found.in_batches:
        check_species(potential, species)
        calculator = make_calculator(potential, device=device, dtype=dtype, head=head)
        return OneByOne(calculator)
    mace = load_mace(found, device=device, dtype=dtype, head=head)
    require_species(potential, elements(mace.model), species)
    from mlipsse.energetics.relaxation.batched_evaluation import InBatches

    return InBatches(mace, batch_atoms=batch_atoms)
