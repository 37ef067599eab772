"""What a relaxation is asked for, what it came to, and by which rules it is judged."""

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
from ase import Atoms

from mlipsse.structures.contacts import FrameworkBonds, unphysical_contact

Relaxed = Literal["none", "positions", "cell"]
Fault = Literal[
    "not_converged", "exploded", "not_finite", "contact", "broken_bond", "potential_failed"
]
FAULTS: tuple[Fault, ...] = get_args(Fault)

FAILURES = (ValueError, RuntimeError, ArithmeticError, np.linalg.LinAlgError)
"""What potentials raise about a structure that they cannot do (isolated atoms, no memory)."""


@dataclass(frozen=True)
class RelaxationSettings:
    """What is relaxed, and how far.

    Attributes
    ----------
    relaxed : `none` for the energy as the structure stands, `positions`, or `cell` for the cell as
        well as the positions
    fmax_eV_A : largest force, eV/Å, on an atom and, with `cell`, on the cell: row of the virial
        over the number of atoms, as in ASE's filters
    max_steps : steps before it is given up
    max_volume_factor : a cell that grows or shrinks by more than this factor has exploded
    mobile : symbol of the mobile ion; when given, a bond between two other atoms that breaks
        makes the relaxation void (see `FrameworkBonds`)
    """

    relaxed: Relaxed = "cell"
    fmax_eV_A: float = 0.05
    max_steps: int = 500
    max_volume_factor: float = 1.5
    mobile: str | None = None


@dataclass(frozen=True)
class Relaxation:
    """What a relaxation came to.

    Attributes
    ----------
    atoms : as they stood at the end, without calculator and constraints; `info` as it came
    energy_eV : of the whole cell; NaN when the potential could not give one
    max_force_eV_A : largest force on an atom, eV/Å; NaN likewise
    steps : optimiser steps taken
    fault : kind of what forbids to use the structure; None when nothing does
    reason : the same in words
    """

    atoms: Atoms
    energy_eV: float
    max_force_eV_A: float
    steps: int
    fault: Fault | None = None
    reason: str | None = None

    @property
    def converged(self) -> bool:
        """Whether the structure may be used."""
        return self.fault is None


class Blame(NamedTuple):
    """What is wrong with a structure.

    Attributes
    ----------
    fault : its kind
    reason : in words
    """

    fault: Fault
    reason: str


class Reading(NamedTuple):
    """A structure during its relaxation, in numbers.

    Attributes
    ----------
    steps, energy_eV, max_force_eV_A : as in `Relaxation`
    volume_A3 : of the cell
    finite : whether positions and cell are
    within : whether the forces are below the limit
    """

    steps: int
    energy_eV: float
    max_force_eV_A: float
    volume_A3: float
    finite: bool
    within: bool


@dataclass(frozen=True)
class Trial:
    """A structure before its relaxation, and the settings that it is judged by.

    Attributes
    ----------
    atoms : without calculator and constraints; not to be changed
    bonds : of the framework, when the mobile ion is known
    """

    atoms: Atoms
    settings: RelaxationSettings
    bonds: FrameworkBonds | None

    @classmethod
    def of(cls, atoms: Atoms, settings: RelaxationSettings) -> "Trial":
        """The trial of a structure, which is not changed."""
        start = atoms.copy()
        start.calc = None
        start.set_constraint()
        mobile = settings.mobile
        return cls(start, settings, FrameworkBonds.of(start, mobile=mobile) if mobile else None)

    def blame(self, reading: Reading) -> Blame | None:
        """Why the relaxation must stop at once; None when it may go on."""
        if not reading.finite:
            return Blame("not_finite", "positions or cell became non-finite")
        if not np.isfinite([reading.energy_eV, reading.max_force_eV_A]).all():
            return Blame("not_finite", "energy or forces became non-finite")
        factor, limit = reading.volume_A3 / self.atoms.get_volume(), self.settings.max_volume_factor
        if not 1 / limit <= factor <= limit:
            return Blame(
                "exploded",
                f"the cell exploded: its volume changed by a factor of {factor:.2f}, "
                f"more than {limit:g} (or less than {1 / limit:.2f})",
            )
        return None

    def ended(self, atoms: Atoms, reading: Reading) -> Relaxation:
        """The outcome of a relaxation that ended in `atoms`."""
        blame = self.blame(reading) or self._verdict(atoms)
        if blame is None and not reading.within:
            blame = Blame(
                "not_converged",
                f"not converged in {reading.steps} steps: the largest force is "
                f"{reading.max_force_eV_A:.3f} eV/Å, the limit for atoms and cell is "
                f"{self.settings.fmax_eV_A:g}",
            )
        return self._outcome(atoms, reading.energy_eV, reading.max_force_eV_A, reading.steps, blame)

    def failed(self, atoms: Atoms, error: BaseException | None, *, steps: int) -> Relaxation:
        """The outcome of a relaxation whose potential raised `error` at `atoms`."""
        blame = Blame("potential_failed", f"the potential failed: {error}")
        return self._outcome(atoms, float("nan"), float("nan"), steps, blame)

    def _verdict(self, atoms: Atoms) -> Blame | None:
        contact = unphysical_contact(atoms)
        if contact:
            return Blame("contact", contact)
        broken = self.bonds.broken(atoms) if self.bonds else None
        return Blame("broken_bond", broken) if broken else None

    def _outcome(
        self, atoms: Atoms, energy_eV: float, force_eV_A: float, steps: int, blame: Blame | None
    ) -> Relaxation:
        relaxed = atoms.copy()
        relaxed.calc = None
        fault, reason = blame or (None, None)
        return Relaxation(relaxed, energy_eV, force_eV_A, steps, fault, reason)
