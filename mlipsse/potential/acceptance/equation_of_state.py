"""Energy against volume around a minimum, and the Birch-Murnaghan curve through it."""

import warnings
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.units import GPa

VOLUME_RANGE = 0.08
"""Volumes within so much of the start's, relative: +-2.7 % in length, as far as published training
frames are strained (+-3 %, Deng et al. 2025, doi 10.1039/d5ta05321h)."""

POINTS = 9


@dataclass(frozen=True)
class VolumeScan:
    """Energies of one crystal under isotropic strain, its fractional coordinates held.

    Attributes
    ----------
    volumes_A3_atom, energies_eV_atom : (n_volumes,) float64, volumes ascending
    """

    volumes_A3_atom: np.ndarray
    energies_eV_atom: np.ndarray


@dataclass(frozen=True)
class EosFit:
    """Birch-Murnaghan of third order through a scan (Birch, Phys. Rev. 71, 809, 1947, doi
    10.1103/PhysRev.71.809), fitted by `ase.eos`.

    Attributes
    ----------
    volume_A3_atom, energy_eV_atom : of the minimum
    bulk_modulus_GPa : there, at fixed fractional coordinates and shape of the cell
    residual : root mean square of the fit over the rise of the energies within the scan
    minima : of the scanned energies themselves, ends included
    """

    volume_A3_atom: float
    energy_eV_atom: float
    bulk_modulus_GPa: float
    residual: float
    minima: int


def scan_volumes(atoms: Atoms, calculator: Calculator) -> VolumeScan:
    """Single points of `atoms` (periodic) at `POINTS` volumes within +-`VOLUME_RANGE` of its own.

    Nothing is relaxed: two potentials are compared along the very same structures, and a rough
    energy cannot hide behind another minimum. The bulk modulus is above that of relaxed positions.
    """
    energies = []
    work = atoms.copy()
    work.set_constraint()
    work.calc = calculator
    factors = np.linspace(1 - VOLUME_RANGE, 1 + VOLUME_RANGE, POINTS)
    for factor in factors:
        work.set_cell(atoms.cell[:] * factor ** (1 / 3), scale_atoms=True)
        energies.append(work.get_potential_energy() / len(work))
    volumes = factors * atoms.get_volume() / len(atoms)
    return VolumeScan(volumes, np.array(energies, dtype=float))


def fit_eos(scan: VolumeScan) -> EosFit | None:
    """The curve through a scan; None when the energies have no minimum that one could fit."""
    from ase.eos import EquationOfState

    volumes, energies = scan.volumes_A3_atom, scan.energies_eV_atom
    if not np.isfinite(energies).all():
        return None
    equation = EquationOfState(volumes, energies - energies.min(), eos="birchmurnaghan")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            volume, energy, modulus = equation.fit(warn=False)
            fitted = equation.func(volumes, *equation.eos_parameters)
    except (ValueError, RuntimeError, IndexError):  # no parabola to begin from, no convergence
        return None
    rise = float(np.ptp(energies))
    if not np.isfinite([volume, energy, modulus]).all() or rise == 0:
        return None
    return EosFit(
        volume_A3_atom=float(volume),
        energy_eV_atom=float(energy + energies.min()),
        bulk_modulus_GPa=float(modulus / GPa),
        residual=float(np.sqrt(np.mean((fitted - (energies - energies.min())) ** 2)) / rise),
        minima=_minima(energies),
    )


def _minima(energies: np.ndarray) -> int:
    falls = np.concatenate([[True], np.diff(energies) < 0])
    rises = np.concatenate([np.diff(energies) > 0, [True]])
    return int((falls & rises).sum())
