"""Orderings as choices of sites: what is chosen in which turn, and the way back to labels.

The charge pattern is chosen first: sites for each class of species of one formal charge (ions,
then vacancies are what is left). Then, within each class, sites for each of its species (In among
the trivalent, Br among the halides). The last class and the last species take what is left, so a
choice is one mask less than there are kinds. What is left must exclude nothing: where every class
excludes some other, the last one is chosen too.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mlipsse.orderings.cell.labels import charge_classes
from mlipsse.orderings.cell.supercell import Supercell
from mlipsse.orderings.counting.choice_plan import Kind, Plan
from mlipsse.orderings.counting.site_masks import WORD, to_bits, to_masks

_ROOM = 65_536


@dataclass(frozen=True, eq=False)
class Pool:
    """Sites of a sublattice where there is a choice, and how many of each species they get.

    Attributes
    ----------
    sublattice : its index in the host
    sites : (n,) int, indices in the supercell
    allowed : (n, n_species) bool
    counts : per species of the sublattice, 0 for one that takes no part
    """

    sublattice: int
    sites: np.ndarray
    allowed: np.ndarray
    counts: tuple[int, ...]


class Choices:
    """All orderings of a composition in a supercell, as choices of sites.

    Parameters
    ----------
    supercell : its symmetry's operations are the group
    counts : per sublattice, how many sites each species takes (`Composition.site_counts`)
    """

    def __init__(self, supercell: Supercell, counts: Sequence[Sequence[int]]) -> None:
        self.supercell = supercell
        self.forced = np.zeros(supercell.n_sites, dtype=np.int8)
        self.pools: list[Pool] = []
        self._sort_out(counts)
        plan, classes = Plan(), []
        for number, pool in enumerate(self.pools):
            groups = self._charge_groups(pool)
            excluding = bool(set(groups[-1][0]) & self._excluding[pool.sublattice])
            classes += plan.share_out(number, groups, None, leave=not excluding)
        self.n_pattern_levels = len(plan.levels)
        self.classes = classes
        self.kinds: list[Kind] = []
        for kind in classes:
            pool = self.pools[kind.pool]
            species = sorted(kind.members, key=lambda m: (pool.counts[m], m))
            groups = [((member,), pool.counts[member]) for member in species]
            self.kinds += plan.share_out(kind.pool, groups, kind) if len(groups) > 1 else [kind]
        self.levels = plan.levels

    def _sort_out(self, counts: Sequence[Sequence[int]]) -> None:
        """Force the sites that can hold one species only; the others of a sublattice are a pool."""
        supercell = self.supercell
        allowed = np.zeros((supercell.n_sites, max(len(row) for row in counts)), dtype=bool)
        for index, sites in enumerate(supercell.sites):
            allowed[sites, : len(counts[index])] = supercell.allowed[index]
        left = [np.array(row) for row in counts]
        undecided = np.ones(supercell.n_sites, dtype=bool)
        conflicts = supercell.conflicts
        while True:
            for index, sites in enumerate(supercell.sites):
                open_ = sites[undecided[sites]]
                allowed[open_, : len(left[index])] &= left[index] > 0
            single = undecided & (allowed.sum(axis=1) == 1)
            if not single.any():
                break
            self.forced[single] = allowed[single].argmax(axis=1)
            undecided &= ~single
            for index, sites in enumerate(supercell.sites):
                taken = self.forced[sites[single[sites]]]
                left[index] = left[index] - np.bincount(taken, minlength=len(left[index]))
            # What is there in any case takes from the others what it excludes.
            for rows in (conflicts, conflicts[:, [2, 3, 0, 1]]):
                i, a, j, b = rows.T
                lost = single[i] & (self.forced[i] == a) & undecided[j]
                allowed[j[lost], b[lost]] = False
        for index, sites in enumerate(supercell.sites):
            if (open_ := sites[undecided[sites]]).size:
                species = allowed[open_, : len(left[index])]
                self.pools.append(Pool(index, open_, species, tuple(int(n) for n in left[index])))

    def _charge_groups(self, pool: Pool) -> list[tuple[tuple[int, ...], int]]:
        """Charge classes of a pool, the one that is left over last."""
        groups = []
        for members in charge_classes(self.supercell, pool.sublattice):
            taking_part = tuple(m for m in members if pool.counts[m])
            if taking_part:
                groups.append((taking_part, sum(pool.counts[m] for m in taking_part)))
        # What excludes others is placed, what does not is left: so conflicts show at once.
        excluding = self._excluding[pool.sublattice]
        free = [group for group in groups if not set(group[0]) & excluding]
        last = max(free or groups, key=lambda group: (group[1], group[0]))
        return sorted(groups, key=lambda group: (group == last, group[1], group[0]))

    @cached_property
    def _excluding(self) -> list[set[int]]:
        """Per sublattice, the labels that exclude others where there is a choice."""
        owner, _ = self.supercell.owners
        open_ = np.zeros(self.supercell.n_sites, dtype=bool)
        open_[self.varied_sites] = True
        found: list[set[int]] = [set() for _ in self.supercell.sites]
        for i, a, j, b in self.supercell.conflicts.tolist():
            if open_[i] and open_[j]:
                found[owner[i]].add(a)
                found[owner[j]].add(b)
        return found

    @cached_property
    def n_words(self) -> int:
        """Machine words of a mask."""
        return max([1, *(-(-len(pool.sites) // WORD) for pool in self.pools)])

    @property
    def partial_patterns(self) -> float:
        """Most sets of sites, up to symmetry, that a walk over the patterns may have to pass.

        An upper bound: it leaves out that sites exclude each other.
        """
        done, most = 1, 1
        for number, level in enumerate(self.levels[: self.n_pattern_levels]):
            taken = sum(
                earlier.kind.count
                for earlier in self.levels[:number]
                if earlier.kind.pool == level.kind.pool
            )
            free, count = len(self.pools[level.kind.pool].sites) - taken, level.kind.count
            most = max(most, done * math.comb(free, min(count, free // 2)))
            done *= math.comb(free, count)
        return most / self.n_operations

    def patterns(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Walk the distinct charge patterns.

        Yields
        ------
        tuple
            masks, (n, n_pattern_levels * n_words) uint64, a bit per site of the level's pool, word
            after word; and the order of each pattern's stabiliser, (n,) int. In blocks, so that
            any number can be walked.
        """
        return self._walk(0, self.n_pattern_levels, np.empty(0, dtype=np.uint64))

    def orderings(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Walk the distinct orderings: masks, (n, n_levels * n_words) uint64, and stabilisers."""
        return self._walk(0, len(self.levels), np.empty(0, dtype=np.uint64))

    def decorations(self, pattern: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Walk the distinct orderings of one charge pattern, (n_pattern_levels * n_words,)."""
        return self._walk(self.n_pattern_levels, len(self.levels), pattern)

    @property
    def n_operations(self) -> int:
        """Order of the group."""
        return len(self.supercell.permutations)

    def labels(self, masks: np.ndarray) -> np.ndarray:
        """Labels, (n, n_sites) int8, of choices, (n, n_levels * n_words) uint64."""
        return self._labels(self.kinds, masks)

    def _labels(self, kinds: Sequence[Kind], masks: np.ndarray) -> np.ndarray:
        labels = np.repeat(self.forced[None], len(masks), axis=0)
        for kind in kinds:
            sites = self.pools[kind.pool].sites
            bits = to_bits(self._mask(kind, masks), len(sites))
            rows, columns = np.nonzero(bits)
            labels[rows, sites[columns]] = kind.members[0]
        return labels

    def undecorated(self, n: int) -> np.ndarray:
        """Labels, (n, n_sites) int8: forced ones, and the only class of a pool that has one."""
        labels = np.repeat(self.forced[None], n, axis=0)
        for kind in self.classes:
            labels[:, self.pools[kind.pool].sites] = kind.members[0]
        return labels

    def pattern_labels(self, masks: np.ndarray) -> np.ndarray:
        """Labels, (n, n_sites) int8, of patterns as masks; on a class's sites its first species."""
        return self._labels(self.classes, masks)

    @cached_property
    def varied_sites(self) -> np.ndarray:
        """(n,) int, the sites where there is a choice, rising."""
        return np.sort(np.concatenate([np.empty(0, dtype=int), *(p.sites for p in self.pools)]))

    def class_bits(self, kind: Kind, masks: np.ndarray) -> np.ndarray:
        """(n, n_pool_sites) bool: which sites a class has, of masks (n, n_levels * n_words)."""
        return to_bits(self._mask(kind, masks), len(self.pools[kind.pool].sites))

    def pattern_masks(self, labels: np.ndarray) -> np.ndarray:
        """Charge patterns, masks as `patterns` yields them, of labels, (n, n_sites) int8."""
        masks = np.zeros((len(labels), self.n_pattern_levels, self.n_words), dtype=np.uint64)
        for number, level in enumerate(self.levels[: self.n_pattern_levels]):
            held = np.isin(labels[:, self.pools[level.kind.pool].sites], level.kind.members)
            masks[:, number] = to_masks(held, self.n_words)
        return masks.reshape(len(labels), -1)

    def _mask(self, kind: Kind, masks: np.ndarray) -> np.ndarray:
        """(n, n_words) uint64: the sites of a kind in choices."""
        by_level = masks.reshape(len(masks), -1, self.n_words)
        if kind.level is not None:
            return np.ascontiguousarray(by_level[:, kind.level])
        if kind.base is not None:
            rest = by_level[:, kind.base].copy()
        else:
            every = np.ones((1, len(self.pools[kind.pool].sites)), dtype=bool)
            rest = np.repeat(to_masks(every, self.n_words), len(masks), axis=0)
        for level in kind.minus:
            rest &= ~by_level[:, level]
        return rest

    def _walk(
        self, first: int, last: int, start: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        # Here, so that those who only count need not wait for the compiled part.
        from mlipsse.orderings.counting.walk import walk

        group = np.arange(self.n_operations)
        if first:
            whole = self._pattern_group(start)
            group = whole
        if first == last:
            yield start[None].copy(), np.array([len(group)])
            return
        tables, words = self._tables, self.n_words
        n_picks = int(tables["first_pick"][last])
        groups = np.zeros((last + 1, self.n_operations), dtype=np.int64)
        groups[first, : len(group)] = group
        sizes = np.zeros(last + 1, dtype=np.int64)
        sizes[first] = len(group)
        masks = np.zeros((last, words), dtype=np.uint64)
        masks[:first] = start.reshape(first, words)
        place = np.array([tables["first_pick"][first], first, last, 0])
        state = {
            "group": groups,
            "group_size": sizes,
            "images": np.zeros((n_picks, self.n_operations, words), dtype=np.uint64),
            "prefix": np.zeros((n_picks, words), dtype=np.uint64),
            "blocked": np.zeros((n_picks, words), dtype=np.uint64),
            "free": np.zeros((last, 2, words), dtype=np.uint64),
            "masks": masks,
        }
        taken = np.full(n_picks, -1)
        out_masks = np.empty((_ROOM, last, words), dtype=np.uint64)
        out_sizes = np.empty(_ROOM, dtype=np.int64)
        while not place[3]:
            n = walk(
                words,
                place,
                taken,
                tables["pool"],
                tables["first_pick"],
                tables["whole"],
                tables["sites"],
                tables["base"],
                tables["minus"],
                tables["rest_allowed"],
                tables["image"],
                tables["excludes"],
                *state.values(),
                out_masks,
                out_sizes,
            )
            if n:
                yield out_masks[:n].reshape(n, -1).copy(), out_sizes[:n].copy()

    def _pattern_group(self, pattern: np.ndarray) -> np.ndarray:
        """Operations that leave a charge pattern unchanged."""
        kept = np.ones(self.n_operations, dtype=bool)
        for kind in self.classes:
            if kind.level is None:
                continue
            here = self.class_bits(kind, pattern[None])[0]
            kept &= (here[self._pool_permutations[kind.pool]] == here).all(axis=1)
        return np.flatnonzero(kept)

    @cached_property
    def _pool_permutations(self) -> list[np.ndarray]:
        """Per pool, (n_operations, n) int: the group, numbered within the pool's sites."""
        parts = []
        for pool in self.pools:
            number = np.full(self.supercell.n_sites, -1)
            number[pool.sites] = np.arange(len(pool.sites))
            parts.append(number[self.supercell.permutations[:, pool.sites]])
        return parts

    @cached_property
    def _tables(self) -> dict[str, np.ndarray]:
        n_levels, n_pools, words = len(self.levels), len(self.pools), self.n_words
        most = max([1, *(len(pool.sites) for pool in self.pools)])
        image = np.zeros((n_pools, self.n_operations, most), dtype=np.int32)
        for number, permutations in enumerate(self._pool_permutations):
            image[number, :, : permutations.shape[1]] = permutations
        kinds = [level.kind for level in self.levels]
        minus = np.zeros((n_levels, n_levels), dtype=bool)
        for number, kind in enumerate(kinds):
            minus[number, list(kind.minus)] = True
        every = [np.ones(len(self.pools[k.pool].sites), dtype=bool) for k in kinds]
        return {
            "pool": np.array([kind.pool for kind in kinds], dtype=np.int64),
            "first_pick": np.cumsum([0, *(kind.count for kind in kinds)]),
            "whole": self._words(every),
            "sites": self._words([self._held(k.pool, k.members) for k in kinds]),
            "base": np.array([-1 if k.base is None else k.base for k in kinds], dtype=np.int64),
            "minus": minus,
            "rest_allowed": self._words(
                [self._held(level.kind.pool, level.later) for level in self.levels]
            ),
            "image": image,
            "excludes": self._excludes(most, words),
        }

    def _words(self, rows: Sequence[np.ndarray]) -> np.ndarray:
        """(n, n_words) uint64 of rows of sites of a pool, bool."""
        masks = [to_masks(row[None], self.n_words) for row in rows]
        return np.concatenate([np.empty((0, self.n_words), dtype=np.uint64), *masks])

    def _held(self, pool: int, members: Sequence[int]) -> np.ndarray:
        """(n_pool_sites,) bool: whether a site may hold any of these."""
        return np.asarray(self.pools[pool].allowed[:, list(members)].any(axis=1))

    def _excludes(self, most: int, words: int) -> np.ndarray:
        """(n_levels, most, n_levels, words): what a site chosen by a level takes from another.

        Classes of a pattern alone exclude each other: species of one class exclude the same.
        """
        table = np.zeros((len(self.levels), most, len(self.levels), words), dtype=np.uint64)
        where = {
            int(site): (number, place)
            for number, pool in enumerate(self.pools)
            for place, site in enumerate(pool.sites)
        }
        level_of = {
            (level.kind.pool, member): number
            for number, level in enumerate(self.levels[: self.n_pattern_levels])
            for member in level.kind.members
        }
        for i, a, j, b in self.supercell.conflicts.tolist():
            if i not in where or j not in where:
                continue
            (one, s), (other, t) = where[i], where[j]
            if (one, a) in level_of and (other, b) in level_of:
                first, second = level_of[one, a], level_of[other, b]
                table[first, s, second, t // WORD] |= np.uint64(1) << np.uint64(t % WORD)
                table[second, t, first, s // WORD] |= np.uint64(1) << np.uint64(s % WORD)
        return table
