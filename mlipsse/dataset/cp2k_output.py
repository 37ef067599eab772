"""The verdict on an output of CP2K: a label, or why it is none."""

import re
from pathlib import Path

import numpy as np
from ase import Atoms

from mlipsse.dataset.labels import Label
from mlipsse.dataset.program import Fault
from mlipsse.units import BOHR_A, EV_A3_TO_GPA, HARTREE_EV

_SAME_A = 1e-3
"""Atoms and cell vectors nearer than this are the same: CP2K prints six and three decimals."""

_NUMBER = r"(-?\d+\.\d+(?:E[+-]\d+)?)"
_THREE = rf"{_NUMBER}\s+{_NUMBER}\s+{_NUMBER}"
_VERSION = re.compile(r"^ CP2K\| version string:\s+CP2K version (\S+)", re.M)
_CUTOFF = re.compile(rf"^ QS\| Density cutoff \[a\.u\.\]:\s+{_NUMBER}", re.M)
_FUNCTIONAL = re.compile(r"^ FUNCTIONAL\| ([A-Z]\w+):", re.M)
_MESH = re.compile(r"^ BRILLOUIN\| K-Point grid\s+(\d+)\s+(\d+)\s+(\d+)", re.M)
_VECTOR = re.compile(rf"^ CELL\| Vector [abc] \[angstrom\]:\s+{_THREE}", re.M)
_ATOM = re.compile(rf"^\s+\d+\s+\d+ ([A-Z][a-z]?)\s+\d+\s+{_THREE}", re.M)
_ENERGY = re.compile(rf"^ ENERGY\| Total FORCE_EVAL \( QS \) energy \[a\.u\.\]:\s+{_NUMBER}", re.M)
_ENTROPY = re.compile(rf"^\s+Electronic entropic energy:\s+{_NUMBER}", re.M)
_FORCE = re.compile(rf"^\s+\d+\s+\d+\s+[A-Z]\w*\s+{_THREE}\s*$", re.M)
_STRESS = re.compile(rf"^ STRESS\|\s+[xyz]\s+{_THREE}\s*$", re.M)
_CONVERGED = re.compile(r"\*\*\* SCF run converged in\s+(\d+) steps \*\*\*")
_UNCONVERGED = re.compile(r"SCF run NOT converged")
_END = re.compile(r"PROGRAM ENDED AT")


def read_output(
    path: Path,
    computed: Atoms,
    *,
    n_atoms: int,
    cutoff_Ry: float,
    divisions: tuple[int, int, int],
    smearing: bool,
    detail: str,
) -> Label | Fault:
    """Label of the first `n_atoms` of `computed` from CP2K's output, in the layout of 2023.1.

    The energy is CP2K's total one, without smearing. With smearing that is the free energy F, and
    the label has it extrapolated to zero smearing, (F + E) / 2 = F + T S / 2, as for VASP (see
    `mlipsse.dataset.vasprun`); forces and stress are derivatives of F. CP2K prints the stress in
    GPa, positive under pressure: ASE's is minus that.

    Parameters
    ----------
    computed : the frame, or copies of it whose first `n_atoms` it is: then the energy is divided
        by their number and the forces of the first copy are taken
    cutoff_Ry, divisions, smearing : as the input has them; an output of others is refused
    detail : for the label's source, behind version and cutoff

    Returns
    -------
    Label, or a Fault when the file is absent, cut off, of another functional, cutoff, k-mesh or
    frame, or electronically not converged.
    """
    if not path.is_file():
        return Fault(f"CP2K left no {path.name}", may_pass=True)
    text = path.read_text(encoding="utf-8", errors="replace")
    if not _END.search(text):
        why = _abort(text)
        if why:
            return Fault(f"CP2K gave up: {why}", may_pass=False)
        return Fault(f"{path.name} is not whole, CP2K was cut off", may_pass=True)
    version = _VERSION.search(text)
    if version is None:
        return Fault(f"{path.name} is no output of CP2K", may_pass=False)
    other = _other_input(text, computed, cutoff_Ry, divisions)
    if other:
        return Fault(other, may_pass=False)
    steps = _CONVERGED.search(text)
    if _UNCONVERGED.search(text) or steps is None:
        limit = re.search(r"max_scf:\s+(\d+)", text)
        return Fault(
            f"the electrons did not converge in {limit[1] if limit else 'the given'} steps",
            may_pass=False,
        )
    energy = _ENERGY.search(text)
    forces = _rows(_FORCE, _between(text, " ATOMIC FORCES in [a.u.]", "SUM OF ATOMIC FORCES"))
    stress = _rows(_STRESS, _between(text, " STRESS| Analytical stress tensor [GPa]", "1/3 Trace"))
    entropy = _ENTROPY.findall(text)
    if energy is None or forces.shape != (len(computed), 3) or stress.shape != (3, 3):
        return Fault(
            f"{path.name} of CP2K {version[1]} holds no energy, forces and stress in the layout of "
            "CP2K 2023.1",
            may_pass=False,
        )
    if smearing != bool(entropy):
        return Fault(
            f"CP2K ran {'without' if smearing else 'with'} smearing, not as asked", may_pass=False
        )
    free_energy_Ha = float(energy[1])
    to_zero_Ha = -float(entropy[-1]) / 2 if smearing else 0.0
    stress_eV_A3 = -(stress + stress.T) / 2 / EV_A3_TO_GPA
    label = Label(
        (free_energy_Ha + to_zero_Ha) * HARTREE_EV * n_atoms / len(computed),
        forces[:n_atoms] * HARTREE_EV / BOHR_A,
        stress_eV_A3[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]],
        f"SCAN (CP2K {version[1]}, {cutoff_Ry:g} Ry, {detail})",
    )
    return label if label.finite else Fault("numbers overflowed in CP2K's output", may_pass=False)


