"""The verdict on a `vasprun.xml`: a label, or why it is none."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from mlipsse.dataset.labels import Label
from mlipsse.dataset.program import Fault
from mlipsse.dataset.vasp import species_order
from mlipsse.units import EV_A3_TO_BAR

_SAME_A = 1e-3
"""Atoms nearer than this to where they should be are there: VASP writes eight decimals."""

_STOPPED = 10.0
"""A last change of energy above so many EDIFF was no convergence: somebody stopped the run."""


def read_vasprun(path: Path, atoms: Atoms, *, functional: str) -> Label | Fault:
    """Label of `atoms` from the VASP run of their `species_order`.

    The energy is that extrapolated to zero smearing, (free energy + energy) / 2 for Gaussian
    smearing, so that frames do not differ by their electronic entropy; in crystals with a gap it
    is the free energy, whose derivatives forces and stress are. It is taken from the last
    electronic step, as `e_0_energy` of the ionic step is wrong in some versions (pymatgen's
    `Vasprun.final_energy` says which). Stress: VASP's is in kB and positive under pressure.

    Parameters
    ----------
    functional : as METAGGA has it; an output of another is refused

    Returns
    -------
    Label, or a Fault when the file is absent, cut off, of another functional, of another frame,
    or electronically not converged.
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
    if not run.ionic_steps or not {"forces", "stress"} <= set(run.ionic_steps[-1]):
        return Fault(f"{path.name} holds no forces and stress", may_pass=True)
    # Of METAGGA the parameters may say nothing; what they say must agree with the INCAR.
    stated = str(run.parameters.get("METAGGA", "")).upper().strip("- ")
    if run.run_type != functional or stated not in {"", "NONE", functional}:
        said = stated if run.run_type == functional else run.run_type
        return Fault(f"VASP ran with {said}, not {functional}", may_pass=False)
    handedness = _handedness(atoms)
    difference_A = _difference_A(run.initial_structure, atoms, handedness)
    if difference_A > _SAME_A:
        return Fault(
            f"{path.name} is of another structure: cell, species or positions differ "
            f"(by {difference_A:.3g} Å)",
            may_pass=False,
        )
    unconverged = _unconverged(run)
    if unconverged:
        return Fault(unconverged, may_pass=False)
    order = species_order(atoms)
    forces_eV_A = np.empty((len(atoms), 3))
    forces_eV_A[order] = handedness * np.array(run.ionic_steps[-1]["forces"], dtype=float)
    stress_kB = np.array(run.ionic_steps[-1]["stress"], dtype=float)
    stress_eV_A3 = -(stress_kB + stress_kB.T) / 2 * 1e3 / EV_A3_TO_BAR
    label = Label(
        float(run.final_energy),
        forces_eV_A,
        stress_eV_A3[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]],
        f"{functional} (VASP {run.vasp_version}, {run.parameters['ENMAX']:g} eV)",
    )
    return label if label.finite else Fault("numbers overflowed in VASP's output", may_pass=False)


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


def _unconverged(run: Any) -> str:
    """Why the electrons are not converged, empty when they are."""
    energies_eV = [step["e_fr_energy"] for step in run.ionic_steps[-1]["electronic_steps"]]
    steps, most = len(energies_eV), run.parameters["NELM"]
    if not run.converged_electronic or steps >= most:
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
