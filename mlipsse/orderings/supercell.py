"""A supercell of a host: its sites, and the symmetry operations as permutations of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import spglib

from mlipsse.errors import MlipsseError
from mlipsse.orderings.ewald import ewald_matrix
from mlipsse.orderings.host import Host


@dataclass(frozen=True, eq=False)
class Supercell:
    """na x nb x nc cells of a host.

    Site ``s * n_cells + c`` is site ``s`` of the host in cell ``c`` (C order over na, nb, nc).

    Parameters
    ----------
    host : the disordered crystal
    factors : (na, nb, nc), each at least 1
    """

    host: Host
    factors: tuple[int, int, int]

    def __post_init__(self) -> None:
        if len(self.factors) != 3 or any(int(f) != f or f < 1 for f in self.factors):
            raise MlipsseError(
                f"A supercell is three whole numbers of at least 1, such as 1x1x2, not "
                f"{'x'.join(map(str, self.factors))}."
            )

    @property
    def name(self) -> str:
        """E.g. `1x1x2`."""
        return "x".join(map(str, self.factors))

    @property
    def n_cells(self) -> int:
        """Number of host cells."""
        return int(np.prod(self.factors))

    @property
    def n_sites(self) -> int:
        """Number of sites, vacant ones included."""
        return len(self.host.scaled_positions) * self.n_cells

    @property
    def cell(self) -> np.ndarray:
        """(3, 3) float64, rows are lattice vectors, Å."""
        return self.host.cell * np.array(self.factors)[:, None]

    @cached_property
    def _origins(self) -> np.ndarray:
        """(n_cells, 3) int, origin of every host cell in units of host cells."""
        return np.stack(np.unravel_index(np.arange(self.n_cells), self.factors), axis=1)

    @cached_property
    def positions(self) -> np.ndarray:
        """(n_sites, 3) float64, Cartesian, Å."""
        scaled = self.host.scaled_positions[:, None, :] + self._origins
        return scaled.reshape(-1, 3) @ self.host.cell

    @cached_property
    def sites(self) -> tuple[np.ndarray, ...]:
        """Per sublattice of the host, the indices of its sites in the supercell."""
        cells = np.arange(self.n_cells)
        return tuple(
            (np.array(sublattice.sites)[:, None] * self.n_cells + cells).ravel()
            for sublattice in self.host.sublattices
        )

    @cached_property
    def permutations(self) -> np.ndarray:
        """(n_operations, n_sites) int32: operation g carries site i to site ``[g, i]``.

        Every operation of the host's space group (sublattices as species, so that every
        decoration is an image of equally probable ones) that maps the supercell onto itself,
        times the translations of the supercell; no permutation twice.

        Raises
        ------
        MlipsseError
            when spglib finds no symmetry at the host's tolerance, or one that is no permutation.
        """
        factors = np.array(self.factors)
        found = []
        for rotation, images, shifts in zip(*_host_operations(self.host), strict=True):
            # N^-1 R N must be whole: else the operation leaves the supercell's lattice.
            if np.any((rotation * factors[None, :]) % factors[:, None]):
                continue
            origins = self._origins @ rotation.T
            target = origins[None, None] + shifts[None, :, None] + self._origins[:, None, None]
            cells = np.ravel_multi_index(np.moveaxis(target % factors, -1, 0), self.factors)
            found.append((images[None, :, None] * self.n_cells + cells).reshape(self.n_cells, -1))
        return np.unique(np.concatenate(found).astype(np.int32), axis=0)

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


def parse_supercell(text: str | Sequence[int]) -> tuple[int, int, int]:
    """(1, 1, 2) from ``1x1x2`` or ``[1, 1, 2]``; MlipsseError when it is neither."""
    if isinstance(text, str):
        match = re.fullmatch(r"\s*(\d+)\s*[x×]\s*(\d+)\s*[x×]\s*(\d+)\s*", text)
        factors: Sequence[int] = [int(f) for f in match.groups()] if match else []
    else:
        factors = text
    if len(factors) != 3 or any(f < 1 for f in factors):
        raise MlipsseError(
            f"The supercell {text!r} is not three whole numbers of at least 1: write it like 1x1x2."
        )
    return (int(factors[0]), int(factors[1]), int(factors[2]))


def _host_operations(host: Host) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rotations (n, 3, 3), images (n, n_sites) and whole-cell shifts (n, n_sites, 3) of the host.

    Operation g carries site i at x to site ``images[g, i]`` in the cell ``shifts[g, i]``.
    """
    labels = np.empty(len(host.scaled_positions), dtype=int)
    for index, sublattice in enumerate(host.sublattices):
        labels[list(sublattice.sites)] = index
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


def _no_symmetry(host: Host) -> MlipsseError:
    return MlipsseError(
        f"spglib finds no consistent symmetry of {host.name} at a tolerance of {host.symprec_A} Å. "
        "Check the CIF for sites on top of each other, or change symprec_A."
    )
