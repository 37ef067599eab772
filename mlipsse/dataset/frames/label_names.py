"""Under which names, in which units and with which sign a file carries its labels."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress

from mlipsse import keys
from mlipsse.dataset.frames.label_units import (
    ENERGY_UNITS_EV,
    FORCE_UNITS_EV_A,
    KNOWN,
    STRESS_UNITS_EV_A3,
    Quantity,
    stated_units,
    unit_entries,
)
from mlipsse.errors import MlipsseError

TENSION, COMPRESSION = "tension", "compression"

TENSOR_ORDERS: Mapping[str, tuple[int, ...]] = {
    "voigt": (0, 1, 2, 3, 4, 5),
    "vasp": (0, 1, 2, 4, 5, 3),
}
"""Order of six numbers -> where xx yy zz yz xz xy are among them. `voigt` is ASE's; `vasp` is that
of VASP's OUTCAR, xx yy zz xy yz zx."""

_SAME = 1e-6
"""Labels under two names that differ by less (eV, eV/Å) are one label, written twice."""

ENERGY_NAMES = (keys.ENERGY, "energy", "free_energy", "dft_energy", "DFT_energy", "total_energy")
FORCE_NAMES = (keys.FORCES, "forces", "force", "dft_forces", "DFT_forces", "dft_force")
STRESS_NAMES = (keys.STRESS, "stress", "dft_stress", "DFT_stress")
VIRIAL_NAMES = (
    *("REF_virial", "REF_virials", "virial", "virials"),
    *("dft_virial", "dft_virials", "DFT_virial", "DFT_virials"),
)
"""Names that are recognised, the first of each kind before all others."""

_IN_EV_A3 = (keys.STRESS.casefold(), "stress")


