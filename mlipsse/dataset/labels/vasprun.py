"""The verdict on a `vasprun.xml`: a label, or why it is none."""

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress

from mlipsse.dataset.labels.program import Fault
from mlipsse.dataset.labels.sources import Label
from mlipsse.energetics.single_point import SinglePoint
from mlipsse.units import EV_A3_TO_BAR

_SAME_A = 1e-3
"""Atoms nearer than this to where they should be are there: VASP writes eight decimals."""

_STOPPED = 10.0
"""A last change of energy above so many EDIFF was no convergence: the run was stopped by hand."""


_TITLE = re.compile(r"^PAW\w*\s+(\S+)\s+\d{2}[A-Z][a-z]{2}\d{4}")
"""Title of a POTCAR: kind, name, date."""


@dataclass(frozen=True, kw_only=True)
class AskedOfVasp:
    """What an output is compared with.

    Attributes
    ----------
    functional : METAGGA
    parameters : name in the output's parameters -> value, of those that decide on a label
    divisions : of the k-point mesh around Γ
    potcars : names, by species in `species_order`
    electrons : NELECT where it is not that of neutral atoms
    """

    functional: str
    parameters: Mapping[str, Any]
    divisions: tuple[int, int, int]
    potcars: Sequence[str]
    electrons: float | None = None


def read_vasprun(path: Path, atoms: Atoms, asked: AskedOfVasp) -> Label | Fault:
    """Label of `atoms` from the VASP run of their `species_order`.

    Of an output with several ionic steps the one of the frame's structure is taken.

    The energy is that extrapolated to zero smearing, (free energy + energy) / 2 for Gaussian
    smearing, so that frames do not differ by their electronic entropy; in crystals with a gap it
    is the free energy, whose derivatives forces and stress are. Stress:
    VASP's is in kB and positive under pressure.

    Returns
    -------
    Label, or a Fault when the file is absent, cut off, of another functional, cutoff, k-mesh,
    smearing, spin, number of electrons, POTCAR or frame, of a machine-learned force field, or
    electronically not converged.
    """
    if not path.is_file():
        return Fault(f"VASP left no {path.name}", may_pass=True)
    try:
        run = _parse(path)
    except Exception as error:
        return Fault(
            f"{path.name} is not whole, VASP was cut off ({type(error).__name__}: {error})",
            may_pass=True,
        )
    steps = [step for step in run.ionic_steps if {"forces", "stress"} <= set(step)]
    if not steps:
        return Fault(f"{path.name} holds no forces and stress", may_pass=True)
    # What differs here differs in every frame's output.
    other = _other_method(run, asked) or _other_electrons(run, path, asked)
    if other:
        return Fault(other, may_pass=False, common=True)
    handedness = _handedness(atoms)
    differences_A = [_difference_A(step["structure"], atoms, handedness) for step in steps]
    nearest = int(np.argmin(differences_A))
    if differences_A[nearest] > _SAME_A:
        several = f" in each of {len(steps)} ionic steps" if len(steps) > 1 else ""
        return Fault(
            f"{path.name} is of another structure: cell, species or positions differ{several} "
            f"(by {differences_A[nearest]:.3g} Å)",
            may_pass=False,
        )
    step = steps[nearest]
    mesh = _other_mesh(run, asked)
    if mesh:
        return Fault(mesh, may_pass=False)
    unconverged = _unconverged(run, step)
    if unconverged:
        return Fault(unconverged, may_pass=False)
    order = species_order(atoms)
    forces_eV_A = np.empty((len(atoms), 3))
    forces_eV_A[order] = handedness * np.array(step["forces"], dtype=float)
    stress_kB = np.array(step["stress"], dtype=float)
    stress_eV_A3 = -(stress_kB + stress_kB.T) / 2 * 1e3 / EV_A3_TO_BAR
    point = SinglePoint(_energy_eV(step), forces_eV_A, full_3x3_to_voigt_6_stress(stress_eV_A3))
    if not point.finite:
        return Fault("numbers overflowed in VASP's output", may_pass=False)
    source = f"{asked.functional} (VASP {run.vasp_version}, {run.parameters['ENMAX']:g} eV)"
    return Label(point, source)


def species_order(atoms: Atoms) -> np.ndarray:
    """Indices of the atoms in the order of the POSCAR, (n_atoms,): by species, else as they are.

    Species follow each other by electronegativity, as in all of pymatgen's inputs.
    """
    from pymatgen.core import Element

    symbols = atoms.get_chemical_symbols()
    rank = {symbol: i for i, symbol in enumerate(sorted(set(symbols), key=Element))}
    return np.argsort([rank[symbol] for symbol in symbols], kind="stable")


def _parse(path: Path) -> Any:
    from pymatgen.io.vasp.outputs import UnconvergedVASPWarning, Vasprun

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnconvergedVASPWarning)
        return Vasprun(path, parse_dos=False, parse_eigen=False, parse_potcar_file=False)


def _handedness(atoms: Atoms) -> int:
    """-1 for a left-handed cell, which VASP refuses and pymatgen writes inverted: r -> -r."""
    return 1 if np.linalg.det(atoms.cell[:]) > 0 else -1


def _difference_A(structure: Any, atoms: Atoms, handedness: int) -> float:
    """Largest distance, Å, of a cell vector or an atom from where the frame has it."""
    ordered = atoms[species_order(atoms)]
    if [site.specie.symbol for site in structure] != ordered.get_chemical_symbols():
        return np.inf
    cell = structure.lattice.matrix
    shift = structure.frac_coords - ordered.get_scaled_positions(wrap=False)
    shift -= np.round(shift)
    cells = np.abs(handedness * cell - ordered.cell[:]).max()
    return float(max(cells, np.linalg.norm(shift @ cell, axis=1).max()))


