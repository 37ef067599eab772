"""Relaxation of one structure with ASE; what goes wrong is recorded, not raised."""

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator

from mlipsse.energetics.relaxation.outcome import (
    FAILURES,
    Reading,
    Relaxation,
    RelaxationSettings,
    Trial,
)


def relax(
    atoms: Atoms,
    calculator: Calculator,
    settings: RelaxationSettings = RelaxationSettings(),  # noqa: B008
) -> Relaxation:
    """Relax by ASE's L-BFGS, or evaluate unrelaxed, by `settings`.

    The cell is relaxed in the space of its deformation, as torch-sim's batches relax it (ASE's
    `UnitCellFilter`). In that of its logarithm (`FrechetCellFilter`) as many steps are needed, each
    of which takes 15 ms more of logarithms and exponentials.

    Parameters
    ----------
    atoms : periodic; not changed

    Returns
    -------
    Relaxation
        with a `fault` and a `reason` when the steps did not suffice, the cell exploded, numbers
        ceased to be finite, atoms came closer than atoms can, a bond of the framework broke, or
        the potential failed.
    """
    trial = Trial.of(atoms, settings)
    work = trial.atoms.copy()
    work.calc = calculator
    steps = 0
    try:
        for reading in _readings(work, settings):
            steps = reading.steps
            if reading.within or trial.blame(reading) is not None:
                break
    except FAILURES as error:
        return trial.failed(work, error, steps=steps)
    return trial.ended(work, reading)


def _readings(atoms: Atoms, settings: RelaxationSettings) -> Iterator[Reading]:
    """Before the first step and after every one; a single one without a relaxation."""
    from ase.filters import UnitCellFilter
    from ase.optimize import LBFGS

    if settings.relaxed == "none":
        yield _reading(atoms, steps=0, within=True)
        return
    movable: Any = UnitCellFilter(atoms) if settings.relaxed == "cell" else atoms
    optimiser = LBFGS(movable, logfile=cast(Any, None))
    for within in optimiser.irun(fmax=settings.fmax_eV_A, steps=settings.max_steps):
        yield _reading(atoms, steps=int(optimiser.nsteps), within=bool(within))


def _reading(atoms: Atoms, *, steps: int, within: bool) -> Reading:
    forces_eV_A = atoms.get_forces()
    return Reading(
        steps=steps,
        energy_eV=float(atoms.get_potential_energy()),
        max_force_eV_A=float(np.linalg.norm(forces_eV_A, axis=1).max()),
        volume_A3=float(atoms.get_volume()),
        finite=bool(np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell[:]).all()),
        within=within,
    )
