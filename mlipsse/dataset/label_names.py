"""Under which names, in which units and with which sign a file carries its labels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms, units
from ase.stress import full_3x3_to_voigt_6_stress

from mlipsse import keys
from mlipsse.errors import MlipsseError
from mlipsse.units import EV_A3_TO_BAR, EV_A3_TO_GPA

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

PER_ATOM = "eV/atom"
TENSION, COMPRESSION = "tension", "compression"

ENERGY_NAMES = (keys.ENERGY, "energy", "free_energy", "dft_energy", "DFT_energy", "total_energy")
FORCE_NAMES = (keys.FORCES, "forces", "force", "dft_forces", "DFT_forces", "dft_force")
STRESS_NAMES = (keys.STRESS, "stress", "dft_stress", "DFT_stress")
VIRIAL_NAMES = (
    *("REF_virial", "REF_virials", "virial", "virials"),
    *("dft_virial", "dft_virials", "DFT_virial", "DFT_virials"),
)
"""Names that are recognised, the first of each kind before all others."""

_IN_EV_A3 = (keys.STRESS, "stress")


@dataclass(frozen=True)
class LabelNames:
    """Where labels lie and what they are in.

    Attributes
    ----------
    energy, forces, stress, virial : names in `info`, `arrays` or the results of a calculator; None
        to look for the usual ones. At most one of stress and virial.
    energy_unit : of `ENERGY_UNITS_EV`, or `eV/atom`
    force_unit : of `FORCE_UNITS_EV_A`
    stress_unit : of `STRESS_UNITS_EV_A3`; None is eV/Å³ for the names `REF_stress` and `stress`,
        whose convention that is (ASE's), and refused for others
    stress_sign : `tension` (positive under tension, ASE's) or `compression` (VASP's)

    A virial is in eV and is minus the stress times the volume, as in GAP, QUIP and MACE;
    `stress_sign` compression turns that around too.

    Raises
    ------
    MlipsseError
        for a unit or sign that is not known, or a stress and a virial at once.
    """

    energy: str | None = None
    forces: str | None = None
    stress: str | None = None
    virial: str | None = None
    energy_unit: str = "eV"
    force_unit: str = "eV/A"
    stress_unit: str | None = None
    stress_sign: str = TENSION

    def __post_init__(self) -> None:
        for what, value, known in (
            ("energy unit", self.energy_unit, (*ENERGY_UNITS_EV, PER_ATOM)),
            ("force unit", self.force_unit, tuple(FORCE_UNITS_EV_A)),
            ("stress unit", self.stress_unit, (None, *STRESS_UNITS_EV_A3)),
            ("stress sign", self.stress_sign, (TENSION, COMPRESSION)),
        ):
            if value not in known:
                raise MlipsseError(
                    f"The {what} {value!r} is not known; there are "
                    f"{', '.join(word for word in known if word)}."
                )
        if self.stress is not None and self.virial is not None:
            raise MlipsseError(
                f"Both a stress ({self.stress}) and a virial ({self.virial}) were named: name the "
                "one that is to be taken."
            )


def labels_by_house_keys(
    frames: Sequence[Atoms], names: LabelNames, *, where: str
) -> tuple[list[Atoms], dict[str, str]]:
    """Copies of frames with their labels under `mlipsse.keys`, in our units and sign.

    A frame that lacks a label lacks it here too; nothing is filled in. Calculators and the names
    that labels were taken from are dropped, other entries stay.

    Parameters
    ----------
    frames : as ASE read them
    names : given names, units and signs
    where : the file, for errors

    Returns
    -------
    copies, and kind of label (energy, forces, stress) -> what it was taken from, in words; kinds
    that no frame has are not in it

    Raises
    ------
    MlipsseError
        when a given name is in no frame, two names hold different labels, a unit has to be told,
        or a label is not numbers of a known shape.
    """
    energy = _find(frames, names.energy, ENERGY_NAMES, "energy", where)
    forces = _find(frames, names.forces, FORCE_NAMES, "forces", where)
    stress, virial = _stress_or_virial(frames, names, where)
    if stress is not None and names.stress_unit is None and stress not in _IN_EV_A3:
        raise MlipsseError(
            f"{where}: which unit the stress {stress!r} is in cannot be known from its name. Say "
            f"--stress-unit {', '.join(STRESS_UNITS_EV_A3)}."
        )
    copies = []
    for index, frame in enumerate(frames):
        stored = _stored(frame)
        copy = frame.copy()
        copy.calc = None
        for name in filter(None, (energy, forces, stress, virial)):
            copy.info.pop(name, None)
            copy.arrays.pop(name, None)
        at = f"Frame {index} of {where} ({frame.get_chemical_formula()})"
        if energy in stored:
            factor = ENERGY_UNITS_EV.get(names.energy_unit, len(frame))
            copy.info[keys.ENERGY] = factor * float(_numbers(stored[energy], energy, [()], at))
        if forces in stored:
            array = _numbers(stored[forces], forces, [(len(frame), 3)], at)
            copy.arrays[keys.FORCES] = FORCE_UNITS_EV_A[names.force_unit] * array
        label = stored.get(stress, stored.get(virial))
        if label is not None:
            copy.info[keys.STRESS] = _stress_eV_A3(label, stress, virial, names, frame, at)
        copies.append(copy)
    return copies, _told(names, energy, forces, stress, virial)


def _stress_eV_A3(
    label: object,
    stress: str | None,
    virial: str | None,
    names: LabelNames,
    frame: Atoms,
    at: str,
) -> np.ndarray:
    """Voigt order, positive under tension."""
    name = stress or virial or ""
    numbers = _numbers(label, name, [(6,), (9,), (3, 3)], at)
    voigt = numbers if numbers.shape == (6,) else _symmetric(numbers.reshape(3, 3), name, at)
    sign = 1.0 if names.stress_sign == TENSION else -1.0
    if stress is not None:
        return sign * STRESS_UNITS_EV_A3[names.stress_unit or "eV/A3"] * voigt
    if frame.cell.rank < 3:
        raise MlipsseError(f"{at}: a virial needs a volume, and this frame has no cell.")
    return -sign * voigt / frame.get_volume()


def _symmetric(tensor: np.ndarray, name: str, at: str) -> np.ndarray:
    scale = np.nanmax(np.abs(tensor), initial=0.0)
    if np.nanmax(np.abs(tensor - tensor.T), initial=0.0) > 1e-2 * scale + 1e-8:
        raise MlipsseError(
            f"{at}: {name} is not a symmetric tensor, so it is no stress and no virial."
        )
    voigt: np.ndarray = full_3x3_to_voigt_6_stress(tensor)
    return voigt


def _numbers(label: object, name: str | None, shapes: list[tuple[int, ...]], at: str) -> np.ndarray:
    array = np.asarray(label)
    if array.dtype.kind not in "if" or array.shape not in shapes:
        raise MlipsseError(
            f"{at}: {name} has shape {array.shape} and type {array.dtype}; it must be numbers of "
            f"shape {' or '.join(map(str, shapes))}."
        )
    return array.astype(float)


def _stored(frame: Atoms) -> dict[str | None, object]:
    """Everything that may be a label, by name; ASE's reader moves its own names to a calculator."""
    results = {} if frame.calc is None else frame.calc.results
    return {**results, **frame.arrays, **frame.info}


def _find(
    frames: Sequence[Atoms], given: str | None, usual: Sequence[str], kind: str, where: str
) -> str | None:
    """The name of a label; None when no frame has one."""
    present = {name for frame in frames for name in _stored(frame)}
    if given is not None:
        if given not in present:
            raise MlipsseError(
                f"{where}: no frame has {given!r}, which was named as {kind}. There are "
                f"{', '.join(sorted(filter(None, present - {'numbers', 'positions'})))}."
            )
        return given
    found = [name for name in usual if name in present]
    if not found or found[0].startswith("REF_"):
        return found[0] if found else None
    for other in found[1:]:
        if not all(_equal(*pair) for pair in _both(frames, found[0], other)):
            raise MlipsseError(
                f"{where} holds different {kind} under {found[0]!r} and {other!r}. Say which is "
                f"meant: --{kind}-key NAME."
            )
    return found[0]


def _both(frames: Sequence[Atoms], one: str, other: str) -> Iterator[tuple[object, object]]:
    """Both labels of every frame that has any of them; None for one that is missing."""
    for frame in frames:
        stored = _stored(frame)
        if one in stored or other in stored:
            yield stored.get(one), stored.get(other)


def _equal(one: object, other: object) -> bool:
    return np.array_equal(
        np.asarray(one, dtype=float), np.asarray(other, dtype=float), equal_nan=one is not None
    )


def _stress_or_virial(
    frames: Sequence[Atoms], names: LabelNames, where: str
) -> tuple[str | None, str | None]:
    """Name of the stress or of the virial, the other one None."""
    if names.virial is not None:
        return None, _find(frames, names.virial, (), "virial", where)
    if names.stress is not None:
        return _find(frames, names.stress, (), "stress", where), None
    stress = _find(frames, None, STRESS_NAMES, "stress", where)
    virial = _find(frames, None, VIRIAL_NAMES, "virial", where)
    if stress is None or virial is None or stress == keys.STRESS:
        return (stress, None) if stress is not None else (None, virial)
    raise MlipsseError(
        f"{where} holds a stress ({stress!r}) and a virial ({virial!r}). Say which is meant: "
        f"--stress-key {stress} or --virial-key {virial}."
    )


def _told(
    names: LabelNames,
    energy: str | None,
    forces: str | None,
    stress: str | None,
    virial: str | None,
) -> dict[str, str]:
    told = {}
    if energy:
        told["energy"] = f"{energy}, {names.energy_unit}"
    if forces:
        told["forces"] = f"{forces}, {names.force_unit}"
    positive = f"positive under {names.stress_sign}"
    if stress:
        told["stress"] = f"{stress}, {names.stress_unit or 'eV/A3'}, {positive}"
    if virial:
        sign = "minus" if names.stress_sign == TENSION else "plus"
        told["stress"] = f"{virial}, virial in eV: {sign} stress times volume"
    return told
