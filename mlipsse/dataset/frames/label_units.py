"""Units of labels: those that are known, and those that a file states beside its labels."""

from collections.abc import Mapping
from typing import Literal

from ase import Atoms, units

from mlipsse.errors import MlipsseError
from mlipsse.units import EV_A3_TO_BAR, EV_A3_TO_GPA

Quantity = Literal["energy", "force", "stress", "virial"]

PER_ATOM = "eV/atom"

ENERGY_UNITS_EV = {
    "eV": 1.0,
    "Ha": units.Ha,
    "Ry": units.Ry,
    "kcal/mol": units.kcal / units.mol,
    "kJ/mol": units.kJ / units.mol,
}
"""Unit of energy -> eV. `eV/atom` is known besides: it depends on the frame."""

FORCE_UNITS_EV_A = {
    "eV/A": 1.0,
    "Ha/bohr": units.Ha / units.Bohr,
    "Ry/bohr": units.Ry / units.Bohr,
    "kcal/mol/A": units.kcal / units.mol,
    "kJ/mol/A": units.kJ / units.mol,
}
"""Unit of force -> eV/Å."""

STRESS_UNITS_EV_A3 = {"eV/A3": 1.0, "GPa": 1 / EV_A3_TO_GPA, "kB": 1e3 / EV_A3_TO_BAR}
"""Unit of stress -> eV/Å³."""

KNOWN: Mapping[Quantity, tuple[str, ...]] = {
    "energy": (*ENERGY_UNITS_EV, PER_ATOM),
    "force": tuple(FORCE_UNITS_EV_A),
    "stress": tuple(STRESS_UNITS_EV_A3),
    "virial": tuple(ENERGY_UNITS_EV),
}
"""Quantity -> its units."""

_QUANTITY_OF: dict[str, Quantity | Literal["length"]] = {
    **dict.fromkeys(("energy", "energies", "e"), "energy"),
    **dict.fromkeys(("force", "forces", "f"), "force"),
    **dict.fromkeys(("stress", "stresses", "pressure"), "stress"),
    **dict.fromkeys(("virial", "virials"), "virial"),
    **dict.fromkeys(
        ("length", "lengths", "pos", "position", "positions", "cell", "coord", "coords",
         "coordinate", "coordinates", "distance", "lattice"), "length",
    ),
}  # fmt: skip

_WORDS = {
    **dict.fromkeys(("ev", "electronvolt", "electronvolts"), "eV"),
    **dict.fromkeys(("ha", "hartree", "hartrees", "eh", "a.u.", "au", "atomic"), "Ha"),
    **dict.fromkeys(("ry", "rydberg", "rydbergs"), "Ry"),
    "kcal/mol": "kcal/mol",
    "kj/mol": "kJ/mol",
    "kcal": "kcal/mol",
    **dict.fromkeys(("a", "å", "ang", "angstrom", "angstroms", "ångström", "ångstrom"), "A"),
    **dict.fromkeys(("bohr", "bohrs", "a0", "bohr_radius"), "bohr"),
    "gpa": "GPa",
    **dict.fromkeys(("kb", "kbar", "kilobar"), "kB"),
    "atom": "atom",
}


def stated_units(frame: Atoms, at: str) -> dict[Quantity, str]:
    """Units that entries of `info` state, such as dpdata's `energy-unit=hartree`.

    Returns
    -------
    quantity -> unit of `KNOWN`; without those that are not stated

    Raises
    ------
    MlipsseError
        for a unit that is not known, two that differ, or lengths that are not in Å.
    """
    found: dict[Quantity, str] = {}
    for name, quantity in unit_entries(frame).items():
        value = frame.info[name]
        unit = canonical(str(value))
        if quantity == "length":
            if unit != "A":
                raise MlipsseError(
                    f"{at} states {name}={value}; positions and cell must be in Å. Convert them."
                )
            continue
        if quantity == "force" and unit == "Ha":
            unit = "Ha/bohr"  # «a.u.» of a force
        if unit not in KNOWN[quantity]:
            raise MlipsseError(
                f"{at} states {name}={value}, which is not a unit of {quantity}. Allowed are "
                f"{', '.join(KNOWN[quantity])}. Convert the labels, or correct the entry."
            )
        if found.setdefault(quantity, unit) != unit:
            raise MlipsseError(
                f"{at} states two units of {quantity}, {found[quantity]} and {unit}. Keep one."
            )
    return found


def unit_entries(frame: Atoms) -> dict[str, "Quantity | Literal['length']"]:
    """Entries of `info` that state a unit -> the quantity it is of."""
    entries: dict[str, Quantity | Literal["length"]] = {}
    for name in frame.info:
        words = str(name).casefold().replace("-", "_").split("_")
        if len(words) > 1 and words[-1] in ("unit", "units") and words[-2] in _QUANTITY_OF:
            entries[str(name)] = _QUANTITY_OF[words[-2]]
    return entries


def canonical(text: str) -> str:
    """A unit as `KNOWN` spells it, or as it is when it is of no spelling that is known."""
    bare = text.casefold().replace(" ", "").replace("**", "^").replace("·", "")
    for cube in ("ų", "å³", "å^3", "å3", "a³", "angstrom^3", "angstrom3", "ang^3", "ang3", "a^3"):
        bare = bare.replace(cube, "a3")
    if bare in _WORDS:
        return _WORDS[bare]
    above, slash, below = bare.rpartition("/")
    if not slash:
        return text
    unit = _WORDS.get(above, above)
    if below == "a3":
        return f"{unit}/A3"
    return f"{unit}/{_WORDS.get(below, below)}"
