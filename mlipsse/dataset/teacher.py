"""Labels from another potential: for tests, demonstrations and distillation. Not DFT."""

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator

from mlipsse import keys
from mlipsse.dataset.labels import TEACHER
from mlipsse.errors import MlipsseError


@dataclass(frozen=True)
class Teacher:
    """A potential that labels frames.

    Attributes
    ----------
    potential : its name
    calculator : energy in eV, forces in eV/Å, stress in eV/Å³
    """

    potential: str
    calculator: Calculator

    @property
    def name(self) -> str:
        """As the config writes it, e.g. `teacher: chgnet-r2scan`."""
        return f"{TEACHER}: {self.potential}"

    @property
    def description(self) -> str:
        """`teacher: NAME (teacher labels, not DFT)`."""
        return f"{self.name} (teacher labels, not DFT)"

    def label(self, atoms: Atoms) -> Atoms:
        """A copy with the potential's energy, forces and stress under `mlipsse.keys`.

        Forces are those on all atoms: constraints, which would zero some, are dropped.

        Raises
        ------
        MlipsseError
            when the potential fails or gives numbers that are not finite.
        """
        frame = atoms.copy()
        frame.set_constraint()
        frame.calc = self.calculator
        try:
            # Stress first: calculators that spare it when it is not needed work once, not twice.
            stress_eV_A3 = np.array(frame.get_stress(voigt=True), dtype=float)
            forces_eV_A = np.array(frame.get_forces(), dtype=float)
            energy_eV = float(frame.get_potential_energy())
        except (ValueError, RuntimeError, ArithmeticError) as error:
            raise MlipsseError(
                f"{self.potential} cannot label {_who(frame)}: {error}. Leave the frame out."
            ) from error
        if not all(np.isfinite(label).all() for label in (energy_eV, forces_eV_A, stress_eV_A3)):
            raise MlipsseError(
                f"{self.potential} gives {_who(frame)} labels that are not finite. Leave the frame "
                "out, or look whether its atoms are too close."
            )
        frame.calc = None
        frame.info[keys.ENERGY] = energy_eV
        frame.arrays[keys.FORCES] = forces_eV_A
        frame.info[keys.STRESS] = stress_eV_A3
        frame.info[keys.LABEL_SOURCE] = self.description
        return frame


def _who(frame: Atoms) -> str:
    trajectory = frame.info.get(keys.TRAJECTORY)
    return frame.get_chemical_formula() + (f" of trajectory {trajectory}" if trajectory else "")
