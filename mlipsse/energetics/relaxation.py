"""Relaxation of a structure with a potential; what goes wrong is recorded, not raised."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.filters import FrechetCellFilter
from ase.optimize import LBFGS

from mlipsse.energetics.contacts import FrameworkBonds, unphysical_contact


@dataclass(frozen=True)
class Relaxation:
    """What a relaxation came to.

    Attributes
    ----------
    atoms : as they stood at the end, without calculator and constraints; `info` as it came
    energy_eV : of the whole cell; NaN when the potential could not give one
    max_force_eV_A : largest force on an atom, eV/Å; NaN likewise
    steps : optimiser steps taken
    converged : whether the structure may be used
    reason : in words why it may not; None when it may
    """

    atoms: Atoms
    energy_eV: float
    max_force_eV_A: float
    steps: int
    converged: bool
    reason: str | None = None


def relax(
    atoms: Atoms,
    calculator: Calculator,
    *,
    fmax_eV_A: float = 0.05,
    max_steps: int = 500,
    relax_cell: bool = True,
    max_volume_factor: float = 1.5,
    mobile: str | None = None,
) -> Relaxation:
    """Relax positions, and the cell when `relax_cell`, by ASE's L-BFGS.

    The cell is relaxed in the space of the logarithm of its deformation (ASE's
    `FrechetCellFilter`), where the optimiser's forces are the virial's.

    Parameters
    ----------
    atoms : periodic; not changed
    fmax_eV_A : largest force, eV/Å, on an atom and, with `relax_cell`, of the filter on the cell
    max_steps : steps before it is given up
    max_volume_factor : a cell that grows or shrinks by more than this factor has exploded
    mobile : symbol of the mobile ion; when given, a bond between two other atoms that breaks
        makes the relaxation void (see `FrameworkBonds`)

    Returns
    -------
    Relaxation
        with `converged` False and a `reason` when the steps did not suffice, the cell exploded,
        numbers ceased to be finite, atoms came closer than atoms can, a bond of the framework
        broke, or the potential failed.
    """
    work = atoms.copy()
    work.set_constraint()
    bonds = FrameworkBonds.of(work, mobile=mobile) if mobile is not None else None
    work.calc = calculator
    movable: Any = FrechetCellFilter(work) if relax_cell else work
    optimiser = LBFGS(movable, logfile=cast(Any, None))
    initial_volume_A3 = work.get_volume()
    within, reason = False, None
    try:
        for within in optimiser.irun(fmax=fmax_eV_A, steps=max_steps):
            reason = _exploded(work, initial_volume_A3, max_volume_factor)
            if within or reason is not None:
                break
        energy_eV, max_force_eV_A = _energy_and_force(work)
    except (ValueError, RuntimeError, ArithmeticError, np.linalg.LinAlgError) as error:
        energy_eV = max_force_eV_A = float("nan")
        reason = f"the potential failed: {error}"
    reason = reason or unphysical_contact(work) or (bonds.broken(work) if bonds else None)
    if reason is None and not within:
        reason = (
            f"not converged in {optimiser.nsteps} steps: the largest force is "
            f"{max_force_eV_A:.3f} eV/Å, the limit for atoms and cell is {fmax_eV_A:g}"
        )
    relaxed = work.copy()
    relaxed.calc = None
    return Relaxation(
        atoms=relaxed,
        energy_eV=energy_eV,
        max_force_eV_A=max_force_eV_A,
        steps=int(optimiser.nsteps),
        converged=reason is None,
        reason=reason,
    )


def _energy_and_force(atoms: Atoms) -> tuple[float, float]:
    forces_eV_A = atoms.get_forces()
    return float(atoms.get_potential_energy()), float(np.linalg.norm(forces_eV_A, axis=1).max())


def _exploded(atoms: Atoms, initial_volume_A3: float, max_factor: float) -> str | None:
    if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell[:]).all()):
        return "positions or cell ceased to be finite"
    energy_eV, max_force_eV_A = _energy_and_force(atoms)
    if not np.isfinite([energy_eV, max_force_eV_A]).all():
        return "energy or forces ceased to be finite"
    factor = atoms.get_volume() / initial_volume_A3
    if not 1 / max_factor <= factor <= max_factor:
        return (
            f"the cell exploded: its volume changed by a factor of {factor:.2f}, "
            f"more than {max_factor:g} (or less than {1 / max_factor:.2f})"
        )
    return None
