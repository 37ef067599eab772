"""A stand-in for VASP: reads POSCAR and INCAR, writes a `vasprun.xml` of VASP's layout.

Energies, forces and stresses are those of ASE's EMT, in VASP's units, sign and order of atoms.
`python fake_vasp.py MODE [MODE ...]`: a mode per attempt, counted in `../attempts`, the last for
all that follow. Modes that differ from what was asked: `gamma` and `list` (k-points), `fermi`
(smearing), `wide` (its width), `spin`, `charged`, `cutoff`, `potcar`, `mlff`; `relaxation` goes on
from the frame with further ionic steps, `other-steps` never has it.
"""

import os
import re
import signal
import sys
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.emt import EMT
from ase.io import read
from ase.units import GPa


def rows(name: str, values: np.ndarray) -> str:
    lines = "".join(f"<v>{' '.join(f'{x:.8f}' for x in row)}</v>\n" for row in values)
    return f'<varray name="{name}">\n{lines}</varray>\n'


def energies(energy_eV: float, entropy_eV: float) -> str:
    # Free energy, energy without entropy, and half way between them: sigma to 0.
    values = {
        "e_fr_energy": energy_eV - entropy_eV,
        "e_wo_entrp": energy_eV + entropy_eV,
        "e_0_energy": energy_eV,
    }
    return "".join(f'<i name="{k}">{v:.8f}</i>' for k, v in values.items())


VALENCE = {"Cu": 17, "Au": 11}
NAMES = {"Cu": "Cu_pv", "Au": "Au"}


def ionic_step(atoms: Atoms, *, steps: int, last_change_eV: float) -> str:
    atoms.calc = EMT()
    energy_eV = atoms.get_potential_energy()
    stress_kB = -atoms.get_stress(voigt=False) / GPa * 10
    changes = [*np.linspace(2.0, 1.0, steps - 1), 0.0]
    changes = [change + last_change_eV for change in changes[:-2]] + [last_change_eV, 0.0]
    scf = "".join(
        f"<scstep><energy>{energies(energy_eV + c, 0.01)}</energy></scstep>\n" for c in changes
    )
    # The last e_0_energy of the ionic step is wrong, as in VASP.
    final = energies(energy_eV, 0.01).replace(f"{energy_eV:.8f}", f"{energy_eV + 0.5:.8f}")
    return (
        f"<calculation>\n{scf}<structure>\n{geometry(atoms)}</structure>\n"
        f"{rows('forces', atoms.get_forces())}{rows('stress', stress_kB)}"
        f"<energy>{final}</energy>\n</calculation>\n"
    )


def geometry(atoms: Atoms) -> str:
    lattice = f"<crystal>\n{rows('basis', atoms.cell[:])}</crystal>\n"
    return lattice + rows("positions", atoms.get_scaled_positions() % 1)


def kpoints(mode: str) -> str:
    divisions = "1 1 1"
    if mode != "gamma" and Path("KPOINTS").is_file():
        divisions = Path("KPOINTS").read_text().splitlines()[3]
    listed = (
        '<varray name="kpointlist"><v>0 0 0</v></varray>\n<varray name="weights"><v>1</v></varray>'
    )
    made = (
        f'<generation param="Gamma"><v type="int" name="divisions">{divisions}</v>'
        '<v name="usershift">0 0 0</v></generation>'
    )
    return listed if mode == "list" else made + listed


def moved(atoms: Atoms, factor: float) -> Atoms:
    other = atoms.copy()
    other.positions += factor * np.arange(3 * len(atoms)).reshape(-1, 3) / 100
    return other


