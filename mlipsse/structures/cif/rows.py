"""The rows of a CIF's table of sites."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.structures.cif.species import Species, read_label, read_symbol
from mlipsse.structures.cif.text import CifBlock, Number, number, text

_AXES = ("x", "y", "z")
_ELEMENT_AMOUNT = re.compile(r"[A-Z][a-z]?(?:\d+\.?\d*|\.\d+)?")
_RUN_TOGETHER = re.compile(rf"(?:{_ELEMENT_AMOUNT.pattern}){{2,}}")
_MULTIPLICITY = (
    "_atom_site_site_symmetry_multiplicity",
    "_atom_site_symmetry_multiplicity",
)


@dataclass(frozen=True, eq=False)
class AtomRow:
    """One row of the table.

    Attributes
    ----------
    label : of the site, e.g. `Li1`
    species : what the row names, with shares of its occupancy
    occupancy : of the row
    position : (3,) float64, fractional, as written
    decimals : per coordinate, digits behind the point; None for a fraction
    multiplicity : of the site in the cell, as stated; None without it
    """

    label: str
    species: tuple[Species, ...]
    occupancy: Number
    position: np.ndarray
    decimals: tuple[int | None, ...]
    multiplicity: int | None

    @property
    def filled(self) -> float:
        """Occupancy by atoms: vacancies left out."""
        shares = sum(one.share for one in self.species if one.element is not None)
        return self.occupancy.value * shares

    def weighted(self, share: float) -> "AtomRow":
        """The row with its occupancy times a share."""
        occupancy = replace(self.occupancy, value=share * self.occupancy.value)
        return replace(self, occupancy=occupancy)


def read_rows(block: CifBlock) -> tuple[list[AtomRow], list[str]]:
    """Read the sites of a block, in its order, and what was passed over.

    Raises
    ------
    MlipsseError
        for a row without coordinates, of no element, of a group of atoms, with hydrogen that has
        no row of its own, or with a number that cannot be read; the sentence names the row.
    """
    rows = block.rows("_atom_site_fract_x")
    if not rows or any(f"_atom_site_fract_{axis}" not in rows[0] for axis in _AXES):
        raise MlipsseError(
            "it has no fractional coordinates (`_atom_site_fract_x`, `_y`, `_z`). Write the sites "
            "with fractional coordinates"
        )
    oxidations, known = _oxidations(block), _known_elements(block)
    notes: list[str] = []
    unknown_occupancies: list[str] = []
    isotopes: dict[str, str] = {}
    found = []
    for index, row in enumerate(rows):
        label = text(row.get("_atom_site_label", ".")) or text(
            row.get("_atom_site_type_symbol", ".")
        )
        label = label or f"row {index + 1}"
        if (text(row.get("_atom_site_calc_flag", ".")) or "").lower() == "dum":
            notes.append(f"{label} is a dummy atom and is left out.")
            continue
        species = _species(row, label, oxidations, known)
        isotopes.update({one.isotope: str(one.element) for one in species if one.isotope})
        written = row.get("_atom_site_occupancy", ".")
        if written == "?" and any(one.element is not None for one in species):
            unknown_occupancies.append(label)
        occupancy = _occupancy(written, label)
        coordinates = [_coordinate(row, axis, label) for axis in _AXES]
        _refuse_attached(row, label)
        if occupancy.value == 0:
            notes.append(f"{label} has an occupancy of 0 and is left out.")
            continue
        if written in (".", "?") and all(one.element is None for one in species):
            continue  # what the other rows leave of the site
        found.append(
            AtomRow(
                label,
                species,
                occupancy,
                np.array([one.value for one in coordinates]),
                tuple(one.decimals for one in coordinates),
                _multiplicity(row),
            )
        )
    if unknown_occupancies:
        notes.append(
            f"The occupancy of {', '.join(unknown_occupancies)} is `?` (not known) and is set to 1."
        )
    for isotope, element in isotopes.items():
        notes.append(f"{isotope} is read as {element}.")
    if not any(row.filled for row in found):
        raise MlipsseError("it has no atoms. Add rows to its table of sites")
    return _without_zero_states(found), notes


def _oxidations(block: CifBlock) -> dict[str, float]:
    """Oxidation number by type symbol."""
    found = {}
    for row in block.rows("_atom_type_oxidation_number"):
        symbol = text(row.get("_atom_type_symbol", "."))
        written = (text(row["_atom_type_oxidation_number"]) or "").removeprefix("+")
        state = number(re.sub(r"^(\d+)([+-])$", r"\2\1", written).removeprefix("+"))
        if symbol is not None and state is not None:
            found[symbol] = state.value
    return found


def _known_elements(block: CifBlock) -> set[str]:
    formula = parse_formula(block.value("_chemical_formula_sum") or "") or {}
    return set(formula)


def parse_formula(written: str) -> dict[str, float] | None:
    """Atoms per element of a formula such as `Li2 O H Cl`; None where it cannot be read."""
    found: dict[str, float] = {}
    tokens = written.replace("'", " ").split()
    if len(tokens) == 1 and _RUN_TOGETHER.fullmatch(tokens[0]):  # Li2OHCl
        tokens = [match[0] for match in _ELEMENT_AMOUNT.finditer(tokens[0])]
    for token in tokens:
        letters = token.rstrip("0123456789.,()/~")
        amount = number(token[len(letters) :] or "1")
        try:
            (species,) = read_symbol(letters)
        except (MlipsseError, ValueError):
            return None
        if amount is None or species.element is None or species.oxidation is not None:
            return None
        if amount.value > 0:
            found[species.element] = found.get(species.element, 0.0) + amount.value
    return found or None


def _species(
    row: Mapping[str, str], label: str, oxidations: Mapping[str, float], known: Collection[str]
) -> tuple[Species, ...]:
    symbol = text(row.get("_atom_site_type_symbol", "."))
    try:
        found = read_symbol(symbol) if symbol is not None else read_label(label, known)
    except MlipsseError as error:
        raise MlipsseError(f"its site {label} {error}") from error
    stated = oxidations.get(symbol or label)
    if len(found) == 1 and stated is not None:
        (one,) = found
        if one.oxidation is not None and one.oxidation != stated:
            raise MlipsseError(
                f"its site {label} has the type {symbol!r}, for which the file states the "
                f"oxidation number {stated:g}. Make them agree"
            )
        found = (replace(one, oxidation=stated),)
    return found


def _occupancy(written: str, label: str) -> Number:
    raw = text(written)
    if raw is None:  # the default of the CIF dictionary is 1
        return Number(1.0, None, 0.0)
    found = number(raw)
    if found is None or found.value < 0:
        raise MlipsseError(
            f"its site {label} has the occupancy {raw!r}. Write a number from 0 to 1 with a "
            "decimal point"
        )
    return found


def _coordinate(row: Mapping[str, str], axis: str, label: str) -> Number:
    raw = text(row[f"_atom_site_fract_{axis}"])
    if raw is None:
        raise MlipsseError(
            f"its site {label} has no coordinates (`?` or `.`). Add them, or remove the row"
        )
    found = number(raw)
    if found is None:
        raise MlipsseError(
            f"its site {label} has the coordinate {raw!r}. Write a number with a decimal point, or "
            "a fraction such as 1/3"
        )
    return found


def _multiplicity(row: Mapping[str, str]) -> int | None:
    for tag in _MULTIPLICITY:
        found = number(text(row.get(tag, ".")) or "")
        if found is not None and found.value >= 1:
            return round(found.value)
    return None


def _refuse_attached(row: Mapping[str, str], label: str) -> None:
    attached = number(text(row.get("_atom_site_attached_hydrogens", ".")) or "")
    if attached is not None and attached.value > 0:
        raise MlipsseError(
            f"its site {label} has {attached.value:g} attached hydrogen (H) without coordinates. "
            "Give the hydrogen rows of its own; or set `_atom_site_attached_hydrogens` to 0 and "
            "take H out of `_chemical_formula_sum` to leave it out"
        )


def _without_zero_states(rows: list[AtomRow]) -> list[AtomRow]:
    """Programs write 0 for every species where they know no oxidation states."""
    if any(one.oxidation for row in rows for one in row.species):
        return rows
    return [
        replace(row, species=tuple(replace(one, oxidation=None) for one in row.species))
        for row in rows
    ]
