"""Ranked orderings with their energies above the hull, and the tables of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from mlipsse.campaign.config.campaign import EnumerateConfig, RankConfig
from mlipsse.campaign.crystals.database import Row
from mlipsse.campaign.crystals.system import System, atoms_per_unit
from mlipsse.energetics.hull.energies import (
    ON_HULL_EV_ATOM,
    energy_above_hull,
    formation_energy,
    hull_phases,
)
from mlipsse.energetics.hull.simplex import mixture_text
from mlipsse.energetics.potentials.catalogue import find_potential
from mlipsse.energetics.relaxation.energies import BATCH_ATOMS
from mlipsse.energetics.relaxation.outcome import FAULTS, Fault, RelaxationSettings
from mlipsse.errors import MlipsseError

_UNIT_ATOMS = {"one by one": 160, "cpu": 4 * BATCH_ATOMS, "cuda": 100 * BATCH_ATOMS}
"""Atoms in a unit of work: enough to outweigh the loading of a model, at most minutes."""

SEARCH_UNIT = 8
"""Orderings in a unit of a search, whose rounds are small: several workers share one."""


ROUND_COLUMNS = (
    "composition", "supercell", "round", "proposed", "at_random", "converged",
    "model_error_meV_cell", "proposal_error_meV_cell", "lowest_eV_atom",
    "lowered_meV_atom", "new_lowest", "reason",
)  # fmt: skip
"""Of `search.csv`."""


@dataclass(frozen=True)
class Ranked:
    """An ordering with the results of the ranking.

    Attributes
    ----------
    steps : of its relaxation
    fault, reason : why it is left out, its kind and in words; None when it is not
    above_hull_eV_atom, formation_eV_atom : None when it is left out
    """

    row: Row
    steps: int
    fault: Fault | None = None
    reason: str | None = None
    above_hull_eV_atom: float | None = None
    formation_eV_atom: float | None = None


def units_of_work(
    rows: Sequence[Row], settings: RankConfig, potential: str, *, at_most: int | None = None
) -> Iterator[list[Row]]:
    """Cut rows into units of one composition and supercell: others do not change them.

    Parameters
    ----------
    at_most : rows in a unit
    """
    in_batches = find_potential(potential).in_batches
    unit_atoms = _UNIT_ATOMS[settings.device if in_batches else "one by one"]
    for _, group in groupby(rows, key=lambda row: (row.composition, row.values["supercell"])):
        several = list(group)
        size = settings.batch or max(1, unit_atoms // len(several[0].atoms))
        size = size if at_most is None else min(size, at_most)
        for first in range(0, len(several), size):
            yield several[first : first + size]


def relaxation_settings(config: RankConfig, *, mobile: str) -> RelaxationSettings:
    """What the config wants relaxed, and how far."""
    return RelaxationSettings(
        relaxed=config.relaxation,
        fmax_eV_A=config.max_force_eV_A,
        max_steps=config.max_steps,
        max_volume_factor=config.max_volume_factor,
        mobile=mobile,
    )


def relaxed_row(row: Row, answer: dict[str, Any]) -> Ranked:
    """An ordering with what its relaxation came to."""
    values = {**row.values, "energy_eV": answer["energy_eV"], "relaxed": answer["relaxed"]}
    return Ranked(Row(answer["atoms"], values), answer["steps"], answer["fault"], answer["reason"])


def with_hull(relaxed: Sequence[Ranked], config: EnumerateConfig) -> list[Ranked]:
    """The hull of all converged structures; all energies come from the one potential.

    Raises
    ------
    MlipsseError
        when every ordering of a composition was left out.
    """
    good = [entry for entry in relaxed if entry.reason is None]
    lowest = {
        formula: _one_of(formula, good, relaxed).row.atoms.symbols.formula.count()
        for formula in config.formulas
    }
    counts = [entry.row.atoms.symbols.formula.count() for entry in good]
    energies = np.array([entry.row.values["energy_eV"] for entry in good])
    above = energy_above_hull(counts, energies)
    corners = [lowest[formula] for formula in config.end_members]
    formed = formation_energy(counts, energies, end_members=corners) if corners else None
    place = {entry.row.name: index for index, entry in enumerate(good)}
    result = []
    for entry in relaxed:
        index = place.get(entry.row.name)
        if index is not None:
            hull = float(above[index])
            values = {**entry.row.values, "energy_above_hull_eV_atom": hull}
            formation = None if formed is None else float(formed[index])
            entry = Ranked(
                Row(entry.row.atoms, values),
                entry.steps,
                above_hull_eV_atom=hull,
                formation_eV_atom=formation,
            )
        result.append(entry)
    return result


def _one_of(formula: str, good: Sequence[Ranked], tried: Sequence[Ranked]) -> Ranked:
    for entry in good:
        if entry.row.composition == formula:
            return entry
    reasons = [entry.reason for entry in tried if entry.row.composition == formula]
    raise MlipsseError(
        f"No ordering of {formula} could be ranked ({len(reasons)} tried; the first: "
        f"{reasons[0]}). Raise rank.max_steps or rank.max_force_eV_A, or take another "
        "rank.foundation."
    )


def hull_row(entry: Ranked, coordinates: Mapping[str, float]) -> dict[str, Any]:
    """Row of `hull.csv`; `coordinates` are columns that locate the composition."""
    values = entry.row.values
    energy = values["energy_eV"]
    return {
        "composition": entry.row.composition,
        **coordinates,
        "ordering": entry.row.name,
        "energy_eV_atom": None if energy is None else energy / len(entry.row.atoms),
        "energy_above_hull_eV_atom": entry.above_hull_eV_atom,
        "formation_energy_eV_atom": entry.formation_eV_atom,
        "ewald_energy_eV": values["ewald_energy_eV"],
        "found": values.get("found", ""),
        "steps": entry.steps,
        "left_out": entry.reason or "",
    }


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
                "found": lowest.row.values.get("found", ""),
                "orderings": len(tried) - left_out,
                "left_out": left_out,
            }
        )
    return rows


def left_out_rows(ranked: Sequence[Ranked]) -> list[dict[str, Any]]:
    """Rows of `left_out.csv`: how many orderings were tried, kept, and left out for what."""
    groups: dict[tuple[str, str], list[Ranked]] = {}
    for entry in ranked:
        supercell = entry.row.values["supercell"].removeprefix("cell-")
        groups.setdefault((entry.row.composition, supercell), []).append(entry)
    return [
        {
            "composition": composition,
            "supercell": supercell,
            "tried": len(entries),
            "kept": sum(entry.fault is None for entry in entries),
            **{fault: sum(entry.fault == fault for entry in entries) for fault in FAULTS},
        }
        for (composition, supercell), entries in groups.items()
    ]
