"""The parity report of a bundle: the same in ASE, Python and LAMMPS, and energy is conserved."""

import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from ase import Atoms

from mlipsse.energetics.single_point import SinglePoint
from mlipsse.errors import MlipsseError
from mlipsse.potential.bundle.example import example_crystal, present_elements, read_example
from mlipsse.potential.bundle.folder import Bundle, read_bundle
from mlipsse.potential.export.target import Dtype
from mlipsse.potential.export.torchscript import export_torchscript
from mlipsse.potential.lammps.plugin import build_plugin
from mlipsse.potential.parity.dynamics import Conservation, conserve, thermalise
from mlipsse.potential.parity.single_points import (
    Differences,
    ase_single_points,
    differences,
    lammps_single_points,
    python_single_points,
)
from mlipsse.structures.geometry import supercell

MAX_DRIFT_EV_ATOM_PS = 1e-5
MAX_ERROR_FLOAT64 = 1e-10
"""Limit for energies per atom (eV), forces (eV/Å) and stresses (eV/Å³)."""

MAX_RELATIVE_ERROR_FLOAT32 = 1e-5
"""Limit relative to the largest force and stress, against MACE in float64."""

LIKE_MACE = 2.0
"""Two roundings of the same size differ by chance: so many times MACE's own error in float32."""

ROUNDING_FLOAT32 = 1e-6
"""Relative to the largest value: sixteen units in the last place, the limit of any arithmetic."""

LEAST_ATOMS = 40
"""Size of the cell for dynamics; the total energy per atom of smaller cells fluctuates too much."""

LAMMPS_FORMATS = ("torchscript", "aotinductor", "native")

_SPLINES = (2e-5, 1e-5)
"""Errors of forces that native code may have beyond rounding, for its radial functions are
splines: eV/Å, and relative to their root mean square; the larger one counts."""

Announce = Callable[[str], None]


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


@dataclass(frozen=True)
class ParityReport:
    """What `check` found; the errors are the largest of all files and ways to run them.

    Attributes
    ----------
    passed : every file of the bundle runs and keeps every limit
    dtype : that the files compute in
    max_energy_error_eV : of a whole structure
    max_force_error_eV_A, max_stress_error_eV_A3 : of any component
    drift_eV_atom_ps : slope of the total energy over 1 ps, the steepest of all files
    structures, atoms : how many were compared, and how large the largest was
    limits : what they were judged by
    comparisons : one for each file and way, and in float32 one of MACE itself
    problems : everything that is wrong, a sentence each
    """

    passed: bool
    dtype: Dtype
    max_energy_error_eV: float | None
    max_force_error_eV_A: float | None
    max_stress_error_eV_A3: float | None
    drift_eV_atom_ps: float | None
    structures: int
    atoms: int
    limits: ParityLimits
    comparisons: tuple[Comparison, ...]
    problems: tuple[str, ...]


def check_bundle(
    folder: Path,
    *,
    structures: Sequence[Atoms] | None = None,
    dtype: Dtype | None = None,
    threads: int = 1,
    announce: Announce = lambda text: None,
) -> ParityReport:
    """Compare a bundle's files with its model, then run them at constant energy.

    The reference is mace-torch's ASE calculator in float64. Each exported file is called in Python
    and run in LAMMPS (`run 0`), on `structures` and on the first of them relaxed and thermalised
    in LAMMPS (repeated to at least 40 atoms, 300 K), which then runs 1,000 steps of 1 fs.

    Parameters
    ----------
    folder : the bundle; its checksums are compared before its model is unpickled
    structures : periodic in three directions; the bundle's example (or a crystal made from its
        elements) when not given
    dtype : when it is not that of the bundle's files, or the bundle has none, a TorchScript file of
        this type is made for the occasion and checked instead
    threads : of LAMMPS
    announce : called with what is being done

    Raises
    ------
    MlipsseError
        when the bundle is not whole, a structure does not fit it, or the first file of it does not
        run in LAMMPS at all.
    """
    bundle = read_bundle(folder)
    given = [_fits(atoms, bundle) for atoms in structures or []]
    if structures is not None and not given:
        raise MlipsseError("A check requires at least one structure. Name one.")
    with tempfile.TemporaryDirectory(prefix="mlipsse-check-") as temporary:
        workplace = Path(temporary)
        dtype = dtype or bundle.dtype
        files = _files(bundle, dtype, folder=workplace, announce=announce)
        plugin = build_plugin()
        first = given[0] if given else _example(bundle)
        announce(f"relaxing and thermalising {first.get_chemical_formula()}")
        frame = thermalise(
            supercell(first, min_atoms=LEAST_ATOMS),
            exported=next(iter(files.values())),
            plugin=plugin,
            elements=present_elements(first, bundle.elements),
            folder=workplace,
            threads=threads,
        )
        # In a crystal at rest forces cancel; those of dynamics set the scale of rounding errors.
        compared = [frame.atoms, *(given or [first])]
        announce("MACE in ASE")
        reference = ase_single_points(
            compared, model=bundle.model, head=bundle.head, dtype="float64"
        )
        own = None
        if dtype == "float32":
            in_float32 = ase_single_points(
                compared, model=bundle.model, head=bundle.head, dtype=dtype
            )
            own = differences(in_float32, reference)
        limits = _limits(reference, own)
        comparisons = [] if own is None else [_with_errors(Comparison("ase", "python"), own)]
        for backend, exported in files.items():
            allowed = _with_splines(limits, reference) if backend == "native" else limits
            announce(f"{exported.name} in Python")
            in_python = _compared(
                Comparison(backend, "python"),
                partial(python_single_points, exported, compared),
                reference,
                allowed,
            )
            announce(f"{exported.name} in LAMMPS")
            in_lammps = _compared(
                Comparison(backend, "lammps"),
                partial(
                    lammps_single_points,
                    compared,
                    exported=exported,
                    plugin=plugin,
                    threads=threads,
                ),
                reference,
                allowed,
            )
            announce(f"{exported.name}: 1 ps at constant energy, {len(frame.atoms)} atoms")
            folder = workplace / backend
            folder.mkdir()
            in_lammps = _with_dynamics(
                in_lammps,
                partial(
                    conserve,
                    frame,
                    exported=exported,
                    plugin=plugin,
                    folder=folder,
                    threads=threads,
                ),
                limits,
            )
            comparisons += [in_python, in_lammps]
    return _report(comparisons, dtype=dtype, compared=compared, limits=limits)


