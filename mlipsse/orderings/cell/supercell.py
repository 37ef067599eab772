"""A supercell of a host: its sites, and the symmetry operations as permutations of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
import spglib

from mlipsse.errors import MlipsseError
from mlipsse.orderings.cell.ewald import ewald_matrix
from mlipsse.orderings.cell.repeats import Repeats, RepeatsLike, parse_repeats
from mlipsse.orderings.host.model import VACANCY, Host


@dataclass(frozen=True, eq=False)
class Supercell:
    """A supercell of a host.

    Site ``s * n_cells + c`` is site ``s`` of the host in cell ``c`` (see `Repeats.origins`).

    Attributes
    ----------
    host : the disordered crystal
    repeats : (na, nb, nc), each at least 1; or three rows of whole numbers, the supercell's
        lattice vectors in units of the host's; or a `Repeats`
    """

    host: Host
    repeats: Repeats

    def __init__(self, host: Host, repeats: RepeatsLike) -> None:
        object.__setattr__(self, "host", host)
        object.__setattr__(self, "repeats", parse_repeats(repeats))

    @property
    def name(self) -> str:
        """E.g. `1x1x2`; of a matrix its rows, e.g. `1.1.0_-1.1.0_0.0.1`."""
        return self.repeats.name

    @property
    def n_cells(self) -> int:
        """Number of host cells."""
        return self.repeats.n_cells

    @property
    def n_sites(self) -> int:
        """Number of sites, vacant ones included."""
        return len(self.host.scaled_positions) * self.n_cells

    @property
    def cell(self) -> np.ndarray:
        """(3, 3) float64, rows are lattice vectors, Å."""
        return self.repeats.matrix @ self.host.cell

    @cached_property
    def positions(self) -> np.ndarray:
        """(n_sites, 3) float64, Cartesian, Å."""
        scaled = self.host.scaled_positions[:, None, :] + self.repeats.origins
        return scaled.reshape(-1, 3) @ self.host.cell

    @cached_property
    def sites(self) -> tuple[np.ndarray, ...]:
        """Per sublattice of the host, (n,) int: the indices of its sites in the supercell."""
        return tuple(self.everywhere(sublattice.sites) for sublattice in self.host.sublattices)

    @cached_property
    def allowed(self) -> tuple[np.ndarray, ...]:
        """Per sublattice, (n, n_species) bool: what may sit on each of `sites`."""
        return tuple(
            np.repeat(sublattice.allowed_mask, self.n_cells, axis=0)
            for sublattice in self.host.sublattices
        )

    @cached_property
    def conflicts(self) -> np.ndarray:
        """(n, 4) int, rows (site i, label a, site j, label b): not a on i and b on j together.

        Labels number the species of the site's sublattice; i < j.

        Raises
        ------
        MlipsseError
            when a species excludes its own image: the supercell is too small to define what that
            means.
        """
        owner, _ = self.owners
        rows = []
        for exclusion in self.host.exclusions:
            there = self.repeats.index(self.repeats.origins + np.array(exclusion.shift))
            first = exclusion.first * self.n_cells + np.arange(self.n_cells)
            second = exclusion.second * self.n_cells + there
            kinds = [self.host.sublattices[owner[sites[0]]].species for sites in (first, second)]
            atoms = [[name for name in names if name != VACANCY] for names in kinds]
            for a, b in exclusion.species or product(*atoms):
                labels = kinds[0].index(a), kinds[1].index(b)
                own = first == second
                if own.any() and a == b:
                    raise MlipsseError(
                        f"In the supercell {self.name} of {self.host.name} {a} lies "
                        f"{exclusion.distance_A:.2f} Å from its own image, closer than allowed. "
                        "Take a larger supercell, or lower closest_A."
                    )
                block = np.empty((self.n_cells, 4), dtype=int)
                block[:, 0], block[:, 1] = first, labels[0]
                block[:, 2], block[:, 3] = second, labels[1]
                turned = block[:, 0] > block[:, 2]
                block[turned] = block[turned][:, [2, 3, 0, 1]]
                rows.append(block[~own])
        if not rows:
            return np.empty((0, 4), dtype=int)
        return np.unique(np.concatenate(rows), axis=0)

    @cached_property
    def owners(self) -> tuple[np.ndarray, np.ndarray]:
        """Per site, (n_sites,) int: its sublattice, and its place among that one's `sites`."""
        owner, place = np.empty(self.n_sites, dtype=int), np.empty(self.n_sites, dtype=int)
        for index, sites in enumerate(self.sites):
            owner[sites], place[sites] = index, np.arange(len(sites))
        return owner, place

    @property
    def excluded_pairs(self) -> np.ndarray:
        """(n_pairs, 2) int: sites that may not both hold an atom.

        Raises
        ------
        MlipsseError
            when some may not hold certain species only, which this cannot state.
        """
        by_species = [pair for pair in self.host.exclusions if pair.species]
        if by_species:
            pairs = sorted({"-".join(sorted(names)) for p in by_species for names in p.species})
            raise MlipsseError(
                f"The distances of {', '.join(pairs)} in {self.host.name} exclude only some "
                "species of a site, and Monte Carlo of large cells cannot respect this. Give "
                "closest_A as one number, or enumerate smaller cells."
            )
        return np.unique(self.conflicts[:, [0, 2]], axis=0)

    @cached_property
    def permutations(self) -> np.ndarray:
        """(n_operations, n_sites) int32: operation g carries site i to site ``[g, i]``.

        Every operation of the host's space group (what may sit on a site as its species, so that
        every decoration is an image of equally probable ones) that maps the supercell onto
        itself, times the translations of the supercell.

        Raises
        ------
        MlipsseError
            when spglib finds no symmetry at the host's tolerance, or one that is no permutation.
        """
        origins = self.repeats.origins
        found = []
        for rotation, images, shifts in zip(*host_operations(self.host), strict=True):
            if not self.repeats.kept_by(rotation):
                continue
            moved = origins @ rotation.T
            target = moved[None, None] + shifts[None, :, None] + origins[:, None, None]
            cells = self.repeats.index(target)
            found.append((images[None, :, None] * self.n_cells + cells).reshape(self.n_cells, -1))
        return np.concatenate(found).astype(np.int32)

    @cached_property
    def sublattice_permutations(self) -> tuple[np.ndarray, ...]:
        """Per sublattice, (n_operations, n) int32: `permutations` numbered within `sites`."""
        number = np.empty(self.n_sites, dtype=np.int32)
        for sites in self.sites:
            number[sites] = np.arange(len(sites))
        return tuple(number[self.permutations[:, sites]] for sites in self.sites)

    @cached_property
    def ewald_matrix(self) -> np.ndarray:
        """(n_sites, n_sites) float64, eV per elementary charge squared; see `ewald_matrix`."""
        return ewald_matrix(self.cell, self.positions)

    def everywhere(self, sites: Sequence[int] | np.ndarray) -> np.ndarray:
        """Sites of the host in all its cells, (n * n_cells,) int, site after site."""
        return (np.array(sites)[:, None] * self.n_cells + np.arange(self.n_cells)).ravel()


