"""Moves of the Monte Carlo and their energies, compiled; importing this imports numba."""

from numba import njit

from mlipsse.orderings.thermal.swaps.state import Arrangement, Interactions


@njit
def first_pair(on: Interactions, i: int, j: int) -> int:
    """Where the pairs of site i with site j begin among its neighbours, or would."""
    low, high = on.first[i], on.first[i + 1]
    while low < high:
        middle = (low + high) // 2
        if on.neighbours[middle] < j:
            low = middle + 1
        else:
            high = middle
    return low


@njit
def swap_energy(on: Interactions, now: Arrangement, i: int, j: int) -> float:
    """Energy change, eV, of exchanging the species of two sites of one sublattice."""
    a, b = now.labels[i], now.labels[j]
    change = now.fields[i, b] - now.fields[i, a] + now.fields[j, a] - now.fields[j, b]
    low = first_pair(on, i, j)
    while low < on.first[i + 1] and on.neighbours[low] == j:
        pair = on.energies[on.tables[low]]
        change += pair[b, a] + pair[a, b] - pair[a, a] - pair[b, b]
        low += 1
    moved = on.charges[i, b] - on.charges[i, a]
    if moved != 0.0 and on.ewald.size > 0:
        n_cells = len(on.difference)
        s, t = i // n_cells, j // n_cells
        mutual = on.ewald[s, t, on.difference[i % n_cells, j % n_cells]]
        change += moved * (now.potentials[i] - now.potentials[j])
        change += moved**2 * (on.self_energy[s] + on.self_energy[t] - 2 * mutual)
    return change


@njit
def swap(on: Interactions, now: Arrangement, i: int, j: int) -> None:
    """Exchange the species of two sites and bring fields and potentials up to date."""
    a, b = now.labels[i], now.labels[j]
    moved = on.charges[i, b] - on.charges[i, a]
    for site, old, new in ((i, a, b), (j, b, a)):
        for k in range(on.first[site], on.first[site + 1]):
            neighbour, pair = on.neighbours[k], on.energies[on.tables[k]]
            for s in range(pair.shape[1]):
                now.fields[neighbour, s] += pair[new, s] - pair[old, s]
    if moved != 0.0 and on.ewald.size > 0:
        n_cells = len(on.difference)
        near_i, near_j = on.difference[i % n_cells], on.difference[j % n_cells]
        for t in range(on.ewald.shape[1]):
            row_i, row_j = on.ewald[i // n_cells, t], on.ewald[j // n_cells, t]
            for c in range(n_cells):
                push = row_i[near_i[c]] - row_j[near_j[c]]
                now.potentials[t * n_cells + c] += 2.0 * moved * push
    now.labels[i], now.labels[j] = b, a


@njit
def is_excluded(on: Interactions, now: Arrangement, i: int, j: int) -> bool:
    """Whether a swap would fill a site beside a filled one that excludes it."""
    a, b = now.labels[i], now.labels[j]
    for site, other, old, new in ((i, j, a, b), (j, i, b, a)):
        if on.filled[site, new] and not on.filled[site, old]:
            for k in range(on.excluded_first[site], on.excluded_first[site + 1]):
                partner = on.excluded[k]
                if partner != other and on.filled[partner, now.labels[partner]]:
                    return True
    return False


@njit
def coupling_energy(on: Interactions, now: Arrangement, i: int, j: int, k: int, m: int) -> float:
    """What two swaps together cost more than each alone, eV; the second is on other sites.

    Parameters
    ----------
    i, j : sites of the first swap
    k, m : sites of the second one
    """
    extra = 0.0
    for x, new_x in ((i, now.labels[j]), (j, now.labels[i])):
        old_x = now.labels[x]
        for y, new_y in ((k, now.labels[m]), (m, now.labels[k])):
            old_y = now.labels[y]
            low = first_pair(on, x, y)
            while low < on.first[x + 1] and on.neighbours[low] == y:
                pair = on.energies[on.tables[low]]
                extra += pair[new_x, new_y] - pair[new_x, old_y]
                extra += pair[old_x, old_y] - pair[old_x, new_y]
                low += 1
            if on.ewald.size > 0:
                moved_x = on.charges[x, new_x] - on.charges[x, old_x]
                moved_y = on.charges[y, new_y] - on.charges[y, old_y]
                n_cells = len(on.difference)
                mutual = on.ewald[
                    x // n_cells, y // n_cells, on.difference[x % n_cells, y % n_cells]
                ]
                extra += 2.0 * moved_x * moved_y * mutual
    return extra


@njit
def is_crowded(on: Interactions, now: Arrangement, site: int) -> bool:
    """Whether an atom sits on the site and on one that it excludes."""
    if on.filled[site, now.labels[site]]:
        for k in range(on.excluded_first[site], on.excluded_first[site + 1]):
            partner = on.excluded[k]
            if on.filled[partner, now.labels[partner]]:
                return True
    return False


@njit
def exchange(on: Interactions, now: Arrangement, i: int, j: int) -> None:
    """`swap`, and the places of both sites."""
    swap(on, now, i, j)
    p, q = now.places[i], now.places[j]
    now.order[p], now.order[q] = j, i
    now.places[i], now.places[j] = q, p
