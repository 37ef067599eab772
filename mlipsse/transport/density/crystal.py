"""Density of the mobile ions in the crystal's own cell, and the mean framework around it."""

from typing import TYPE_CHECKING

from mlipsse.transport.density.files import structure_in
from mlipsse.transport.density.grid import ProbabilityDensity, probability_density
from mlipsse.transport.ions.mobile import MobileIons

if TYPE_CHECKING:
    from ase import Atoms


def crystal_density(
    ions: MobileIons, *, spacing_A: float = 0.2, per_ion: bool = False
) -> tuple[ProbabilityDensity, "Atoms"]:
    """Density of one run, framework drift removed, and where the framework is on average.

    Parameters
    ----------
    ions : of a run in a constant cell; the density lies in the crystal's own cell, which is the
        trajectory's `lattice` times its `cell`
    spacing_A, per_ion : as in `probability_density`

    Raises
    ------
    MlipsseError
        as `probability_density`.
    """
    crystal = ions.trajectory.lattice @ ions.trajectory.cell
    density = probability_density(ions.resting, crystal, spacing_A=spacing_A, per_ion=per_ion)
    return density, structure_in(ions.framework_places(), ions.framework_species, crystal)
