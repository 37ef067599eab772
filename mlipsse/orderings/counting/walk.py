"""The compiled walk over symmetry-distinct choices of sites, on masks of 64-bit words.

A level chooses some of the sites that earlier levels left it. Sites are taken in rising order,
and a set of them is followed further only when no operation of the group carries it to one that
comes lexicographically earlier: the first sites of such a set are such a set themselves, so none
is missed, none is met twice and none has to be remembered (orderly generation: Read, Ann. Discrete
Math. 2, 107, 1978; Faradzev, 1978). What leaves the choice of a level unchanged, its stabiliser, is
the group of the next level.

The signature for masks of one word is given, so that the function is compiled for them (once; then
it is cached on disk) when the module is imported, not in the middle of a run; for more words when
they are first met. Words are counted when it is compiled: one word takes no loops. What it gives:
benchmarks/orderings.py.
"""

import numpy as np
from numba import njit

_ONE_WORD = (
    "i8(UniTuple(i8, 1), i8[::1], i8[::1], i8[::1], i8[::1], u8[:,::1], u8[:,::1], i8[::1],"
    " b1[:,::1], u8[:,::1],"
    " i4[:,:,::1], u8[:,:,:,::1], i8[:,::1], i8[::1], u8[:,:,::1], u8[:,::1], u8[:,::1],"
    " u8[:,:,::1], u8[:,::1], u8[:,:,::1], i8[::1])"
)


def _walk(
    words: tuple[int, ...],
    place: np.ndarray,
    taken: np.ndarray,
    pool: np.ndarray,
    first_pick: np.ndarray,
    whole: np.ndarray,
    sites: np.ndarray,
    base: np.ndarray,
    minus: np.ndarray,
    rest_allowed: np.ndarray,
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

    Site s of a pool is bit s % 64 of word s // 64.

    Parameters
    ----------
    words : one number for every word of a mask; their length is known when this is compiled
    place : (4,) state: pick, first level, number of levels, finished
    taken : (n_picks,) state: site of each pick, -1 before the first
    pool : (n_levels,) which sublattice a level chooses on
    first_pick : (n_levels + 1,) number of the first pick of every level
    whole : (n_levels, n_words) all sites of a level's sublattice
    sites : (n_levels, n_words) those that may hold what the level chooses them for
    base : (n_levels,) the level whose choice it chooses from; -1 for `whole`
    minus : (n_levels, n_levels) earlier levels whose sites are no longer free
    rest_allowed : (n_levels, n_words) what a level leaves over must lie within these sites
    image : (n_pools, n_operations, n_sites) a site's image
    excludes : (n_levels, n_sites, n_levels, n_words) sites that a level no longer can choose
        once another has chosen a site
    group, group_size : (n_levels + 1, n_operations), (n_levels + 1,) state: per level, the
        operations that leave all earlier choices unchanged
    images : (n_picks, n_operations, n_words) state: images of the sites of a level so far
    prefix, blocked : (n_picks, n_words) state: sites of a level so far, and those they exclude
    free : (n_levels, 2, n_words) state: sites that earlier levels left to a level, and those it
        may take
    masks : (n_levels, n_words) state: its choice
    out_masks : (room, n_levels, n_words)
    out_stabilisers : (room,) order of the stabiliser of each choice
    """
    one, nothing = np.uint64(1), np.uint64(0)
    n_words = len(words)
    d, first_level, n_levels = place[0], place[1], place[2]
    start, end = first_pick[first_level], first_pick[n_levels]
    room, n_out = out_masks.shape[0], 0
    level = first_level
    while level < n_levels - 1 and first_pick[level + 1] <= d:
        level += 1
    while True:
        if d == end:
            for m in range(n_levels):
                for w in range(n_words):
                    out_masks[n_out, m, w] = masks[m, w]
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
            for w in range(n_words):
                left_over = whole[level, w]
                if base[level] >= 0:
                    left_over = masks[base[level], w]
                for m in range(level):
                    if minus[level, m]:
                        left_over &= ~masks[m, w]
                free[level, 0, w] = left_over
                free[level, 1, w] = left_over & sites[level, w]
                blocked[d, w] = nothing
            for m in range(level):
                for v in range(n_words):
                    rest = masks[m, v]
                    s = 64 * v
                    while rest != nothing:
                        if rest & one:
                            for w in range(n_words):
                                blocked[d, w] |= excludes[m, s, level, w]
                        rest >>= one
                        s += 1
        s = taken[d] + 1
        left = first_pick[level + 1] - d
        # The next site that may be taken, and whether enough follow it.
        count, found = 0, -1
        v = s >> 6
        while v < n_words and count < left:
            bits = free[level, 1, v] & ~blocked[d, v]
            if v == s >> 6:
                bits = (bits >> np.uint64(s & 63)) << np.uint64(s & 63)
            if found < 0 and bits != nothing:
                found = 64 * v
                low = bits
                while not low & one:
                    low >>= one
                    found += 1
            while bits != nothing and count < left:
                bits &= bits - one
                count += 1
            v += 1
        if count < left:
            taken[d] = -1
            if d == start:
                place[3] = 1
                break
            d -= 1
            continue
        s = found
        taken[d] = s
        word, bit = s >> 6, one << np.uint64(s & 63)
        for w in range(n_words):
            before = nothing
            if d > begin:
                before = prefix[d - 1, w]
            prefix[d, w] = before
        prefix[d, word] |= bit
        p = pool[level]
        n_group = group_size[level]
        if n_group > 1:
            smallest = True
            for k in range(n_group):
                t = image[p, group[level, k], s]
                target, moved_bit = t >> 6, one << np.uint64(t & 63)
                decided = False
                for w in range(n_words):
                    moved = nothing
                    if d > begin:
                        moved = images[d - 1, k, w]
                    if w == target:
                        moved |= moved_bit
                    images[d, k, w] = moved
                    if not decided:
                        differ = moved ^ prefix[d, w]
                        if differ != nothing:
                            decided = True
                            if moved & (differ & (~differ + one)):
                                smallest = False
                if not smallest:
                    break
            if not smallest:
                continue
        if d + 1 < first_pick[level + 1]:
            for w in range(n_words):
                blocked[d + 1, w] = blocked[d, w] | excludes[level, s, level, w]
            taken[d + 1] = s
            d += 1
            continue
        fits = True
        for w in range(n_words):
            if (free[level, 0, w] & ~prefix[d, w]) & ~rest_allowed[level, w]:
                fits = False
        if not fits:
            continue
        for w in range(n_words):
            masks[level, w] = prefix[d, w]
        if n_group > 1:
            kept = 0
            for k in range(n_group):
                same = True
                for w in range(n_words):
                    if images[d, k, w] != prefix[d, w]:
                        same = False
                if same:
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


_one_word = njit(_ONE_WORD, cache=True)(_walk)
_several_words = njit(cache=True)(_walk)


def walk(words: int, *arguments: np.ndarray) -> int:
    """The walk on masks of so many words (see `_walk`)."""
    compiled = _one_word if words == 1 else _several_words
    return int(compiled((0,) * words, *arguments))
