"""One potential, three ways, the same structures: MACE in ASE, the export in Python, and LAMMPS."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.lammps import Prism
from ase.stress import full_3x3_to_voigt_6_stress

from mlipsse import lammps
from mlipsse.energetics.potentials.mace_model import import_mace, load_mace_model
from mlipsse.energetics.single_point import SinglePoint
from mlipsse.potential.export.target import Dtype
from mlipsse.potential.exported import exported_calculator
from mlipsse.potential.lammps.structure_file import data_text

LAMMPS_EV_A3_TO_BAR = 1.6021765e6
"""LAMMPS' own rounding (`nktv2p` of units metal): its pressures are undone with the same number."""

_DECK = """\
clear
units metal
atom_style atomic
atom_modify map yes
box tilt large
read_data {name}.data
pair_style mace
pair_coeff * * "{exported}" {elements}
thermo_style custom step pe pxx pyy pzz pyz pxz pxy
run 0
print "$(pe:%.17g) $(pxx:%.17g) $(pyy:%.17g) $(pzz:%.17g) $(pyz:%.17g) $(pxz:%.17g) $(pxy:%.17g)" &
    file {name}.totals
write_dump all custom {name}.forces id fx fy fz modify sort id format float %.17g
"""


@dataclass(frozen=True)
class Differences:
    """Largest differences between two ways to compute the same structures.

    Attributes
    ----------
    energy_eV : of a whole structure
    energy_eV_atom : per atom
    force_eV_A : of any component
    relative_force : of any component, relative to the largest one of its structure
    stress_eV_A3 : of any component
    """

    energy_eV: float
    energy_eV_atom: float
    force_eV_A: float
    relative_force: float
    stress_eV_A3: float


def differences(found: Sequence[SinglePoint], reference: Sequence[SinglePoint]) -> Differences:
    """Compare two lists of single points of the same structures, in the same order."""
    rows = []
    for one, other in zip(found, reference, strict=True):
        energy_eV = abs(one.energy_eV - other.energy_eV)
        force_eV_A = np.abs(one.forces_eV_A - other.forces_eV_A).max()
        largest_eV_A = np.abs(other.forces_eV_A).max()
        rows.append(
            (
                energy_eV,
                energy_eV / len(one.forces_eV_A),
                force_eV_A,
                force_eV_A / largest_eV_A if largest_eV_A > 0 else force_eV_A,
                np.abs(one.stress_eV_A3 - other.stress_eV_A3).max(),
            )
        )
    return Differences(*(float(worst) for worst in np.max(rows, axis=0)))


def lammps_single_points(
    structures: Sequence[Atoms],
    *,
    exported: Path,
    plugin: Path,
    type_order: Sequence[str] | None = None,
    threads: int = 1,
) -> list[SinglePoint]:
    """Energy, forces and stress of each structure from one LAMMPS with `pair_style mace`.

    Parameters
    ----------
    structures : periodic in three directions, any cell shape
    exported : file that `pair_coeff` takes
    plugin : from `build_plugin`
    type_order : element of each LAMMPS type; alphabetical when not given
    """
    with tempfile.TemporaryDirectory(prefix="mlipsse-parity-") as temporary:
        folder = Path(temporary)
        deck = [f'plugin load "{plugin.resolve()}"\n']
        for k, atoms in enumerate(structures):
            elements = list(type_order or sorted(set(atoms.get_chemical_symbols())))
            text = data_text(atoms, elements=elements, title="parity check")
            (folder / f"{k}.data").write_text(text)
            deck.append(
                _DECK.format(name=k, exported=exported.resolve(), elements=" ".join(elements))
            )
        (folder / "deck.lmp").write_text("".join(deck))
        lammps.run(["-in", "deck.lmp"], folder=folder, threads=threads)
        return [_read(folder, name=str(k), atoms=atoms) for k, atoms in enumerate(structures)]


def _read(folder: Path, *, name: str, atoms: Atoms) -> SinglePoint:
    prism = Prism(atoms.cell.array)
    totals = np.loadtxt(folder / f"{name}.totals")
    forces = np.loadtxt(folder / f"{name}.forces", skiprows=9, ndmin=2)[:, 1:]
    xx, yy, zz, yz, xz, xy = -totals[1:] / LAMMPS_EV_A3_TO_BAR
    stress = prism.tensor2_to_ase(np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]))
    return SinglePoint(
        energy_eV=float(totals[0]),
        forces_eV_A=prism.vector_to_ase(forces),
        stress_eV_A3=full_3x3_to_voigt_6_stress(stress),
    )


def ase_single_points(
    structures: Sequence[Atoms], *, model: Path, head: str, dtype: Dtype
) -> list[SinglePoint]:
    """Energy, forces and stress of each structure from mace-torch's ASE calculator on the CPU.

    Parameters
    ----------
    model : `.model` file; loading it runs pickle code
    head, dtype : of the calculator
    """
    import_mace()
    import torch
    from mace.calculators import MACECalculator

    default = torch.get_default_dtype()  # MACECalculator changes it for the whole process
    try:
        loaded = load_mace_model(model).to(getattr(torch, dtype))
        calculator = MACECalculator(models=[loaded], head=head, default_dtype=dtype, device="cpu")
        found = []
        for atoms in structures:
            calculator.calculate(atoms, properties=["energy", "forces", "stress"])
            found.append(SinglePoint.from_results(calculator.results))
        return found
    finally:
        torch.set_default_dtype(default)


def python_single_points(exported: Path, structures: Sequence[Atoms]) -> list[SinglePoint]:
    """Energy, forces and stress of each structure from an exported file, called in this process.

    Edge vectors are formed in float64 and cast to the file's number type, as the pair style does.

    Parameters
    ----------
    exported : a file that `exported_calculator` takes; compiled code runs when it is called
    structures : periodic in three directions

    Raises
    ------
    MlipsseError
        when the file cannot be loaded or has no edge form.
    """
    calculator = exported_calculator(exported)
    found = []
    for atoms in structures:
        calculator.calculate(atoms)
        found.append(SinglePoint.from_results(calculator.results))
    return found
