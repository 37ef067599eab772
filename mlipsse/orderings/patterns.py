"""Mobile-ion patterns of low Ewald energy where there are too many to list: a labelled sample."""

from collections.abc import Sequence

import numpy as np

from mlipsse.orderings.arrangements import smallest_image

MIN_STARTS = 50
MAX_STARTS = 1000


def sample_patterns(
    counts: Sequence[int],
    permutations: np.ndarray,
    *,
    pair: np.ndarray,
    field: np.ndarray,
    target: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Distinct patterns met on steepest descents from random ones.

    Each descent swaps an ion and a vacancy, always the pair that lowers the energy most, until
    none does; every pattern on the way is kept once per symmetry orbit. A sample without claim
    to completeness: the lowest found need not be the lowest there is.

    Parameters
    ----------
    counts : (ions, vacancies)
    permutations : (n_operations, n_sites) int, the group on the mobile sites
    pair, field : (n_sites, n_sites) and (n_sites,) float64, eV; the energy of a pattern is
        s^T pair s + s . field with s = 1 on ions and 0 on vacancies
    target : stop at twice this many distinct patterns (but not before `MIN_STARTS` descents, and
        at `MAX_STARTS` in any case)
    rng : source of the random patterns

    Returns
    -------
    np.ndarray
        (n, n_sites) int8, label 0 is an ion, 1 a vacancy; sorted.
    """
    ordered = np.repeat(np.array([0, 1], dtype=np.int8), counts)
    found: set[bytes] = set()
    for start in range(MAX_STARTS):
        if start >= MIN_STARTS and len(found) >= 2 * target:
            break
        labels = rng.permutation(ordered)
        while True:
            found.add(smallest_image(labels, permutations)[0].tobytes())
            ions, vacancies = np.flatnonzero(labels == 0), np.flatnonzero(labels == 1)
            if not len(ions) or not len(vacancies):
                break
            site_energy = 2 * pair[:, ions].sum(axis=1) + field
            change = (
                (site_energy + pair.diagonal())[vacancies][None, :]
                - (site_energy - pair.diagonal())[ions][:, None]
                - 2 * pair[np.ix_(ions, vacancies)]
            )
            best = int(change.argmin())
            if change.flat[best] > -1e-9:
                break
            labels[ions[best // len(vacancies)]] = 1
            labels[vacancies[best % len(vacancies)]] = 0
    return np.array([np.frombuffer(code, dtype=np.int8) for code in sorted(found)])
