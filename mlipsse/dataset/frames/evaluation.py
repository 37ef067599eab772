"""Predictions of a potential for labelled frames."""

from collections.abc import Sequence

from ase import Atoms
from ase.calculators.calculator import Calculator

from mlipsse.dataset.frames.predictions import Predictions, compare
from mlipsse.energetics.potentials.loaded_mace import LoadedMace
from mlipsse.energetics.relaxation.evaluators import Evaluator, OneByOne
from mlipsse.energetics.single_point import SinglePoint


def predict(frames: Sequence[Atoms], potential: LoadedMace | Calculator) -> Predictions:
    """Evaluate labelled frames (labels under `mlipsse.keys`), in their order."""
    return compare(frames, single_points(frames, potential))


def single_points(
    structures: Sequence[Atoms], potential: LoadedMace | Calculator
) -> list[SinglePoint]:
    """Energy, forces and stress of every structure.

    MACE is evaluated in batches. What the potential raises about a structure is raised.
    """
    evaluator: Evaluator
    if isinstance(potential, LoadedMace):
        from mlipsse.energetics.relaxation.batched_evaluation import InBatches

        evaluator = InBatches(potential, stress=True)
    else:
        evaluator = OneByOne(potential, stress=True)
    points = []
    for result in evaluator.evaluate(structures):
        if isinstance(result, Exception):
            raise result
        points.append(result)
    return points
