"""The verdict on an output of CP2K: a label, or why it is none."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress

from mlipsse.dataset.labels.program import Fault
from mlipsse.dataset.labels.sources import Label
from mlipsse.energetics.single_point import SinglePoint, force_noise_eV_A
from mlipsse.units import BOHR_A, EV_A3_TO_GPA, HARTREE_EV

_HOPELESS = 5.0
"""An estimate that is so many times too large is no chance of one frame."""

_SAME_A = 1e-3
"""Atoms and cell vectors nearer than this are the same: CP2K prints six and three decimals."""

_NUMBER = r"(-?\d+\.\d+(?:E[+-]\d+)?)"
_THREE = rf"{_NUMBER}\s+{_NUMBER}\s+{_NUMBER}"
_VERSION = re.compile(r"^ CP2K\| version string:\s+CP2K version (\S+)", re.M)
_RUN_TYPE = re.compile(r"^ GLOBAL\| Run type\s+(\w+)", re.M)
_CUTOFF = re.compile(rf"^ QS\| Density cutoff \[a\.u\.\]:\s+{_NUMBER}", re.M)
_FUNCTIONAL = re.compile(r"^ FUNCTIONAL\| ([A-Z]\w+):", re.M)
_MESH = re.compile(r"^ BRILLOUIN\| K-Point grid\s+(\d+)\s+(\d+)\s+(\d+)", re.M)
_SPIN = re.compile(r"^ DFT\| Spin (restricted|unrestricted)", re.M)
_MULTIPLICITY = re.compile(r"^ DFT\| Multiplicity\s+(\d+)", re.M)
_CHARGE = re.compile(r"^ DFT\| Charge\s+(-?\d+)", re.M)
_VECTOR = re.compile(rf"^ CELL\| Vector [abc] \[angstrom\]:\s+{_THREE}", re.M)
_ATOM = re.compile(rf"^\s+\d+\s+\d+ ([A-Z][a-z]?)\s+\d+\s+{_THREE}\s+{_NUMBER}", re.M)
# 2023 and before: energy [a.u.]: and a table of forces with the elements; from 2025 on FORCES|.
_ENERGY = re.compile(
    rf"^ ENERGY\| Total FORCE_EVAL \( QS \) energy (?:\[a\.u\.\]:|\[hartree\]:?)\s+{_NUMBER}", re.M
)
_ENTROPY = re.compile(rf"^\s+Electronic entropic energy:\s+{_NUMBER}", re.M)
_FORCE = re.compile(
    rf"^(?:\s+\d+\s+\d+\s+[A-Z]\w*\s+{_THREE}\s*| FORCES\|\s+\d+\s+{_THREE}(?:\s+\S+)?\s*)$",
    re.M,
)
_FORCE_TABLES = (
    (" ATOMIC FORCES in [a.u.]", "SUM OF ATOMIC FORCES"),
    (" FORCES| Atomic forces [hartree/bohr]", " FORCES| Sum"),
)
_STRESS_TABLE = re.compile(r"^ STRESS\| Analytical stress tensor \[(\w+)\]", re.M)
_STRESS_UNITS_GPA = {
    "GPa": 1.0,
    "kbar": 0.1,
    "bar": 1e-4,
    "MPa": 1e-3,
    "Pa": 1e-9,
    "atm": 1.01325e-4,
}
_STRESS = re.compile(rf"^ STRESS\|\s+[xyz]\s+{_THREE}\s*$", re.M)
_CONVERGED = re.compile(r"\*\*\* SCF run converged in\s+(\d+) steps \*\*\*")
_UNCONVERGED = re.compile(r"SCF run NOT converged")
_END = re.compile(r"PROGRAM ENDED AT")
_COMMON_ABORT = re.compile(
    r"basis set|potential .*(not found|missing)|not found|cannot be (found|opened)|could not (be )?"
    r"(find|found|open)|does not exist|unknown (keyword|subsection|section|string)|invalid|not "
    r"(yet )?(implemented|available|supported|compiled|linked)|libxc",
    re.IGNORECASE,
)
"""Aborts that every frame would end in: a missing file, basis or library, an unknown keyword."""


@dataclass(frozen=True, kw_only=True)
class AskedOfCp2k:
    """What an output is compared with.

    Attributes
    ----------
    functional : for the label's source
    libxc : names of its exchange and correlation, as CP2K prints them
    cutoff_Ry, divisions, smearing : as the input has them
    spin, multiplicity : of all that is computed; no multiplicity for CP2K's guess
    electrons : of all that is computed; None without the data files that state it
    detail : for the label's source, behind version and cutoff
    max_noise_eV_A : largest accepted error of the forces, see `force_noise_eV_A`
    """

    functional: str
    libxc: tuple[str, str]
    cutoff_Ry: float
    divisions: tuple[int, int, int]
    smearing: bool
    spin: bool = False
    multiplicity: int | None = None
    electrons: int | None = None
    detail: str = ""
    max_noise_eV_A: float


def read_output(path: Path, computed: Atoms, asked: AskedOfCp2k, *, n_atoms: int) -> Label | Fault:
    """Label of the first `n_atoms` of `computed` from CP2K's output.

    Read are the layouts of CP2K 8 to 2024, and of 2025 and newer (`energy [hartree]`, `FORCES|`).

    The energy is CP2K's total one, without smearing. With smearing that is the free energy F, and
    the label has it extrapolated to zero smearing, (F + E) / 2 = F + T S / 2, as for VASP (see
    `mlipsse.dataset.labels.vasprun`); forces and stress are derivatives of F. CP2K prints the
    stress positive under pressure: ASE's is minus that.

    Parameters
    ----------
    computed : the frame, or copies of it whose first `n_atoms` it is: then the energy is divided
        by their number and the forces of the first copy are taken

    Returns
    -------
    Label, or a Fault when the file is absent, cut off, of several ionic steps, of another
    functional, cutoff, k-mesh, spin, number of electrons or frame, electronically not converged, or
    computed on too coarse a grid.
    """
    if not path.is_file():
        return Fault(f"CP2K left no {path.name}", may_pass=True)
    text = path.read_text(encoding="utf-8", errors="replace")
    if not _END.search(text):
        why = _abort(text)
        if why:
            common = bool(_COMMON_ABORT.search(why))
            return Fault(f"CP2K gave up: {why}", may_pass=False, common=common)
        return Fault(f"{path.name} is not whole, CP2K was cut off", may_pass=True)
    version = _VERSION.search(text)
    if version is None:
        return Fault(f"{path.name} is not an output of CP2K", may_pass=False)
    # What differs here differs in every frame's output.
    other = _other_method(text, asked)
    if other:
        return Fault(other, may_pass=False, common=True)
    other = _other_frame(text, computed, asked)
    if other:
        return Fault(other, may_pass=False)
    steps = _CONVERGED.search(text)
    if _UNCONVERGED.search(text) or steps is None:
        limit = re.search(r"max_scf:\s+(\d+)", text)
        return Fault(
            f"the electrons did not converge in {limit[1] if limit else 'the given'} steps",
            may_pass=False,
        )
    energies = _ENERGY.findall(text)
    forces, stress_GPa = _forces_Ha_bohr(text), _stress_GPa(text)
    if len(energies) > 1:
        return Fault(
            f"{path.name} holds {len(energies)} energies of several ionic steps; a label is a "
            "single point",
            may_pass=False,
            common=True,
        )
    if not energies or forces.shape != (len(computed), 3) or stress_GPa.shape != (3, 3):
        return Fault(
            f"{path.name} of CP2K {version[1]} holds no energy, forces and stress in a layout that "
            "is read here (those of CP2K 8 to 2024, and of 2025 and 2026)",
            may_pass=False,
            common=True,
        )
    entropy = _ENTROPY.findall(text)
    if asked.smearing != bool(entropy):
        return Fault(
            f"CP2K ran {'without' if asked.smearing else 'with'} smearing, not as asked",
            may_pass=False,
            common=True,
        )
    free_energy_Ha = float(energies[0])
    to_zero_Ha = -float(entropy[-1]) / 2 if asked.smearing else 0.0
    stress_eV_A3 = -(stress_GPa + stress_GPa.T) / 2 / EV_A3_TO_GPA
    point = SinglePoint(
        (free_energy_Ha + to_zero_Ha) * HARTREE_EV * n_atoms / len(computed),
        forces[:n_atoms] * HARTREE_EV / BOHR_A,
        full_3x3_to_voigt_6_stress(stress_eV_A3),
    )
    if not point.finite:
        return Fault("numbers overflowed in CP2K's output", may_pass=False)
    noise_eV_A = force_noise_eV_A(point.forces_eV_A)
    if noise_eV_A > asked.max_noise_eV_A:
        return Fault(
            f"the forces do not sum to zero, which shows an error of some {noise_eV_A:.2g} eV/Å, "
            f"more than max_force_noise_eV_A ({asked.max_noise_eV_A:g}). Raise cutoff_Ry (it is "
            f"{asked.cutoff_Ry:g}), lower eps_scf, or set softer pseudopotentials with bases and "
            "potentials",
            may_pass=False,
            settled=True,
            common=noise_eV_A > _HOPELESS * asked.max_noise_eV_A,
        )
    source = f"{asked.functional} (CP2K {version[1]}, {asked.cutoff_Ry:g} Ry, {asked.detail})"
    return Label(point, source)


def _other_method(text: str, asked: AskedOfCp2k) -> str:
    """What shows that an output is of another calculation than asked for; empty when nothing."""
    run_type = _RUN_TYPE.search(text)
    if run_type is not None and run_type[1] not in ("ENERGY_FORCE", "FORCE"):
        return (
            f"CP2K ran {run_type[1]} ({len(_ENERGY.findall(text))} ionic steps), not the single "
            "point ENERGY_FORCE"
        )
    functionals = sorted(set(_FUNCTIONAL.findall(text)))
    if functionals != sorted(asked.libxc):
        ran = " and ".join(functionals) or "an unknown functional"
        return f"CP2K ran with {ran}, not {asked.functional}"
    cutoff = _CUTOFF.search(text)
    # CP2K prints Hartree, with one decimal.
    if cutoff is None or abs(2 * float(cutoff[1]) - asked.cutoff_Ry) > 0.11:
        return f"CP2K ran with another cutoff than {asked.cutoff_Ry:g} Ry"
    spin = _SPIN.search(text)
    if spin is not None and (spin[1] == "unrestricted") != asked.spin:
        return f"CP2K ran spin-{spin[1]}, not {'with' if asked.spin else 'without'} spin as asked"
    charge = _CHARGE.search(text)
    if charge is not None and int(charge[1]) != 0:
        return f"CP2K ran a cell of charge {charge[1]}, not a neutral one"
    return ""


def _other_frame(text: str, computed: Atoms, asked: AskedOfCp2k) -> str:
    """What shows that an output is of another frame, or sampled otherwise; empty when nothing."""
    mesh = _MESH.search(text)
    there = (int(mesh[1]), int(mesh[2]), int(mesh[3])) if mesh else (1, 1, 1)
    if there != asked.divisions:
        has, wanted = ("x".join(map(str, n)) for n in (there, asked.divisions))
        return f"CP2K ran with {has} k-points, not {wanted}"
    multiplicity = _MULTIPLICITY.search(text)
    if multiplicity is not None and asked.multiplicity not in (None, int(multiplicity[1])):
        return f"CP2K ran with multiplicity {multiplicity[1]}, not {asked.multiplicity}"
    rows = _ATOM.findall(_between(text, "ATOMIC COORDINATES IN ANGSTROM", "SCF PARAMETERS"))
    symbols = [row[0] for row in rows]
    numbers = np.array([row[1:] for row in rows], dtype=float).reshape(-1, 4)
    cell = _rows(_VECTOR, text)[:3]
    if symbols == computed.get_chemical_symbols() and cell.shape == (3, 3):
        difference_A = max(
            np.abs(cell - computed.cell[:]).max(),
            np.abs(numbers[:, :3] - computed.positions).max(),
        )
    else:
        difference_A = np.inf
    if difference_A > _SAME_A:
        return (
            "the output is of another structure: cell, species or positions differ "
            f"(by {difference_A:.3g} Å)"
        )
    electrons = float(numbers[:, 3].sum())
    if asked.electrons is not None and abs(electrons - asked.electrons) > 1e-3:
        return f"CP2K ran with potentials of {electrons:g} valence electrons, not {asked.electrons}"
    return ""


def _forces_Ha_bohr(text: str) -> np.ndarray:
    """The last table of forces in either layout, (n_atoms, 3); empty where there is none."""
    for begin, end in _FORCE_TABLES:
        table = _between(text, begin, end)
        if table:
            rows = [[x for x in row if x] for row in _FORCE.findall(table)]
            return np.array(rows, dtype=float)
    return np.zeros((0, 3))


def _stress_GPa(text: str) -> np.ndarray:
    """The last stress tensor, (3, 3); empty where there is none in a unit that is known."""
    units = _STRESS_TABLE.findall(text)
    if not units or units[-1] not in _STRESS_UNITS_GPA:
        return np.zeros(0)
    table = _between(text, f" STRESS| Analytical stress tensor [{units[-1]}]", "1/3 Trace")
    return _STRESS_UNITS_GPA[units[-1]] * _rows(_STRESS, table)


def _abort(text: str) -> str:
    """The message of CP2K in the box of an abort, beside its drawing; empty without one."""
    _, found, box = text.rpartition("[ABORT]")
    lines = [line[15:].strip(" *") for line in box.partition("*" * 40)[0].splitlines()]
    return " ".join(filter(None, lines)) if found else ""


def _between(text: str, begin: str, end: str) -> str:
    """The last text between `begin` and the next `end`, empty when there is none."""
    _, found, rest = text.rpartition(begin)
    return rest.partition(end)[0] if found else ""


def _rows(pattern: re.Pattern[str], text: str) -> np.ndarray:
    return np.array(pattern.findall(text), dtype=float)
