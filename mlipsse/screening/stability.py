"""Energies above the hull that a set of crystals spans, by the energies of one potential."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import linprog

Content = Mapping[str, float]

_SAME = 1e-6


def energies_above_hull_eV_atom(
    contents: Sequence[Content], energies_eV_atom: Sequence[float]
) -> list[float | None]:
    """How far every crystal lies above the lowest mixture of crystals with its composition.

    The mixture is found by linear programming over all crystals. Elements need not be among them.

    Parameters
    ----------
    contents : element -> amount, of any size
    energies_eV_atom : of each, eV/atom

    Returns
    -------
    list of float or None
        eV/atom, 0 on the hull; None where no other compositions among them can form a crystal's:
        there is no hull then.
    """
    elements = sorted({element for content in contents for element in content})
    amounts = np.array(
        [[content.get(element, 0.0) for element in elements] for content in contents]
    )
    fractions = amounts / amounts.sum(axis=1, keepdims=True)
    energies = np.asarray(energies_eV_atom, dtype=float)
    found: list[float | None] = []
    for own, energy in zip(fractions, energies, strict=True):
        alike = np.abs(fractions - own).max(axis=1) < _SAME
        others = ~alike & (fractions[:, own < _SAME] < _SAME).all(axis=1)
        mixture = (
            linprog(energies[others], A_eq=fractions[others].T, b_eq=own) if others.any() else None
        )
        if mixture is None or not mixture.success:
            found.append(None)
            continue
        lowest = min(float(mixture.fun), float(energies[alike].min()))
        found.append(max(0.0, float(energy) - lowest))
    return found
