"""How far a model is from its labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.stress import voigt_6_to_full_3x3_stress

from mlipsse import keys


@dataclass(frozen=True, eq=False)
class Predictions:
    """Labels and what a model says of the same frames.

    Attributes
    ----------
    energy_eV_atom : (2, n_frames) float64, labels and predictions, divided by the atoms
    forces_eV_A : (2, n_components) float64, all Cartesian components of all atoms
    stress_eV_A3 : (2, 9 n_frames) float64, all components of the tensor
    """

    energy_eV_atom: np.ndarray
    forces_eV_A: np.ndarray
    stress_eV_A3: np.ndarray

    @property
    def errors(self) -> "Errors":
        """Root mean squares of the differences."""
        return Errors(
            energy_rmse_meV_atom=_rmse_milli(self.energy_eV_atom),
            force_rmse_meV_A=_rmse_milli(self.forces_eV_A),
            stress_rmse_meV_A3=_rmse_milli(self.stress_eV_A3),
        )


@dataclass(frozen=True)
class Errors:
    """Root-mean-square errors over frames (energy), and over components (forces, stress).

    As in mace-torch's tables, all nine components of the stress count: sheared ones twice.
    """

    energy_rmse_meV_atom: float
    force_rmse_meV_A: float
    stress_rmse_meV_A3: float


def predict(frames: Sequence[Atoms], calculator: Calculator) -> Predictions:
    """Evaluate labelled frames (labels under `mlipsse.keys`)."""
    energy, forces, stress = [], [], []
    for frame in frames:
        atoms = frame.copy()
        atoms.calc = calculator
        stress.append((_tensor(frame.info[keys.STRESS]), _tensor(atoms.get_stress(voigt=True))))
        forces.append((frame.arrays[keys.FORCES].ravel(), atoms.get_forces().ravel()))
        energy.append(
            (frame.info[keys.ENERGY] / len(atoms), atoms.get_potential_energy() / len(atoms))
        )
    return Predictions(
        energy_eV_atom=np.array(energy, dtype=float).T,
        forces_eV_A=np.concatenate([np.stack(pair) for pair in forces], axis=1),
        stress_eV_A3=np.concatenate([np.stack(pair) for pair in stress], axis=1),
    )


def _tensor(voigt: np.ndarray) -> np.ndarray:
    return voigt_6_to_full_3x3_stress(voigt).ravel()


def _rmse_milli(pair: np.ndarray) -> float:
    return 1000 * float(np.sqrt(np.mean(np.square(pair[1] - pair[0]))))
