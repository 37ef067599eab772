"""Random small hosts of all crystal systems: Burnside and the walk against brute force."""

import numpy as np
import pytest

from mlipsse.orderings import Supercell, count_orderings
from mlipsse.orderings.composition.amounts import Composition
from mlipsse.orderings.counting.choices import Choices
from tests.support.crystals.random_hosts import SYSTEMS, brute_force_orbits, random_host

REPEATS = [(1, 1, 1), (1, 1, 1), (1, 1, 2), (2, 1, 1), ((1, 1, 0), (-1, 1, 0), (0, 0, 1))]


def random_counts(supercell, rng):
    """Counts of a random arrangement, so that there is one (exclusions aside)."""
    counts = []
    for sublattice, allowed in zip(supercell.host.sublattices, supercell.allowed, strict=True):
        drawn = [rng.choice(np.flatnonzero(mask)) for mask in allowed]
        counts.append(tuple(np.bincount(drawn, minlength=len(sublattice.species)).tolist()))
    return tuple(counts)


class Fixed(Composition):
    """A composition by its counts in one supercell."""

    def site_counts(self, supercell):
        return self.per_cell


@pytest.mark.parametrize("case", range(56))
def test_counts_and_walk_equal_brute_force(case):
    rng = np.random.default_rng(case)
    system = list(SYSTEMS)[case % len(SYSTEMS)]
    while True:
        host = random_host(system, rng)
        supercell = Supercell(host, REPEATS[rng.integers(len(REPEATS))])
        ways = np.prod([float(mask.sum()) for allowed in supercell.allowed for mask in allowed])
        if 1 < ways <= 2_000:
            break
    counts = random_counts(supercell, rng)
    composition = Fixed("X", counts, tuple(s.species for s in host.sublattices))
    raw, distinct = brute_force_orbits(supercell, counts)
    count = count_orderings(composition, supercell)
    assert (count.raw, count.distinct) == (raw, distinct)
    if not raw:
        assert count.route == "impossible"
        return
    choices = Choices(supercell, counts)
    blocks = list(choices.orderings())
    labels = choices.labels(np.concatenate([masks for masks, _ in blocks]))
    sizes = choices.n_operations // np.concatenate([orders for _, orders in blocks])
    assert (len(labels), int(sizes.sum())) == (distinct, raw)
    assert len({row.tobytes() for row in labels}) == distinct
    for sublattice, sites, row in zip(host.sublattices, supercell.sites, counts, strict=True):
        for index in range(len(sublattice.species)):
            assert ((labels[:, sites] == index).sum(axis=1) == row[index]).all()
    patterns = [masks for masks, _ in choices.patterns()]
    assert sum(map(len, patterns)) == count.patterns_distinct
