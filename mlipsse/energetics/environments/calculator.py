"""A calculator of another environment as an ASE calculator of ours."""

from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from mlipsse.energetics.environments.process import Worker, calculator_worker
from mlipsse.energetics.environments.spec import CalculatorSpec
from mlipsse.errors import MlipsseError


class EnvironmentCalculator(Calculator):
    """Energy in eV per cell, forces in eV/Å, stress in eV/Å³ (Voigt, ASE's sign) of a worker.

    Raises
    ------
    MlipsseError
        when the worker cannot be started.
    """

    def __init__(self, spec: CalculatorSpec, *, device: str = "cpu") -> None:
        super().__init__()
        self._spec = spec
        self._worker: Worker = calculator_worker(spec, device=device)
        offered = self._worker.offer.properties
        missing = {"energy", "forces"} - offered
        if missing:
            raise MlipsseError(
                f"{spec.name}: the calculator {spec.calculator} computes no "
                f"{' and no '.join(sorted(missing))}. Name a calculator that does."
            )
        self.implemented_properties = ["energy", "free_energy", "forces"]
        if "stress" in offered:
            self.implemented_properties.append("stress")

    @property
    def elements(self) -> frozenset[str] | None:
        """Symbols that the potential knows; None where it lists none."""
        return self._worker.offer.elements

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: list[str] | None = None,
        system_changes: list[str] = all_changes,
    ) -> None:
        """Fill `results`; stress only where it is asked for, or with energy and forces at no call.

        Raises
        ------
        RuntimeError
            when the calculator fails on this structure, or its results are of another shape.
        MlipsseError
            when a stress is asked of a calculator without, or the worker dies twice.
        """
        super().calculate(atoms, properties, system_changes)
        wanted = ["energy", "forces"]
        if properties is None or "stress" in properties:
            self._require_stress()
            wanted.append("stress")
        structure: Any = self.atoms  # of this call, or of the one before
        arrays = {
            "numbers": np.asarray(structure.numbers, dtype="<i8"),
            "positions": np.asarray(structure.positions, dtype="<f8"),
            "cell": np.asarray(structure.cell[:], dtype="<f8"),
            "pbc": np.asarray(structure.pbc, dtype="|b1"),
        }
        found: dict[str, Any] = self._worker.compute(arrays, wanted)
        shapes = {"energy": (1,), "forces": (len(structure), 3), "stress": (6,)}
        for name in wanted:
            if found[name].shape != shapes[name]:
                raise RuntimeError(
                    f"{self._spec.calculator} gives {name} of shape {found[name].shape}, not "
                    f"{shapes[name]}"
                )
        energy_eV = float(found["energy"][0])
        self.results = {"energy": energy_eV, "free_energy": energy_eV, "forces": found["forces"]}
        if "stress" in wanted:
            self.results["stress"] = found["stress"]

    def _require_stress(self) -> None:
        if "stress" not in self.implemented_properties:
            raise MlipsseError(
                f"{self._spec.name}: the calculator {self._spec.calculator} computes no stress. "
                "Labels and relaxations of a cell require it; name a calculator with stress, or "
                "relax at a fixed cell."
            )
