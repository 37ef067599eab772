"""A formula laid onto a host: how many of each species on each sublattice, and is it neutral."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from mlipsse.errors import MlipsseError
from mlipsse.orderings.formula import parse_formula
from mlipsse.orderings.host import Host
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
    """

    formula: str
    per_cell: tuple[tuple[Fraction, ...], ...]
    species: tuple[tuple[str, ...], ...]

    @cached_property
    def cells_needed(self) -> int:
        """Smallest number of host cells that makes every count whole."""
        return math.lcm(*(count.denominator for row in self.per_cell for count in row))

    def site_counts(self, supercell: Supercell) -> tuple[tuple[int, ...], ...]:
        """Atoms (and vacancies) of every species per sublattice of the supercell.

        Raises
        ------
        MlipsseError
            when a count is not whole; the sentence names the supercells that can.
        """
        if supercell.n_cells % self.cells_needed:
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

    The framework fixes how many formula units a cell holds; `parse_formula` says how numbers are
    read.

    Raises
    ------
    MlipsseError
        for a formula that cannot be parsed, species the host lacks, a framework that the formula
        does not fill, more mobile ions than sites, and a charge that is not zero.
    """
    amounts = parse_formula(formula)
    _check_species(formula, amounts, host)
    _check_neutrality(formula, amounts, host)
    sites = sum(len(sublattice.sites) for sublattice in host.sublattices[1:])
    framework = {name: n for name, n in amounts.items() if name != host.mobile.name}
    if not framework:
        raise _does_not_fill(formula, framework, host)
    units = sites / sum(framework.values(), Fraction(0))
    ions, mobile_sites = units * amounts.get(host.mobile.name, 0), len(host.mobile.sites)
    if ions > mobile_sites:
        raise MlipsseError(
            f"{formula} puts {float(ions):g} {host.mobile.name} into a cell of {host.name}, "
            f"which has {mobile_sites} sites for it."
        )
    rows = [(ions, mobile_sites - ions), *_framework_rows(formula, framework, units, host)]
    return Composition(
        formula=formula,
        per_cell=tuple(rows),
        species=tuple(sublattice.species for sublattice in host.sublattices),
    )


def _framework_rows(
    formula: str, framework: Mapping[str, Fraction], units: Fraction, host: Host
) -> list[tuple[Fraction, ...]]:
    """Atoms per host cell of every species, per framework sublattice."""
    left = {name: amount * units for name, amount in framework.items()}
    variable = [s for s in host.sublattices[1:] if len(s.species) > 1]
    for fixed in (s for s in host.sublattices[1:] if len(s.species) == 1):
        left[fixed.species[0]] = left.get(fixed.species[0], Fraction(0)) - len(fixed.sites)
    rows: list[tuple[Fraction, ...]] = []
    for sublattice in host.sublattices[1:]:
        if sublattice not in variable:
            rows.append((Fraction(len(sublattice.sites)),))
            continue
        for name in sublattice.species:
            if left.get(name) and sum(name in other.species for other in variable) > 1:
                raise MlipsseError(
                    f"{name} may sit on several sublattices of {host.name}, so {formula} does not "
                    "say how many go where. Give the sublattices species that differ."
                )
        row = tuple(left.pop(name, Fraction(0)) for name in sublattice.species)
        if sum(row) != len(sublattice.sites) or min(row) < 0:
            raise _does_not_fill(formula, framework, host)
        rows.append(row)
    if any(left.values()):
        raise _does_not_fill(formula, framework, host)
    return rows


def _does_not_fill(formula: str, framework: Mapping[str, Fraction], host: Host) -> MlipsseError:
    sites = ", ".join(f"{len(s.sites)} {s.name}" for s in host.sublattices[1:])
    given = ", ".join(f"{float(amount):g} {name}" for name, amount in framework.items())
    return MlipsseError(
        f"{formula} does not fill the framework of {host.name}: a cell has sites for {sites}, and "
        f"the formula gives {given or 'none'}, in another ratio. Change the formula, or let other "
        "species onto the sites with `substitutions`."
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


def mean_charges(composition: Composition, host: Host) -> tuple[float, ...]:
    """Mean formal charge of a site of every sublattice, elementary charges."""
    return tuple(
        float(sum(count * host.charges[name] for count, name in zip(row, names, strict=True)))
        / len(sublattice.sites)
        for row, names, sublattice in zip(
            composition.per_cell, composition.species, host.sublattices, strict=True
        )
    )
