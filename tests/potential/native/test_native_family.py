"""Native code of models drawn at random from all that it is written for."""

from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from tests.support.potential.edge_graphs import make_mace, reference
from tests.support.potential.native_export import exported
from tests.support.potential.tiny_potential import ELEMENTS, random_cell

BLOCKS = {
    "RealAgnosticResidualInteractionBlock": "RealAgnosticInteractionBlock",
    "RealAgnosticDensityResidualInteractionBlock": "RealAgnosticDensityInteractionBlock",
}


def any_model(rng: np.random.Generator) -> dict[str, Any]:
    """Arguments of `make_mace`."""
    channels, max_l = int(rng.integers(1, 12)), int(rng.integers(0, 3))
    irreps = "+".join(f"{channels}x{k}{'eo'[k % 2]}" for k in range(max_l + 1))
    block = str(rng.choice(list(BLOCKS)))
    arguments: dict[str, Any] = {
        "hidden": irreps,
        "layers": int(rng.integers(1, 4)),
        "max_ell": int(rng.integers(1, 4)),
        "correlation": int(rng.integers(1, 4)),
        "interaction": block,
        "first": str(rng.choice([block, BLOCKS[block]])),
        "num_bessel": int(rng.integers(3, 11)),
        "seed": int(rng.integers(1000)),
        "scale_shift": bool(rng.integers(2)),
    }
    transform = rng.choice(["None", "Agnesi", "Soft"])
    if transform != "None":
        arguments["distance_transform"] = str(transform)
    if rng.integers(2):
        arguments["pair_repulsion"] = True
    return arguments


def any_cell(rng: np.random.Generator) -> Atoms:
    """Crowded or thin, skewed or not, periodic in any directions, of some of the elements."""
    edge_A = rng.uniform(4.0, 9.0)
    cell = np.eye(3) * edge_A + rng.uniform(-0.25, 0.25, (3, 3)) * edge_A
    most = max(1, int(abs(np.linalg.det(cell)) / 12.0))
    n_atoms = int(rng.integers(1, min(most, 24) + 1))
    atoms = random_cell(cell=cell, n_atoms=n_atoms, closest_A=1.3, seed=int(rng.integers(10**6)))
    atoms.symbols = rng.choice(list(ELEMENTS), size=n_atoms)
    atoms.pbc = rng.integers(0, 2, 3).astype(bool) if rng.integers(3) == 0 else True
    return atoms


@pytest.mark.parametrize(
    "seed", [1, 2, *(pytest.param(k, marks=pytest.mark.slow) for k in range(3, 27))]
)
def test_any_model_agrees_with_mace_torch(seed, tmp_path):
    rng = np.random.default_rng(seed)
    arguments = any_model(rng)
    model = make_mace(**arguments)
    calculator = exported(model, tmp_path, "float64")
    for _ in range(6):
        atoms = any_cell(rng)
        energy, forces, _ = reference(model, atoms, head="target")
        calculator.calculate(atoms)
        limit = max(2e-5, 1e-5 * np.sqrt((forces**2).mean()))
        assert calculator.results["energy"] == pytest.approx(energy, rel=0, abs=limit), arguments
        np.testing.assert_allclose(
            calculator.results["forces"], forces, rtol=0, atol=limit, err_msg=str(arguments)
        )


def test_a_model_of_one_element(tmp_path):
    model = make_mace(
        num_elements=1, atomic_numbers=[3], atomic_energies=np.array([[-1.5], [-1.0]])
    )
    calculator = exported(model, tmp_path, "float64")
    atoms = bulk("Li", a=3.4).repeat((2, 1, 1))
    atoms.rattle(0.1, seed=1)
    energy, forces, stress = reference(model, atoms, head="target")
    calculator.calculate(atoms)
    assert calculator.results["energy"] == pytest.approx(energy, abs=1e-6)
    np.testing.assert_allclose(calculator.results["forces"], forces, atol=2e-5)
    np.testing.assert_allclose(calculator.results["stress"], stress, atol=2e-6)
    assert np.abs(forces).max() > 0.01