def _energy_eV(step: Mapping[str, Any]) -> float:
    """Energy at zero smearing.

    `e_0_energy` of the ionic step is wrong in some versions (pymatgen's `Vasprun.final_energy`
    states them), that of the last electronic step is not.
    """
    last = step["electronic_steps"][-1]
    return float(last["e_0_energy"] - last["e_fr_energy"] + step["e_fr_energy"])


def _other_method(run: Any, asked: AskedOfVasp) -> str:
    """What shows that an output is of another calculation than asked for; empty when nothing."""
    # The parameters may lack METAGGA; where they state it, it must agree with the INCAR.
    stated = str(run.parameters.get("METAGGA", "")).upper().strip("- ")
    if run.run_type != asked.functional or stated not in {"", "NONE", asked.functional}:
        ran = stated if run.run_type == asked.functional else run.run_type
        return f"VASP ran with {ran}, not {asked.functional}"
    if run.parameters.get("ML_LMLFF") or run.incar.get("ML_LMLFF"):
        return "VASP ran with a machine-learned force field (ML_LMLFF), which gives no DFT labels"
    for name, value in asked.parameters.items():
        there = run.parameters.get(name)
        if there is not None and not _same(there, value):
            return f"VASP ran with {name} = {there}, not {value}"
    titles = [_TITLE.match(str(title)) for title in run.potcar_symbols]
    found = [title[1] for title in titles if title is not None]
    if len(found) == len(titles) and found != list(asked.potcars):
        return f"VASP ran with the POTCARs {', '.join(found)}, not {', '.join(asked.potcars)}"
    return ""


def _same(there: Any, value: Any) -> bool:
    if isinstance(value, str):  # some versions keep six letters: accura
        return str(there).strip().casefold()[:6] == value.casefold()[:6]
    if isinstance(value, bool):
        return bool(there) is value
    return abs(float(there) - value) <= 1e-3 * abs(value) + 1e-12


def _other_electrons(run: Any, path: Path, asked: AskedOfVasp) -> str:
    """A number of electrons that is not asked for; empty when it is, or where none is stated."""
    there = run.parameters.get("NELECT")
    wanted = asked.electrons if asked.electrons is not None else _neutral_electrons(path)
    if there is None or wanted is None or abs(float(there) - wanted) < 1e-3:
        return ""
    kind = "as asked for" if asked.electrons is not None else "of a neutral cell"
    return f"VASP ran with {float(there):g} electrons, not {wanted:g} {kind}"


def _neutral_electrons(path: Path) -> float | None:
    """Valence electrons of all atoms by their POTCARs; None where the file does not list them."""
    with path.open("rb") as stream:
        for _, element in ElementTree.iterparse(stream):
            if element.tag == "atominfo":
                rows = element.findall("array[@name='atomtypes']/set/rc")
                try:
                    cells = [[cell.text or "" for cell in row.findall("c")] for row in rows]
                    return sum(int(row[0]) * float(row[3]) for row in cells)
                except (IndexError, ValueError):
                    return None
    return None


def _other_mesh(run: Any, asked: AskedOfVasp) -> str:
    """Other k-points than a mesh around Γ of the divisions asked for; empty when they are those."""
    wanted = "x".join(map(str, asked.divisions))
    points = np.array(run.actual_kpoints, dtype=float).reshape(-1, 3)
    divisions = np.array(asked.divisions)
    if run.kpoints.style.name in ("Gamma", "Monkhorst") and len(run.kpoints.kpts) == 1:
        there = tuple(int(n) for n in run.kpoints.kpts[0])
        shifted = run.kpoints.style.name == "Monkhorst" and bool((divisions % 2 == 0).any())
        shifted |= bool(np.abs(run.kpoints.kpts_shift).max(initial=0.0) > 1e-6)
        if there != tuple(asked.divisions) or shifted:
            around = "shifted off Γ" if shifted else "around Γ"
            return (
                f"VASP ran with {'x'.join(map(str, there))} k-points {around}, not {wanted} "
                "around Γ"
            )
        return ""
    # A list: all points lie on the mesh, and Γ, which symmetry multiplies by none, weighs one.
    on_mesh = np.abs(points * divisions - np.round(points * divisions)).max(initial=0.0) < 1e-4
    at_gamma = np.abs(points).max(axis=1, initial=0.0) < 1e-6
    weights = np.array(run.actual_kpoints_weights, dtype=float).ravel()
    if len(weights) == len(points) > 0 and on_mesh and at_gamma.any():
        share = float(weights[at_gamma].sum() / weights.sum()) * float(np.prod(divisions))
        if abs(share - 1) < 1e-3:
            return ""
    return f"VASP ran with a list of {len(points)} k-points that is not {wanted} around Γ"


def _unconverged(run: Any, step: Mapping[str, Any]) -> str:
    """Why the electrons of a step are not converged, empty when they are."""
    energies_eV = [one["e_fr_energy"] for one in step["electronic_steps"]]
    steps, most = len(energies_eV), run.parameters["NELM"]
    if steps >= most:
        return f"the electrons did not converge in {most} steps"
    if steps < 2:
        return f"VASP ended after {steps} electronic steps"
    change_eV = abs(energies_eV[-1] - energies_eV[-2])
    limit_eV = _STOPPED * run.parameters["EDIFF"]
    if change_eV > limit_eV:
        return (
            f"VASP was stopped after {steps} electronic steps, the last of which changed the "
            f"energy by {change_eV:.2g} eV"
        )
    return ""
