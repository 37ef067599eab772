"""Orderings as choices of sites: what is chosen in which turn, and the way back to labels.

The charge pattern is chosen first: sites for each class of species of one formal charge (ions,
then vacancies are what is left). Then, within each class, sites for each of its species (In among
the trivalent, Br among the halides). The last class and the last species take what is left, so a
choice is one mask less than there are kinds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from mlipsse.orderings.host import VACANCY
from mlipsse.orderings.labels import charge_classes
from mlipsse.orderings.supercell import Supercell

MASK_SITES = 64
"""Sites of a sublattice that can be chosen among: the bits of a machine word."""

_ROOM = 65_536


@dataclass(frozen=True)
class Kind:
    """What some sites of a sublattice get: a charge class or a species.

    Chosen at `level`; or, where that is None, what is left of `base`'s choice (of all sites
    where that is None too) after those of the levels `minus`.
    """

    pool: int
    members: tuple[int, ...]
    count: int
    level: int | None
    base: int | None
    minus: tuple[int, ...]


@dataclass(frozen=True)
class Level:
    """One turn: `kind` takes its sites; what it leaves must be able to hold `later` members."""

    kind: Kind
    later: tuple[int, ...]


@dataclass
class _Plan:
    levels: list[Level] = field(default_factory=list)

    def share_out(
        self, pool: int, groups: Sequence[tuple[tuple[int, ...], int]], base: Kind | None
    ) -> list[Kind]:
        """Turns for groups (members, count) that share the sites of `base`, or of the pool."""
        start: int | None = None
        minus: tuple[int, ...] = ()
        if base is not None:
            start, minus = (base.level, ()) if base.level is not None else (base.base, base.minus)
        kinds = []
        for place, (members, count) in enumerate(groups):
            last = place == len(groups) - 1
            level = None if last else len(self.levels)
            kind = Kind(pool, members, count, level, start, minus)
            kinds.append(kind)
            if level is not None:
                later = tuple(m for others, _ in groups[place + 1 :] for m in others)
                self.levels.append(Level(kind, later))
                minus = (*minus, level)
        return kinds


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
        plan, classes = _Plan(), []
        for number, pool in enumerate(self.pools):
            classes += plan.share_out(number, self._charge_groups(pool), None)
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
        owner = np.empty(supercell.n_sites, dtype=int)
        for index, sites in enumerate(supercell.sites):
            owner[sites] = index
            allowed[sites, : len(counts[index])] = supercell.allowed[index]
        left = [np.array(row) for row in counts]
        vacancy = [len(s.species) - 1 if not s.full else -1 for s in supercell.host.sublattices]
        undecided = np.ones(supercell.n_sites, dtype=bool)
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
            # What an atom that is there in any case excludes is empty.
            for pair in supercell.excluded_pairs.tolist():
                for here, there in (pair, pair[::-1]):
                    atom = single[here] and self.forced[here] != vacancy[owner[here]]
                    if atom and undecided[there]:
                        allowed[there] = np.arange(allowed.shape[1]) == vacancy[owner[there]]
        for index, sites in enumerate(supercell.sites):
            if (open_ := sites[undecided[sites]]).size:
                species = allowed[open_, : len(left[index])]
                self.pools.append(Pool(index, open_, species, tuple(int(n) for n in left[index])))

    def _charge_groups(self, pool: Pool) -> list[tuple[tuple[int, ...], int]]:
        """Charge classes of a pool, the one that is left over last."""
        host = self.supercell.host
        sublattice = host.sublattices[pool.sublattice]
        groups = []
        for members in charge_classes(sublattice, host.charges):
            taking_part = tuple(m for m in members if pool.counts[m])
            if taking_part:
                groups.append((taking_part, sum(pool.counts[m] for m in taking_part)))
        # Atoms that exclude each other are placed, vacancies are left: so conflicts show at once.
        last = len(sublattice.species) - 1
        excluding = bool(self._pairs[pool.sublattice])
        return sorted(
            groups,
            key=lambda g: (excluding and g[0] == (last,) and not sublattice.full, g[1], g[0]),
        )

    @cached_property
    def _pairs(self) -> dict[int, bool]:
        owner = np.empty(self.supercell.n_sites, dtype=int)
        for index, sites in enumerate(self.supercell.sites):
            owner[sites] = index
        met = set(owner[self.supercell.excluded_pairs].ravel().tolist())
        return {index: index in met for index in range(len(self.supercell.sites))}

    @property
    def listable(self) -> bool:
        """Whether no sublattice has more than `MASK_SITES` sites to choose among."""
        return all(len(pool.sites) <= MASK_SITES for pool in self.pools)

    def patterns(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Walk the distinct charge patterns.

        Yields
        ------
        tuple
            masks, (n, n_pattern_levels) uint64, a bit per site of the level's pool; and the order
            of each pattern's stabiliser, (n,) int. In blocks, so that any number can be walked.
        """
        return self._walk(0, self.n_pattern_levels, np.empty(0, dtype=np.uint64))

    def orderings(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Walk the distinct orderings: masks, (n, n_levels) uint64, and stabilisers, in blocks."""
        return self._walk(0, len(self.levels), np.empty(0, dtype=np.uint64))

    def decorations(self, pattern: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Walk the distinct orderings of one charge pattern, (n_pattern_levels,) uint64."""
        return self._walk(self.n_pattern_levels, len(self.levels), pattern)

    @property
    def n_operations(self) -> int:
        """Order of the group."""
        return len(self.supercell.permutations)

    def labels(self, masks: np.ndarray) -> np.ndarray:
        """Labels, (n, n_sites) int8, of choices, (n, n_levels) uint64."""
        return self._labels(self.kinds, masks)

    def _labels(self, kinds: Sequence[Kind], masks: np.ndarray) -> np.ndarray:
        labels = np.repeat(self.forced[None], len(masks), axis=0)
        for kind in kinds:
            sites = self.pools[kind.pool].sites
            bits = _bits(self._mask(kind, masks), len(sites))
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
        """Labels, (n, n_sites) int8, of patterns; on sites of a class the first of its species."""
        return self._labels(self.classes, masks)

    @cached_property
    def varied_sites(self) -> np.ndarray:
        """(n,) int, the sites where there is a choice, rising."""
        return np.sort(np.concatenate([np.empty(0, dtype=int), *(p.sites for p in self.pools)]))

    def class_bits(self, kind: Kind, masks: np.ndarray) -> np.ndarray:
        """(n, n_pool_sites) bool: which sites a class has in choices (n, n_pattern_levels)."""
        return _bits(self._mask(kind, masks), len(self.pools[kind.pool].sites))

    def pattern_masks(self, labels: np.ndarray) -> np.ndarray:
        """Charge patterns, (n, n_pattern_levels) uint64, of labels, (n, n_sites) int8."""
        masks = np.zeros((len(labels), self.n_pattern_levels), dtype=np.uint64)
        for number, level in enumerate(self.levels[: self.n_pattern_levels]):
            held = np.isin(labels[:, self.pools[level.kind.pool].sites], level.kind.members)
            masks[:, number] = held @ (np.uint64(1) << np.arange(held.shape[1], dtype=np.uint64))
        return masks

    def _mask(self, kind: Kind, masks: np.ndarray) -> np.ndarray:
        if kind.level is not None:
            return masks[:, kind.level]
        if kind.base is not None:
            rest = masks[:, kind.base].copy()
        else:
            rest = np.full(len(masks), _all_bits(len(self.pools[kind.pool].sites)))
        for level in kind.minus:
            rest &= ~masks[:, level]
        return rest

    def _walk(
        self, first: int, last: int, start: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        # Here, so that those who only count need not wait for the compiled part.
        from mlipsse.orderings.walk import walk

        group = np.arange(self.n_operations)
        if first:
            whole = self._pattern_group(start)
            group = whole
        if first == last:
            yield start[None, :last].copy(), np.array([len(group)])
            return
        tables = self._tables
        n_picks = int(tables["first_pick"][last])
        groups = np.zeros((last + 1, self.n_operations), dtype=np.int64)
        groups[first, : len(group)] = group
        sizes = np.zeros(last + 1, dtype=np.int64)
        sizes[first] = len(group)
        masks = np.zeros(last, dtype=np.uint64)
        masks[:first] = start
        place = np.array([tables["first_pick"][first], first, last, 0])
        state = {
            "group": groups,
            "group_size": sizes,
            "images": np.zeros((n_picks, self.n_operations), dtype=np.uint64),
            "prefix": np.zeros(n_picks, dtype=np.uint64),
            "blocked": np.zeros(n_picks, dtype=np.uint64),
            "free": np.zeros((last, 2), dtype=np.uint64),
            "masks": masks,
        }
        taken = np.full(n_picks, -1)
        out_masks = np.empty((_ROOM, last), dtype=np.uint64)
        out_sizes = np.empty(_ROOM, dtype=np.int64)
        while not place[3]:
            n = walk(  # type: ignore[call-arg]
                place,
                taken,
                tables["pool"],
                tables["first_pick"],
                tables["whole"],
                tables["sites"],
                tables["base"],
                tables["minus"],
                tables["rest_allowed"],
                tables["fills"],
                tables["image"],
                tables["excludes"],
                *state.values(),
                out_masks,
                out_sizes,
            )
            if n:
                yield out_masks[:n].copy(), out_sizes[:n].copy()

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
        n_levels, n_pools = len(self.levels), len(self.pools)
        bit = np.uint64(1) << np.arange(MASK_SITES, dtype=np.uint64)
        image = np.zeros((n_pools, self.n_operations, MASK_SITES), dtype=np.uint64)
        excludes = np.zeros((n_pools, MASK_SITES, n_pools), dtype=np.uint64)
        where = {
            int(site): (number, place)
            for number, pool in enumerate(self.pools)
            for place, site in enumerate(pool.sites)
        }
        for number, permutations in enumerate(self._pool_permutations):
            image[number, :, : permutations.shape[1]] = bit[permutations]
        for pair in self.supercell.excluded_pairs.tolist():
            if pair[0] in where and pair[1] in where:
                (a, i), (b, j) = where[pair[0]], where[pair[1]]
                excludes[a, i, b] |= bit[j]
                excludes[b, j, a] |= bit[i]
        kinds = [level.kind for level in self.levels]
        minus = np.zeros((n_levels, n_levels), dtype=bool)
        for number, kind in enumerate(kinds):
            minus[number, list(kind.minus)] = True
        return {
            "pool": np.array([kind.pool for kind in kinds], dtype=np.int64),
            "first_pick": np.cumsum([0, *(kind.count for kind in kinds)]),
            "whole": np.array([_all_bits(len(self.pools[k.pool].sites)) for k in kinds]),
            "sites": np.array([self._allowed_bits(k.pool, k.members) for k in kinds]),
            "base": np.array([-1 if k.base is None else k.base for k in kinds], dtype=np.int64),
            "minus": minus,
            "rest_allowed": np.array(
                [self._allowed_bits(level.kind.pool, level.later) for level in self.levels]
            ),
            "fills": np.array([self._fills(kind) for kind in kinds], dtype=bool),
            "image": image,
            "excludes": excludes,
        }

    def _allowed_bits(self, pool: int, members: Sequence[int]) -> np.uint64:
        held = self.pools[pool].allowed[:, list(members)].any(axis=1)
        return np.bitwise_or.reduce(
            np.uint64(1) << np.flatnonzero(held).astype(np.uint64), initial=np.uint64(0)
        )

    def _fills(self, kind: Kind) -> bool:
        """Whether the kind is of atoms on sites that exclude others; pattern levels only."""
        index = self.pools[kind.pool].sublattice
        species = self.supercell.host.sublattices[index].species
        return self._pairs[index] and species[kind.members[0]] != VACANCY


def _all_bits(n: int) -> np.uint64:
    return np.uint64((1 << n) - 1)


def _bits(masks: np.ndarray, n: int) -> np.ndarray:
    """(len(masks), n) bool from masks, lowest bit first."""
    bytes_ = np.ascontiguousarray(masks).astype("<u8").view(np.uint8).reshape(len(masks), 8)
    return np.unpackbits(bytes_, axis=1, bitorder="little", count=n).astype(bool)
