"""The compiled walk over symmetry-distinct choices of sites, on 64-bit masks.

A level chooses some of the sites that earlier levels left it. Sites are taken in rising order,
and a set of them is followed further only when no operation of the group carries it to one that
comes lexicographically earlier: the first sites of such a set are such a set themselves, so none
is missed, none is met twice and none has to be remembered (orderly generation: Read, Ann. Discrete
Math. 2, 107, 1978; Faradzev, 1978). What leaves the choice of a level unchanged, its stabiliser, is
the group of the next level.

The signature is given, so that the function is compiled (once; then it is cached on disk) when the
module is imported, not in the middle of a run. What it gives: benchmarks/orderings.py.
"""

import numpy as np
from numba import njit

_SIGNATURE = (
    "i8(i8[::1], i8[::1], i8[::1], i8[::1], u8[::1], u8[::1], i8[::1], b1[:,::1], u8[::1],"
    " b1[::1], u8[:,:,::1], u8[:,:,::1], i8[:,::1], i8[::1], u8[:,::1], u8[::1], u8[::1],"
    " u8[:,::1], u8[::1], u8[:,::1], i8[::1])"
)


@njit(_SIGNATURE, cache=True)
def walk(
    place: np.ndarray,
    taken: np.ndarray,
    pool: np.ndarray,
    first_pick: np.ndarray,
    whole: np.ndarray,
    sites: np.ndarray,
    base: np.ndarray,
    minus: np.ndarray,
    rest_allowed: np.ndarray,
    fills: np.ndarray,
    image: np.ndarray,
    excludes: np.ndarray,
    group: np.ndarray,
    group_size: np.ndarray,
    images: np.ndarray,
    prefix: np.ndarray,
    blocked: np.ndarray,
    free: np.ndarray,
    masks: np.ndarray,
    out_masks: np.ndarray,
    out_stabilisers: np.ndarray,
) -> int:
    """Fill the output with the next choices and return their number.

    Parameters
    ----------
    place : (4,) state: pick, first level, number of levels, finished
    taken : (n_picks,) state: site of each pick, -1 before the first
    pool : (n_levels,) which sublattice a level chooses on
    first_pick : (n_levels + 1,) number of the first pick of every level
    whole : (n_levels,) all sites of a level's sublattice
    sites : (n_levels,) those that may hold what the level chooses them for
    base : (n_levels,) the level whose choice it chooses from; -1 for `whole`
    minus : (n_levels, n_levels) earlier levels whose sites are no longer free
    rest_allowed : (n_levels,) what a level leaves over must lie within these sites
    fills : (n_levels,) whether a level places atoms that may exclude each other
    image : (n_pools, n_operations, 64) the bit of a site's image
    excludes : (n_pools, 64, n_pools) sites that a filled one excludes
    group, group_size : (n_levels + 1, n_operations), (n_levels + 1,) state: per level, the
        operations that leave all earlier choices unchanged
    images : (n_picks, n_operations) state: images of the sites of a level so far
    prefix, blocked : (n_picks,) state: sites of a level so far, and those they exclude
    free : (n_levels, 2) state: sites that earlier levels left to a level, and those it may take
    masks : (n_levels,) state: its choice
    out_masks : (room, n_levels)
    out_stabilisers : (room,) order of the stabiliser of each choice
    """
    one, nothing = np.uint64(1), np.uint64(0)
    d, first_level, n_levels = place[0], place[1], place[2]
    start, end = first_pick[first_level], first_pick[n_levels]
    room, n_out = out_masks.shape[0], 0
    level = first_level
    while level < n_levels - 1 and first_pick[level + 1] <= d:
        level += 1
    while True:
        if d == end:
            for m in range(n_levels):
                out_masks[n_out, m] = masks[m]
            out_stabilisers[n_out] = group_size[n_levels]
            n_out += 1
            d -= 1
            if n_out == room:
                break
            continue
        while first_pick[level] > d:
            level -= 1
        begin = first_pick[level]
        if d == begin and taken[d] < 0:
            left_over = whole[level]
            if base[level] >= 0:
                left_over = masks[base[level]]
            closed = nothing
            for m in range(level):
                if minus[level, m]:
                    left_over &= ~masks[m]
                if fills[level] and fills[m]:
                    rest = masks[m]
                    s = 0
                    while rest != nothing:
                        if rest & one:
                            closed |= excludes[pool[m], s, pool[level]]
                        rest >>= one
                        s += 1
            free[level, 0] = left_over
            free[level, 1] = left_over & sites[level]
            blocked[d] = closed
        s = taken[d] + 1
        left = first_pick[level + 1] - d
        available = nothing
        if s < 64:
            available = (free[level, 1] & ~blocked[d]) >> np.uint64(s)
        count, bits = 0, available
        while bits != nothing and count < left:
            bits &= bits - one
            count += 1
        if count < left:
            taken[d] = -1
            if d == start:
                place[3] = 1
                break
            d -= 1
            continue
        while not available & one:
            available >>= one
            s += 1
        taken[d] = s
        bit = one << np.uint64(s)
        before = nothing
        if d > begin:
            before = prefix[d - 1]
        chosen = before | bit
        p = pool[level]
        n_group = group_size[level]
        if n_group > 1:
            smallest = True
            for k in range(n_group):
                moved = image[p, group[level, k], s]
                if d > begin:
                    moved |= images[d - 1, k]
                images[d, k] = moved
                differ = moved ^ chosen
                if differ != nothing and moved & (differ & (~differ + one)):
                    smallest = False
                    break
            if not smallest:
                continue
        prefix[d] = chosen
        if d + 1 < first_pick[level + 1]:
            blocked[d + 1] = blocked[d]
            if fills[level]:
                blocked[d + 1] |= excludes[p, s, p]
            taken[d + 1] = s
            d += 1
            continue
        if (free[level, 0] & ~chosen) & ~rest_allowed[level]:
            continue
        masks[level] = chosen
        if n_group > 1:
            kept = 0
            for k in range(n_group):
                if images[d, k] == chosen:
                    group[level + 1, kept] = group[level, k]
                    kept += 1
            group_size[level + 1] = kept
        else:
            group[level + 1, 0] = group[level, 0]
            group_size[level + 1] = 1
        d += 1
        if d < end:
            level += 1
            taken[d] = -1
    place[0] = d
    return n_out
