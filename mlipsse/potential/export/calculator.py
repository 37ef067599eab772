"""ASE's calculator of an exported file: dynamics and relaxations of what is handed on."""

from pathlib import Path
from typing import Any, cast

from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from mlipsse.potential.export.edge_form import load_edge_form


class ExportedCalculator(Calculator):
    """Energy (eV), forces (eV/Å) and stress (eV/Å³) of a `.pt` or `.pt2` that LAMMPS loads.

    LAMMPS gives the same numbers to rounding, which `mlipsse potential check` shows.

    Parameters
    ----------
    exported : the file; a `.pt2` holds machine code, which runs when it is called

    Raises
    ------
    MlipsseError
        when the file cannot be loaded; on use, for elements that it does not know.
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress"]  # noqa: RUF012, as ASE

    def __init__(self, exported: Path) -> None:
        super().__init__()
        self._form = load_edge_form(exported)

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Any = None,
        system_changes: Any = all_changes,
    ) -> None:
        """Evaluate all properties at once."""
        super().calculate(atoms, properties or ["energy"], system_changes)
        point = self._form.single_point(cast(Atoms, self.atoms))
        self.results = {
            "energy": point.energy_eV,
            "free_energy": point.energy_eV,
            "forces": point.forces_eV_A,
            "stress": point.stress_eV_A3,
        }
