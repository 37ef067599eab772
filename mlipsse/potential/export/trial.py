"""Call a new export once, on a small cell, before it is handed on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii

from mlipsse.energetics.single_point import SinglePoint
from mlipsse.errors import MlipsseError

MAX_RELATIVE_ERROR = {"float64": 1e-9, "float32": 1e-4}
"""Relative to the largest energy and force of the cell: rounding, with a margin."""

_ATOMS = 8


def small_cell(elements: Sequence[str]) -> Atoms:
    """Eight atoms at rattled rock-salt places, of elements from all over `elements`, periodic.

    Bonds are as long as 1.1 covalent radii. Forces do not cancel in it.
    """
    from ase.build import bulk

    places = np.linspace(0, len(elements) - 1, _ATOMS).round().astype(int)
    chosen = [elements[k] for k in places]
    radius_A = float(np.mean([covalent_radii[atomic_numbers[element]] for element in chosen]))
    crystal = bulk("NaCl", "rocksalt", a=4 * 1.1 * radius_A, cubic=True)
    crystal.set_chemical_symbols(chosen)
    crystal.positions += np.random.default_rng(1).normal(scale=0.05 * radius_A, size=(_ATOMS, 3))
    return crystal


@dataclass(frozen=True)
class Reference:
    """What the model itself gives for a small cell.

    Attributes
    ----------
    atoms : the cell
    point : of mace-torch's ASE calculator in float64, on the CPU
    """

    atoms: Atoms
    point: SinglePoint


def source_reference(loaded: Any, *, head: str, model: Path) -> Reference:
    """Evaluate a model as it was loaded from its file, before an export changes it.

    Parameters
    ----------
    loaded : on the CPU; its number type is the same afterwards
    head : to be exported
    model : its file, for the error

    Raises
    ------
    MlipsseError
        when mace-torch cannot evaluate it.
    """
    import torch
    from ase.data import chemical_symbols
    from mace.calculators import MACECalculator

    atoms = small_cell([chemical_symbols[int(z)] for z in loaded.atomic_numbers])
    default = torch.get_default_dtype()  # MACECalculator changes it for the whole process
    own = next(loaded.parameters()).dtype
    try:
        calculator = MACECalculator(
            models=[loaded.to(torch.float64)], head=head, default_dtype="float64", device="cpu"
        )
        calculator.calculate(atoms, properties=["energy", "forces", "stress"])
    except Exception as error:
        raise MlipsseError(
            f"mace-torch cannot evaluate {model} ({failure_line(error)}), so it cannot be "
            "exported. Check the model in ASE."
        ) from error
    finally:
        torch.set_default_dtype(default)
        loaded.to(own)
    return Reference(atoms, SinglePoint.from_results(calculator.results))


def require_same(
    call: Callable[[Atoms], SinglePoint], reference: Reference, *, dtype: str, what: str
) -> None:
    """Call an export once and compare it with its source.

    Parameters
    ----------
    call : energy, forces and stress of a structure, by the export
    dtype : of the export
    what : names the export in the error, e.g. `The TorchScript file of x.model`

    Raises
    ------
    MlipsseError
        when the call fails or gives other numbers: such a file is not to be used.
    """
    try:
        found = call(reference.atoms)
    except Exception as error:
        raise MlipsseError(
            f"{what} cannot compute one step ({failure_line(error)}) and was removed. Export the "
            "model in another format."
        ) from error
    expected = reference.point
    largest_eV_A = float(np.abs(expected.forces_eV_A).max())
    errors = (
        abs(found.energy_eV - expected.energy_eV) / max(1.0, abs(expected.energy_eV)),
        float(np.abs(found.forces_eV_A - expected.forces_eV_A).max()) / max(1.0, largest_eV_A),
    )
    limit = MAX_RELATIVE_ERROR[dtype]
    if not max(errors) <= limit:  # NaN is no agreement either
        raise MlipsseError(
            f"{what} differs from the model in ASE and was removed: its energy is off by "
            f"{errors[0]:.1e} and its forces by {errors[1]:.1e}, relative to the largest "
            f"({limit:g} is allowed in {dtype}). Please report this with the versions of torch "
            "and mace-torch."
        )


def failure_line(error: Exception) -> str:
    """The line of a torch exception that states the fault; TorchScript puts it last."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    return lines[-1] if "Traceback" in str(error) else lines[0]


def call_file(exported: Path) -> Callable[[Atoms], SinglePoint]:
    """How a `.pt` or `.pt2` is called, which loads it."""

    def call(atoms: Atoms) -> SinglePoint:
        from mlipsse.potential.export.edge_form import load_edge_form

        return load_edge_form(exported).single_point(atoms)

    return call


def call_calculator(make: Callable[[Path], Any], exported: Path) -> Callable[[Atoms], SinglePoint]:
    """How an exported file is called through its ASE calculator, made by `make(exported)`."""

    def call(atoms: Atoms) -> SinglePoint:
        calculator = make(exported)
        calculator.calculate(atoms, ["energy", "forces", "stress"])
        return SinglePoint.from_results(calculator.results)

    return call
