"""pair_style mace against MACE's ASE calculator and against finite differences."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.stress import voigt_6_to_full_3x3_stress

from mlipsse.errors import MlipsseError
from mlipsse.potential.export.target import Dtype
from mlipsse.potential.lammps.plugin import build_plugin
from mlipsse.potential.parity.single_points import (
    Differences,
    ase_single_points,
    differences,
    lammps_single_points,
)
from tests.support.potential.lammps_deck import BRICK
from tests.support.potential.tiny_potential import ELEMENTS, random_cell, random_places

CELLS = {
    "orthorhombic": (np.diag([8.0, 9.0, 10.0]), 20),
    "rotated triclinic": (np.array([[1.2, 6.0, 4.8], [7.2, 1.2, -3.6], [2.4, -8.4, 7.2]]), 16),
    "strongly tilted": (np.array([[8.0, 0.0, 0.0], [6.0, 7.0, 0.0], [-5.0, 6.5, 8.0]]), 14),
    "shorter than the cutoff": (np.array([[3.0, 0.3, 0.0], [0.2, 3.4, 0.0], [0.5, 0.4, 3.8]]), 2),
    "one atom, its own neighbour": (
        np.array([[3.2, 0.0, 0.0], [0.4, 2.9, 0.1], [0.7, 0.6, 3.0]]),
        1,
    ),
    "an atom without neighbours": (12.0 * np.eye(3), 1),
}


def structure(name: str) -> Atoms:
    cell, n_atoms = CELLS[name]
    atoms = random_cell(cell=cell, n_atoms=n_atoms, closest_A=1.7, seed=3)
    # Atoms outside of the cell must give the same, too.
    atoms.positions[0] += 2 * cell[0] - cell[2]
    return atoms


def from_ase(
    structures: list[Atoms],
    exported: Path,
    model: Path,
    *,
    head: str = "target",
    dtype: Dtype = "float64",
) -> Differences:
    """Largest differences of an exported file in LAMMPS from its model in ASE."""
    found = lammps_single_points(structures, exported=exported, plugin=build_plugin())
    return differences(found, ase_single_points(structures, model=model, head=head, dtype=dtype))


@pytest.mark.parametrize("name", CELLS)
def test_same_as_ase_in_float64(tiny_model, torchscript, name):
    atoms = structure(name)
    worst = from_ase([atoms], torchscript, tiny_model)
    assert worst.energy_eV_atom < 1e-10
    assert worst.force_eV_A < 1e-10
    assert worst.stress_eV_A3 < 1e-10


def test_same_as_ase_in_float32(tiny_model, torchscript32):
    crystals = [structure("orthorhombic"), structure("strongly tilted")]
    worst = from_ase(crystals, torchscript32, tiny_model, dtype="float32")
    assert worst.energy_eV_atom < 2e-6
    assert worst.force_eV_A < 2e-5
    assert worst.stress_eV_A3 < 1e-6


def random_crystal(rng: np.random.Generator) -> Atoms:
    """Any cell, any elements, from dense to nearly empty, atoms also outside of the cell."""
    while True:
        shape = np.eye(3) + rng.uniform(-0.7, 0.7, (3, 3))
        volume = np.linalg.det(shape)
        heights = abs(volume) / np.linalg.norm(np.cross(shape[[1, 2, 0]], shape[[2, 0, 1]]), axis=1)
        if volume > 0.05 and heights.min() > 0.35:
            break
    n_atoms = int(rng.integers(1, 13))
    cell = shape * (n_atoms * rng.uniform(12, 120) / volume) ** (1 / 3)
    images = np.stack(np.meshgrid(*[range(-3, 4)] * 3), axis=-1).reshape(-1, 3) @ cell
    closest_A = 1.5
    if np.sort(np.linalg.norm(images, axis=1))[1] < closest_A:
        return random_crystal(rng)
    places = random_places(rng, cell=cell, number=n_atoms, closest_A=closest_A, tries=300)
    outside = rng.integers(-2, 3, (len(places), 3)) @ cell
    return Atoms(
        rng.choice(ELEMENTS, size=len(places)),
        positions=places + outside,
        cell=cell,
        pbc=True,
    )


@pytest.mark.parametrize(
    ("number", "seed"),
    [(12, 1), pytest.param(100, None, marks=pytest.mark.slow)],
    ids=["always the same", "new ones"],
)
def test_random_crystals_as_in_ase(tiny_model, torchscript, number, seed):
    seed = int(np.random.SeedSequence().entropy) if seed is None else seed
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    crystals = [random_crystal(rng) for _ in range(number)]
    exact = ase_single_points(crystals, model=tiny_model, head="target", dtype="float64")
    found = lammps_single_points(crystals, exported=torchscript, plugin=build_plugin())
    for crystal, ours, theirs in zip(crystals, found, exact, strict=True):
        difference = differences([ours], [theirs])
        largest_eV_A = np.abs(theirs.forces_eV_A).max()
        assert difference.energy_eV < 1e-10 * max(1, abs(theirs.energy_eV)), crystal
        assert difference.force_eV_A < 1e-10 * max(1, largest_eV_A), crystal
        assert difference.stress_eV_A3 < 1e-10 * max(1, largest_eV_A), crystal


def test_memory_kept_between_steps_changes_nothing(deck):
    """Large tensors of changing sizes live in blocks that are used again and again."""
    crystal = BRICK.repeat(4)
    run = "velocity all create 900 5 loop geom\ntimestep 0.004\nfix 1 all nve\nrun 8"
    kept = deck.run(crystal, run=run)
    deck.environment = {"MLIPSSE_ALLOCATOR": "default"}
    fresh = deck.run(crystal, run=run)
    assert np.isfinite(kept[1]).all()
    np.testing.assert_array_equal(kept[0], fresh[0])
    np.testing.assert_array_equal(kept[1], fresh[1])


def test_heads_differ(tiny_model, torchscript):
    """The comparison would notice the wrong head."""
    worst = from_ase([structure("orthorhombic")], torchscript, tiny_model, head="replay")
    assert worst.energy_eV_atom > 1e-2


def test_types_in_any_order(torchscript, plugin):
    atoms = structure("orthorhombic")
    points = [
        lammps_single_points([atoms], exported=torchscript, plugin=plugin, type_order=order)[0]
        for order in (ELEMENTS, ELEMENTS[::-1])
    ]
    assert points[0].energy_eV == pytest.approx(points[1].energy_eV, abs=1e-10)
    np.testing.assert_allclose(points[0].forces_eV_A, points[1].forces_eV_A, atol=1e-10)


def test_forces_and_stress_are_derivatives_of_the_energy(torchscript, plugin):
    """Central differences along random directions, which every component takes part in."""
    atoms = structure("strongly tilted")
    rng = np.random.default_rng(5)
    step = 1e-4
    direction = rng.normal(size=(len(atoms), 3))
    direction /= np.linalg.norm(direction)
    strain = rng.uniform(-1, 1, size=(3, 3))
    strain = 0.5 * (strain + strain.T)
    changed = [atoms]
    for sign in (1, -1):
        changed.append(atoms.copy())
        changed[-1].positions += sign * step * direction
    for sign in (1, -1):
        changed.append(atoms.copy())
        changed[-1].set_cell(
            atoms.cell.array @ (np.eye(3) + sign * step * strain), scale_atoms=True
        )

    point, *others = lammps_single_points(changed, exported=torchscript, plugin=plugin)
    energies = np.array([other.energy_eV for other in others]).reshape(-1, 2)
    slopes = (energies[:, 0] - energies[:, 1]) / (2 * step)
    assert np.abs(point.forces_eV_A).max() > 0.5, "a comparison of nothing with nothing"
    assert slopes[0] == pytest.approx(-np.sum(point.forces_eV_A * direction), rel=1e-5)
    stress = voigt_6_to_full_3x3_stress(point.stress_eV_A3)
    expected = np.sum(stress * strain) * atoms.get_volume()
    assert abs(expected) > 0.5, "a comparison of nothing with nothing"
    assert slopes[1] == pytest.approx(expected, rel=1e-5)


def test_energy_is_conserved(run_deck):
    """Forces, positions and neighbours stay consistent over steps and reneighbouring."""
    status, screen = run_deck(
        extra="velocity all create 300 1\nfix 1 all nve\ntimestep 0.0005\n"
        "thermo_style custom step etotal ke\nthermo_modify format float %.12g\nrun 200"
    )
    assert status == 0, screen
    lines = screen.splitlines()
    first = next(k for k, line in enumerate(lines) if line.split()[:2] == ["Step", "TotEng"])
    rows = np.array([line.split() for line in lines[first + 1 : first + 202]], dtype=float)
    drift = rows[:, 1] - rows[0, 1]
    assert np.ptp(rows[:, 2]) > 0.02, "nothing moved"
    assert np.abs(drift).max() < 0.01 * np.ptp(rows[:, 2])


def test_non_periodic_structure_is_refused(tiny_model, torchscript):
    atoms = structure("orthorhombic")
    atoms.pbc = (True, True, False)
    with pytest.raises(MlipsseError, match="not periodic"):
        from_ase([atoms], torchscript, tiny_model)
