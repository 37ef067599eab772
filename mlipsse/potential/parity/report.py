"""The parity report of a bundle: the same in ASE, Python and LAMMPS, and energy is conserved."""

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ase import Atoms

from mlipsse.energetics.single_point import SinglePoint
from mlipsse.errors import MlipsseError
from mlipsse.potential.bundle.example import example_crystal, present_elements, read_example
from mlipsse.potential.bundle.folder import Bundle, read_bundle
from mlipsse.potential.export.target import Dtype, Format
from mlipsse.potential.export.torchscript import export_torchscript
from mlipsse.potential.lammps.plugin import build_plugin
from mlipsse.potential.parity.comparison import (
    Comparison,
    ParityLimits,
    compared,
    limits_of,
    parity_limits,
    with_dynamics,
    with_errors,
)
from mlipsse.potential.parity.dynamics import ThermalisedFrame, conserve, thermalise
from mlipsse.potential.parity.single_points import (
    ase_single_points,
    differences,
    lammps_single_points,
    python_single_points,
)
from mlipsse.structures.geometry import supercell

LEAST_ATOMS = 40
"""Size of the cell for dynamics; the total energy per atom of smaller cells fluctuates too much."""

RUNNERS: Mapping[Format, tuple[str, ...]] = {
    "torchscript": ("python", "lammps"),
    "aotinductor": ("python", "lammps"),
    "native": ("python", "lammps"),
    "symmetrix": ("python",),
    "mliap": ("python",),
    "upstream": ("lammps",),
}
"""Where the file of each format is compared. The LAMMPS here has no pair style for ML-IAP and
symmetrix, whose own Python code is called; mlipsse's pair style loads the file of upstream too."""

Announce = Callable[[str], None]


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
    and run in LAMMPS (`run 0`), as `RUNNERS` states, on `structures` and on the first of them
    relaxed and thermalised in LAMMPS (repeated to at least 40 atoms, 300 K), which then runs 1,000
    steps of 1 fs.

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
            exported=next(files[form] for form in files if "lammps" in RUNNERS[form]),
            plugin=plugin,
            elements=present_elements(first, bundle.elements),
            folder=workplace,
            threads=threads,
        )
        # In a crystal at rest forces cancel; those of dynamics set the scale of rounding errors.
        cells = [frame.atoms, *(given or [first])]
        announce("MACE in ASE")
        reference = ase_single_points(cells, model=bundle.model, head=bundle.head, dtype="float64")
        own = None
        if dtype == "float32":
            in_float32 = ase_single_points(cells, model=bundle.model, head=bundle.head, dtype=dtype)
            own = differences(in_float32, reference)
        limits = parity_limits(reference, own)
        comparisons = [] if own is None else [with_errors(Comparison("ase", "python"), own)]
        for form, exported in files.items():
            allowed = limits_of(form, limits, reference)
            if "python" in RUNNERS[form]:
                announce(f"{exported.name} in Python")
                comparisons.append(
                    compared(
                        Comparison(form, "python"),
                        partial(python_single_points, exported, cells),
                        reference,
                        allowed,
                    )
                )
            if "lammps" in RUNNERS[form]:
                (workplace / form).mkdir()
                in_lammps = _InLammps(exported, plugin, threads, workplace / form)
                comparisons.append(
                    in_lammps.comparison(form, cells, reference, frame, allowed, announce)
                )
    return _report(comparisons, dtype=dtype, compared=cells, limits=limits)


@dataclass(frozen=True)
class _InLammps:
    """An exported file in `pair_style mace`, on some threads, with a folder for its runs."""

    exported: Path
    plugin: Path
    threads: int
    folder: Path

    def comparison(
        self,
        form: Format,
        structures: Sequence[Atoms],
        reference: Sequence[SinglePoint],
        frame: ThermalisedFrame,
        limits: ParityLimits,
        announce: Announce,
    ) -> Comparison:
        """Single points and 1 ps at constant energy."""
        announce(f"{self.exported.name} in LAMMPS")
        found = compared(
            Comparison(form, "lammps"),
            partial(
                lammps_single_points,
                structures,
                exported=self.exported,
                plugin=self.plugin,
                threads=self.threads,
            ),
            reference,
            limits,
        )
        announce(f"{self.exported.name}: 1 ps at constant energy, {len(frame.atoms)} atoms")
        run = partial(
            conserve,
            frame,
            exported=self.exported,
            plugin=self.plugin,
            folder=self.folder,
            threads=self.threads,
        )
        return with_dynamics(found, run, limits)


def _files(bundle: Bundle, dtype: Dtype, *, folder: Path, announce: Announce) -> dict[Format, Path]:
    """Format -> file to be checked, at least one that runs in LAMMPS here."""
    files: dict[Format, Path] = {}
    if dtype == bundle.dtype:
        files = {form: bundle.exports[form] for form in RUNNERS if form in bundle.exports}
    if not any("lammps" in RUNNERS[form] for form in files):
        announce(f"exporting {bundle.model.name} in {dtype}")
        out = folder / f"{bundle.name}.pt"
        export_torchscript(bundle.model, head=bundle.head, dtype=dtype, out=out)
        files["torchscript"] = out
    return files


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
