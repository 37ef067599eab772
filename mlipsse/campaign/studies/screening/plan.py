"""A crystal to be screened: its mobile ions, the units that compute them, and what they give."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from mlipsse import keys
from mlipsse.campaign.engine.execution import Unit
from mlipsse.campaign.studies.screening.units import LandscapeSettings, landscape_units
from mlipsse.screening.landscape.crystals import Candidate
from mlipsse.screening.landscape.descriptors import IonLandscape
from mlipsse.screening.landscape.energies import DistinctIon, distinct_ions, landscape, turned
from mlipsse.screening.landscape.grid import LandscapeGrid, published_shape, symmetric_shape


@dataclass(frozen=True, eq=False)
class LandscapePlan:
    """What is computed of one crystal.

    Attributes
    ----------
    candidate : what it stands for
    crystal : all atoms
    shape : of the grid
    ions : mobile ions that symmetry does not bring to each other
    units : of work, by ion
    settings : of the screening
    """

    candidate: Candidate
    crystal: Atoms
    shape: tuple[int, int, int]
    ions: Sequence[DistinctIon]
    units: Sequence[Sequence[Unit]]
    settings: LandscapeSettings

    @property
    def name(self) -> str:
        """Of the crystal, its ordering included."""
        return str(self.crystal.info[keys.ORDERING])

    def read(self) -> "PlannedLandscapes":
        """The landscapes, once the units are done.

        Raises
        ------
        FileNotFoundError
            when a unit is not done.
        MlipsseError
            when no point of an ion could be computed.
        """
        ions: list[IonLandscape] = []
        numbers: list[int] = []
        points, failed, seconds = 0, 0, 0.0
        warnings: list[str] = []
        for one, units in zip(self.ions, self.units, strict=True):
            grid = LandscapeGrid(self.crystal, one.ion, self.shape, self.settings.closest_A)
            parts = [np.load(unit.output, allow_pickle=False) for unit in units]
            computed = np.concatenate([part["energies_eV"] for part in parts])
            points += len(computed)
            failed += int((~np.isfinite(computed)).sum())
            seconds += sum(float(part["seconds"]) for part in parts)
            own = landscape(grid, computed, float(parts[0]["site_eV"]))
            warnings += [f"Ion {one.ion}: {text}" for text in own.warnings]
            ions += [turned(own, alike, self.crystal) for alike in one.alike]
            numbers += [alike.ion for alike in one.alike]
        return PlannedLandscapes(ions, numbers, points, failed, seconds, warnings)


@dataclass(frozen=True, eq=False)
class PlannedLandscapes:
    """Landscapes of all mobile ions of a crystal.

    Attributes
    ----------
    ions, numbers : each, and the number of its atom in the crystal
    points, failed_points : energies computed, and those at which the potential failed
    seconds : of one worker
    warnings : of ions whose site is no minimum
    """

    ions: Sequence[IonLandscape]
    numbers: Sequence[int]
    points: int
    failed_points: int
    seconds: float
    warnings: Sequence[str]


def plan_landscapes(
    candidate: Candidate, crystal: Atoms, settings: LandscapeSettings, out: Path
) -> LandscapePlan:
    """The ions of a crystal and the units that compute their landscapes.

    Raises
    ------
    MlipsseError
        when the crystal has no such ion, or is not periodic in three directions.
    """
    shape = (
        symmetric_shape(crystal, settings.spacing_A)
        if settings.grid == "symmetric"
        else published_shape(crystal.cell.array, settings.spacing_A)
    )
    ions = distinct_ions(crystal, settings.mobile, shape)
    units = [list(landscape_units(crystal, one.ion, shape, settings, out)) for one in ions]
    return LandscapePlan(candidate, crystal, shape, ions, units, settings)
