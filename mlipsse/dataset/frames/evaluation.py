"""Predictions of a potential for labelled frames."""

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator

from mlipsse.dataset.frames.predictions import Predictions, compare
from mlipsse.energetics.potentials.loaded_mace import LoadedMace
from mlipsse.energetics.relaxation.evaluation import Evaluator
from mlipsse.energetics.relaxation.evaluators import OneByOne

Outcome = tuple[float, np.ndarray, np.ndarray]


def predict(frames: Sequence[Atoms], potential: LoadedMace | Calculator) -> Predictions:
    """Evaluate labelled frames (labels under `mlipsse.keys`), in their order."""
    return compare(frames, single_points(frames, potential))


def single_points(structures: Sequence[Atoms], potential: LoadedMace | Calculator) -> list[Outcome]:
    """Energy (eV), forces (n_atoms, 3) (eV/Å) and stress (3, 3) (eV/Å³) of every structure.

    MACE is evaluated in batches. What the potential raises about a structure is raised.
    """
    evaluator: Evaluator
    if isinstance(potential, LoadedMace):
        from mlipsse.energetics.relaxation.batched_evaluation import InBatches

        evaluator = InBatches(potential, stress=True)
    else:
        evaluator = OneByOne(potential, stress=True)
    outcomes: list[Outcome] = []
    for result in evaluator.evaluate(structures):
        if isinstance(result, Exception):
            raise result
        assert result.stress_eV_A3 is not None
        outcomes.append((result.energy_eV, result.forces_eV_A, result.stress_eV_A3))
    return outcomes
