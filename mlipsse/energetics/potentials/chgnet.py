"""CHGNet as an ASE calculator that keeps quiet; importing this imports torch and chgnet."""

import contextlib
import io
import warnings
from typing import Any

import numpy as np
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress
from chgnet import PredTask
from chgnet.model import CHGNet
from chgnet.model.dynamics import CHGNetCalculator


class QuietCHGNet(CHGNetCalculator):
    """CHGNet with energies in eV per cell, forces in eV/Å and stress in eV/Å³, Voigt, ASE's sign.

    The calculator of the chgnet package announces itself on standard output, where `--json`
    writes, gives the stress as 3x3, and carries on with isolated atoms, about which it knows
    nothing; here they are an error.
    """

    implemented_properties: tuple[str, ...] = ("energy", "free_energy", "forces", "stress")  # type: ignore[assignment, unused-ignore]

    def __init__(self, model_name: str, *, device: str) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            model = CHGNet.load(model_name=model_name, use_device=device, verbose=False)
            super().__init__(model=model, use_device=device, on_isolated_atoms="error")

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: list[str] | None = None,
        system_changes: list[str] | None = None,
        task: PredTask | None = None,
    ) -> None:
        """Fill `results`; the model works in float32, the results are float64.

        Stress, a quarter of the time of a step (40 atoms, one core), only where it is asked for:
        ask for it before energy and forces, which come with it.
        """
        task = task or ("efs" if properties is None or "stress" in properties else "ef")
        self.results: dict[
            str, Any
        ] = {}  # chgnet adds to it: a stress not asked for would be the last structure's
        with warnings.catch_warnings():
            # torch 2.13 on how chgnet makes its tensor of volumes: harmless, and not to be fixed
            # here.
            warnings.filterwarnings("ignore", message="Converting a tensor with requires_grad")
            super().calculate(atoms, properties, system_changes, task=task)
        raw: dict[str, Any] = self.results
        energy_eV = float(raw["energy"])
        self.results = {
            "energy": energy_eV,
            "free_energy": energy_eV,
            "forces": np.asarray(raw["forces"], dtype=float),
        }
        if "stress" in raw:
            stress_eV_A3 = np.asarray(raw["stress"], dtype=float)
            self.results["stress"] = full_3x3_to_voigt_6_stress(stress_eV_A3)
