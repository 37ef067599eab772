"""The compositions of a campaign between its end members: coordinates, diagram, table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from mlipsse.campaign.config.campaign import EnumerateConfig
from mlipsse.campaign.stages.rank.ranking import Ranked
from mlipsse.energetics.hull.energies import ON_HULL_EV_ATOM, formation_energy, hull_phases
from mlipsse.energetics.hull.simplex import check_independent, mixture_text, simplex_coordinates
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
        """Columns of a table that locate a composition: `x_Li3InCl6` and so on."""
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
        return System(
            (), {}, None, "Without end members there are no formation energies and no diagram."
        )
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
    note = "" if diagram else f"A diagram requires 2 or 3 end members, not {len(names)}."
    return System(names, coordinates, diagram, note)


def _floats(amounts: Mapping[str, Fraction]) -> dict[str, float]:
    return {name: float(amount) for name, amount in amounts.items()}


def atoms_per_unit(formula: str) -> float:
    """Atoms in the formula unit as the config writes it."""
    return float(sum(parse_formula(formula).values()))


def composition_rows(
    ranked: Sequence[Ranked], config: EnumerateConfig, system: System
) -> list[dict[str, Any]]:
    """Rows of `compositions.csv`: the lowest ordering of each composition, and what it decays to.

    The decomposition is per formula unit of the composition, in formula units of the phases, both
    as the config writes them; a stable composition decays to itself.
    """
    good = [entry for entry in ranked if entry.reason is None]
    counts = [entry.row.atoms.symbols.formula.count() for entry in good]
    energies_eV = np.array([entry.row.values["energy_eV"] for entry in good])
    names = [entry.row.composition for entry in good]
    phases = hull_phases(counts, energies_eV)
    rows = []
    for formula in config.formulas:
        phase = next(p for p in phases if any(names[i] == formula for i in p.structures))
        lowest = good[next(i for i in phase.structures if names[i] == formula)]
        above = lowest.above_hull_eV_atom
        stable = above is not None and above <= ON_HULL_EV_ATOM
        mixture = {names[i]: share for i, share in phase.mixture.items()}
        amounts = {
            name: mixture[name] * atoms_per_unit(formula) / atoms_per_unit(name)
            for name in config.formulas
            if name in mixture
        }
        tried = [entry for entry in ranked if entry.row.composition == formula]
        left_out = sum(entry.reason is not None for entry in tried)
        rows.append(
            {
                "composition": formula,
                **system.columns(formula),
                "energy_above_hull_eV_atom": above,
                "formation_energy_eV_atom": lowest.formation_eV_atom,
                "stable": "yes" if stable else "no",
                "decomposition": formula if stable else mixture_text(amounts),
                "lowest_ordering": lowest.row.name,
                "orderings": len(tried) - left_out,
                "left_out": left_out,
            }
        )
    return rows
