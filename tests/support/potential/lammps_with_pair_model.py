"""LAMMPS in this Python, where a `.json` is a Lennard-Jones model in place of one of symmetrix-xl.

Run it with the arguments of `lmp`. The energy and its slope are shifted to 0 at the cutoff, as
`pair_style lj/smooth/linear` of LAMMPS has them.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.potential.lammps.in_python import run_in_python

EPSILON_EV, SIGMA_A = 0.05, 2.0


class PairModel:
    """Half of the energy of a pair belongs to the edge in each direction."""

    description = "pairs"
    layers = 2

    def __init__(self, path: Path, *, dtype: str, device: str | None) -> None:
        if device == "cuda":
            raise MlipsseError("pairs know no GPU.")
        settings = json.loads(path.read_text())
        self.cutoff_A = float(settings["cutoff_A"])
        self.atomic_numbers = tuple(settings["atomic_numbers"])
        self.fails_at = settings.get("fails_at", -1)
        self.calls = 0

    def set_graph(self, types: np.ndarray, counts: np.ndarray, senders: np.ndarray) -> None:
        """Remember copies."""
        assert counts.sum() == len(senders)
        self.senders = senders.copy()
        self.receivers = np.repeat(np.arange(len(types)), counts)
        self.n_atoms = len(types)

    def evaluate(self, vectors_A: np.ndarray, distances_A: np.ndarray) -> None:
        """Everything at once."""
        self.calls += 1
        if self.calls == self.fails_at:
            raise RuntimeError("the wheel\nfails")
        vectors = vectors_A.reshape(-1, 3)
        assert len(vectors) == len(self.senders) == len(distances_A)
        assert np.allclose(np.linalg.norm(vectors, axis=1), distances_A)
        assert (distances_A <= self.cutoff_A).all()
        at_cutoff, slope_at_cutoff = _lennard_jones(self.cutoff_A)
        energy, slope = _lennard_jones(distances_A)
        energy = energy - at_cutoff - (distances_A - self.cutoff_A) * slope_at_cutoff
        self.edge_energies = 0.5 * energy
        self.pulls = -0.5 * ((slope - slope_at_cutoff) / distances_A)[:, None] * vectors
        self.vectors = vectors.copy()

    def energies_eV(self) -> Any:
        """Of the receivers."""
        return np.bincount(self.receivers, self.edge_energies, self.n_atoms)

    def forces_eV_A(self) -> np.ndarray:
        """Pulls on senders, and back."""
        forces = np.zeros((self.n_atoms, 3))
        np.add.at(forces, self.senders, self.pulls)
        np.add.at(forces, self.receivers, -self.pulls)
        return forces

    def strain_gradient_eV(self) -> np.ndarray:
        """Of all edges."""
        return -self.pulls.T @ self.vectors

    def pulls_eV_A(self) -> Any:
        """As a list, like the wheel."""
        return self.pulls.reshape(-1).tolist()


def _lennard_jones(distance_A: Any) -> tuple[Any, Any]:
    ratio = (SIGMA_A / distance_A) ** 6
    energy = 4 * EPSILON_EV * (ratio**2 - ratio)
    return energy, -24 * EPSILON_EV * (2 * ratio**2 - ratio) / distance_A


if __name__ == "__main__":
    try:
        run_in_python(sys.argv[1:], open_model=PairModel)
    except MlipsseError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)
