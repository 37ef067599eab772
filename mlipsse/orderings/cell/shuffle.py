"""Labels shuffled over sites, as many of each as there must be, where they may sit."""

from collections.abc import Sequence

import numpy as np

from mlipsse.errors import MlipsseError

_ATTEMPTS = 1000


def random_arrangement(
    counts: Sequence[int], allowed: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Labels, (n_sites,) int8, drawn at random.

    Uniformly where every site may have every label; where not, the choosy sites draw first, which
    finds an arrangement but makes some more likely than others.

    Parameters
    ----------
    counts : how many sites each label takes; they add up to the sites
    allowed : (n_sites, n_labels) bool

    Raises
    ------
    MlipsseError
        when no arrangement is found.
    """
    if allowed.all():
        return rng.permutation(np.repeat(np.arange(len(counts), dtype=np.int8), counts))
    for _ in range(_ATTEMPTS):
        labels, left = np.full(len(allowed), -1, dtype=np.int8), np.array(counts)
        for site in np.lexsort((rng.random(len(labels)), allowed.sum(axis=1))):
            ways = np.where(allowed[site], left, 0)
            if not ways.any():
                break
            labels[site] = rng.choice(len(ways), p=ways / ways.sum())
            left[labels[site]] -= 1
        else:
            return labels
    raise MlipsseError(
        f"No allowed arrangement was found in {_ATTEMPTS} attempts. Allow the species on more "
        "sites with `substitutions`."
    )