def vasprun(incar: dict[str, str], mode: str, *, steps: int, last_change_eV: float) -> str:
    functional = "R2SCAN" if mode == "r2scan" else incar["METAGGA"].upper()
    atoms = read("POSCAR", format="vasp")
    path = {"relaxation": (0.0, 0.5, 1.0), "other-steps": (0.5, 1.0)}.get(mode, (0.0,))
    structure = geometry(moved(atoms, path[0]))
    calculations = "".join(
        ionic_step(moved(atoms, factor), steps=steps, last_change_eV=last_change_eV)
        for factor in path
    )
    symbols = atoms.get_chemical_symbols()
    types = list(dict.fromkeys(symbols))
    listed = "".join(f"<rc><c>{s}</c><c>{types.index(s) + 1}</c></rc>" for s in symbols)
    names = {s: f"{s}_GW" if mode == "potcar" else NAMES[s] for s in types}
    kinds = "".join(
        f"<rc><c>{symbols.count(s)}</c><c>{s}</c><c>1.0</c><c>{VALENCE[s]:.1f}</c>"
        f"<c>PAW_PBE {names[s]} 06Sep2000</c></rc>"
        for s in types
    )
    electrons = sum(VALENCE[s] for s in symbols) - (mode == "charged")
    ismear = -1 if mode == "fermi" else incar["ISMEAR"]
    sigma = 0.2 if mode == "wide" else incar["SIGMA"]
    ispin = 2 if mode == "spin" else incar["ISPIN"]
    encut = 400.0 if mode == "cutoff" else float(incar["ENCUT"])
    machine = '<i type="logical" name="ML_LMLFF">T</i>' if mode == "mlff" else ""
    return f"""<?xml version="1.0" encoding="ISO-8859-1"?>
<modeling>
<generator>
<i name="program" type="string">vasp</i>
<i name="version" type="string">6.4.2</i>
</generator>
<incar><i type="string" name="METAGGA">{functional}</i>{machine}</incar>
<kpoints>
{kpoints(mode)}
</kpoints>
<parameters>
<i name="ENMAX">{encut}</i><i name="EDIFF">{float(incar["EDIFF"])}</i>
<i type="int" name="NELM">{incar["NELM"]}</i><i type="int" name="NSW">0</i>
<i type="int" name="ISMEAR">{ismear}</i><i name="SIGMA">{sigma}</i>
<i type="int" name="ISPIN">{ispin}</i><i name="NELECT">{electrons}</i>
<i type="string" name="PREC">accura</i><i type="logical" name="LASPH">T</i>
<i type="logical" name="LREAL">F</i>
<i type="int" name="IBRION">-1</i><i type="string" name="GGA">PE</i>
<i name="AEXX">0</i><i name="HFSCREEN">0</i><i type="logical" name="LHFCALC">F</i>
<i type="logical" name="LDAU">F</i>
</parameters>
<atominfo>
<array name="atoms"><set>{listed}</set></array>
<array name="atomtypes"><set>{kinds}</set></array>
</atominfo>
<structure name="initialpos">
{structure}</structure>
{calculations}<structure name="finalpos">
{structure}</structure>
</modeling>
"""


def main(modes: list[str]) -> None:
    tally = Path("../attempts")
    attempts = len(tally.read_text().split()) if tally.exists() else 0
    with tally.open("a") as stream:
        stream.write(f"{Path.cwd().name}\n")
    mode = modes[min(attempts, len(modes) - 1)]
    incar = dict(re.findall(r"^\s*(\w+)\s*=\s*(.+?)\s*$", Path("INCAR").read_text(), re.MULTILINE))
    if mode == "crash":
        print("EDDDAV: sub-space matrix is not hermitian")
        sys.exit(3)
    text = vasprun(
        incar,
        mode,
        steps=int(incar["NELM"]) if mode == "unconverged" else 12,
        last_change_eV=1e-2 if mode == "stopped" else 1e-8,
    )
    output = Path("vasprun.xml")
    if mode == "killed":
        output.write_text(text[: len(text) * 2 // 3])
        os.kill(os.getpid(), signal.SIGKILL)
    output.write_text(text)


if __name__ == "__main__":
    main(sys.argv[1:])
