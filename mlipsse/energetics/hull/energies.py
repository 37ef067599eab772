"""Energy above the convex hull and formation energy, all from one potential's energies.

Nothing here shifts or mixes energies of two levels of theory (as pymatgen's corrections do): a
phase that the potential has no energy of is asked for, not taken from elsewhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mlipsse.energetics.hull.simplex import formula_text
from mlipsse.errors import MlipsseError

Composition = Mapping[str, float]

ON_HULL_EV_ATOM = 1e-6
"""A composition this close to the hull is stable: less than a potential's float32 resolves."""

# Atom fractions closer than this are one composition; the least step of the published grids,
# 1/64 of an anion in 80 atoms, is 2e-4.
_SAME_FRACTION = 1e-8

# Share of the atoms below which a phase is the solver's rounding and not part of a mixture; the
# least share of a published grid point is above 1e-2.
_LEAST_SHARE = 1e-7

_INFEASIBLE = 2  # status of scipy.optimize.linprog


@dataclass(frozen=True)
class HullPhase:
    """One composition of a hull.

    Attributes
    ----------
    structures : (k,) indices of its structures, lowest energy first
    above_hull_eV_atom : of the lowest, eV/atom
    mixture : what the hull consists of at this composition: index of the lowest structure of each
        phase -> its share of the atoms, sum 1; the composition alone when it is stable. Where
        several mixtures have the same energy, one of them
    """

    structures: tuple[int, ...]
    above_hull_eV_atom: float
    mixture: dict[int, float]

    @property
    def stable(self) -> bool:
        """Whether it lies on the hull, within `ON_HULL_EV_ATOM`."""
        return self.above_hull_eV_atom <= ON_HULL_EV_ATOM


def hull_phases(compositions: Sequence[Composition], energies_eV: np.ndarray) -> list[HullPhase]:
    """The distinct compositions of the hull that all structures span, and what they decay to.

    The hull at an atom-fraction vector c is min sum_i w_i e_i subject to sum_i w_i c_i = c and
    w >= 0: the linear programme behind every phase diagram. It is solved once per composition,
    over the lowest structure of each; elements need not be among them, so pseudo-binaries and
    pseudo-ternaries are hulls of their own.

    Parameters
    ----------
    compositions : n mappings of species to number of atoms in the cell
    energies_eV : (n,) energies of the whole cells, eV, of one level of theory

    Returns
    -------
    one per composition, in the order in which they first appear

    Raises
    ------
    MlipsseError
        when an energy is not finite, a composition is empty or the numbers do not match.
    """
    fractions, energies_eV_atom = _per_atom(compositions, energies_eV)
    kinds, kind_of = _distinct(fractions)
    members = [np.flatnonzero(kind_of == kind) for kind in range(len(kinds))]
    ranked = [group[np.argsort(energies_eV_atom[group], kind="stable")] for group in members]
    bottom = np.array([group[0] for group in ranked])
    lowest = energies_eV_atom[bottom]
    phases = []
    for kind in np.argsort([group.min() for group in members]):
        energy, shares = _lowest_mixture(kinds[kind], kinds, lowest)
        # A composition is a mixture of itself, so below zero there is only the solver's tolerance.
        above = max(0.0, float(lowest[kind] - energy))
        if above <= ON_HULL_EV_ATOM:
            mixture = {int(bottom[kind]): 1.0}
        else:
            taken = np.flatnonzero(shares > _LEAST_SHARE)
            mixture = {int(bottom[k]): float(shares[k] / shares[taken].sum()) for k in taken}
        phases.append(HullPhase(tuple(ranked[kind].tolist()), above, mixture))
    return phases


def energy_above_hull(compositions: Sequence[Composition], energies_eV: np.ndarray) -> np.ndarray:
    """Energy of every structure above the hull that all of them span; see `hull_phases`.

    Parameters
    ----------
    compositions : n mappings of species to number of atoms in the cell
    energies_eV : (n,) energies of the whole cells, eV, of one level of theory

    Returns
    -------
    (n,) float64, eV/atom; 0 on the hull

    Raises
    ------
    MlipsseError
        when an energy is not finite, a composition is empty or the numbers do not match.
    """
    _, energies_eV_atom = _per_atom(compositions, energies_eV)
    above = np.empty(len(energies_eV_atom))
    for phase in hull_phases(compositions, energies_eV):
        mine = list(phase.structures)
        lowest = energies_eV_atom[mine[0]]
        above[mine] = energies_eV_atom[mine] - lowest + phase.above_hull_eV_atom
    return above


