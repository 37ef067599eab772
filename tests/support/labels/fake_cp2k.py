"""A stand-in for CP2K: reads `frame.inp`, writes a `frame.out` in the layout of CP2K 2023.1.

Mode `2025` writes that of CP2K 2025, `basis` ends as CP2K does without a basis set, `coarse` has
forces that do not sum to zero.

Energies, forces and stresses are those of ASE's EMT, in CP2K's units and sign. `python fake_cp2k.py
MODE [MODE ...]`: a mode per attempt, counted in `../attempts`, the last for all that follow.
"""

import os
import re
import signal
import sys
from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.calculators.emt import EMT

BOX = """
 *******************************************************************************
 *   ___                                                                       *
 *  /   \\                                                                      *
 * [ABORT]                                                                     *
 *  \\___/                Cholesky decomposition failed. Matrix ill conditioned *
 *    |                                                                        *
 *  O/|                                                                        *
 * /| |                                                                        *
 * / \\                                                    cp_dbcsr_cholesky.F:121 *
 *******************************************************************************
"""


def read_input(text: str) -> Atoms:
    cell = [
        [float(x) for x in row] for row in re.findall(r"^ +[ABC] (\S+) (\S+) (\S+)$", text, re.M)
    ]
    rows = re.search(r"&COORD\n(.*?) *&END", text, re.S)[1].split("\n")[:-1]
    words = [row.split() for row in rows]
    positions = [[float(x) for x in row[1:]] for row in words]
    return Atoms([row[0] for row in words], positions=positions, cell=cell, pbc=True)


def output(text: str, mode: str) -> str:
    functionals = re.findall(r"&(M?GGA_\S+)", text)
    if mode == "r2scan":
        functionals = ["MGGA_X_R2SCAN", "MGGA_C_R2SCAN"]
    converged = mode != "unconverged"
    new = mode == "2025"
    atoms = read_input(text)
    atoms.calc = EMT()
    cutoff_Ry = float(re.search(r"CUTOFF (\S+)", text)[1])
    steps = int(re.search(r"MAX_SCF (\d+)", text)[1])
    mesh = re.search(r"MONKHORST-PACK (\d+) (\d+) (\d+)", text)
    forces = atoms.get_forces() * units.Bohr / units.Ha
    if mode == "coarse":
        forces[0] += 0.1 * units.Bohr / units.Ha
    stress_GPa = -atoms.get_stress(voigt=False) / units.GPa
    # The label is the energy at zero smearing: with smearing CP2K's total is below it by T S / 2.
    entropic_Ha = -0.02 if "&SMEAR" in text else 0.0
    energy_Ha = atoms.get_potential_energy() / units.Ha + entropic_Ha / 2
    lines = [
        " CP2K| version string:                                       CP2K version "
        + ("2025.2" if new else "2023.1"),
        " GLOBAL| Run type                                                  ENERGY_FORCE",
        *(
            f" CELL| Vector {name} [angstrom]:  {x:8.3f}  {y:8.3f}  {z:8.3f}   |{name}| = 1.000"
            for name, (x, y, z) in zip("abc", atoms.cell, strict=True)
        ),
        *(
            [" BRILLOUIN| K-Point grid               " + "".join(f"{n:>5}" for n in mesh.groups())]
            if mesh
            else []
        ),
        *(f" FUNCTIONAL| {functional}:" for functional in functionals),
        f" QS| Density cutoff [a.u.]:      {cutoff_Ry / 2:20.1f}",
        " MODULE QUICKSTEP: ATOMIC COORDINATES IN ANGSTROM",
        "",
        "   Atom Kind Element         X             Y             Z       Z(eff)     Mass",
        *(
            f"{i:7d}{1:5d} {atom.symbol:<2s}{atom.number:5d} "
            + "".join(f"{x:14.6f}" for x in atom.position)
            + "  11.0000  63.5460"
            for i, atom in enumerate(atoms, 1)
        ),
        "",
        " SCF PARAMETERS         Density guess:                                    ATOMIC",
        f"                        max_scf:                                         {steps:>4}",
        "  *** SCF run converged in    12 steps ***"
        if converged
        else " *** WARNING in qs_scf.F:598 :: SCF run NOT converged ***",
        *([f"  Electronic entropic energy:      {entropic_Ha:20.14f}"] if entropic_Ha else []),
        *(new_forces(energy_Ha, forces) if new else old_forces(energy_Ha, forces, atoms)),
        "",
        f" STRESS| Analytical stress tensor [{'bar' if new else 'GPa'}]",
        " STRESS|                        x                   y                   z",
        *(
            f" STRESS|      {name}  " + "".join(f"{value:20.11E}" for value in row)
            for name, row in zip("xyz", stress_GPa * (1e4 if new else 1), strict=True)
        ),
        f" STRESS| 1/3 Trace                                  {np.trace(stress_GPa) / 3:20.11E}",
        "",
        " STRESS| Eigenvectors and eigenvalues of the analytical stress tensor [GPa]",
        " STRESS|      x           0.000000000012      0.000294473155      0.999999956643",
        "",
        "  **** **** ******  **  PROGRAM ENDED AT                 2026-11-21 21:18:07.226",
    ]
    return "\n".join(lines) + "\n"


def old_forces(energy_Ha: float, forces: np.ndarray, atoms: Atoms) -> list[str]:
    return [
        f" ENERGY| Total FORCE_EVAL ( QS ) energy [a.u.]:  {energy_Ha:26.15f}",
        "",
        " ATOMIC FORCES in [a.u.]",
        "",
        " # Atom   Kind   Element          X                  Y                  Z",
        *(
            f" {i:6d}{1:7d}      {atom.symbol:<2s}  "
            + "".join(f"{value:19.12f}" for value in forces[i - 1])
            for i, atom in enumerate(atoms, 1)
        ),
        " SUM OF ATOMIC FORCES  " + "".join(f"{value:19.12f}" for value in [*forces.sum(0), 0.0]),
    ]


def new_forces(energy_Ha: float, forces: np.ndarray) -> list[str]:
    return [
        f" ENERGY| Total FORCE_EVAL ( QS ) energy [hartree]  {energy_Ha:26.15f}",
        "",
        " FORCES| Atomic forces [hartree/bohr]",
        " FORCES|   Atom     x               y               z               |f|",
        *(
            f" FORCES| {i:6d} "
            + " ".join(f"{value:19.12E}" for value in [*force, np.linalg.norm(force)])
            for i, force in enumerate(forces, 1)
        ),
        " FORCES| Sum    " + " ".join(f"{value:19.12E}" for value in forces.sum(0)),
        " FORCES| Total atomic force          0.000000000000E+00",
    ]


def main(modes: list[str]) -> None:
    tally = Path("../attempts")
    attempts = len(tally.read_text().split()) if tally.exists() else 0
    with tally.open("a") as stream:
        stream.write(f"{Path.cwd().name}\n")
    mode = modes[min(attempts, len(modes) - 1)]
    text = output(Path("frame.inp").read_text(), mode)
    there = Path("frame.out")
    if mode in ("killed", "abort", "basis"):
        box = BOX if mode == "abort" else ""
        if mode == "basis":
            box = BOX.replace(
                "Cholesky decomposition failed. Matrix ill conditioned",
                "The requested basis set <DZVP> for Cu was not found. ",
            )
        there.write_text(text[: len(text) * 2 // 3] + box)
        if mode == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        sys.exit(1)
    there.write_text(text)


if __name__ == "__main__":
    main(sys.argv[1:])
