"""The compositions of a campaign between its end members: coordinates and diagram."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np

from mlipsse.campaign.config.campaign import EnumerateConfig
from mlipsse.energetics.hull.energies import formation_energy
from mlipsse.energetics.hull.simplex import check_independent, simplex_coordinates
from mlipsse.errors import MlipsseError
from mlipsse.orderings.host.formula import parse_formula

Diagram = Literal["formation", "ternary"]


@dataclass(frozen=True)
class System:
    """What the end members of a campaign span.

    Attributes
    ----------
    end_members : formulas, as in the config
    coordinates : formula of every composition -> mole fractions of the end members' formula units;
        empty when the end members have none to give
    diagram : the figure that shows the system: formation energy over a line, or a triangle
    note : why there is no diagram, or no coordinates; empty when there is
    """

    end_members: tuple[str, ...]
    coordinates: Mapping[str, tuple[Fraction, ...]]
    diagram: Diagram | None
    note: str

    def columns(self, formula: str) -> dict[str, float]:
        """Columns of a table that say where a composition lies: `x_Li3InCl6` and so on."""
        if not self.coordinates:
            return {}
        pairs = zip(self.end_members, self.coordinates[formula], strict=True)
        return {f"x_{name}": float(value) for name, value in pairs}


def system_of(config: EnumerateConfig) -> System:
    """The system that a config's end members span.

    Raises
    ------
    MlipsseError
        when a composition is no mixture of the end members.
    """
    names = tuple(config.end_members)
    members = [parse_formula(name) for name in names]
    if not members:
        return System((), {}, None, "No end members were given: no formation energies, no diagram.")
    compositions = {formula: parse_formula(formula) for formula in config.formulas}
    try:
        check_independent(members)
    except MlipsseError as error:
        # Not unique, but there may be a mixture all the same; energies do not matter for that.
        amounts = [_floats(amounts) for amounts in compositions.values()]
        corners = [_floats(member) for member in members]
        formation_energy(amounts, np.zeros(len(amounts)), end_members=corners)
        return System(names, {}, None, str(error))
    coordinates = {f: simplex_coordinates(amounts, members) for f, amounts in compositions.items()}
    diagrams: dict[int, Diagram] = {2: "formation", 3: "ternary"}
    diagram = diagrams.get(len(names))
    note = "" if diagram else f"There is no diagram of {len(names)} end members, only of 2 or 3."
    return System(names, coordinates, diagram, note)


def _floats(amounts: Mapping[str, Fraction]) -> dict[str, float]:
    return {name: float(amount) for name, amount in amounts.items()}


def atoms_per_unit(formula: str) -> float:
    """Atoms in the formula unit as the config writes it."""
    return float(sum(parse_formula(formula).values()))