def scf_steps(path: Path) -> int | None:
    """Electronic steps of a converged output, None for another."""
    steps = _CONVERGED.search(path.read_text(encoding="utf-8", errors="replace"))
    return int(steps[1]) if steps else None


def _other_input(
    text: str, computed: Atoms, cutoff_Ry: float, divisions: tuple[int, int, int]
) -> str:
    """What tells that the output is of another input, empty when nothing does."""
    functionals = sorted(set(_FUNCTIONAL.findall(text)))
    if functionals != ["MGGA_C_SCAN", "MGGA_X_SCAN"]:
        return f"CP2K ran with {' and '.join(functionals) or 'an unknown functional'}, not SCAN"
    cutoff = _CUTOFF.search(text)
    # CP2K prints Hartree, with one decimal.
    if cutoff is None or abs(2 * float(cutoff[1]) - cutoff_Ry) > 0.11:
        return f"CP2K ran with another cutoff than {cutoff_Ry:g} Ry"
    mesh = _MESH.search(text)
    there = (int(mesh[1]), int(mesh[2]), int(mesh[3])) if mesh else (1, 1, 1)
    if there != divisions:
        has, wanted = ("x".join(map(str, n)) for n in (there, divisions))
        return f"CP2K ran with {has} k-points, not {wanted}"
    symbols, positions = _atoms(text)
    cell = _rows(_VECTOR, text)[:3]
    if symbols == computed.get_chemical_symbols() and cell.shape == (3, 3):
        difference_A = max(
            np.abs(cell - computed.cell[:]).max(), np.abs(positions - computed.positions).max()
        )
    else:
        difference_A = np.inf
    if difference_A > _SAME_A:
        return (
            "the output is of another structure: cell, species or positions differ "
            f"(by {difference_A:.3g} Å)"
        )
    return ""


def _atoms(text: str) -> tuple[list[str], np.ndarray]:
    table = _between(text, "ATOMIC COORDINATES IN ANGSTROM", "SCF PARAMETERS")
    found = _ATOM.findall(table)
    return [row[0] for row in found], np.array([row[1:] for row in found], dtype=float)


def _abort(text: str) -> str:
    """What CP2K says in the box of an abort, beside its drawing; empty when it says nothing."""
    _, found, box = text.rpartition("[ABORT]")
    lines = [line[15:].strip(" *") for line in box.partition("*" * 40)[0].splitlines()]
    return " ".join(filter(None, lines)) if found else ""


def _between(text: str, begin: str, end: str) -> str:
    """The last text between `begin` and the next `end`, empty when there is none."""
    _, found, rest = text.rpartition(begin)
    return rest.partition(end)[0] if found else ""


def _rows(pattern: re.Pattern[str], text: str) -> np.ndarray:
    return np.array(pattern.findall(text), dtype=float)
