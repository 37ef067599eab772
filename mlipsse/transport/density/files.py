"""Probability densities in files that VESTA, pymatgen, ASE and others read: CHGCAR and cube.

Both formats hold values at the points k/n of each lattice vector, while ours are averages over
voxels with their centres at (k + 1/2)/n. The framework is therefore written half a voxel lower, by
(1/2n1, 1/2n2, 1/2n3), so that density and atoms keep their places to each other.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ase import Atoms

from mlipsse.errors import MlipsseError
from mlipsse.files import write_aside
from mlipsse.transport.density.grid import ProbabilityDensity
from mlipsse.units import BOHR_A

_ON_A_LINE = 5
"""Values on a line of a CHGCAR."""
_AT_ONCE = 10_000 * _ON_A_LINE


def structure_in(places: np.ndarray, species: Sequence[str], cell: np.ndarray) -> Atoms:
    """Atoms at some places, e.g. the mean ones of the framework, as their images in a cell.

    Parameters
    ----------
    places : (n_atoms, 3) float64, Å
    species : element of each atom
    cell : (3, 3) float64, Å, rows are lattice vectors
    """
    atoms = Atoms(list(species), positions=places, cell=cell, pbc=True)
    atoms.wrap(eps=0)
    return atoms


def write_chgcar(path: Path, density: ProbabilityDensity, framework: Atoms) -> None:
    """Write a CHGCAR: density times the volume of the cell, without unit, to 11 digits.

    The format multiplies by the volume; pymatgen's `Chgcar` keeps that product in `data["total"]`,
    and VESTA divides by the volume in Bohr³: its isosurface levels are in Bohr⁻³, and 1e-4 Å⁻³ is
    1.48e-5 there (K. Momma in the VESTA users' list, 22 January 2024). Atoms come sorted by
    element, half a voxel lower (see the module).

    Parameters
    ----------
    framework : mean places of the framework's atoms, at least one

    Raises
    ------
    MlipsseError
        for a framework without atoms, which the format cannot hold, or of another cell.
    """
    if not len(framework):
        raise MlipsseError(
            "A CHGCAR must contain at least one atom, but there is no framework. Write a cube "
            "file instead."
        )
    shifted = _shifted(density, framework)
    symbols = np.array(shifted.get_chemical_symbols())
    kinds, amounts = np.unique(symbols, return_counts=True)
    places = shifted.get_scaled_positions(wrap=False)[np.argsort(symbols, kind="stable")]
    with write_aside(path) as aside, aside.open("w") as stream:
        stream.write(f"{_normalisation(density)}, x cell volume\n1.0\n")
        for row in density.cell:
            stream.write(" {:18.12f}{:18.12f}{:18.12f}\n".format(*row))
        stream.write(f"{' '.join(kinds)}\n{' '.join(map(str, amounts))}\nDirect\n")
        for row in places:
            stream.write(" {:.10f} {:.10f} {:.10f}\n".format(*row))
        stream.write("\n{} {} {}\n".format(*density.shape))
        # pymatgen's writer takes six times as long, and keeps neither comment nor seventh decimal.
        products = (density.values * density.volume_A3).ravel(order="F")
        whole = len(products) - len(products) % _ON_A_LINE
        line = " %.10E" * _ON_A_LINE + "\n"
        for start in range(0, whole, _AT_ONCE):
            part = products[start : min(start + _AT_ONCE, whole)]
            stream.write(line * (len(part) // _ON_A_LINE) % tuple(part))
        if whole < len(products):
            stream.write(" %.10E" * (len(products) - whole) % tuple(products[whole:]) + "\n")


def write_density_cube(path: Path, density: ProbabilityDensity, framework: Atoms) -> None:
    """Write a Gaussian cube: lengths in Bohr, density in Bohr⁻³ (1e-4 Å⁻³ is 1.48e-5), to 7 digits.

    Its origin is 0; atoms lie half a voxel lower (see the module).

    Parameters
    ----------
    framework : mean places of the framework's atoms; may be empty

    Raises
    ------
    MlipsseError
        for a framework of another cell.
    """
    from ase.io.cube import write_cube

    with write_aside(path) as aside, aside.open("w") as stream:
        write_cube(
            stream,
            _shifted(density, framework),
            data=density.values * BOHR_A**3,
            comment=f"{_normalisation(density)}, Bohr^-3",
        )


def _shifted(density: ProbabilityDensity, framework: Atoms) -> Atoms:
    if not np.allclose(framework.cell, density.cell, rtol=0, atol=1e-6):
        raise MlipsseError(
            "The framework's cell differs from that of the density. Give mean positions of the "
            "same run."
        )
    shifted = framework.copy()
    shifted.positions -= (0.5 / np.array(density.shape)) @ density.cell
    return shifted


def _normalisation(density: ProbabilityDensity) -> str:
    ions = "one mobile ion" if density.per_ion else f"all {density.n_ions} mobile ions"
    return f"density of {ions}, {density.n_frames} frames"
