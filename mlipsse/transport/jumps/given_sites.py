"""Sites from a crystal structure, mapped onto the cell of a simulation."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.structures import Crystal, read_crystal
from mlipsse.transport.jumps.sites import Sites, SiteSize, label_kinds, make_sites

MISFIT_LIMIT_A = 1.0
"""Distance of the framework's mean positions from the file's, median per element and the worst
of the elements; another crystal, or another origin, misses by more."""

SAME_FIT_A = 0.1
"""Misfits that differ by less are alike: means over a run are no more certain. Of shifts that fit
alike the shortest is taken, and the crystal stays where it is."""

_LENGTH_TOLERANCE, _COSINE_TOLERANCE = 0.08, 0.08
"""Strain and shear (5 degrees) by which the run's cell may differ from the file's."""

_MOST_CELLS = 60
_SAMPLED_ATOMS = 20
"""Atoms of each element that are used for trying shifts."""

_SYMPREC_A = 0.01


@dataclass(frozen=True, eq=False)
class CrystalSites:
    """The file's sites, whole: all that `place_sites` needs of a crystal.

    Attributes
    ----------
    name : of the file
    cell : (3, 3) float64, Å, rows are lattice vectors
    fractional : (n_sites, 3) float64, of the mobile ion's sites
    labels : per such site, the file's label and the Wyckoff position, e.g. `Li1/4g`
    framework : (n_framework, 3) float64, fractional, of all other sites
    framework_species : what may sit on each of them
    translations : (n, 3) fractional translations that leave the crystal as it is, 0 first
    notes : what the reading of the file decided or repaired, one sentence each
    """

    name: str
    cell: np.ndarray
    fractional: np.ndarray
    labels: tuple[str, ...]
    framework: np.ndarray
    framework_species: tuple[frozenset[str], ...]
    translations: np.ndarray
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class RunFramework:
    """What stays in a run, in the cell that was simulated.

    Attributes
    ----------
    cell : (3, 3) float64, Å, rows are lattice vectors
    positions : (n_framework, 3) float64, Å, mean over the run, drift removed
    species : element of each of them
    lattice : (3, 3) whole numbers, of `Trajectory`: the run's own vectors are this times `cell`
    """

    cell: np.ndarray
    positions: np.ndarray
    species: Sequence[str]
    lattice: np.ndarray = field(default_factory=lambda: np.eye(3))


@dataclass(frozen=True, eq=False)
class PlacedSites:
    """Sites in the simulation's cell, and how well they fit.

    Attributes
    ----------
    sites : in the run's axes
    supercell : (3, 3), the run's own vectors are this times the file's; whole numbers, unless the
        file's cell is centred
    shift_A : (3,) from the file's origin to the run's, Å
    misfit_A : distance of the framework atoms' mean positions from the file's, Å: the median of
        each element, the worst of them; None where either has no framework
    """

    sites: Sites
    supercell: np.ndarray
    shift_A: np.ndarray
    misfit_A: float | None


def read_crystal_sites(path: Path, *, mobile: str) -> CrystalSites:
    """Read the sites of the mobile ion, full or partly occupied, from a CIF or a POSCAR.

    Raises
    ------
    MlipsseError
        when the file is missing or unreadable, or holds no site of the mobile ion.
    """
    crystal = read_crystal(Path(path))
    species = [frozenset(site.amounts) for site in crystal.sites]
    is_mobile = np.array([mobile in names for names in species])
    if not is_mobile.any():
        present = ", ".join(sorted(set().union(*species)))
        raise MlipsseError(
            f"{path} contains no site of {mobile}, but {present}. Name one of its species."
        )
    labels, translations = _symmetry(crystal)
    fractional = crystal.scaled_positions
    return CrystalSites(
        name=Path(path).name,
        cell=crystal.cell,
        fractional=fractional[is_mobile],
        labels=tuple(itertools.compress(labels, is_mobile)),
        framework=fractional[~is_mobile],
        framework_species=tuple(itertools.compress(species, ~is_mobile)),
        translations=translations,
        notes=crystal.notes,
    )


def _symmetry(crystal: Crystal) -> tuple[tuple[str, ...], np.ndarray]:
    """Labels of all sites, and the pure translations of the crystal."""
    import spglib

    kinds: dict[str, int] = {}
    numbers = [
        kinds.setdefault(str(sorted(site.amounts.items())), len(kinds)) for site in crystal.sites
    ]
    cell = (crystal.cell.tolist(), crystal.scaled_positions.tolist(), numbers)
    found = spglib.get_symmetry_dataset(cell, symprec=_SYMPREC_A)
    names = [site.label for site in crystal.sites]
    if found is None:
        return label_kinds(names, range(len(names))), np.zeros((1, 3))
    orbits = [int(orbit) for orbit in found.crystallographic_orbits]
    # The letter's number counts sites of the conventional cell, whichever cell the file has.
    cells = len(found.std_types) / len(numbers)
    wyckoff = [
        f"{round(orbits.count(orbit) * cells)}{letter}"
        for orbit, letter in zip(orbits, found.wyckoffs, strict=True)
    ]
    pure = [
        translation
        for rotation, translation in zip(found.rotations, found.translations, strict=True)
        if np.array_equal(rotation, np.eye(3))
    ]
    together = [f"{name}/{place}" for name, place in zip(names, wyckoff, strict=True)]
    shifts = np.array(pure) - np.rint(np.array(pure))
    return label_kinds(together, orbits), shifts[np.argsort((shifts**2).sum(axis=1))]


def place_sites(crystal: CrystalSites, run: RunFramework, size: SiteSize) -> PlacedSites:
    """Repeat a crystal's sites through the cell of a run.

    The run's own vectors, `lattice` times `cell`, are matched with sums of the file's by their
    lengths and angles, so that turned axes (LAMMPS puts a along x), other cells of the lattice and
    strains of some percent are taken care of. Then the file's framework is laid over the mean
    positions of the run's, with a shift of the origin if need be.

    Parameters
    ----------
    crystal : of `read_crystal_sites`
    run : what stays in the run, in its cell
    size : of the sites

    Raises
    ------
    MlipsseError
        when the run's cell is none of the crystal's, or its framework is another one.
    """
    lattice = np.asarray(run.lattice, dtype=float)
    own = lattice @ np.asarray(run.cell, dtype=float)
    positions = np.asarray(run.positions, dtype=float).reshape(-1, 3) @ np.linalg.inv(own)
    compared = bool(len(positions) and len(crystal.framework))
    best: tuple[float, np.ndarray, np.ndarray] | None = None
    for supercell in itertools.islice(_supercells(crystal, own), _MOST_CELLS):
        if not compared:
            best = (0.0, supercell, np.zeros(3))
            break
        misfit_A, shift = _lay_over(crystal, supercell, own, positions, run.species)
        if best is None or misfit_A < best[0]:
            best = (misfit_A, supercell, shift)
        if misfit_A < MISFIT_LIMIT_A / 2:
            break
    if best is None:
        raise MlipsseError(
            f"The run's cell ({_lengths(own)} Å) is not a repetition of the cell of "
            f"{crystal.name} ({_lengths(crystal.cell)} Å) to within {_LENGTH_TOLERANCE:.0%}. Give "
            "the structure that the run was built from."
        )
    misfit_A, supercell, shift = best
    if not misfit_A < MISFIT_LIMIT_A:
        raise MlipsseError(
            f"The framework of the run lies {misfit_A:.2f} Å from that of {crystal.name} (limit "
            f"{MISFIT_LIMIT_A:g} Å). Give the structure that the run was built from."
        )
    fractional, index = _repeated(crystal.fractional, supercell)
    sites = make_sites(
        (fractional + shift) @ lattice, run.cell, [crystal.labels[site] for site in index], size
    )
    return PlacedSites(sites, supercell, shift @ own, misfit_A if compared else None)


def _lengths(cell: np.ndarray) -> str:
    return ", ".join(f"{length:.2f}" for length in np.linalg.norm(cell, axis=1))


def _supercells(crystal: CrystalSites, own: np.ndarray) -> Iterator[np.ndarray]:
    """Matrices that turn the file's vectors into the run's, plain repetition first."""
    lengths = np.linalg.norm(own, axis=1)
    plain = np.diag(np.maximum(1, np.rint(lengths / np.linalg.norm(crystal.cell, axis=1))))
    if _metric_misfit(plain @ crystal.cell, own) < 1:
        yield plain
    heights = 1 / np.linalg.norm(np.linalg.inv(crystal.cell), axis=0)
    choices = []
    for length in lengths:
        most = np.ceil((1 + _LENGTH_TOLERANCE) * length / heights).astype(int)
        whole = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in most]), axis=-1)
        sums = (whole.reshape(-1, 1, 3) + crystal.translations).reshape(-1, 3)
        found = np.linalg.norm(sums @ crystal.cell, axis=1)
        choices.append(sums[np.abs(found / length - 1) < _LENGTH_TOLERANCE])
    cosines = own @ own.T / np.outer(lengths, lengths)
    scored = []
    a, b, c = (rows @ crystal.cell for rows in choices)
    a_unit, b_unit, c_unit = (rows / np.linalg.norm(rows, axis=1)[:, None] for rows in (a, b, c))
    ab = np.abs(a_unit @ b_unit.T - cosines[0, 1]) < _COSINE_TOLERANCE
    ac = np.abs(a_unit @ c_unit.T - cosines[0, 2]) < _COSINE_TOLERANCE
    bc = np.abs(b_unit @ c_unit.T - cosines[1, 2]) < _COSINE_TOLERANCE
    for i in range(len(a)):
        for j in np.flatnonzero(ab[i]):
            for k in np.flatnonzero(ac[i] & bc[j]):
                matrix = np.stack([choices[0][i], choices[1][j], choices[2][k]])
                misfit = _metric_misfit(matrix @ crystal.cell, own)
                if misfit < 1 and not np.array_equal(matrix, plain):
                    scored.append((round(misfit, 6), matrix.tolist()))
    for _, rows in sorted(scored, reverse=False):
        yield np.array(rows)


def _metric_misfit(trial: np.ndarray, own: np.ndarray) -> float:
    """Largest difference of lengths and of cosines of angles, in units of what is allowed."""
    lengths, trial_lengths = np.linalg.norm(own, axis=1), np.linalg.norm(trial, axis=1)
    if not abs(np.linalg.det(trial)) > 1e-6 * trial_lengths.prod():
        return np.inf
    cosines = own @ own.T / np.outer(lengths, lengths)
    trial_cosines = trial @ trial.T / np.outer(trial_lengths, trial_lengths)
    return float(
        max(
            np.abs(trial_lengths / lengths - 1).max() / _LENGTH_TOLERANCE,
            np.abs(trial_cosines - cosines).max() / _COSINE_TOLERANCE,
        )
    )


def _repeated(fractional: np.ndarray, supercell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sites of all images in the supercell, in its own fractions, and which site each one is."""
    corners = np.array(list(itertools.product((0, 1), repeat=3))) @ supercell
    low = np.floor(corners.min(axis=0)).astype(int) - 1
    high = np.ceil(corners.max(axis=0)).astype(int) + 1
    axes = [np.arange(a, b + 1) for a, b in zip(low, high, strict=True)]
    images = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    inverse = np.linalg.inv(supercell)
    all_sites = ((fractional[None] + images[:, None]) @ inverse).reshape(-1, 3)
    index = np.tile(np.arange(len(fractional)), len(images))
    # What lies on a face is written 0 or 1 by rounding; 1 is its image.
    inside = ((all_sites > -1e-6) & (all_sites < 1 - 1e-6)).all(axis=1)
    order = np.argsort(index[inside], kind="stable")
    return all_sites[inside][order], index[inside][order]


