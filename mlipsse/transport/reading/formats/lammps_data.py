"""LAMMPS data files as topologies: which atom is which element, in every common atom style.

MDAnalysis' parser takes `full` unless it is given another style, and no elements (2.11).
"""

import re
from collections import Counter
from collections.abc import Sequence
from io import BufferedReader
from pathlib import Path

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.reading.source.file_bytes import TornStream, head

_TYPE_PLACE = {
    **dict.fromkeys(
        ("atomic", "charge", "dipole", "sphere", "ellipsoid", "electron", "dpd", "edpd", "mdpd",
         "tdpd", "sph", "spin", "peri", "body", "bpm/sphere", "amoeba", "rheo"),
        1,
    ),
    **dict.fromkeys(("angle", "bond", "molecular", "full", "template", "line", "tri"), 2),
}  # fmt: skip
"""Column of the type, by atom style (LAMMPS manual, read_data)."""

_WIDTHS = {
    "atomic": (5, 8),
    "charge": (6, 9),
    "molecular": (6, 9),
    "full": (7, 10),
}
"""Columns without and with image flags."""

MASS_TOLERANCE = 0.02
"""Relative difference of a mass from its element's: files round, and some take pure isotopes."""

_SECTION = re.compile(r"^[A-Z][A-Za-z]*(?: [A-Z][A-Za-z]*)*$")


def is_lammps_data(path: Path) -> bool:
    """Whether a file begins as a LAMMPS data file does."""
    lines = head(path, 4096).decode(errors="replace").splitlines()[1:]
    return any(re.match(r"\s*\d+\s+atoms\b", line) for line in lines) and any(
        re.match(r"\s*\d+\s+atom types\b", line) for line in lines
    )


def read_lammps_species(path: Path, species: Sequence[str] | None) -> tuple[str, ...]:
    """The element of each atom, by rising id, as LAMMPS sorts its dumps.

    Elements of types are those that are given, else those of type labels or of the comments and
    masses in the section Masses.

    Raises
    ------
    MlipsseError
        when rows are damaged or share an id, when the atom style is not named and the columns
        leave it open, when the elements are not known, when what is known of them disagrees, or
        when those given are in another order than the masses of the same elements.
    """
    sections, n_atoms, n_types = _sections(path)
    atoms = next((name for name in sections if name.split("#")[0].strip() == "Atoms"), None)
    if atoms is None:
        raise MlipsseError(f"{path} has no section Atoms.")
    rows = [line.split("#")[0].split() for line in sections[atoms]]
    rows = [row for row in rows if row]
    if len(rows) != n_atoms:
        raise MlipsseError(f"{path} has {len(rows)} rows of atoms, but its head names {n_atoms}.")
    damaged = next((row for row in rows if len(row) < 5 or not row[0].isdigit()), None)
    if damaged is not None:
        raise MlipsseError(
            f"{path} has the row {' '.join(damaged)!r} among its atoms, which is no id, type and "
            "place: write the file again."
        )
    if len({int(row[0]) for row in rows}) < len(rows):
        raise MlipsseError(f"{path} gives two atoms one id: write the file again, with own ids.")
    labels = _labels(sections)
    place = _type_place(path, atoms, rows, n_types, labels)
    types = [labels.get(row[place], row[place]) for row in rows]
    if not all(word.isdigit() and 1 <= int(word) <= n_types for word in types):
        raise MlipsseError(
            f"{path} has types beyond 1 to {n_types} in column {place + 1} of its atoms: name the "
            "atom style behind the section's name, e.g. `Atoms # charge`."
        )
    elements = _elements(path, sections, species, n_types, {n: w for w, n in labels.items()})
    order = np.argsort([int(row[0]) for row in rows], kind="stable")
    return tuple(elements[int(types[row]) - 1] for row in order)


def read_lammps_types(path: Path, species: Sequence[str] | None = None) -> tuple[str, ...]:
    """The element of each type: those that are given, else of the section Masses or type labels.

    Raises
    ------
    MlipsseError
        as `read_lammps_species`.
    """
    sections, _, n_types = _sections(path)
    labels = {number: word for word, number in _labels(sections).items()}
    return tuple(_elements(path, sections, species, n_types, labels))


def _sections(path: Path) -> tuple[dict[str, list[str]], int, int]:
    """Lines of each section by its name, with the numbers of atoms and types."""
    found: dict[str, list[str]] = {"": []}
    name = ""
    with BufferedReader(TornStream(path)) as stream:
        stream.readline()  # a comment
        for raw in stream:
            line = raw.decode(errors="replace").strip()
            if _SECTION.match(line.split("#")[0].strip()) and not line[0].isdigit():
                name = line
                found[name] = []
            elif line:
                found[name].append(line)
    numbers = {
        what: next(
            (int(m[1]) for line in found[""] if (m := re.match(rf"(\d+)\s+{what}\b", line))), 0
        )
        for what in ("atoms", "atom types")
    }
    if not all(numbers.values()):
        raise MlipsseError(
            f"{path} is not a LAMMPS data file: it states no number of atoms or types."
        )
    return found, numbers["atoms"], numbers["atom types"]


