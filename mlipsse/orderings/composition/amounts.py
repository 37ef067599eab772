"""A formula laid onto a host: how many of each species on each sublattice, and is it neutral."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from mlipsse.errors import MlipsseError
from mlipsse.orderings.cell.supercell import Supercell
from mlipsse.orderings.host.formula import parse_formula, write_number
from mlipsse.orderings.host.model import VACANCY, Host, Sublattice, families
from mlipsse.orderings.host.oxidation_states import MIXED_VALENCE, likely_states


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
                " A rounded number (0.33) is taken literally; write three decimals (0.333) for "
                "one third."
                if self.cells_needed > 16
                else ""
            )
            from mlipsse.orderings.composition.neutral import nearest_formula

            offered = nearest_formula(self.formula, supercell.host, [supercell.n_cells])
            nearest = f" The nearest possible formula is {offered.formula}." if offered else ""
            if offered and parse_formula(offered.formula) == parse_formula(self.formula):
                # It is the fixed amounts that are not whole.
                nearest = f" {self.formula} would fit with other `occupations`."
            raise MlipsseError(
                f"{self.formula} cannot be realised in {supercell.name}: it needs "
                f"{', '.join(broken)}. The smallest supercells that can: {able}.{rounded}{nearest}"
            )
        return tuple(
            tuple(int(count * supercell.n_cells) for count in row) for row in self.per_cell
        )


def smallest_supercells(composition: Composition) -> list[tuple[int, int, int]]:
    """Repeats (na, nb, nc) of least volume that realise the composition: the six most even."""
    n_cells = composition.cells_needed
    divisors = [k for k in range(1, n_cells + 1) if n_cells % k == 0]
    factors = [
        (na, nb, n_cells // (na * nb))
        for na in divisors
        for nb in divisors
        if n_cells % (na * nb) == 0
    ]
    return sorted(factors, key=lambda triple: (max(triple), triple))[:6]


def parse_composition(
    formula: str, host: Host, *, cells: Sequence[int] | None = None
) -> Composition:
    """Lay a formula such as ``Li3In0.5Y0.5Br3Cl3`` onto a host.

    The sublattices without vacancies fix how many formula units a cell holds; a sublattice with
    vacancies takes what the formula gives and leaves the rest empty. Sublattices of fixed amounts
    come first, those that share species with them take what is left. `parse_formula` states how
    numbers are read.

    Parameters
    ----------
    cells : numbers of cells whose whole contents a refusal may offer instead

    Raises
    ------
    MlipsseError
        for a formula that cannot be parsed, species the host lacks, sublattices that the formula
        does not fill or overfills, and a charge that is not zero.
    """
    amounts = parse_formula(formula)
    _check_species(formula, amounts, host)
    _check_neutrality(formula, amounts, host, cells)
    units = _units_per_cell(formula, amounts, host)
    left = {name: units * amount for name, amount in amounts.items()}
    for sublattice in host.sublattices:
        for name, count in zip(sublattice.species, sublattice.fixed, strict=False):
            if name != VACANCY:
                left[name] = left.get(name, Fraction(0)) - count
    _check_fixed(formula, left, host)
    rows = []
    for sublattice in host.sublattices:
        if sublattice.fixed:
            rows.append(sublattice.fixed)
            continue
        atoms = [left.get(name, Fraction(0)) for name in sublattice.species if name != VACANCY]
        empty = len(sublattice.sites) - sum(atoms, Fraction(0))
        if empty < 0:
            raise MlipsseError(
                f"{formula} puts {float(sum(atoms)):g} {sublattice.name} into a cell of "
                f"{host.name}, which has {len(sublattice.sites)} sites for it: at most "
                f"{float(len(sublattice.sites) / units):.4g} per formula unit."
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
    full = [family for family in families(host) if all(part.full for part in family)]
    if not full:
        raise MlipsseError(
            f"Every sublattice of {host.name} may hold vacancies, so the number of formula units "
            "per cell is undetermined. Remove `vacancy` from one of them in `substitutions`."
        )
    sites = [sum(len(part.sites) for part in family) for family in full]
    species = [sorted({name for part in family for name in part.species}) for family in full]
    given = [sum((amounts.get(n, Fraction(0)) for n in names), Fraction(0)) for names in species]
    units = {count / amount for count, amount in zip(sites, given, strict=True) if amount}
    if len(units) != 1 or not all(given):
        names = [name for group in species for name in group if name in amounts]
        wanted = ", ".join(
            f"{n} {'/'.join(group)}" for n, group in zip(sites, species, strict=True)
        )
        held = ", ".join(f"{float(amounts[name]):g} {name}" for name in names)
        raise MlipsseError(
            f"{formula} does not fill the framework of {host.name}: a cell has sites for "
            f"{wanted}, and the formula gives {held or 'none'}, in another ratio. Change the "
            "formula, or allow other species on the sites with `substitutions`."
        )
    return units.pop()


def _check_fixed(formula: str, left: Mapping[str, Fraction], host: Host) -> None:
    """What fixed amounts leave of every species must have sites, and not be less than none."""
    free = {name for part in host.sublattices if not part.fixed for name in part.species}
    for name, count in left.items():
        if count < 0 or (count and name not in free):
            fixed = sum(
                (
                    n
                    for part in host.sublattices
                    for other, n in zip(part.species, part.fixed, strict=False)
                    if other == name
                ),
                Fraction(0),
            )
            raise MlipsseError(
                f"{formula} puts {float(count + fixed):g} {name} into a cell of {host.name}, where "
                f"`occupations` fixes {float(fixed):g}"
                + (". " if count < 0 else " and leaves no site for others. ")
                + "Change the formula or `occupations`."
            )


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
                f"{formula} puts {float(count):g} {name} into a cell of {host.name}, where "
                f"{sites} sites may hold it and {least} hold nothing else. Change the formula, or "
                "the allowed species (`substitutions`)."
            )


def _check_species(formula: str, amounts: Mapping[str, Fraction], host: Host) -> None:
    foreign = [name for name in amounts if name not in host.species]
    if foreign:
        raise MlipsseError(
            f"{formula} holds {', '.join(foreign)}, but {host.name} has sites only for "
            f"{', '.join(host.species)}. Change the formula, or allow the element with "
            "`substitutions`."
        )


def _check_neutrality(
    formula: str, amounts: Mapping[str, Fraction], host: Host, cells: Sequence[int] | None
) -> None:
    terms = {name: amount * host.charges[name] for name, amount in amounts.items()}
    total = sum(terms.values(), Fraction(0))
    if total:
        parts = ", ".join(
            f"{name} {float(amounts[name]):g} x {float(host.charges[name]):+g} = {float(term):+g}"
            for name, term in terms.items()
        )
        raise MlipsseError(
            f"{formula} is not charge neutral: {float(total):+.4g} per formula unit ({parts}). "
            f"{_other_charge(formula, total, host)}{_offer(formula, host, cells)}Change the "
            "formula or the formal `charges`."
        )


def _other_charge(formula: str, total: Fraction, host: Host) -> str:
    """The charge of a species of mixed valence that would make it neutral, as a sentence."""
    for name, amount in parse_formula(formula).items():
        states = likely_states(name) if name in MIXED_VALENCE else {}
        charge = Fraction(host.charges[name]) - total / amount
        if states and min(states) <= charge <= max(states):
            return f"{formula} is neutral with `charges: {{{name}: {write_number(charge)}}}`. "
    return ""


def _offer(formula: str, host: Host, cells: Sequence[int] | None) -> str:
    """The nearest neutral formula, as a sentence; empty where there is none."""
    from mlipsse.orderings.composition.neutral import nearest_formula

    offered = nearest_formula(formula, host, cells)
    if offered is None:
        return ""
    cell = "one cell" if offered.n_cells == 1 else f"{offered.n_cells} cells"
    return f"The nearest neutral formula that {cell} can hold is {offered.formula}. "