@dataclass(frozen=True)
class LabelNames:
    """Where labels lie and what they are in.

    Attributes
    ----------
    energy, forces, stress, virial : names in `info`, `arrays` or the results of a calculator; None
        to look for the usual ones. At most one of stress and virial.
    energy_unit, force_unit, stress_unit : of `dataset.frames.label_units.KNOWN`; None for what the
        frame states (`energy-unit=hartree`, as dpdata writes), else eV and eV/Å; of a stress
        eV/Å³ for the names `REF_stress` and `stress`, whose convention that is (ASE's), and
        refused for others
    stress_sign : `tension` (positive under tension, ASE's) or `compression` (VASP's)
    stress_order : of stresses and virials of six numbers, of `TENSOR_ORDERS`

    A virial is minus the stress times the volume, as in GAP, QUIP, MACE and GPUMD, in the unit
    that the frame states, else eV; `stress_sign` compression turns that around too.

    Raises
    ------
    MlipsseError
        for a unit, sign or order that is not known, or a stress and a virial at once.
    """

    energy: str | None = None
    forces: str | None = None
    stress: str | None = None
    virial: str | None = None
    energy_unit: str | None = None
    force_unit: str | None = None
    stress_unit: str | None = None
    stress_sign: str = TENSION
    stress_order: str = "voigt"

    def __post_init__(self) -> None:
        for what, value, known in (
            ("energy unit", self.energy_unit, (None, *KNOWN["energy"])),
            ("force unit", self.force_unit, (None, *KNOWN["force"])),
            ("stress unit", self.stress_unit, (None, *KNOWN["stress"])),
            ("stress sign", self.stress_sign, (TENSION, COMPRESSION)),
            ("stress order", self.stress_order, tuple(TENSOR_ORDERS)),
        ):
            if value not in known:
                raise MlipsseError(
                    f"The {what} {value!r} is not known. Choose among "
                    f"{', '.join(word for word in known if word)}."
                )
        if self.stress is not None and self.virial is not None:
            raise MlipsseError(
                f"Both a stress ({self.stress}) and a virial ({self.virial}) are named. Name only "
                "one of the two."
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
        when a given name is in no frame, two names hold different labels, a unit must be given,
        or a label is not numbers of a known shape.
    """
    energy = _find(frames, names.energy, ENERGY_NAMES, "energy", where)
    forces = _find(frames, names.forces, FORCE_NAMES, "forces", where)
    stress, virial = _stress_or_virial(frames, names, where)
    used: dict[Quantity, set[str]] = {quantity: set() for quantity in KNOWN}
    copies = []
    for index, frame in enumerate(frames):
        at = f"Frame {index} of {where} ({frame.get_chemical_formula()})"
        unit_of = _units(names, stated_units(frame, at), stress, at)
        stored = _stored(frame)
        copy = frame.copy()
        copy.calc = None
        # Units that were stated are those of the labels as they were.
        for name in filter(None, (energy, forces, stress, virial, *unit_entries(frame))):
            copy.info.pop(name, None)
            copy.arrays.pop(name, None)
        if energy in stored:
            factor = ENERGY_UNITS_EV.get(unit_of["energy"], len(frame))
            copy.info[keys.ENERGY] = factor * float(_numbers(stored[energy], energy, [()], at))
            used["energy"].add(unit_of["energy"])
        if forces in stored:
            array = _numbers(stored[forces], forces, [(len(frame), 3)], at)
            copy.arrays[keys.FORCES] = FORCE_UNITS_EV_A[unit_of["force"]] * array
            used["force"].add(unit_of["force"])
        if stress in stored:
            if unit_of["stress"] is None:
                raise MlipsseError(
                    f"{where}: the name {stress!r} does not determine the unit of the stress. "
                    f"Give --stress-unit {', '.join(STRESS_UNITS_EV_A3)}."
                )
            tensor = _voigt(stored[stress], str(stress), names, at)
            copy.info[keys.STRESS] = STRESS_UNITS_EV_A3[unit_of["stress"]] * tensor
            used["stress"].add(unit_of["stress"])
        elif virial in stored:
            if frame.cell.rank < 3:
                raise MlipsseError(
                    f"{at}: a virial requires a volume, but the frame has no cell. Add a cell."
                )
            virial_eV = ENERGY_UNITS_EV[unit_of["virial"]] * _voigt(
                stored[virial], str(virial), names, at
            )
            copy.info[keys.STRESS] = -virial_eV / frame.get_volume()
            used["virial"].add(unit_of["virial"])
        copies.append(copy)
    names_found: dict[Quantity, str | None] = {
        "energy": energy, "force": forces, "stress": stress, "virial": virial,
    }  # fmt: skip
    return copies, _described(names, names_found, used)


def _units(
    names: LabelNames, stated: Mapping[Quantity, str], stress: str | None, at: str
) -> dict[Quantity, Any]:
    """Units of a frame's labels: what it states, what was given, or what is usual."""
    given = {"energy": names.energy_unit, "force": names.force_unit, "stress": names.stress_unit}
    for quantity, unit in given.items():
        there = stated.get(cast("Quantity", quantity))
        if unit is not None and there not in (None, unit):
            raise MlipsseError(
                f"{at} states that its {quantity} is in {there}, but {unit} is given "
                f"(--{quantity}-unit). Remove the option, or correct the file."
            )
    usual = {
        "energy": "eV",
        "force": "eV/A",
        "stress": "eV/A3" if str(stress).casefold() in _IN_EV_A3 else None,
        "virial": "eV",
    }
    return {
        quantity: given.get(quantity) or stated.get(quantity) or usual[quantity]
        for quantity in KNOWN
    }


def _voigt(label: object, name: str, names: LabelNames, at: str) -> np.ndarray:
    """Six numbers in Voigt order (xx yy zz yz xz xy), positive under tension as a stress."""
    numbers = _numbers(label, name, [(6,), (9,), (3, 3)], at)
    if numbers.shape == (6,):
        voigt = numbers[list(TENSOR_ORDERS[names.stress_order])]
    else:
        voigt = _symmetric(numbers.reshape(3, 3), name, at)
    return voigt if names.stress_sign == TENSION else -voigt


def _symmetric(tensor: np.ndarray, name: str, at: str) -> np.ndarray:
    scale = np.nanmax(np.abs(tensor), initial=0.0)
    if np.nanmax(np.abs(tensor - tensor.T), initial=0.0) > 1e-2 * scale + 1e-8:
        raise MlipsseError(
            f"{at}: {name} is not a symmetric tensor, so it is neither a stress nor a virial. "
            "Correct it."
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
                f"{where}: no frame has {given!r}, which is named as {kind}. The frames have "
                f"{', '.join(sorted(filter(None, present - {'numbers', 'positions'})))}."
            )
        return given
    # GPUMD's files have energy=, Energy= or ENERGY=.
    there = sorted(filter(None, present), reverse=True)
    found = [name for word in usual for name in there if name.casefold() == word.casefold()]
    found = list(dict.fromkeys(found))
    if not found or found[0].startswith("REF_"):
        return found[0] if found else None
    for other in found[1:]:
        if not all(_equal(*pair) for pair in _both(frames, found[0], other)):
            raise MlipsseError(
                f"{where} contains different {kind} under {found[0]!r} and {other!r}. Name one: "
                f"--{kind}-key NAME."
            )
    return found[0]


def _both(frames: Sequence[Atoms], one: str, other: str) -> Iterator[tuple[object, object]]:
    """Both labels of every frame that has any of them; None for one that is missing."""
    for frame in frames:
        stored = _stored(frame)
        if one in stored or other in stored:
            yield stored.get(one), stored.get(other)


def _equal(one: object, other: object) -> bool:
    if one is None or other is None:
        return one is other
    first, second = (np.asarray(label, dtype=float) for label in (one, other))
    return first.shape == second.shape and np.allclose(
        first, second, rtol=0.0, atol=_SAME, equal_nan=True
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
    if all(_one_tensor(frame, stress, virial, names) for frame in frames):
        return stress, None
    raise MlipsseError(
        f"{where} contains a stress ({stress!r}) and a virial ({virial!r}) that is not minus the "
        f"stress times the volume. Name one: --stress-key {stress} or --virial-key {virial}."
    )


def _one_tensor(frame: Atoms, stress: str, virial: str, names: LabelNames) -> bool:
    """Whether a frame's stress (eV/Å³) and virial (eV) are the same label, in two forms."""
    stored = _stored(frame)
    if stress not in stored or virial not in stored:
        return stress not in stored and virial not in stored
    if frame.cell.rank < 3 or stated_units(frame, "A frame").keys() & {"stress", "virial"}:
        return False
    pair = [_voigt(stored[name], name, names, "A frame") for name in (stress, virial)]
    return bool(np.allclose(-pair[0] * frame.get_volume(), pair[1], rtol=1e-4, atol=1e-4))


def _described(
    names: LabelNames,
    found: Mapping[Quantity, str | None],
    used: Mapping[Quantity, set[str]],
) -> dict[str, str]:
    """Kind of label -> name, units, and sign and order of tensors, in words."""
    described = {}
    units = {quantity: " and ".join(sorted(there)) for quantity, there in used.items()}
    if found["energy"]:
        described["energy"] = f"{found['energy']}, {units['energy']}"
    if found["force"]:
        described["forces"] = f"{found['force']}, {units['force']}"
    if found["stress"]:
        order = "" if names.stress_order == "voigt" else f", {names.stress_order} order"
        described["stress"] = (
            f"{found['stress']}, {units['stress']}, positive under {names.stress_sign}{order}"
        )
    if found["virial"]:
        sign = "minus" if names.stress_sign == TENSION else "plus"
        described["stress"] = (
            f"{found['virial']}, virial in {units['virial']}: {sign} stress times volume"
        )
    return described
