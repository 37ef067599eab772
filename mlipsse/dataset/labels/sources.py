"""Label sources by name: what gives frames their energies, forces and stresses."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from ase import Atoms

from mlipsse import keys
from mlipsse.energetics.potentials.catalogue import DEFAULT_TEACHER
from mlipsse.energetics.single_point import SinglePoint
from mlipsse.errors import MlipsseError

TEACHER = "teacher"
VASP = "vasp"
CP2K = "cp2k"
EXTXYZ = "extxyz"
THERE_IS = (
    f"Choose «{TEACHER}: NAME» (labels from another potential, not DFT; e.g. «{TEACHER}: "
    f"{DEFAULT_TEACHER}»), «{VASP}» or «{CP2K}» (DFT), or «{EXTXYZ}: FILE» (existing labels)."
)

Kind = Literal["teacher", "vasp", "cp2k", "extxyz"]


@dataclass(frozen=True)
class Label:
    """A single point, and what computed it.

    Attributes
    ----------
    point : energy, forces and stress of the frame
    source : functional and program, or teacher; for `keys.LABEL_SOURCE`
    """

    point: SinglePoint
    source: str


class RejectedFrame(MlipsseError):
    """A frame that a source cannot label; others may be fine.

    Attributes
    ----------
    may_pass : whether the same single point could succeed when tried again (e.g. it was killed)
    common : whether every other frame would be rejected for the same reason
    """

    def __init__(self, reason: str, *, may_pass: bool = False, common: bool = False) -> None:
        super().__init__(reason)
        self.may_pass = may_pass
        self.common = common


class LabelSource(Protocol):
    """Something that labels one frame at a time, each on its own."""

    @property
    def name(self) -> str:
        """As the config writes it."""

    @property
    def description(self) -> str:
        """Functional and program, or teacher; labels state it with the program's version."""

    def label(self, atoms: Atoms, folder: Path) -> Atoms:
        """A copy with energy, forces and stress under `mlipsse.keys`, units and sign as there.

        Parameters
        ----------
        folder : the frame's own, for a source that runs a program

        Raises
        ------
        RejectedFrame
            when this frame cannot be labelled.
        MlipsseError
            when none can: a program or a file is missing.
        """


def with_label(atoms: Atoms, label: Label) -> Atoms:
    """A copy of `atoms`, free of constraints and calculator, that carries `label`."""
    frame = atoms.copy()
    frame.set_constraint()
    frame.calc = None
    frame.info[keys.ENERGY] = label.point.energy_eV
    frame.arrays[keys.FORCES] = label.point.forces_eV_A
    frame.info[keys.STRESS] = label.point.stress_eV_A3
    frame.info[keys.LABEL_SOURCE] = label.source
    return frame


def source_kind(source: str) -> Kind:
    """What a label source is, by its name in the config.

    Raises
    ------
    MlipsseError
        for an unknown source.
    """
    kind, colon, name = (part.strip() for part in source.partition(":"))
    if kind == TEACHER and name:
        return "teacher"
    if kind == EXTXYZ and name:
        return "extxyz"
    if kind == VASP and not colon:
        return "vasp"
    if kind == CP2K and not colon:
        return "cp2k"
    raise MlipsseError(f"There is no label source {source!r}. {THERE_IS}")


def teacher_name(source: str) -> str | None:
    """NAME of the label source `teacher: NAME`, None for another source.

    Raises
    ------
    MlipsseError
        for an unknown source.
    """
    return source.partition(":")[2].strip() if source_kind(source) == "teacher" else None
