"""A crystal as its file states it: every site of the cell, and how much of what sits there."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Occupant:
    """One species on a site.

    Attributes
    ----------
    element : symbol; deuterium is H
    occupancy : share of the site that it fills, 0 to 1
    oxidation : oxidation state that the file states for it, elementary charges; None where the
        file states none
    """

    element: str
    occupancy: float
    oxidation: float | None = None


@dataclass(frozen=True)
class CrystalSite:
    """A site of the cell; one element may occupy it in several oxidation states.

    Attributes
    ----------
    label : of the file's row, e.g. `Li1`; the first one of a mixed site
    occupants : what sits there, at least one
    labels : of all rows of the file that describe this site
    """

    label: str
    occupants: tuple[Occupant, ...]
    labels: tuple[str, ...] = ()

    @property
    def amounts(self) -> dict[str, float]:
        """Occupancy per element, the oxidation states of one element added up."""
        found: dict[str, float] = {}
        for occupant in self.occupants:
            found[occupant.element] = found.get(occupant.element, 0.0) + occupant.occupancy
        return found

    @property
    def occupancy(self) -> float:
        """Share of the site that is filled."""
        return sum(occupant.occupancy for occupant in self.occupants)


@dataclass(frozen=True, eq=False)
class Crystal:
    """What `read_crystal` returns.

    Attributes
    ----------
    name : the file's name
    cell : (3, 3) float64, rows are the lattice vectors, Å
    scaled_positions : (n_sites, 3) float64, fractional, in [0, 1)
    sites : what sits on each of them
    symbol : the space group as the file writes it; None where it states none
    number : of the space group, as the file states it
    setting : of the space group in which the sites were laid out; "" for a POSCAR
    setting_number : of its space group; 0 for a POSCAR
    n_operations : of that setting, centrings counted
    notes : what the reading decided or repaired, one sentence each
    """

    name: str
    cell: np.ndarray
    scaled_positions: np.ndarray
    sites: tuple[CrystalSite, ...]
    symbol: str | None = None
    number: int | None = None
    setting: str = ""
    setting_number: int = 0
    n_operations: int = 1
    notes: tuple[str, ...] = ()

    @property
    def content(self) -> dict[str, float]:
        """Atoms per cell of every element, by name."""
        found: dict[str, float] = {}
        for site in self.sites:
            for element, amount in site.amounts.items():
                found[element] = found.get(element, 0.0) + amount
        return dict(sorted(found.items()))

    @property
    def oxidation_states(self) -> Mapping[str, Mapping[float, float]]:
        """Per element, atoms per cell in each oxidation state that the file states.

        Elements without a stated one are left out, also those that state one on some sites only.
        """
        found: dict[str, dict[float, float]] = {}
        unknown = set()
        for site in self.sites:
            for occupant in site.occupants:
                if occupant.oxidation is None:
                    unknown.add(occupant.element)
                    continue
                states = found.setdefault(occupant.element, {})
                states[occupant.oxidation] = (
                    states.get(occupant.oxidation, 0.0) + occupant.occupancy
                )
        return {name: states for name, states in sorted(found.items()) if name not in unknown}
