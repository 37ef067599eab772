"""Does a potential conserve energy? Relax, thermalise, and measure the total energy's slope."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from mlipsse import lammps
from mlipsse.errors import MlipsseError
from mlipsse.potential.lammps.structure_file import data_text, positions_from_lammps

TEMPERATURE_K = 300.0
STEPS = 1000
TIMESTEP_FS = 1.0

_RELAXATION_STEPS = 300
_THERMALISATION_STEPS = 300
_FRAME = "thermalised.data"

_HEAD = """\
plugin load "{plugin}"
units metal
newton on
atom_style atomic
atom_modify map yes
box tilt large
read_data {data}
pair_style mace
pair_coeff * * "{exported}" {elements}
timestep {timestep_ps}
thermo 100
"""

_THERMALISE = (
    _HEAD
    + """\
minimize 0.0 0.01 {relaxation_steps} 3000
reset_timestep 0
velocity all create {twice_K} {seed} mom yes rot no dist gaussian
fix integrate all nve
fix bath all langevin {temperature_K} {temperature_K} 0.1 {seed} zero yes
run {steps}
velocity all zero linear
write_data {frame} nocoeff
write_dump all custom thermalised.places id xu yu zu modify sort id format float %.17g
"""
)

_CONSERVE = (
    _HEAD
    + """\
variable now equal time
variable energy equal etotal
variable warmth equal temp
fix integrate all nve
fix record all print 1 "${{now}} ${{energy}} ${{warmth}}" file energies.txt screen no
run {steps}
"""
)


@dataclass(frozen=True)
class ThermalisedFrame:
    """A relaxed structure after a short run at temperature.

    Attributes
    ----------
    atoms : its positions, Å, in the orientation it came in
    data : LAMMPS data file with the velocities
    elements : of the types in that file
    """

    atoms: Atoms
    data: Path
    elements: tuple[str, ...]


@dataclass(frozen=True)
class Conservation:
    """Dynamics at constant energy.

    Attributes
    ----------
    drift_eV_atom_ps : least-squares slope of the total energy per atom
    fluctuation_eV_atom : standard deviation of the total energy per atom about that line
    temperature_K : mean kinetic temperature
    drift_std_eV_atom_ps : standard error of the slope
    """

    drift_eV_atom_ps: float
    fluctuation_eV_atom: float
    temperature_K: float
    drift_std_eV_atom_ps: float


def thermalise(
    atoms: Atoms,
    *,
    exported: Path,
    plugin: Path,
    elements: Sequence[str],
    folder: Path,
    threads: int = 1,
) -> ThermalisedFrame:
    """Relax the positions, then run 0.3 ps with Langevin's thermostat, in LAMMPS.

    Parameters
    ----------
    atoms : periodic in three directions
    exported : potential of `pair_style mace`
    elements : of LAMMPS types 1, 2, ...
    folder : existing; holds deck, logs and the frame
    """
    start = folder / "start.data"
    start.write_text(data_text(atoms, elements=elements, title="start"), encoding="utf-8")
    deck = _THERMALISE.format(
        plugin=plugin.resolve(),
        data=start.name,
        exported=exported.resolve(),
        elements=" ".join(elements),
        timestep_ps=TIMESTEP_FS / 1000,
        temperature_K=TEMPERATURE_K,
        twice_K=2 * TEMPERATURE_K,  # half of it goes into the springs
        seed=1,
        relaxation_steps=_RELAXATION_STEPS,
        steps=_THERMALISATION_STEPS,
        frame=_FRAME,
    )
    (folder / "thermalise.lmp").write_text(deck, encoding="utf-8")
    lammps.run(["-in", "thermalise.lmp"], folder=folder, threads=threads)
    places = np.loadtxt(folder / "thermalised.places", skiprows=9, ndmin=2)[:, 1:]
    warm = Atoms(atoms.symbols, positions=atoms.positions, cell=atoms.cell, pbc=True)
    warm.positions = positions_from_lammps(places, atoms)
    return ThermalisedFrame(warm, folder / _FRAME, tuple(elements))


def conserve(
    frame: ThermalisedFrame, *, exported: Path, plugin: Path, folder: Path, threads: int = 1
) -> Conservation:
    """Run 1,000 steps of 1 fs at constant energy from `frame`, in LAMMPS.

    Parameters
    ----------
    folder : existing; holds deck, log and `energies.txt`
    """
    deck = _CONSERVE.format(
        plugin=plugin.resolve(),
        data=f'"{frame.data.resolve()}"',
        exported=exported.resolve(),
        elements=" ".join(frame.elements),
        timestep_ps=TIMESTEP_FS / 1000,
        steps=STEPS,
    )
    (folder / "conserve.lmp").write_text(deck, encoding="utf-8")
    lammps.run(["-in", "conserve.lmp"], folder=folder, threads=threads)
    return slope(np.loadtxt(folder / "energies.txt", ndmin=2), n_atoms=len(frame.atoms))


def slope(rows: np.ndarray, *, n_atoms: int) -> Conservation:
    """Straight line through a run's total energy.

    The residuals remember each other: the slope's variance is that of independent ones times
    twice their integrated autocorrelation time.

    Parameters
    ----------
    rows : (n_steps, 3) time in ps, total energy in eV, temperature in K
    """
    from mlipsse.autocorrelation import integrated_autocorrelation_time

    if len(rows) < 3 or not np.isfinite(rows).all():
        raise MlipsseError(
            "The run at constant energy left no finite energies: the structure is not stable with "
            "this potential. Name another structure with --structures."
        )
    times_ps, energies_eV, temperatures_K = rows.T
    per_atom = (energies_eV - energies_eV[0]) / n_atoms
    line = np.polyfit(times_ps, per_atom, 1)
    residuals = per_atom - np.polyval(line, times_ps)
    steps = 2 * integrated_autocorrelation_time(residuals)  # that remember each other
    lever_ps = float(np.linalg.norm(times_ps - times_ps.mean()))
    return Conservation(
        drift_eV_atom_ps=float(line[0]),
        fluctuation_eV_atom=float(residuals.std()),
        temperature_K=float(temperatures_K.mean()),
        drift_std_eV_atom_ps=float(np.sqrt(steps) * residuals.std(ddof=2) / lever_ps),
    )
