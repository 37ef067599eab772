import numpy as np
import pytest
from ase import Atoms
from scipy.spatial.transform import Rotation

from mlipsse.dataset.check.measures.copies import NEAR_A, find_twins, fingerprint


def random_crystal(seed=0, symbols="Li6InCl9"):
    rng = np.random.default_rng(seed)
    atoms = Atoms(symbols, cell=np.diag([7.0, 8.0, 9.0]) + rng.normal(0, 0.5, (3, 3)), pbc=True)
    atoms.set_scaled_positions(rng.uniform(0, 1, (len(atoms), 3)))
    return atoms


def test_nothing_that_leaves_the_crystal_as_it_is_changes_it():
    rng = np.random.default_rng(1)
    atoms = random_crystal()
    other = atoms.copy()
    other.positions += rng.uniform(-5, 5, 3)
    other.positions += rng.integers(-2, 3, (len(atoms), 3)) @ atoms.cell[:]
    other = other[rng.permutation(len(atoms))]
    turn = Rotation.random(random_state=2).as_matrix()
    other.set_cell(other.cell[:] @ turn, scale_atoms=True)
    assert fingerprint(other) == pytest.approx(fingerprint(atoms), abs=1e-9)


def test_distances_are_those_to_the_nearest_image():
    atoms = random_crystal()
    atoms.set_cell(np.array([[1, 0, 0], [2, 1, 0], [-1, 3, 1]]) @ atoms.cell[:])  # the same lattice
    expected = atoms.get_all_distances(mic=True)[np.triu_indices(len(atoms), 1)]
    print_of_one_kind = fingerprint(Atoms("Li16", atoms.positions, cell=atoms.cell, pbc=True))
    count = len(print_of_one_kind) - 6
    assert print_of_one_kind[:count] * np.sqrt(count) == pytest.approx(np.sort(expected)[:count])


def test_atoms_half_a_cell_apart_do_not_jump():
    rng = np.random.default_rng(2)
    cell = np.array([[6.0, 0, 0], [1.5, 6.5, 0], [-1.0, 2.0, 7.0]])
    sites = [[x / 2, y / 2, z / 2] for x in range(2) for y in range(2) for z in range(2)]
    frames = []
    for _ in range(10):
        atoms = Atoms("Li8", scaled_positions=sites, cell=cell, pbc=True)
        atoms.positions += rng.normal(0, 1e-4, atoms.positions.shape)
        frames.append(atoms)
    assert len(find_twins(frames).first) == 45


def test_twins_are_those_of_brute_force():
    """Noise from far below to far above the tolerance; every pair compared by hand."""
    rng = np.random.default_rng(3)
    start = random_crystal()
    frames = []
    for sigma in (0, 1e-5, 1e-3, 3e-3, 6e-3, 1e-2, 3e-2, 0.1, 0.2):
        for _ in range(3):
            frame = start.copy()
            frame.positions += rng.normal(0, sigma, frame.positions.shape)
            frames.append(frame)
    frames += [random_crystal(7, "Li6InBr9"), random_crystal(8)]
    prints = [fingerprint(frame) for frame in frames]
    expected = {
        (i, j)
        for j in range(len(frames))
        for i in range(j)
        if frames[i].symbols.formula == frames[j].symbols.formula
        and np.linalg.norm(prints[i] - prints[j]) < NEAR_A
    }
    twins = find_twins(frames)
    found = set(zip(twins.first.tolist(), twins.second.tolist(), strict=True))
    assert found == expected
    assert (0, 1) in found
    assert not any({24, 25, 26} & set(pair) for pair in found)
    assert len(found) < len(frames) * (len(frames) - 1) / 2 / 2


def test_a_strain_is_seen():
    atoms = random_crystal()
    strained = atoms.copy()
    strained.set_cell(1.005 * atoms.cell[:], scale_atoms=True)
    assert len(find_twins([atoms, strained]).first) == 0


def test_molecules_have_no_images():
    first = Atoms("CO", positions=[[0, 0, 0], [0, 0, 1.13]])
    second = first.copy()
    second.rotate(50, (1, 1, 0))
    third = Atoms("CO", positions=[[0, 0, 0], [0, 0, 1.2]])
    twins = find_twins([first, second, third])
    assert (twins.first.tolist(), twins.second.tolist()) == ([0], [1])


def test_no_frames_no_twins():
    assert len(find_twins([]).first) == 0
    assert len(find_twins([random_crystal()]).first) == 0
