"""Γ, k-points or a supercell: how the Brillouin zone of a frame is sampled."""

import math
from dataclasses import dataclass

from ase import Atoms

from mlipsse.dataset.labels.cp2k.settings import Cp2kSettings
from mlipsse.dataset.labels.sources import RejectedFrame
from mlipsse.structures.geometry import widths_A


@dataclass(frozen=True)
class Sampling:
    """How the Brillouin zone of a frame is sampled.

    Attributes
    ----------
    repeats : of the cell along a, b, c
    divisions : of the Monkhorst-Pack mesh of the repeated cell; (1, 1, 1) is Γ
    """

    repeats: tuple[int, int, int]
    divisions: tuple[int, int, int]

    @property
    def at_gamma(self) -> bool:
        """Whether there is only Γ."""
        return self.divisions == (1, 1, 1)

    @property
    def copies(self) -> int:
        """Frames in the cell that is computed."""
        return math.prod(self.repeats)


def sampling_of(atoms: Atoms, settings: Cp2kSettings) -> Sampling:
    """Γ, k-points or a supercell, by the size of the cell.

    Raises
    ------
    RejectedFrame
        when the frame has no three cell vectors.
    """
    if atoms.cell.rank < 3:
        raise RejectedFrame(
            f"{atoms.get_chemical_formula()} does not have three cell vectors. Add a cell."
        )
    # Rounding of a width shall not cost a division.
    a, b, c = (math.ceil(settings.min_length_A / width - 1e-6) for width in widths_A(atoms))
    needed, once = (a, b, c), (1, 1, 1)
    return Sampling(needed, once) if settings.small_cells == "supercell" else Sampling(once, needed)
