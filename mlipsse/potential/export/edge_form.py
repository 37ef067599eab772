"""Call an exported file in Python: the very file that LAMMPS loads, without LAMMPS."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.data import atomic_numbers
from ase.stress import full_3x3_to_voigt_6_stress

from mlipsse.energetics.single_point import SinglePoint
from mlipsse.errors import MlipsseError, first_line
from mlipsse.potential.export.package import package_metadata, require_made_for_here

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class EdgeForm:
    """What is needed to call an exported file: see `mlipsse.potential.export.edge_model`.

    Attributes
    ----------
    energies : (types, edges, vectors, weights) -> energies per atom, derivative by edge vectors
    numbers : atomic numbers of types 0, 1, ...
    cutoff_A : of one layer, Å
    dtype, device : of the file
    """

    energies: "Callable[..., tuple[torch.Tensor, torch.Tensor]]"
    numbers: tuple[int, ...]
    cutoff_A: float
    dtype: "torch.dtype"
    device: str

    def single_point(self, atoms: Atoms) -> SinglePoint:
        """Evaluate a periodic structure; edge vectors are formed in float64, as LAMMPS does.

        Neighbours come from matscipy's list, the one that mace-torch uses: of 80 atoms it takes
        0.4 ms where ASE's takes 6.

        Raises
        ------
        MlipsseError
            when it holds elements that the potential does not know.
        """
        import torch
        from matscipy.neighbours import neighbour_list

        # The vectors go from i to j, so that i is the sender.
        senders, receivers, vectors = neighbour_list("ijD", atoms, self.cutoff_A)
        try:
            types = [self.numbers.index(number) for number in atoms.numbers]
        except ValueError as error:
            raise MlipsseError(
                f"{atoms.get_chemical_formula()} contains elements that the potential does not "
                "know. Name another structure."
            ) from error
        weights = np.ones(len(atoms))
        # A compiled package takes two atoms and two edges at least: the rest weighs nothing.
        n_atoms, n_edges = len(types), len(senders)
        missing_atoms, missing_edges = max(0, 2 - n_atoms), max(0, 2 - n_edges)
        padding = np.zeros(missing_edges, dtype=int)
        edges = np.stack([np.append(senders, padding), np.append(receivers, padding)])
        lengths = np.vstack([vectors, np.tile([self.cutoff_A, 0.0, 0.0], (missing_edges, 1))])
        energies, gradient = self.energies(
            torch.tensor(types + missing_atoms * [0], dtype=torch.int64, device=self.device),
            torch.tensor(edges, dtype=torch.int64, device=self.device),
            torch.tensor(lengths, dtype=self.dtype, device=self.device),
            torch.tensor(
                np.append(weights, np.zeros(missing_atoms)), dtype=self.dtype, device=self.device
            ),
        )
        slopes = gradient.detach().cpu().numpy().astype(float)[:n_edges]
        forces = np.zeros((n_atoms, 3))
        np.add.at(forces, senders, slopes)
        np.add.at(forces, receivers, -slopes)
        strain_slope = slopes.T @ vectors
        stress = (strain_slope + strain_slope.T) / (2 * atoms.get_volume())
        return SinglePoint(
            # LAMMPS adds the atoms' energies in float64, whatever the file computes in.
            energy_eV=float(energies.detach()[:n_atoms].double().sum()),
            forces_eV_A=forces,
            stress_eV_A3=full_3x3_to_voigt_6_stress(stress),
        )


def load_edge_form(exported: Path, *, device: str = "cpu") -> EdgeForm:
    """Load an exported `.pt` or `.pt2`; a `.pt2` holds machine code, which runs when it is called.

    Parameters
    ----------
    device : of a `.pt`; a `.pt2` runs on the one that it was compiled for

    Raises
    ------
    MlipsseError
        when the file cannot be loaded or has no edge form.
    """
    if exported.name.endswith(".mliap.pt"):
        raise MlipsseError(
            f"{exported} is for pair_style mliap unified and has no edge form. Name the .pt or "
            ".pt2 file of the same potential."
        )
    try:
        return _load_pt2(exported) if exported.suffix == ".pt2" else _load_pt(exported, device)
    except MlipsseError:
        raise
    except Exception as error:  # torch has no exception of its own for files it cannot load
        raise MlipsseError(
            f"{exported} cannot be loaded in Python ({first_line(error)}). Export the potential "
            "again on this machine."
        ) from error


def _load_pt(exported: Path, device: str) -> EdgeForm:
    import torch

    module: Any = torch.jit.load(exported, map_location=device)
    if not hasattr(module, "edge_energies"):
        raise MlipsseError(
            f"{exported} has no edge form: it was not exported by this version of mlipsse. "
            "Export the potential again: mlipsse potential export."
        )
    dtype = next(weight.dtype for weight in module.parameters() if weight.is_floating_point())
    numbers = tuple(int(number) for number in module.atomic_numbers)
    return EdgeForm(module.edge_energies, numbers, float(module.r_max), dtype, device)


def _load_pt2(exported: Path) -> EdgeForm:
    import torch

    metadata = package_metadata(exported)
    require_made_for_here(exported, metadata)
    package: Any = torch._inductor.aoti_load_package(str(exported))
    return EdgeForm(
        lambda *inputs: package(*inputs),
        tuple(atomic_numbers[element] for element in metadata["elements"].split()),
        float(metadata["r_max_A"]),
        getattr(torch, metadata["dtype"]),
        metadata["device"],
    )


class ExportedCalculator(Calculator):
    """Energy (eV), forces (eV/Å) and stress (eV/Å³) of a `.pt` or `.pt2` that LAMMPS loads.

    LAMMPS gives the same numbers to rounding, which `mlipsse potential check` shows.

    Parameters
    ----------
    exported : the file; a `.pt2` holds machine code, which runs when it is called
    device : see `load_edge_form`

    Raises
    ------
    MlipsseError
        when the file cannot be loaded; on use, for elements that it does not know.
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress"]  # noqa: RUF012, as ASE

    def __init__(self, exported: Path, *, device: str = "cpu") -> None:
        super().__init__()
        self._form = load_edge_form(exported, device=device)

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
