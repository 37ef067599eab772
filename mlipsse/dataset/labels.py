"""Label sources by name: what gives frames their energies, forces and stresses."""

from pathlib import Path
from typing import Protocol

from ase import Atoms

from mlipsse.errors import MlipsseError

TEACHER = "teacher"
_PLANNED = ("vasp", "cp2k")
_THERE_IS = (
    f"There is «{TEACHER}: NAME» (labels from another potential, not DFT; e.g. "
    f"«{TEACHER}: chgnet-r2scan»)."
)


class LabelSource(Protocol):
    """Something that labels one frame at a time, each on its own."""

    @property
    def name(self) -> str:
        """As the config writes it."""

    @property
    def description(self) -> str:
        """For `keys.LABEL_SOURCE` and every artefact downstream."""

    def label(self, atoms: Atoms) -> Atoms:
        """A copy with energy, forces and stress under `mlipsse.keys`, units and sign as there.

        Raises
        ------
        MlipsseError
            when the frame cannot be labelled.
        """


def make_label_source(source: str, *, device: str = "cpu", dtype: str | None = None) -> LabelSource:
    """Label source by its name in the config.

    Parameters
    ----------
    source : `teacher: NAME`, a potential (see `mlipsse.energetics.catalogue.find_potential`)
    device, dtype : of the potential (see `mlipsse.energetics.calculators.make_calculator`)

    Raises
    ------
    MlipsseError
        for an unknown source or potential.
    """
    name = teacher_name(source)
    from mlipsse.dataset.teacher import Teacher
    from mlipsse.energetics.calculators import make_calculator

    # Of a file only its name: where it lies on this machine says nothing to a reader of labels.
    return Teacher(Path(name).name, make_calculator(name, device=device, dtype=dtype))


def teacher_name(source: str) -> str:
    """NAME of the label source `teacher: NAME`.

    Raises
    ------
    MlipsseError
        for any other source.
    """
    kind, _, name = (part.strip() for part in source.partition(":"))
    if kind in _PLANNED:
        raise MlipsseError(f"The label source {kind} is planned and not there yet. {_THERE_IS}")
    if kind != TEACHER or not name:
        raise MlipsseError(f"No label source is called {source!r}. {_THERE_IS}")
    return name
