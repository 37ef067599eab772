"""Which orderings of a supercell are the same by symmetry."""

import numpy as np

from mlipsse.orderings.cell.supercell import Supercell


class DistinctOrderings:
    """Orderings of a supercell, each with all its symmetry images counted as one.

    Only sites where there is a choice are compared.
    """

    def __init__(self, supercell: Supercell) -> None:
        sublattices = supercell.host.sublattices
        chosen = [
            sites
            for sublattice, sites in zip(sublattices, supercell.sites, strict=True)
            if len(sublattice.species) > 1
        ]
        self._sites = np.sort(np.concatenate([np.empty(0, dtype=int), *chosen]))
        place = np.full(supercell.n_sites, -1)
        place[self._sites] = np.arange(len(self._sites))
        targets = place[supercell.permutations[:, self._sites]]
        # Operation g carries site i to targets[g, i]; at site j of the image sits what was at
        # sources[g, j].
        self._sources = np.argsort(targets, axis=1)
        self._names: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, labels: np.ndarray) -> bool:
        return self.name(labels) in self._names

    def add(self, labels: np.ndarray) -> bool:
        """Take an ordering in; whether it is new.

        Parameters
        ----------
        labels : (n_sites,) int8, of the whole supercell
        """
        before = len(self._names)
        self._names.add(self.name(labels))
        return len(self._names) > before

    def name(self, labels: np.ndarray) -> bytes:
        """The first of all images in alphabetical order, which they share."""
        images = self._images(labels)
        first = np.lexsort(images.T[::-1])[0]
        return images[first].tobytes()

    def degeneracy(self, labels: np.ndarray) -> int:
        """Number of arrangements that symmetry makes equal to this one."""
        images = self._images(labels)
        kept = int((images == labels[self._sites]).all(axis=1).sum())
        return len(images) // kept

    def _images(self, labels: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(labels[self._sites].astype(np.int8)[self._sources])