def formation_energy(
    compositions: Sequence[Composition],
    energies_eV: np.ndarray,
    *,
    end_members: Sequence[Composition],
) -> np.ndarray:
    """Energy of every structure against the cheapest mixture of the end members.

    The end members' energies are those of their lowest structures among the entries. Where their
    mixture is not unique (a quaternary reciprocal system such as LIYBC has four end members and
    three degrees of freedom), the lowest is taken.

    Parameters
    ----------
    compositions : n mappings of species to number of atoms in the cell
    energies_eV : (n,) energies of the whole cells, eV, of one level of theory
    end_members : mappings of species to amount, in any multiple, e.g. `{"Li": 3, "In": 1, "Cl": 6}`

    Returns
    -------
    (n,) float64, eV/atom; negative: stable against the end members

    Raises
    ------
    MlipsseError
        when an end member has no entry, or no mixture of the end members has a composition.
    """
    fractions, energies_eV_atom = _per_atom(compositions, energies_eV)
    species = _species(compositions)
    corners, corner_energies = [], []
    for member in end_members:
        corner = _fractions([member], species)[0]
        same = np.abs(fractions - corner).max(axis=1) < _SAME_FRACTION
        if not same.any():
            raise MlipsseError(
                f"The end member {formula_text(member)} has no energy: no structure of that "
                "composition was ranked. Add it to enumerate.end_members. An energy from another "
                "source is not used, as it may have another level of theory."
            )
        corners.append(corner)
        corner_energies.append(energies_eV_atom[same].min())
    kinds, kind_of = _distinct(fractions)
    reference = np.empty(len(kinds))
    for kind, fraction in enumerate(kinds):
        mixture, _ = _lowest_mixture(fraction, np.array(corners), np.array(corner_energies))
        if np.isinf(mixture):
            composition = compositions[int(np.argmax(kind_of == kind))]
            raise MlipsseError(
                f"{formula_text(composition)} is not a mixture of the end members "
                f"{', '.join(map(formula_text, end_members))}. Add the missing end member to "
                "enumerate.end_members."
            )
        reference[kind] = mixture
    return energies_eV_atom - reference[kind_of]


def _lowest_mixture(
    fraction: np.ndarray, corners: np.ndarray, energies_eV_atom: np.ndarray
) -> tuple[float, np.ndarray]:
    """Energy of the cheapest mixture of `corners` of composition `fraction`, and their shares.

    The energy is infinite when there is no such mixture.
    """
    from scipy.optimize import linprog

    # Around their mean, so that the solver's tolerance concerns differences between phases and
    # not total energies.
    level = energies_eV_atom.mean()
    answer = linprog(
        energies_eV_atom - level,
        A_eq=corners.T,
        b_eq=fraction,
        bounds=(0, None),
        method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    if answer.status == _INFEASIBLE:
        return float("inf"), np.zeros(len(corners))
    if answer.status != 0:
        raise MlipsseError(f"The convex hull's linear programme was not solved: {answer.message}")
    return float(answer.fun + level), answer.x


def _per_atom(
    compositions: Sequence[Composition], energies_eV: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    energies_eV = np.asarray(energies_eV, dtype=float)
    if energies_eV.shape != (len(compositions),) or len(compositions) == 0:
        raise MlipsseError(
            f"A hull needs one energy per structure: got {len(compositions)} compositions and "
            f"energies of shape {energies_eV.shape}."
        )
    atoms = np.array([sum(composition.values()) for composition in compositions], dtype=float)
    bad = ~(np.isfinite(energies_eV) & (atoms > 0))
    if bad.any():
        worst = int(np.argmax(bad))
        raise MlipsseError(
            f"Structure {worst} ({formula_text(compositions[worst])}) has energy "
            f"{energies_eV[worst]} eV: remove structures without a finite energy."
        )
    return _fractions(compositions, _species(compositions)), energies_eV / atoms


def _species(compositions: Sequence[Composition]) -> list[str]:
    return sorted({name for composition in compositions for name in composition})


def _fractions(compositions: Sequence[Composition], species: list[str]) -> np.ndarray:
    counts = np.array([[float(c.get(name, 0.0)) for name in species] for c in compositions])
    return counts / np.array([[sum(c.values())] for c in compositions], dtype=float)


def _distinct(fractions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct rows within `_SAME_FRACTION`, and which of them each row is."""
    steps = np.round(fractions / _SAME_FRACTION).astype(np.int64)
    _, first, kind_of = np.unique(steps, axis=0, return_index=True, return_inverse=True)
    return fractions[first], np.asarray(kind_of).reshape(-1)
