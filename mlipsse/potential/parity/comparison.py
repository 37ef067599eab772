"""One exported file compared with MACE: the errors, and the limits that they are judged by."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mlipsse.energetics.single_point import SinglePoint
from mlipsse.errors import MlipsseError
from mlipsse.potential.export.target import Format
from mlipsse.potential.parity.dynamics import Conservation
from mlipsse.potential.parity.single_points import Differences, differences

MAX_DRIFT_EV_ATOM_PS = 1e-5
MAX_ERROR_FLOAT64 = 1e-10
"""Limit for energies per atom (eV), forces (eV/Å) and stresses (eV/Å³)."""

MAX_RELATIVE_ERROR_FLOAT32 = 1e-5
"""Limit relative to the largest force and stress, against MACE in float64."""

LIKE_MACE = 2.0
"""Two roundings of the same size differ by chance: so many times MACE's own error in float32."""

ROUNDING_FLOAT32 = 1e-6
"""Relative to the largest value: sixteen units in the last place, the limit of any arithmetic."""

_SPLINES = (2e-5, 1e-5)
"""Errors of forces that native code and symmetrix may have beyond rounding, for their radial
functions are splines: eV/Å, and relative to their root mean square; the larger one counts."""

_WITH_SPLINES: tuple[Format, ...] = ("native", "symmetrix")


@dataclass(frozen=True)
class Comparison:
    """One exported file, one way to run it, compared with MACE in ASE in float64.

    Attributes
    ----------
    backend : format of the file, or `ase` for MACE itself in the bundle's number type
    runner : `python` or `lammps`
    max_energy_error_eV, max_energy_error_eV_atom : of a whole structure, and per atom
    max_force_error_eV_A, max_stress_error_eV_A3 : of any component
    max_relative_force_error : relative to the largest force of its structure
    drift_eV_atom_ps, fluctuation_eV_atom, temperature_K : of the run at constant energy; None
        where there is none
    problem : why there are no numbers, or which limit they miss; None when all is well
    """

    backend: str
    runner: str
    max_energy_error_eV: float | None = None
    max_energy_error_eV_atom: float | None = None
    max_force_error_eV_A: float | None = None
    max_stress_error_eV_A3: float | None = None
    max_relative_force_error: float | None = None
    drift_eV_atom_ps: float | None = None
    fluctuation_eV_atom: float | None = None
    temperature_K: float | None = None
    problem: str | None = None


@dataclass(frozen=True)
class ParityLimits:
    """Largest errors that pass, for the structures of one check.

    Attributes
    ----------
    energy_eV_atom : per atom of a structure
    force_eV_A, stress_eV_A3 : of any component
    drift_eV_atom_ps : of the total energy at constant energy
    """

    energy_eV_atom: float
    force_eV_A: float
    stress_eV_A3: float
    drift_eV_atom_ps: float


def parity_limits(reference: Sequence[SinglePoint], own: Differences | None) -> ParityLimits:
    """In float32: 1e-5 of the largest value, and like MACE itself in float32."""
    if own is None:
        return ParityLimits(
            energy_eV_atom=MAX_ERROR_FLOAT64,
            force_eV_A=MAX_ERROR_FLOAT64,
            stress_eV_A3=MAX_ERROR_FLOAT64,
            drift_eV_atom_ps=MAX_DRIFT_EV_ATOM_PS,
        )
    energy_eV_atom = max(abs(point.energy_eV) / len(point.forces_eV_A) for point in reference)
    force_eV_A = max(np.abs(point.forces_eV_A).max() for point in reference)
    stress_eV_A3 = max(np.abs(point.stress_eV_A3).max() for point in reference)

    def limit(largest: float, of_mace: float) -> float:
        like_mace = max(LIKE_MACE * of_mace, ROUNDING_FLOAT32 * largest)
        return float(min(MAX_RELATIVE_ERROR_FLOAT32 * largest, like_mace))

    return ParityLimits(
        energy_eV_atom=limit(energy_eV_atom, own.energy_eV_atom),
        force_eV_A=limit(force_eV_A, own.force_eV_A),
        stress_eV_A3=limit(stress_eV_A3, own.stress_eV_A3),
        drift_eV_atom_ps=MAX_DRIFT_EV_ATOM_PS,
    )


def limits_of(form: Format, limits: ParityLimits, reference: Sequence[SinglePoint]) -> ParityLimits:
    """The limits for files of one format: wider by the errors of splines where it has them."""
    if form not in _WITH_SPLINES:
        return limits
    forces = np.concatenate([point.forces_eV_A for point in reference])
    force_eV_A = max(_SPLINES[0], _SPLINES[1] * float(np.sqrt((forces**2).mean())))
    return replace(
        limits,
        energy_eV_atom=max(limits.energy_eV_atom, 0.1 * force_eV_A),
        force_eV_A=max(limits.force_eV_A, force_eV_A),
        stress_eV_A3=max(limits.stress_eV_A3, 0.1 * force_eV_A),
    )


def compared(
    comparison: Comparison,
    compute: Callable[[], list[SinglePoint]],
    reference: Sequence[SinglePoint],
    limits: ParityLimits,
) -> Comparison:
    """The comparison with its errors, and with the limits that they miss.

    Parameters
    ----------
    compute : energy, forces and stress of the structures of `reference`, by the file
    """
    try:
        found = differences(compute(), reference)
    except MlipsseError as error:
        return replace(comparison, problem=str(error))
    comparison = with_errors(comparison, found)
    too_large = [
        f"{what} differ by {value:.2g} {unit} (limit {limit:.2g})"
        for what, value, limit, unit in (
            ("energies", found.energy_eV_atom, limits.energy_eV_atom, "eV/atom"),
            ("forces", found.force_eV_A, limits.force_eV_A, "eV/Å"),
            ("stresses", found.stress_eV_A3, limits.stress_eV_A3, "eV/Å^3"),
        )
        if not value <= limit  # NaN is too large
    ]
    return replace(comparison, problem="; ".join(too_large) or None)


def with_errors(comparison: Comparison, found: Differences) -> Comparison:
    """The comparison with errors that were found."""
    return replace(
        comparison,
        max_energy_error_eV=found.energy_eV,
        max_energy_error_eV_atom=found.energy_eV_atom,
        max_force_error_eV_A=found.force_eV_A,
        max_stress_error_eV_A3=found.stress_eV_A3,
        max_relative_force_error=found.relative_force,
    )


def with_dynamics(
    comparison: Comparison, run: Callable[[], Conservation], limits: ParityLimits
) -> Comparison:
    """The comparison with the drift of `run`, a file's dynamics at constant energy."""
    try:
        found = run()
    except MlipsseError as error:
        return replace(comparison, problem=comparison.problem or str(error))
    problem, limit = comparison.problem, limits.drift_eV_atom_ps
    if not abs(found.drift_eV_atom_ps) <= limit:
        drift = f"the energy drifts by {found.drift_eV_atom_ps:.2g} eV/atom/ps (limit {limit:.2g})"
        problem = f"{problem}; {drift}" if problem else drift
    return replace(
        comparison,
        drift_eV_atom_ps=found.drift_eV_atom_ps,
        fluctuation_eV_atom=found.fluctuation_eV_atom,
        temperature_K=found.temperature_K,
        problem=problem,
    )
