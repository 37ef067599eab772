"""What a potential gives for a structure: energy, forces, stress."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from ase import Atoms


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Predictions of a potential for a structure.

    Attributes
    ----------
    energy_eV : of the whole cell
    forces_eV_A : (n_atoms, 3) float64
    stress_eV_A3 : (3, 3) float64, tension positive; None when it was not asked for
    invariants : (n_atoms, n) float64, surroundings of every atom in the potential's own terms; None
        when they were not asked for
    """

    energy_eV: float
    forces_eV_A: np.ndarray
    stress_eV_A3: np.ndarray | None = None
    invariants: np.ndarray | None = None


class Evaluator(Protocol):
    """A loaded potential."""

    def evaluate(
        self, structures: Sequence[Atoms], *, invariants: bool = False
    ) -> list[Evaluation | Exception]:
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
    ) -> list[Evaluation | Exception]:
        """See `Evaluator`."""
        if invariants:
            raise MlipsseError(
                "This potential has no descriptors of an atom's surroundings. Choose a MACE "
                "potential."
            )
        return [self._evaluate(atoms) for atoms in structures]

    def _evaluate(self, atoms: Atoms) -> Evaluation | Exception:
        try:
            self._calculator.calculate(atoms, self._properties, all_changes)
        except FAILURES as error:
            return error
        results = self._calculator.results
        return Evaluation(
            float(results["energy"]),
            np.array(results["forces"], dtype=float),
            voigt_6_to_full_3x3_stress(results["stress"]) if "stress" in self._properties else None,
        )


def make_evaluator(
    potential: str,
    species: set[str],
    *,
    device: str = "cpu",
    dtype: str | None = None,
    head: str | None = None,
    batch_atoms: int = BATCH_ATOMS,
    stress: bool = False,
) -> Evaluator:
    """Load a potential by name for structures of certain species.

    Parameters
    ----------
    potential, device, dtype, head : as in `make_calculator`
    batch_atoms : most atoms in a batch on a CPU; a GPU holds what its memory holds
    stress : whether stresses are wanted, too

    Raises
    ------
    MlipsseError
        when the potential cannot be had or does not know a species.
    """
    found = find_potential(potential)
    if found.kind == "chgnet":
        check_species(potential, species)
        calculator = make_calculator(potential, device=device, dtype=dtype, head=head)
        return OneByOne(calculator, stress=stress)
    mace = load_mace(found, device=device, dtype=dtype, head=head)
    require_species(potential, elements(mace.model), species)
    from mlipsse.energetics.relaxation.batched_evaluation import InBatches

    return InBatches(mace, batch_atoms=batch_atoms, stress=stress)
