"""A formula laid onto a host: how many of each species on each sublattice, and is it neutral."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from mlipsse.errors import MlipsseError
from mlipsse.orderings.formula import parse_formula
from mlipsse.orderings.host import VACANCY, Host, Sublattice
from mlipsse.orderings.supercell import Supercell


@dataclass(frozen=True)
class Composition:
    """A formula on a host.

    Attributes
    ----------
    formula : as the user wrote it
    per_cell : atoms per cell of the host, one row per sublattice in the order of
        `Host.sublattices`, one entry per species in the order of `Sublattice.species`
    species : the rows' species
    units_per_cell : formula units in a cell of the host
    """

    formula: str
    per_cell: tuple[tuple[Fraction, ...], ...]
    species: tuple[tuple[str, ...], ...]
    units_per_cell: Fraction = Fraction(1)

    @cached_property
    def cells_needed(self) -> int:
        """Smallest number of host cells that makes every count whole."""
        return math.lcm(*(count.denominator for row in self.per_cell for count in row))

    def fits(self, supercell: Supercell) -> bool:
        """Whether every count is whole in a supercell."""
        return supercell.n_cells % self.cells_needed == 0

    def site_counts(self, supercell: Supercell) -> tuple[tuple[int, ...], ...]:
        """Atoms (and vacancies) of every species per sublattice of the supercell.

        Raises
        ------
        MlipsseError
            when a count is not whole; the sentence names the supercells that can.
        """
        if not self.fits(supercell):
            broken = [
                f"{float(count * supercell.n_cells):g} {name}"
                for row, names in zip(self.per_cell, self.species, strict=True)
                for count, name in zip(row, names, strict=True)
                if (count * supercell.n_cells).denominator > 1
            ]
            able = ", ".join("x".join(map(str, factors)) for factors in smallest_supercells(self))
            rounded = (
                " A rounded number (0.33) is taken as written; give three decimals (0.333) for "
                "one third."
                if self.cells_needed > 16
                else ""
            )
            raise MlipsseError(
                f"{self.formula} cannot be realised in {supercell.name}: it needs "
                f"{', '.join(broken)}. The smallest supercells that can: {able}.{rounded}"
            )
        return tuple(
            tuple(int(count * supercell.n_cells) for count in row) for row in self.per_cell
        )


def smallest_supercells(
    composition: Composition, *, at_most: int = 6
) -> list[tuple[int, int, int]]:
    """Repeats (na, nb, nc) of the least volume that realise the composition, most even first."""
    n_cells = composition.cells_needed
    divisors = [k for k in range(1, n_cells + 1) if n_cells % k == 0]
    factors = [
        (na, nb, n_cells // (na * nb))
        for na in divisors
        for nb in divisors
        if n_cells % (na * nb) == 0
    ]
    return sorted(factors, key=lambda triple: (max(triple), triple))[:at_most]


def parse_composition(formula: str, host: Host) -> Composition:
    """Lay a formula such as ``Li3In0.5Y0.5Br3Cl3`` onto a host.

    The sublattices without vacancies fix how many formula units a cell holds; a sublattice with
    vacancies takes what the formula gives and leaves the rest empty. `parse_formula` says how
    numbers are read.

    Raises
    ------
    MlipsseError
        for a formula that cannot be parsed, species the host lacks, sublattices that the formula
        does not fill or overfills, and a charge that is not zero.
    """
    amounts = parse_formula(formula)
    _check_species(formula, amounts, host)
    _check_neutrality(formula, amounts, host)
    units = _units_per_cell(formula, amounts, host)
    rows = []
    for sublattice in host.sublattices:
        atoms = [
            units * amounts.get(name, Fraction(0)) for name in sublattice.species if name != VACANCY
        ]
        empty = len(sublattice.sites) - sum(atoms, Fraction(0))
        if empty < 0:
            raise MlipsseError(
                f"{formula} puts {float(sum(atoms)):g} {sublattice.name} into a cell of "
                f"{host.name}, which has {len(sublattice.sites)} sites for it."
            )
        row = tuple(atoms) if sublattice.full else (*atoms, empty)
        _check_restricted_sites(formula, row, sublattice, host)
        rows.append(row)
    return Composition(
        formula=formula,
        per_cell=tuple(rows),
        species=tuple(sublattice.species for sublattice in host.sublattices),
        units_per_cell=units,
    )


def _units_per_cell(formula: str, amounts: Mapping[str, Fraction], host: Host) -> Fraction:
    """Formula units in a cell of the host, from the sublattices that are always full."""
    full = [sublattice for sublattice in host.sublattices if sublattice.full]
    if not full:
        raise MlipsseError(
            f"Every sublattice of {host.name} may hold vacancies, so nothing says how many formula "
            "units a cell holds. Fill one of them: give its sites species without `vacancy` in "
            "`substitutions`."
        )
    given = [sum((amounts.get(n, Fraction(0)) for n in s.species), Fraction(0)) for s in full]
    units = {len(s.sites) / amount for s, amount in zip(full, given, strict=True) if amount}
    if len(units) != 1 or not all(given):
        names = [name for sublattice in full for name in sublattice.species if name in amounts]
        sites = ", ".join(f"{len(s.sites)} {s.name}" for s in full)
        held = ", ".join(f"{float(amounts[name]):g} {name}" for name in names)
        raise MlipsseError(
            f"{formula} does not fill the framework of {host.name}: a cell has sites for {sites}, "
            f"and the formula gives {held or 'none'}, in another ratio. Change the formula, or let "
            "other species onto the sites with `substitutions`."
        )
    return units.pop()


def _check_restricted_sites(
    formula: str, row: tuple[Fraction, ...], sublattice: Sublattice, host: Host
) -> None:
    """Sites that can hold one species only must get it, and no species more than its sites."""
    alone = sublattice.allowed_mask.sum(axis=1) == 1
    for index, (name, count) in enumerate(zip(sublattice.species, row, strict=True)):
        sites = int(sublattice.allowed_mask[:, index].sum())
        least = int(sublattice.allowed_mask[alone, index].sum())
        if not least <= count <= sites:
            raise MlipsseError(
                f"{formula} puts {float(count):g} {name} into a cell of {host.name}, where {sites} "
                f"sites may hold it and {least} hold nothing else. Change the formula, or what may "
                "sit there (`substitutions`)."
            )


def _check_species(formula: str, amounts: Mapping[str, Fraction], host: Host) -> None:
    foreign = [name for name in amounts if name not in host.species]
    if foreign:
        raise MlipsseError(
            f"{formula} holds {', '.join(foreign)}, but {host.name} has sites only for "
            f"{', '.join(host.species)}. Change the formula, or let it in with `substitutions`."
        )


def _check_neutrality(formula: str, amounts: Mapping[str, Fraction], host: Host) -> None:
    terms = {name: amount * host.charges[name] for name, amount in amounts.items()}
    total = sum(terms.values())
    if total:
        parts = ", ".join(
            f"{name} {float(amounts[name]):g} x {host.charges[name]:+d} = {float(term):+g}"
            for name, term in terms.items()
        )
        raise MlipsseError(
            f"{formula} is not charge neutral: {float(total):+g} per formula unit ({parts}). "
            "Change the formula or the formal `charges`."
        )
