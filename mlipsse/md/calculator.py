"""LAMMPS whose forces an ASE calculator computes, for potentials that no pair style runs.

The deck is that of every other run, with `fix external` in the place of a pair style, so that
thermostat, limits, frames and restarts are the same. `python -m mlipsse.md.calculator FOLDER` runs
it; the program `lmp` refuses it, because it has no callback for the fix.
"""

import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator

from mlipsse.energetics.potentials.catalogue import find_potential
from mlipsse.errors import MlipsseError
from mlipsse.files import sha256
from mlipsse.md.files.deck import CALCULATOR_FIX, calculator_commands
from mlipsse.md.files.folder import DECK_FILE
from mlipsse.md.files.record import RunRecord, read_record
from mlipsse.structures.contacts import unphysical_contact

_KEY = "calculator"
"""Of a run's record."""


@dataclass(frozen=True)
class RunCalculator:
    """The potential of such a run.

    Attributes
    ----------
    potential, head, device : as in `mlipsse.energetics.potentials.calculators.make_calculator`
    """

    potential: str
    head: str | None = None
    device: str = "cpu"

    def extra(self) -> dict[str, Any]:
        """What the record of its runs states, see `recorded_calculator`."""
        file = find_potential(self.potential).file
        return {_KEY: asdict(self), "potential_sha256": sha256(file) if file else None}


def recorded_calculator(record: RunRecord) -> RunCalculator | None:
    """The calculator of a run; None for one whose deck has a pair style."""
    stated = record.extra.get(_KEY)
    return RunCalculator(**stated) if stated else None


def calculator_program(folder: Path) -> list[str]:
    """Words of the command that runs the deck of a folder with its calculator."""
    return [sys.executable, "-m", __name__, str(folder.resolve())]


class Callback:
    """What LAMMPS calls for forces; the process ends with a line of ERROR where there are none.

    An exception would be lost in LAMMPS, and the run would go on with the forces of before.

    Parameters
    ----------
    lammps : of the package lammps
    symbols : (n_atoms,) elements in the order of atom ids
    """

    def __init__(self, lammps: Any, calculator: Calculator, symbols: tuple[str, ...]) -> None:
        self._lammps = lammps
        self._calculator = calculator
        self._atoms = Atoms(list(symbols), pbc=True)

    def __call__(
        self,
        _: Any,
        step: int,
        n_atoms: int,
        tags: np.ndarray,
        positions: np.ndarray,
        forces: np.ndarray,
    ) -> None:
        """Write forces of atoms as they are now, eV/Å, into `forces`, (n_atoms, 3)."""
        try:
            low, high, xy, yz, xz, _periodic, _changes = self._lammps.extract_box()
            edges = np.subtract(high, low)
            cell = [[edges[0], 0, 0], [xy, edges[1], 0], [xz, yz, edges[2]]]
            places = np.empty((n_atoms, 3))
            places[tags - 1] = positions - np.array(low)
            self._atoms.set_cell(cell)
            self._atoms.positions = places
            found = self._forces()
            forces[:] = found[tags - 1]
        except BaseException:
            _end(f"the calculator failed at step {step}: {_last_line(traceback.format_exc())}")

    def _forces(self) -> np.ndarray:
        try:
            self._calculator.calculate(self._atoms, ["energy", "forces", "stress"])
        except Exception:
            contact = unphysical_contact(self._atoms)
            if contact is not None:  # what no calculator need know
                _end(f"simulation unstable: {contact}")
            raise
        results = self._calculator.results
        energy_eV, found = float(results["energy"]), np.asarray(results["forces"], dtype=float)
        stress = np.asarray(results["stress"], dtype=float)
        if not (np.isfinite(energy_eV) and np.isfinite(found).all() and np.isfinite(stress).all()):
            _end("Non-numeric energy, force or stress of the calculator")
        xx, yy, zz, yz, xz, xy = -stress * self._atoms.get_volume()
        self._lammps.fix_external_set_energy_global(CALCULATOR_FIX, energy_eV)
        self._lammps.fix_external_set_virial_global(CALCULATOR_FIX, [xx, yy, zz, xy, xz, yz])
        return found


def run_deck(folder: Path, make: Callable[[RunCalculator], Calculator]) -> None:
    """Run the deck of `folder`, the working directory, in this process.

    Raises
    ------
    MlipsseError
        when the record names no calculator, or the deck lacks the line of the fix.
    """
    from lammps import lammps

    record = read_record(folder)
    chosen = recorded_calculator(record)
    if chosen is None:
        raise MlipsseError(f"The run {folder} names no calculator. Run it with lmp.")
    line = calculator_commands()[-1]
    before, found, after = (folder / DECK_FILE).read_text(encoding="utf-8").partition(line)
    if not found:
        raise MlipsseError(
            f"The deck of {folder} lacks the line {line!r}, by which forces come from the "
            "calculator. A template of your own must write all pair_commands."
        )
    calculator = make(chosen)
    program = lammps(cmdargs=["-log", "none"])
    program.commands_string(before + line)
    program.set_fix_external_callback(
        CALCULATOR_FIX, Callback(program, calculator, record.species), None
    )
    with tempfile.NamedTemporaryFile("w", suffix=".lammps", encoding="utf-8") as rest:
        rest.write(after)
        rest.flush()
        program.file(rest.name)
    program.close()


def _end(reason: str) -> None:
    sys.stdout.flush()
    os.write(1, f"\nERROR: {reason}\n".encode())
    os._exit(1)


def _last_line(text: str) -> str:
    return text.strip().splitlines()[-1]


def main() -> None:
    """Run the folder that the command line names."""
    from mlipsse.energetics.potentials.calculators import make_calculator

    try:
        run_deck(
            Path(sys.argv[1]),
            lambda chosen: make_calculator(
                chosen.potential, device=chosen.device, head=chosen.head
            ),
        )
    except Exception as error:
        traceback.print_exc()
        _end(f"{error}")


if __name__ == "__main__":
    main()
