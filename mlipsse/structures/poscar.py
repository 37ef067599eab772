"""A crystal from a POSCAR (VASP 5 and 6)."""

import math
import re

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.structures.crystal.model import Crystal, CrystalSite, Occupant


def read_poscar(content: str, name: str) -> Crystal:
    """Read a POSCAR: one or three scale factors, names of POTCARs, Cartesian or fractional.

    Species of VASP 4 are in the POTCAR, which is not read; a file whose rows all name their
    element is read by these.

    Parameters
    ----------
    content : text of the file
    name : of the file, for messages

    Raises
    ------
    MlipsseError
        when the text is no POSCAR, names no species, or contradicts itself.
    """
    lines = [re.split(r"[!#]", line)[0].strip() for line in content.split("\n")]
    scale = _numbers(lines[1]) if len(lines) > 1 else None
    vectors = [_numbers(line, 3) for line in lines[2:5]]
    if scale is None or len(scale) not in (1, 3) or len(vectors) < 3 or None in vectors:
        raise MlipsseError(
            f"{name} cannot be read as a CIF or POSCAR: it has neither a data block of a CIF nor "
            "a POSCAR's scale and lattice vectors. Give a CIF or a POSCAR."
        )
    cell, factors = _scaled(np.array(vectors, dtype=float), scale, name)
    species, counts, at = _species(lines, name)
    if at < len(lines) and lines[at][:1] in ("s", "S"):
        at += 1
    if at >= len(lines) or lines[at][:1] not in tuple("dDcCkK"):
        raise MlipsseError(
            f"{name} cannot be read as a POSCAR: line {at + 1} is "
            f"{lines[at] if at < len(lines) else ''!r}, and neither Direct nor Cartesian."
        )
    cartesian = lines[at][0] in "cCkK"
    rows = [line.split() for line in lines[at + 1 : at + 1 + sum(counts)]]
    coordinates = [_numbers(" ".join(row[:3]), 3) for row in rows]
    if len(rows) < sum(counts) or None in coordinates:
        held = sum(one is not None for one in coordinates)
        raise MlipsseError(
            f"{name} cannot be read as a POSCAR: it states {sum(counts)} atoms but contains "
            f"{held} rows of coordinates. Complete it."
        )
    behind = [_name_behind(row) for row in rows]
    notes = []
    if species is None:
        if None in behind:
            title = lines[0].split()
            may_be = (
                f" ({lines[0]}, if its title names them)"
                if len(title) == len(counts) and all(map(_element, title))
                else ""
            )
            raise MlipsseError(
                f"{name} is a POSCAR of VASP 4: it names no species. Insert a line with the "
                f"element symbols{may_be} before the counts "
                f"{' '.join(map(str, counts))!r} (line 6)."
            )
        elements = [str(one) for one in behind]
        notes.append("A POSCAR of VASP 4; its species are those behind the coordinates.")
    else:
        elements = [
            element for element, count in zip(species, counts, strict=True) for _ in range(count)
        ]
        for index, (one, other) in enumerate(zip(elements, behind, strict=True)):
            if other is not None and other != one:
                raise MlipsseError(
                    f"{name} cannot be read as a POSCAR: atom {index + 1} is {one} by line 6 and "
                    f"{other} by its own row. Make them agree."
                )
    positions = np.array(coordinates, dtype=float)
    if cartesian:
        positions = (positions * factors) @ np.linalg.inv(cell)
    return Crystal(
        name=name,
        cell=cell,
        scaled_positions=positions - np.floor(positions),
        sites=tuple(
            CrystalSite(element, (Occupant(element, 1.0),), (element,)) for element in elements
        ),
        notes=tuple(notes),
    )


def _scaled(vectors: np.ndarray, scale: list[float], name: str) -> tuple[np.ndarray, np.ndarray]:
    """The cell, Å, and the factors of Cartesian coordinates along x, y and z."""
    volume = abs(float(np.linalg.det(vectors)))
    if volume < 1e-6 or 0.0 in scale:
        raise MlipsseError(
            f"{name} cannot be read as a POSCAR: its lattice vectors or scale enclose no volume."
        )
    if len(scale) == 3 and min(scale) < 0:
        raise MlipsseError(
            f"{name} cannot be read as a POSCAR: its scale factors {scale} along x, y and z must "
            "be above 0."
        )
    if len(scale) == 1 and scale[0] < 0:  # the volume of the cell
        scale = [(-scale[0] / volume) ** (1 / 3)]
    factors = np.broadcast_to(np.array(scale), 3)
    return vectors * factors, factors


def _species(lines: list[str], name: str) -> tuple[list[str] | None, list[int], int]:
    """Elements (None for VASP 4), counts, and the line behind them."""
    sixth = lines[5].split() if len(lines) > 5 else []
    if sixth and all(word.isdigit() for word in sixth):
        return None, [int(word) for word in sixth], 6
    seventh = lines[6].split() if len(lines) > 6 else []
    seventh = seventh[: next((k for k, w in enumerate(seventh) if not w.isdigit()), len(seventh))]
    if not sixth or len(sixth) != len(seventh):
        raise MlipsseError(
            f"{name} cannot be read as a CIF or POSCAR: line 6 has {len(sixth)} species and line "
            f"7 {len(seventh)} counts. Give each species its count."
        )
    elements = []
    for word in sixth:
        element = _element(word)
        if element is None:
            raise MlipsseError(
                f"{name} cannot be read as a POSCAR: {word!r} in line 6 is not an element. Write "
                "element symbols, or names of POTCARs such as Li_sv."
            )
        elements.append(element)
    return elements, [int(word) for word in seventh], 7


def _element(word: str) -> str | None:
    """The element of `Li`, `Li_sv`, `Li/3c4d5e` (a hash of its POTCAR, VASP 6.4) or `H1.25`."""
    from ase.data import atomic_numbers

    match = re.fullmatch(r"([A-Z][a-z]?)(?:[_.\d][^/]*)?(?:/[0-9a-f]*)?", word)
    found = match[1] if match else ""
    return found if atomic_numbers.get(found, 0) > 0 else None


def _name_behind(row: list[str]) -> str | None:
    """The element behind a row's coordinates; flags of selective dynamics are none."""
    behind = row[3:]
    if len(behind) >= 3 and all(word.strip(".").upper()[:1] in ("T", "F") for word in behind[:3]):
        behind = behind[3:]
    return _element(behind[0]) if behind else None


def _numbers(line: str, n: int | None = None) -> list[float] | None:
    """The leading finite numbers of a line, `n` of them; None where it has fewer."""
    found: list[float] = []
    for word in line.split():
        try:
            value = float(word.replace("d", "e").replace("D", "e"))
        except ValueError:
            break
        if not math.isfinite(value):
            break
        found.append(value)
    if n is None:
        return found or None
    return found[:n] if len(found) >= n else None
