"""Frames that are not worth a label, by the potential that made them."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from mlipsse.dataset.check.measures.copies import find_twins
from mlipsse.dataset.frames.scores import (
    MIN_ENERGY_SPREAD_EV_ATOM,
    MIN_GROUP,
    MIN_LOG_FORCE_SPREAD,
    log_forces,
    robust_z,
)
from mlipsse.dataset.sampling.settings import FilterSettings
from mlipsse.structures.contacts import contact_below, unphysical_contact


@dataclass(frozen=True, eq=False)
class Candidate:
    """A frame, with the predictions of the potential for it.

    Attributes
    ----------
    energy_eV, max_force_eV_A : not finite when the potential failed
    descriptor : (n,) float64, see `mlipsse.dataset.frames.farthest`; None when none was asked for
    """

    frame: Atoms
    energy_eV: float
    max_force_eV_A: float
    descriptor: np.ndarray | None = None


def left_out(candidates: Sequence[Candidate], settings: FilterSettings) -> list[str | None]:
    """Why each candidate is left out, in words; None for those that are kept.

    The tests go from the plain to the subtle, and each looks at what the ones before have left.

    Parameters
    ----------
    candidates : of one composition; fewer than eight show no outliers
    """
    reasons: list[str | None] = [_fault(candidate, settings) for candidate in candidates]
    for test in (_energy_outliers, _force_outliers, _duplicates):
        kept = [k for k, reason in enumerate(reasons) if reason is None]
        for place, reason in test([candidates[k] for k in kept], settings):
            reasons[kept[place]] = reasons[kept[place]] or reason
    return reasons


def _fault(candidate: Candidate, settings: FilterSettings) -> str | None:
    if not np.isfinite([candidate.energy_eV, candidate.max_force_eV_A]).all():
        return "the potential gives no finite energy and forces"
    return unphysical_contact(candidate.frame, closest=settings.closest) or contact_below(
        candidate.frame, settings.closest_pairs_A
    )


def _energy_outliers(
    kept: Sequence[Candidate], settings: FilterSettings
) -> Iterator[tuple[int, str]]:
    limit = settings.max_energy_z
    if limit is None or len(kept) < MIN_GROUP:
        return
    energy_eV = np.array([one.energy_eV / len(one.frame) for one in kept])
    z = robust_z(energy_eV, floor=MIN_ENERGY_SPREAD_EV_ATOM)
    for place in np.flatnonzero(np.abs(z) > limit).tolist():
        apart = energy_eV[place] - np.median(energy_eV)
        yield (
            place,
            f"its energy is {apart:+.3f} eV/atom from the median, {abs(z[place]):.0f} spreads, "
            f"beyond {limit:g}",
        )


def _force_outliers(
    kept: Sequence[Candidate], settings: FilterSettings
) -> Iterator[tuple[int, str]]:
    limit = settings.max_force_z
    if limit is None or len(kept) < MIN_GROUP:
        return
    force_eV_A = np.array([one.max_force_eV_A for one in kept])
    z = robust_z(log_forces(force_eV_A), floor=MIN_LOG_FORCE_SPREAD)
    for place in np.flatnonzero(z > limit).tolist():
        yield (
            place,
            f"its largest force is {force_eV_A[place]:.1f} eV/Å (median "
            f"{np.median(force_eV_A):.1f}), {z[place]:.0f} spreads of its logarithm, beyond "
            f"{limit:g}",
        )


def _duplicates(kept: Sequence[Candidate], settings: FilterSettings) -> Iterator[tuple[int, str]]:
    if not settings.drop_duplicates:
        return
    twins = find_twins([one.frame for one in kept])
    earlier: dict[int, list[int]] = defaultdict(list)
    for first, second in zip(twins.first.tolist(), twins.second.tolist(), strict=True):
        earlier[second].append(first)
    gone: set[int] = set()
    for place in sorted(earlier):
        standing = [first for first in earlier[place] if first not in gone]
        if standing:  # a twin of frames that are gone already stays
            gone.add(place)
            where = kept[standing[0]].frame.info
            yield (
                place,
                f"nearly identical to the frame at {where.get('time_ps', 0):g} ps of "
                f"{where.get('trajectory', 'the same trajectory')}",
            )
