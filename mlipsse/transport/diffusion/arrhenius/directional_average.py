"""Diffusivity along the crystal's directions: runs averaged per temperature, and Arrhenius fits."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.diffusion.arrhenius.average import average_runs
from mlipsse.transport.diffusion.arrhenius.fit import ArrheniusFit, fit_arrhenius
from mlipsse.transport.diffusion.directions import AXES, PLANES, DirectionalDiffusivity

DIRECTIONS = (*AXES, *PLANES)
"""Lattice vectors, and the planes that they span."""


@dataclass(frozen=True, eq=False)
class DirectionalAverage:
    """Mean over the runs at one temperature, as `average_runs` takes it.

    Attributes
    ----------
    diffusivity_cm2_s, diffusivity_std_cm2_s : a, b, c, ab, ac, bc -> D and its standard error,
        cm²/s; a D that noise has pushed below zero is given as it came out
    principal_cm2_s : (3,) eigenvalues of the mean tensor, falling, cm²/s
    """

    temperature_K: float
    diffusivity_cm2_s: dict[str, float]
    diffusivity_std_cm2_s: dict[str, float]
    principal_cm2_s: tuple[float, float, float]
    n_runs: int


def average_directions(
    temperature_K: float,
    runs: Sequence[DirectionalDiffusivity],
    weights: Sequence[float] | None = None,
) -> DirectionalAverage:
    """Average several runs at one temperature, each alike or by its weight.

    Planes are averaged like the vectors. The mean tensor is taken in the crystal's own axes.

    Raises
    ------
    MlipsseError
        without runs.
    """
    if not runs:
        raise MlipsseError(f"No runs at {temperature_K:g} K whose directions could be averaged.")
    values: dict[str, float] = {}
    errors: dict[str, float] = {}
    for name in DIRECTIONS:
        pairs = [
            (run.along_cm2_s[name], run.along_std_cm2_s[name])
            if name in AXES
            else (run.plane_cm2_s[name], run.plane_std_cm2_s[name])
            for run in runs
        ]
        values[name], errors[name] = average_runs(
            [value for value, _ in pairs], [error for _, error in pairs], weights
        )
    tensor = np.average([run.crystal_tensor_cm2_s for run in runs], axis=0, weights=weights)
    third, second, first = (float(value) for value in np.linalg.eigvalsh(tensor))
    return DirectionalAverage(temperature_K, values, errors, (first, second, third), len(runs))


def directional_arrhenius(points: Sequence[DirectionalAverage]) -> dict[str, ArrheniusFit]:
    """Arrhenius fit of every direction, over the temperatures at which its D is above zero."""
    fits = {}
    for name in DIRECTIONS:
        usable = [point for point in points if point.diffusivity_cm2_s[name] > 0]
        fits[name] = fit_arrhenius(
            [point.temperature_K for point in usable],
            [point.diffusivity_cm2_s[name] for point in usable],
            [point.diffusivity_std_cm2_s[name] for point in usable],
        )
    return fits
