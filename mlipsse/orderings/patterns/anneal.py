"""The compiled search for charge patterns of low energy by annealed swaps."""

import numpy as np
from numba import njit

_SIGNATURE = (
    "i8(f8[:,::1], f8[::1], i8[::1], f8[::1], b1[:,::1], i8[::1], i8[::1], i8[:,::1],"
    " i8[:,::1], b1[:,:,::1], i8, f8, f8, f8, i8, i8[:,::1], f8[::1])"
)


@njit(_SIGNATURE, cache=True)
def anneal(
    pair: np.ndarray,
    field: np.ndarray,
    labels: np.ndarray,
    charge: np.ndarray,
    allowed: np.ndarray,
    pool_start: np.ndarray,
    pool_of: np.ndarray,
    excluded: np.ndarray,
    rule: np.ndarray,
    forbidden: np.ndarray,
    trials: int,
    hottest: float,
    coldest: float,
    energy: float,
    seed: int,
    kept_labels: np.ndarray,
    kept_energies: np.ndarray,
) -> int:
    """Swap the labels of two sites of a sublattice, by Metropolis at a falling temperature.

    The energy is q.pair.q + q.field. Its local field h = 2 pair q + field is kept, so a trial
    costs a few operations and only an accepted swap one pass over the sites. Pairs of sites that
    exclude each other's classes come first: a swap that makes more of them hold what they may not
    hold together is refused, one that makes fewer is taken.

    Parameters
    ----------
    pair, field : (n, n), (n,) eV
    labels : (n,) class of every site, changed in place
    charge : (n_classes,) of a class
    allowed : (n, n_classes) whether a site may have a class
    pool_start : (n_pools + 1,) first site of every sublattice
    pool_of : (n,) its number
    excluded : (n, most) sites that a site excludes something of, -1 where there are fewer
    rule : (n, most) the rule between the two
    forbidden : (n_rules, n_classes, n_classes) whether a rule forbids the first class on the site
        and the second on the other
    trials : swaps tried
    hottest, coldest : first and last temperature, eV
    energy : of the labels given, eV
    seed : of the random numbers
    kept_labels, kept_energies : (room, n), (room,) the lowest patterns met without excluded pairs,
        each once per energy; filled from the front, energies of empty places infinite

    Returns
    -------
    int
        pairs of sites that exclude each other and are both filled at the end.
    """
    np.random.seed(seed)  # noqa: NPY002  (numba's own generator)
    n = len(labels)
    h = field.copy()
    for i in range(n):
        for j in range(n):
            h[j] += 2.0 * pair[i, j] * charge[labels[i]]
    clashes = 0
    for i in range(n):
        for k in range(excluded.shape[1]):
            j = excluded[i, k]
            if j >= 0 and forbidden[rule[i, k], labels[i], labels[j]]:
                clashes += 1
    clashes //= 2
    room = len(kept_energies)
    worst = 0
    for k in range(room):
        if kept_energies[k] > kept_energies[worst]:
            worst = k
    cooling = (coldest / hottest) ** (1.0 / trials)
    temperature = hottest
    for _ in range(trials):
        temperature *= cooling
        i = np.random.randint(n)  # noqa: NPY002
        begin, end = pool_start[pool_of[i]], pool_start[pool_of[i] + 1]
        j = begin + np.random.randint(end - begin)  # noqa: NPY002
        a, b = labels[i], labels[j]
        if a == b or not (allowed[i, b] and allowed[j, a]):
            continue
        more = 0
        for k in range(excluded.shape[1]):
            other = excluded[i, k]
            if other == j:
                more += forbidden[rule[i, k], b, a]
                more -= forbidden[rule[i, k], a, b]
            elif other >= 0:
                more += forbidden[rule[i, k], b, labels[other]]
                more -= forbidden[rule[i, k], a, labels[other]]
            other = excluded[j, k]
            if other >= 0 and other != i:
                more += forbidden[rule[j, k], a, labels[other]]
                more -= forbidden[rule[j, k], b, labels[other]]
        if more > 0:
            continue
        change = charge[b] - charge[a]
        step = change * (h[i] - h[j]) + change * change * (
            pair[i, i] + pair[j, j] - 2.0 * pair[i, j]
        )
        if more == 0 and step > 0 and np.random.random() >= np.exp(-step / temperature):  # noqa: NPY002
            continue
        labels[i], labels[j] = b, a
        for k in range(n):
            h[k] += 2.0 * change * (pair[i, k] - pair[j, k])
        energy += step
        clashes += more
        if clashes == 0 and energy < kept_energies[worst] - 1e-7:
            known = False
            for k in range(room):
                if abs(kept_energies[k] - energy) < 1e-7:
                    known = True
                    break
            if not known:
                kept_energies[worst] = energy
                kept_labels[worst] = labels
                for k in range(room):
                    if kept_energies[k] > kept_energies[worst]:
                        worst = k
    return clashes
