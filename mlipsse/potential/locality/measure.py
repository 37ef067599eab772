"""The force on a central atom while all beyond a radius moves.

A model that sees atoms up to a distance R of an atom cannot know what lies beyond, so that the
spread of a true force with the surroundings fixed up to R is an error that it cannot avoid
(Deringer and Csányi, Phys. Rev. B 95, 094203 (2017), doi 10.1103/PhysRevB.95.094203). Of a model
itself, the spread shows how far its own messages reach.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import Calculator
from ase.constraints import FixAtoms
from ase.geometry import get_distances
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from pydantic import Field

from mlipsse.errors import MlipsseError
from mlipsse.settings import Count, Kelvin, Positive, Settings
from mlipsse.structures.geometry import widths_A

CENTRE, RADIUS = "locality_centre", "locality_radius_A"
"""What a frame states beside its atoms."""


class LocalitySettings(Settings):
    """How the surroundings are moved."""

    temperature_K: Kelvin = 600.0
    """Temperature in K."""
    equilibration_ps: Positive = 0.5
    """Length in ps of the run of all atoms, at whose end the surroundings are fixed."""
    samples: Count = Field(default=20, ge=2)
    """Number of configurations of the outer atoms per centre and radius."""
    sample_every_fs: Positive = 50.0
    """Time between configurations in fs."""
    timestep_fs: Positive = Field(default=2.0, le=10)
    """Time step in fs."""
    friction_per_ps: Positive = 10.0
    """Friction of the Langevin thermostat in 1/ps."""


@dataclass(frozen=True)
class LocalityPoint:
    """The force on one atom with its surroundings fixed up to one radius.

    Attributes
    ----------
    centre, element : number and symbol of the atom
    radius_A : up to which all atoms are fixed
    free_atoms : that move
    samples : configurations
    spread_eV_A : root mean square of the components' deviations from their means
    spread_std_eV_A : standard error, by leaving out one configuration at a time (jackknife)
    force_eV_A : size of the mean force
    """

    centre: int
    element: str
    radius_A: float
    free_atoms: int
    samples: int
    spread_eV_A: float
    spread_std_eV_A: float
    force_eV_A: float


def check_radii(atoms: Atoms, radii_A: Sequence[float]) -> None:
    """Refuse radii that a cell cannot hold.

    Raises
    ------
    MlipsseError
        when a sphere of one of them would meet its own image, or nothing is left to move.
    """
    half_A = min(widths_A(atoms)) / 2
    largest = max(radii_A)
    if largest > half_A:
        raise MlipsseError(
            f"A radius of {largest:g} Å does not fit: the cell is {2 * half_A:.1f} Å wide, so that "
            f"surroundings of more than {half_A:.1f} Å meet their own images. Repeat the cell "
            "(--repeat), or choose smaller radii."
        )
    for centre in range(len(atoms)):
        if (_distances_A(atoms, centre) <= largest).all():
            raise MlipsseError(
                f"Within {largest:g} Å of atom {centre} lie all atoms of the cell: none is left to "
                "move. Choose smaller radii."
            )


def central_atoms(atoms: Atoms, per_element: int) -> list[int]:
    """Atoms of every element, the first in order, whose surroundings are looked at."""
    symbols = np.array(atoms.get_chemical_symbols())
    chosen = [np.flatnonzero(symbols == symbol)[:per_element] for symbol in dict.fromkeys(symbols)]
    return sorted(int(index) for some in chosen for index in some)


def heated(atoms: Atoms, calculator: Calculator, settings: LocalitySettings, *, seed: int) -> Atoms:
    """The crystal after the equilibration of all its atoms, with momenta."""
    moving = atoms.copy()
    moving.calc = calculator
    rng = np.random.default_rng(seed)
    MaxwellBoltzmannDistribution(moving, temperature_K=settings.temperature_K, rng=rng)
    dynamics = _langevin(moving, settings, rng)
    dynamics.run(round(settings.equilibration_ps * 1e3 / settings.timestep_fs))
    moving.calc = None
    return moving


def sample_outside(
    start: Atoms,
    calculator: Calculator,
    settings: LocalitySettings,
    *,
    centre: int,
    radius_A: float,
    seed: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[list[Atoms], np.ndarray]:
    """Configurations that differ beyond the radius alone, and the force on the centre in each.

    Parameters
    ----------
    start : of `heated`
    centre : number of the atom
    radius_A : up to which all atoms stay where they are in `start`

    Returns
    -------
    frames : without a calculator; each states centre and radius
    forces_eV_A : (samples, 3)
    """
    moving = start.copy()
    moving.calc = calculator
    moving.set_constraint(FixAtoms(np.flatnonzero(_distances_A(start, centre) <= radius_A)))
    rng = np.random.default_rng([seed, centre, round(1000 * radius_A)])
    dynamics = _langevin(moving, settings, rng)
    steps = max(1, round(settings.sample_every_fs / settings.timestep_fs))
    frames, forces = [], []
    for sample in range(settings.samples):
        progress(sample, settings.samples)
        dynamics.run(steps)
        forces.append(moving.get_forces(apply_constraint=False)[centre])
        frame = Atoms(moving.numbers, positions=moving.positions, cell=moving.cell, pbc=True)
        frame.info = {CENTRE: centre, RADIUS: radius_A}
        frames.append(frame)
    return frames, np.array(forces)


def locality_point(
    atoms: Atoms, centre: int, radius_A: float, forces_eV_A: np.ndarray
) -> LocalityPoint:
    """Spread of the forces on a centre, (samples, 3).

    Raises
    ------
    MlipsseError
        for fewer than two samples.
    """
    n = len(forces_eV_A)
    if n < 2:
        raise MlipsseError(
            f"Atom {centre} has {n} configurations at {radius_A:g} Å; a spread requires two."
        )
    parts = np.array([_spread(np.delete(forces_eV_A, k, axis=0)) for k in range(n)]) if n > 2 else 0
    return LocalityPoint(
        centre=centre,
        element=str(atoms.symbols[centre]),
        radius_A=radius_A,
        free_atoms=int((_distances_A(atoms, centre) > radius_A).sum()),
        samples=n,
        spread_eV_A=_spread(forces_eV_A),
        spread_std_eV_A=float(np.sqrt((n - 1) * np.var(parts))),
        force_eV_A=float(np.linalg.norm(forces_eV_A.mean(axis=0))),
    )


def _spread(forces_eV_A: np.ndarray) -> float:
    """Root mean square of components about their means, unbiased."""
    return float(np.sqrt(forces_eV_A.var(axis=0, ddof=1).mean()))


def _distances_A(atoms: Atoms, centre: int) -> np.ndarray:
    _, distances = get_distances(
        atoms.positions[[centre]], atoms.positions, cell=atoms.cell, pbc=True
    )
    return np.asarray(distances[0])


def _langevin(moving: Atoms, settings: LocalitySettings, rng: np.random.Generator) -> Langevin:
    return Langevin(
        moving,
        settings.timestep_fs * units.fs,
        temperature_K=settings.temperature_K,
        friction=settings.friction_per_ps / (1e3 * units.fs),
        rng=rng,
        fixcm=False,
    )
