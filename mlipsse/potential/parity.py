"""Does LAMMPS compute what the model computes? One potential, two ways, the same structures."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.lammps import Prism

from mlipsse import lammps
from mlipsse.errors import MlipsseError
from mlipsse.mace_model import load_mace_model
from mlipsse.potential.export import Dtype
from mlipsse.potential.plugin import build_plugin

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
pair_coeff * * "{torchscript}" {elements}
thermo_style custom step pe pxx pyy pzz pyz pxz pxy
run 0
print "$(pe:%.17g) $(pxx:%.17g) $(pyy:%.17g) $(pzz:%.17g) $(pyz:%.17g) $(pxz:%.17g) $(pxy:%.17g)" &
    file {name}.totals
write_dump all custom {name}.forces id fx fy fz modify sort id format float %.17g
"""


@dataclass(frozen=True)
class SinglePoint:
    """Energy (eV), forces (n_atoms, 3) in eV/Å, stress (6,) in eV/Å³, Voigt, ASE's sign."""

    energy_eV: float
    forces_eV_A: np.ndarray
    stress_eV_A3: np.ndarray


@dataclass(frozen=True)
class Parity:
    """Largest differences between LAMMPS and ASE; the energy's is per atom."""

    max_energy_error_eV: float
    max_force_error_eV_A: float
    max_stress_error_eV_A3: float


def check_parity(
    torchscript: Path,
    *,
    model: Path,
    head: str,
    dtype: Dtype,
    structures: Sequence[Atoms],
    threads: int = 1,
) -> Parity:
    """Compare an exported potential in LAMMPS with its model in ASE, on periodic `structures`.

    Parameters
    ----------
    torchscript : what `export_torchscript` wrote
    model : the `.model` file it was made from (loading it runs pickle code)
    head, dtype : as exported
    structures : periodic in three directions, any cell shape
    threads : for LAMMPS

    Raises
    ------
    MlipsseError
        when there is no structure, one is not periodic, or LAMMPS fails.
    """
    if not structures:
        raise MlipsseError("A parity check needs at least one structure; none was given.")
    plugin = build_plugin()
    errors = []
    pairs = zip(
        structures,
        single_points(structures, torchscript=torchscript, plugin=plugin, threads=threads),
        _in_ase(structures, model=model, head=head, dtype=dtype),
        strict=True,
    )
    for atoms, found, reference in pairs:
        errors.append(
            (
                abs(found.energy_eV - reference.energy_eV) / len(atoms),
                np.abs(found.forces_eV_A - reference.forces_eV_A).max(),
                np.abs(found.stress_eV_A3 - reference.stress_eV_A3).max(),
            )
        )
    return Parity(*(float(worst) for worst in np.max(errors, axis=0)))


def single_points(
    structures: Sequence[Atoms],
    *,
    torchscript: Path,
    plugin: Path,
    type_order: Sequence[str] | None = None,
    threads: int = 1,
) -> list[SinglePoint]:
    """Energy, forces and stress of each structure from one LAMMPS with `pair_style mace`.

    Parameters
    ----------
    structures : periodic in three directions, any cell shape
    torchscript : potential of `pair_style mace`
    plugin : from `build_plugin`
    type_order : element of each LAMMPS type; alphabetical when not given
    """
    with tempfile.TemporaryDirectory(prefix="mlipsse-parity-") as temporary:
        folder = Path(temporary)
        deck = [f'plugin load "{plugin.resolve()}"\n']
        for k, atoms in enumerate(structures):
            elements = list(type_order or sorted(set(atoms.get_chemical_symbols())))
            (folder / f"{k}.data").write_text(_data_file(atoms, elements=elements))
            deck.append(
                _DECK.format(name=k, torchscript=torchscript.resolve(), elements=" ".join(elements))
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
        stress_eV_A3=stress[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]],
    )


def _in_ase(
    structures: Sequence[Atoms], *, model: Path, head: str, dtype: Dtype
) -> list[SinglePoint]:
    import torch
    from mace.calculators import MACECalculator

    default = torch.get_default_dtype()  # MACECalculator changes it for the whole process
    try:
        calculator = MACECalculator(
            models=[load_mace_model(model)], head=head, default_dtype=dtype, device="cpu"
        )
        found = []
        for atoms in structures:
            calculator.calculate(atoms, properties=["energy", "forces", "stress"])
            results = calculator.results
            found.append(
                SinglePoint(results["energy"], results["forces"].copy(), results["stress"].copy())
            )
        return found
    finally:
        torch.set_default_dtype(default)


def _data_file(atoms: Atoms, *, elements: Sequence[str]) -> str:
    if not atoms.pbc.all():
        raise MlipsseError(
            f"{atoms.get_chemical_formula()} is not periodic in all three directions; "
            "parity is checked on periodic cells. Set its cell and pbc."
        )
    prism = Prism(atoms.cell.array)
    xhi, yhi, zhi, xy, xz, yz = prism.get_lammps_prism()
    lines = [
        "parity check",
        "",
        f"{len(atoms)} atoms",
        f"{len(elements)} atom types",
        f"0.0 {xhi:.17g} xlo xhi",
        f"0.0 {yhi:.17g} ylo yhi",
        f"0.0 {zhi:.17g} zlo zhi",
        f"{xy:.17g} {xz:.17g} {yz:.17g} xy xz yz",
        "",
        "Masses",
        "",
        *(f"{number} 1.0  # {element}" for number, element in enumerate(elements, start=1)),
        "",
        "Atoms  # atomic",
        "",
    ]
    types = [elements.index(symbol) + 1 for symbol in atoms.get_chemical_symbols()]
    for number, (kind, place) in enumerate(
        zip(types, prism.vector_to_lammps(atoms.positions, wrap=False), strict=True), start=1
    ):
        lines.append(f"{number} {kind} {place[0]:.17g} {place[1]:.17g} {place[2]:.17g}")
    return "\n".join([*lines, ""])
