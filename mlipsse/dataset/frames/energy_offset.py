"""How the energies of labels are shifted against a potential's."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from mlipsse import keys
from mlipsse.dataset.frames.predictions import Predictions
from mlipsse.errors import MlipsseError

MAX_OFFSET_RESIDUAL_EV_ATOM = 0.3
"""Difference of training and foundation energies, less one shift per element. Functionals differ
by tens of meV/atom beyond such shifts; units, or energies of other frames, by far more."""


@dataclass(frozen=True)
class EnergyOffset:
    """Labels' energies less the foundation's, as one shift per element, by least squares.

    Attributes
    ----------
    shift_eV : element -> eV per atom; of least norm where `rank` is less than their number
    rank : independent combinations of elements in the training frames. Where it is less than the
        number of elements, energies of other compositions are not fixed by the labels.
    residual_eV_atom : root mean square of what the shifts do not explain
    """

    shift_eV: dict[str, float]
    rank: int
    residual_eV_atom: float


def energy_offset(frames: Sequence[Atoms], foundation: Predictions) -> EnergyOffset:
    """Fit the offset that `--E0s estimated` is going to take up, on frames of dynamics.

    Frames of close contacts (`keys.ORIGIN`) are left out: a foundation model that knows nothing of
    them is why they were made.

    Raises
    ------
    MlipsseError
        when shifts per element leave more than `MAX_OFFSET_RESIDUAL_EV_ATOM`.
    """
    counted = [k for k, f in enumerate(frames) if f.info.get(keys.ORIGIN) != "contact"]
    if not counted:
        raise MlipsseError(
            "The train set contains only frames of close contacts. Add frames of dynamics."
        )
    frames = [frames[k] for k in counted]
    elements = sorted(species_of(frames))
    fractions = np.array(
        [[f.get_chemical_symbols().count(e) / len(f) for e in elements] for f in frames]
    )
    labels, predictions = foundation.energy_eV_atom[:, counted]
    shift, _, rank, _ = np.linalg.lstsq(fractions, labels - predictions, rcond=None)
    residual = labels - predictions - fractions @ shift
    residual_eV_atom = float(np.sqrt(np.mean(residual**2)))
    if not residual_eV_atom <= MAX_OFFSET_RESIDUAL_EV_ATOM:
        raise MlipsseError(
            "The energies of the train set differ from the foundation model's by "
            f"{residual_eV_atom:.2f} eV/atom beyond a shift per element, more than "
            f"{MAX_OFFSET_RESIDUAL_EV_ATOM}: they are in other units, belong to other frames, or "
            "the foundation model does not know these materials. Check the labels."
        )
    shifts = {element: float(value) for element, value in zip(elements, shift, strict=True)}
    return EnergyOffset(shift_eV=shifts, rank=int(rank), residual_eV_atom=residual_eV_atom)


def species_of(frames: Sequence[Atoms]) -> set[str]:
    """Symbols of all atoms."""
    return {symbol for frame in frames for symbol in frame.get_chemical_symbols()}