def _labels(sections: dict[str, list[str]]) -> dict[str, str]:
    """Type by label, of the section Atom Type Labels."""
    rows = (line.split("#")[0].split() for line in sections.get("Atom Type Labels", ()))
    return {row[1]: row[0] for row in rows if len(row) == 2}


def _type_place(
    path: Path, name: str, rows: list[list[str]], n_types: int, labels: dict[str, str]
) -> int:
    """Column of the type: by the atom style that is named, else by what the columns allow."""
    style = name.partition("#")[2].strip().split(" ")[0]
    if style:
        if style not in _TYPE_PLACE:
            raise MlipsseError(
                f"{path} has the atom style {style}, which is not known: {', '.join(_TYPE_PLACE)}."
            )
        return _TYPE_PLACE[style]
    width = len(rows[0])
    open_styles = [style for style, widths in _WIDTHS.items() if width in widths]

    def allowed(style: str) -> bool:
        place = _TYPE_PLACE[style]
        words = {row[place] for row in rows}
        if not all(
            word in labels or (word.isdigit() and 1 <= int(word) <= n_types) for word in words
        ):
            return False
        if style == "charge":  # one charge for each type, as a rule; a molecule's number is whole
            return any(not row[2].lstrip("+-").isdigit() for row in rows) or all(
                row[2].startswith(("-", "+")) or row[2] == "0" for row in rows
            )
        if style == "molecular":
            return all(row[1].isdigit() for row in rows)
        return True

    fitting = [style for style in open_styles if allowed(style)]
    places = {_TYPE_PLACE[style] for style in fitting}
    if len(places) == 1:
        return places.pop()
    raise MlipsseError(
        f"{path} does not name its atom style, and its {width} columns of atoms fit "
        f"{' and '.join(fitting) or 'none that is known'}: write it behind the section's name, "
        "e.g. `Atoms # charge`."
    )


def _elements(
    path: Path,
    sections: dict[str, list[str]],
    species: Sequence[str] | None,
    n_types: int,
    labels: dict[str, str],
) -> list[str]:
    """Element of each type."""
    from ase.data import atomic_masses, chemical_symbols

    from mlipsse.transport.reading.source.element_names import element_of

    masses: dict[str, tuple[float, str]] = {}
    for line in sections.get("Masses", ()):
        words, _, comment = line.partition("#")
        row = words.split()
        if len(row) == 2:
            number = row[0] if row[0].isdigit() else {w: n for n, w in labels.items()}.get(row[0])
            try:
                masses[str(number)] = (float(row[1]), comment.strip())
            except ValueError as error:
                raise MlipsseError(
                    f"{path} gives type {row[0]} the mass {row[1]!r}, which is no number: correct "
                    "it, or give the elements of types 1, 2, ...."
                ) from error
    if species is not None:
        if len(species) != n_types:
            raise MlipsseError(
                f"{path} has {n_types} types, but elements of {len(species)} are given "
                f"({', '.join(species)})."
            )
        weighed = [_element_of_mass(masses.get(str(n + 1), (0.0, ""))[0]) for n in range(n_types)]
        # Masses of other elements are set on purpose or by default; those of the same ones show
        # another order.
        if Counter(weighed) == Counter(species) and weighed != list(species):
            raise MlipsseError(
                f"{path} has masses of {', '.join(map(str, weighed))} for types 1, 2, ..., but "
                f"{', '.join(species)} are given: give the elements in the order of the types."
            )
        return list(species)
    found = []
    for number in map(str, range(1, n_types + 1)):
        mass, comment = masses.get(number, (0.0, ""))
        named = element_of(labels.get(number, "")) or element_of(comment.split(" ")[0])
        by_mass = _element_of_mass(mass)
        if named is not None and mass > 0:
            own = atomic_masses[chemical_symbols.index(named)]
            # H may be a heavy one
            if abs(own - mass) > MASS_TOLERANCE * mass and named != "H":
                raise MlipsseError(
                    f"{path} names type {number} {named}, but gives it a mass of {mass:g}, and "
                    f"{named} has {own:.4g}: give the elements of types 1, 2, ... instead."
                )
        element = named or by_mass
        if element is None:
            raise MlipsseError(
                f"{path} does not show which element type {number} is (mass {mass:g}). Give the "
                "elements of types 1, 2, ...."
            )
        found.append(element)
    return found


def _element_of_mass(mass_u: float) -> str | None:
    """The element whose mass this is within `MASS_TOLERANCE`; None where there is none."""
    from ase.data import atomic_masses, chemical_symbols

    if not mass_u > 0:
        return None
    known = np.array(atomic_masses[1:104])
    nearest = int(np.argmin(np.abs(known - mass_u)))
    close = abs(known[nearest] - mass_u) < MASS_TOLERANCE * mass_u
    return chemical_symbols[nearest + 1] if close else None