def host_operations(host: Host) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rotations (n, 3, 3), images (n, n_sites) and whole-cell shifts (n, n_sites, 3) of the host.

    Operation g carries site i at x to site ``images[g, i]`` in the cell ``shifts[g, i]``.
    """
    labels = site_kinds(host)
    cell = (host.cell.tolist(), host.scaled_positions.tolist(), labels.tolist())
    try:
        symmetry = spglib.get_symmetry(cell, symprec=host.symprec_A)
    except Exception as error:  # spglib's own exception class differs between its versions
        raise _no_symmetry(host) from error
    if symmetry is None:
        raise _no_symmetry(host)
    rotations, translations = symmetry["rotations"], symmetry["translations"]
    moved = np.einsum("gij,sj->gsi", rotations, host.scaled_positions) + translations[:, None, :]
    apart = moved[:, :, None, :] - host.scaled_positions
    shifts = np.rint(apart).astype(int)
    distances = np.linalg.norm((apart - shifts) @ host.cell, axis=-1)
    distances[:, labels[:, None] != labels[None, :]] = np.inf
    images = distances.argmin(axis=-1)
    whole = np.sort(images, axis=1) == np.arange(len(labels))
    if not whole.all() or distances.min(axis=-1).max() > 5 * host.symprec_A:
        raise _no_symmetry(host)
    return rotations, images, np.take_along_axis(shifts, images[..., None, None], axis=2)[:, :, 0]


def site_kinds(host: Host) -> np.ndarray:
    """(n_sites,) int: equal where the same species of one sublattice may sit."""
    labels = np.empty(len(host.scaled_positions), dtype=int)
    kinds: dict[tuple[int, tuple[str, ...]], int] = {}
    for number, sublattice in enumerate(host.sublattices):
        for site, names in zip(sublattice.sites, sublattice.allowed, strict=True):
            labels[site] = kinds.setdefault((number, names), len(kinds))
    return labels


def _no_symmetry(host: Host) -> MlipsseError:
    return MlipsseError(
        f"spglib finds no consistent symmetry of {host.name} at a tolerance of {host.symprec_A} Å. "
        "Check the CIF for sites on top of each other, or change symprec_A."
    )
