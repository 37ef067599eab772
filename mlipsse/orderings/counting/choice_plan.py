"""In which turn sites are chosen for what: the plan behind `Choices`."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Kind:
    """What some sites of a sublattice get: a charge class or a species.

    Attributes
    ----------
    pool : number of the sublattice's sites among those with a choice
    members : species of the class, or the one species
    count : sites that it takes
    level : turn at which they are chosen; None for what is left of the choice of `base` after
        those of the turns `minus`
    base : turn whose sites are shared; None for all sites of the pool
    minus : turns that took sites of `base` before
    """

    pool: int
    members: tuple[int, ...]
    count: int
    level: int | None
    base: int | None
    minus: tuple[int, ...]


@dataclass(frozen=True)
class Level:
    """One turn.

    Attributes
    ----------
    kind : takes its sites
    later : members that what it leaves must be able to hold
    """

    kind: Kind
    later: tuple[int, ...]


@dataclass
class Plan:
    """The turns.

    Attributes
    ----------
    levels : in order; `share_out` adds those of a pool or of a class
    """

    levels: list[Level] = field(default_factory=list)

    def share_out(
        self,
        pool: int,
        groups: Sequence[tuple[tuple[int, ...], int]],
        base: Kind | None,
        *,
        leave: bool = True,
    ) -> list[Kind]:
        """Turns for groups (members, count) that share the sites of `base`, or of the pool.

        The last one gets what is left, without a turn of its own unless `leave` is false.
        """
        start: int | None = None
        minus: tuple[int, ...] = ()
        if base is not None:
            start, minus = (base.level, ()) if base.level is not None else (base.base, base.minus)
        kinds = []
        for place, (members, count) in enumerate(groups):
            last = leave and place == len(groups) - 1
            level = None if last else len(self.levels)
            kind = Kind(pool, members, count, level, start, minus)
            kinds.append(kind)
            if level is not None:
                later = tuple(m for others, _ in groups[place + 1 :] for m in others)
                self.levels.append(Level(kind, later))
                minus = (*minus, level)
        return kinds