def _files(bundle: Bundle, dtype: Dtype, *, folder: Path, announce: Announce) -> dict[str, Path]:
    """Format -> file to be checked."""
    files = {form: bundle.exports[form] for form in LAMMPS_FORMATS if form in bundle.exports}
    if files and dtype == bundle.dtype:
        return files
    announce(f"exporting {bundle.model.name} in {dtype}")
    out = folder / f"{bundle.name}.pt"
    export_torchscript(bundle.model, head=bundle.head, dtype=dtype, out=out)
    return {"torchscript": out}


def _example(bundle: Bundle) -> Atoms:
    if bundle.example is None:
        return example_crystal(bundle.elements)
    return read_example(bundle.example, bundle.elements)


def _fits(atoms: Atoms, bundle: Bundle) -> Atoms:
    if missing := sorted(set(atoms.get_chemical_symbols()) - set(bundle.elements)):
        raise MlipsseError(
            f"{atoms.get_chemical_formula()} contains {', '.join(missing)}, which {bundle.name} "
            f"does not know. Name structures of {', '.join(bundle.elements)}."
        )
    if not atoms.pbc.all() or abs(atoms.cell.volume) < 1e-6:
        raise MlipsseError(
            f"{atoms.get_chemical_formula()} is not periodic in all three directions; potentials "
            "are checked on crystals. Set its cell and pbc."
        )
    return atoms


def _limits(reference: Sequence[SinglePoint], own: Differences | None) -> ParityLimits:
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


def _with_splines(limits: ParityLimits, reference: Sequence[SinglePoint]) -> ParityLimits:
    """The same for native code."""
    forces = np.concatenate([point.forces_eV_A for point in reference])
    force_eV_A = max(_SPLINES[0], _SPLINES[1] * float(np.sqrt((forces**2).mean())))
    return replace(
        limits,
        energy_eV_atom=max(limits.energy_eV_atom, 0.1 * force_eV_A),
        force_eV_A=max(limits.force_eV_A, force_eV_A),
        stress_eV_A3=max(limits.stress_eV_A3, 0.1 * force_eV_A),
    )


def _compared(
    comparison: Comparison,
    compute: Callable[[], list[SinglePoint]],
    reference: Sequence[SinglePoint],
    limits: ParityLimits,
) -> Comparison:
    try:
        found = differences(compute(), reference)
    except MlipsseError as error:
        return replace(comparison, problem=str(error))
    comparison = _with_errors(comparison, found)
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


def _with_errors(comparison: Comparison, found: Differences) -> Comparison:
    return replace(
        comparison,
        max_energy_error_eV=found.energy_eV,
        max_energy_error_eV_atom=found.energy_eV_atom,
        max_force_error_eV_A=found.force_eV_A,
        max_stress_error_eV_A3=found.stress_eV_A3,
        max_relative_force_error=found.relative_force,
    )


def _with_dynamics(
    comparison: Comparison, run: Callable[[], Conservation], limits: ParityLimits
) -> Comparison:
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


def _report(
    comparisons: Sequence[Comparison],
    *,
    dtype: Dtype,
    compared: Sequence[Atoms],
    limits: ParityLimits,
) -> ParityReport:
    exported = [comparison for comparison in comparisons if comparison.backend != "ase"]

    def worst(field: str) -> float | None:
        values = [getattr(comparison, field) for comparison in exported]
        return max((v for v in values if v is not None), key=_badness, default=None)

    problems = [f"{c.backend} in {c.runner}: {c.problem}" for c in exported if c.problem]
    return ParityReport(
        passed=not problems,
        dtype=dtype,
        max_energy_error_eV=worst("max_energy_error_eV"),
        max_force_error_eV_A=worst("max_force_error_eV_A"),
        max_stress_error_eV_A3=worst("max_stress_error_eV_A3"),
        drift_eV_atom_ps=worst("drift_eV_atom_ps"),
        structures=len(compared),
        atoms=max(len(atoms) for atoms in compared),
        limits=limits,
        comparisons=tuple(comparisons),
        problems=tuple(problems),
    )


def _badness(value: float) -> float:
    return math.inf if math.isnan(value) else abs(value)
