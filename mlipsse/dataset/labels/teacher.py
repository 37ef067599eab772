"""Labels from another potential: for tests, demonstrations and distillation. Not DFT."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator

from mlipsse import keys
from mlipsse.dataset.labels.sources import (
    TEACHER,
    THERE_IS,
    Label,
    RejectedFrame,
    teacher_name,
    with_label,
)
from mlipsse.energetics.single_point import SinglePoint
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
        """As the config writes it, e.g. `teacher: sevennet: 7net-0`."""
        return f"{TEACHER}: {self.potential}"

    @property
    def description(self) -> str:
        """`teacher: NAME (teacher labels, not DFT)`."""
        return f"{self.name} (teacher labels, not DFT)"

    def label(self, atoms: Atoms, folder: Path | None = None) -> Atoms:
        """A copy with the potential's energy, forces and stress under `mlipsse.keys`.

        Forces are those on all atoms: constraints, which would zero some, are dropped. A teacher
        needs no `folder`.

        Raises
        ------
        RejectedFrame
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
            raise RejectedFrame(
                f"{self.potential} cannot label {_who(frame)}: {error}. Leave the frame out."
            ) from error
        point = SinglePoint(energy_eV, forces_eV_A, stress_eV_A3)
        if not point.finite:
            raise RejectedFrame(
                f"{self.potential} gives {_who(frame)} labels that are not finite. Leave the "
                "frame out, or check whether its atoms are too close."
            )
        return with_label(atoms, Label(point, self.description))


def make_teacher(source: str, *, head: str | None = None, device: str = "cpu") -> Teacher:
    """The label source `teacher: NAME`.

    Parameters
    ----------
    source : NAME is a potential (see `mlipsse.energetics.potentials.catalogue.find_potential`)
    head, device : of the potential (see
        `mlipsse.energetics.potentials.calculators.make_calculator`)

    Raises
    ------
    MlipsseError
        for another source, or an unknown potential.
    """
    name = teacher_name(source)
    if name is None:
        raise MlipsseError(f"The label source {source!r} is not a teacher. {THERE_IS}")
    from mlipsse.energetics.potentials.calculators import make_calculator

    # Of a file only its name: its place on this machine means nothing to a reader of labels.
    return Teacher(Path(name).name, make_calculator(name, head=head, device=device))


def _who(frame: Atoms) -> str:
    trajectory = frame.info.get(keys.TRAJECTORY)
    return frame.get_chemical_formula() + (f" of trajectory {trajectory}" if trajectory else "")
