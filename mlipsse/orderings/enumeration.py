"""The orderings of a composition in a supercell: all of them, or an honest sample."""

import numpy as np

from mlipsse import keys
from mlipsse.errors import MlipsseError
from mlipsse.orderings.arrangements import all_arrangements, representatives
from mlipsse.orderings.composition import Composition, mean_charges
from mlipsse.orderings.counting import EXACT_LIMIT, count_orderings
from mlipsse.orderings.decorations import decorate_patterns
from mlipsse.orderings.ewald import degenerate_levels, ewald_energies
from mlipsse.orderings.ordering import Ordering, decorated_atoms, ordering_name, site_charges
from mlipsse.orderings.patterns import sample_patterns
from mlipsse.orderings.supercell import Supercell

Counts = tuple[tuple[int, ...], ...]


def enumerate_orderings(
    composition: Composition,
    supercell: Supercell,
    *,
    max_orderings: int,
    seed: int,
    exact_limit: int = EXACT_LIMIT,
) -> list[Ordering]:
    """Symmetry-distinct orderings, ranked by Ewald energy.

    Mobile-ion patterns are ranked by Ewald energy with the mean charge on every framework site,
    which is the mean over all decorations up to a constant. With equal formal charges (In3+, Y3+;
    Cl-, Br-) all decorations of a pattern have one Ewald energy, so the lowest N of the product
    would be N decorations of one pattern. When there are more orderings than `max_orderings`, the
    patterns are therefore served in turn, the lowest first, one decoration each, until the number
    is reached; decorations of a pattern are drawn uniformly from its distinct ones, none twice.

    Parameters
    ----------
    max_orderings : at most this many are returned
    seed : of the decorations drawn, and of the patterns where those are a sample too
    exact_limit : largest number of raw mobile-ion patterns that are listed whole; beyond it they
        are sampled (see `sample_patterns`)

    Raises
    ------
    MlipsseError
        when the supercell cannot realise the composition, or `max_orderings` is below 1.
    """
    if max_orderings < 1:
        raise MlipsseError(f"max_orderings is {max_orderings}: ask for at least 1 ordering.")
    rng = np.random.default_rng(seed)
    counts = composition.site_counts(supercell)
    count = count_orderings(
        composition, supercell, max_orderings=max_orderings, exact_limit=exact_limit
    )
    exact_patterns = count.mobile_raw <= exact_limit
    patterns = _ranked_patterns(
        composition, supercell, counts, listed=exact_patterns, target=max_orderings, rng=rng
    )[:max_orderings]

    decorated = list(
        decorate_patterns(
            patterns, counts, supercell.sublattice_permutations, at_most=max_orderings, rng=rng
        )
    )
    ranks = [rank for rank, _, _ in decorated]
    sizes = [size for _, _, size in decorated]
    labels = np.empty((len(decorated), supercell.n_sites), dtype=np.int8)
    labels[:, np.concatenate(supercell.sites)] = [row for _, row, _ in decorated]
    energies = ewald_energies(supercell.ewald_matrix, site_charges(supercell, labels))
    levels = degenerate_levels(energies)
    order = sorted(range(len(decorated)), key=lambda i: (levels[i], ranks[i], labels[i].tobytes()))

    orderings = []
    for place, index in enumerate(order):
        name = ordering_name(composition.formula, supercell.name, place, len(order))
        atoms = decorated_atoms(supercell, labels[index])
        atoms.info = {keys.COMPOSITION: composition.formula, keys.ORDERING: name}
        orderings.append(
            Ordering(
                name=name,
                atoms=atoms,
                composition=composition.formula,
                supercell=supercell.name,
                mobile_pattern=ranks[index],
                degeneracy=sizes[index],
                ewald_energy_eV=float(energies[index]),
                route=count.route,
                pattern_route="exact" if exact_patterns else "sample",
                coverage=len(order) / count.distinct,
            )
        )
    return orderings


def _ranked_patterns(
    composition: Composition,
    supercell: Supercell,
    counts: Counts,
    *,
    listed: bool,
    target: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Distinct mobile-ion patterns, (n, n_mobile_sites) int8, lowest mean Ewald energy first."""
    host = supercell.host
    permutations = supercell.sublattice_permutations[0]
    mobile = supercell.sites[0]
    means = np.empty(supercell.n_sites)
    for sites, mean in zip(supercell.sites, mean_charges(composition, host), strict=True):
        means[sites] = mean
    means[mobile] = 0.0
    charge = host.charges[host.mobile.name]
    pair = charge**2 * supercell.ewald_matrix[np.ix_(mobile, mobile)]
    field = 2 * charge * (supercell.ewald_matrix @ means)[mobile]
    if listed:
        patterns = representatives(all_arrangements(counts[0]), permutations)
    else:
        patterns = sample_patterns(
            counts[0], permutations, pair=pair, field=field, target=target, rng=rng
        )
    ions = (patterns == 0).astype(float)
    energies = ewald_energies(pair, ions) + ions @ field
    # Within a level the rows keep their lexicographic order.
    return patterns[np.argsort(degenerate_levels(energies), kind="stable")]