def _lay_over(
    crystal: CrystalSites,
    supercell: np.ndarray,
    own: np.ndarray,
    positions: np.ndarray,
    species: Sequence[str],
) -> tuple[float, np.ndarray]:
    """Least misfit, Å, and the shift (fractions of the run's own cell) that gives it."""
    places, index = _repeated(crystal.framework, supercell)
    allowed = {
        name: np.flatnonzero([name in crystal.framework_species[site] for site in index])
        for name in dict.fromkeys(species)
    }
    if not all(len(sites) for sites in allowed.values()):
        return np.inf, np.zeros(3)
    names = np.array(species)

    def apart(shift: np.ndarray, atoms: np.ndarray) -> np.ndarray:
        """(n_atoms, 3) from the nearest place that may hold each atom, Å."""
        found = np.empty((len(atoms), 3))
        for row, atom in enumerate(atoms):
            away = positions[atom] - places[allowed[names[atom]]] - shift
            away = (away - np.rint(away)) @ own
            found[row] = away[np.argmin(np.einsum("ia,ia->i", away, away))]
        return found

    def misfit_A(shift: np.ndarray, atoms: np.ndarray) -> float:
        """The elements apart: a close-packed anion lattice fits itself in many places."""
        away_A = np.linalg.norm(apart(shift, atoms), axis=1)
        return max(float(np.median(away_A[names[atoms] == name])) for name in allowed)

    everyone = np.arange(len(names))
    of_each = [np.flatnonzero(names == name) for name in allowed]
    some = np.concatenate([atoms[:: max(1, len(atoms) // _SAMPLED_ATOMS)] for atoms in of_each])
    rarest = min(allowed, key=lambda name: (np.count_nonzero(names == name), name))
    first = int(np.flatnonzero(names == rarest)[0])
    # One image of each of the file's sites is enough: the others differ by its own translations.
    _, one_each = np.unique(index[allowed[rarest]], return_index=True)
    tried: list[tuple[float, np.ndarray]] = []
    for shift in [np.zeros(3), *(positions[first] - places[allowed[rarest][one_each]])]:
        for _ in range(2):
            residual = apart(shift, some)
            near = np.linalg.norm(residual, axis=1) < 2 * MISFIT_LIMIT_A
            if near.any():
                shift = shift + residual[near].mean(axis=0) @ np.linalg.inv(own)
        tried.append((misfit_A(shift, some), shift - np.rint(shift)))
    # A framework of high symmetry fits itself in many places, which the mobile ions' sites do not.
    least_A = min(trial_A for trial_A, _ in tried)
    fitting = [shift for trial_A, shift in tried if trial_A <= least_A + SAME_FIT_A]
    shift = min(fitting, key=lambda one: float(np.linalg.norm(one @ own)))
    return misfit_A(shift, everyone), shift
