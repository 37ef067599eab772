"""Evaluations of several structures in one call against ASE's calculator, one by one."""

from typing import Any

import numpy as np
import pytest
import torch
from ase.build import bulk

from mlipsse.energetics.potentials.batched_mace import BatchedMace
from mlipsse.energetics.potentials.calculators import make_calculator
from mlipsse.energetics.relaxation.batched_evaluation import InBatches
from mlipsse.energetics.relaxation.evaluators import make_evaluator
from mlipsse.errors import MlipsseError


@pytest.fixture
def crystals():
    some = [
        bulk("LiCl", "rocksalt", a=5.1, cubic=k > 0).repeat((1, 1, 1 + k % 2)) for k in range(4)
    ]
    for seed, atoms in enumerate(some):
        atoms.rattle(0.1, seed=seed)
    return some


def check_against_ase(found, crystals, calculator):
    for one, atoms in zip(found, crystals, strict=True):
        work = atoms.copy()
        work.calc = calculator
        assert one.energy_eV == pytest.approx(work.get_potential_energy(), abs=1e-9)
        assert one.forces_eV_A == pytest.approx(work.get_forces(), abs=1e-9)
        assert np.abs(one.forces_eV_A).max() > 1e-3
        assert one.forces_eV_A.dtype == np.float64


@pytest.mark.parametrize("batch_atoms", [1, 20, 1000])
def test_energies_and_forces_are_those_of_the_ase_calculator(
    crystals, equivariant_file, batch_atoms
):
    evaluator = make_evaluator(equivariant_file, {"Li", "Cl"}, batch_atoms=batch_atoms)
    calculator = make_calculator(equivariant_file)
    check_against_ase(evaluator.evaluate(crystals), crystals, calculator)
    for atoms in crystals:  # the same structures, moved, and out of their cells
        atoms.rattle(0.05, seed=9)
        atoms.positions[::2] += 2 * atoms.cell[0] - 3 * atoms.cell[2]
    check_against_ase(evaluator.evaluate(crystals), crystals, calculator)
    check_against_ase(evaluator.evaluate(crystals[2:0:-1]), crystals[2:0:-1], calculator)
    assert evaluator.evaluate([]) == []


def test_the_first_call_gives_the_same_bits_as_later_ones(shipped_bundle, li3incl6):
    """So that dynamics in a fresh process goes on as it would have in the old one."""
    (model,) = shipped_bundle.glob("*.model")
    evaluator = make_evaluator(str(model), set(li3incl6.symbols), dtype="float32")
    li3incl6.rattle(0.1, seed=1)
    found = [evaluator.evaluate([li3incl6])[0].forces_eV_A for _ in range(5)]
    assert all(np.array_equal(forces, found[0]) for forces in found[1:])


def test_invariants_are_those_of_mace_torch_and_do_not_turn(crystals, equivariant_file):
    evaluator = make_evaluator(equivariant_file, {"Li", "Cl"})
    calculator: Any = make_calculator(equivariant_file)
    found = evaluator.evaluate(crystals, invariants=True)
    for one, atoms in zip(found, crystals, strict=True):
        expected = calculator.get_descriptors(atoms, invariants_only=True)
        assert one.invariants == pytest.approx(expected, abs=1e-10)
        assert expected.std(axis=0).max() > 1e-4
        whole = calculator.get_descriptors(atoms, invariants_only=False)
        assert whole.shape[1] > expected.shape[1]
    turned = [atoms.copy() for atoms in crystals]
    for atoms in turned:
        atoms.rotate(50, (1, 2, 3), rotate_cell=True)
    for one, other in zip(found, evaluator.evaluate(turned, invariants=True), strict=True):
        assert one.invariants == pytest.approx(other.invariants, abs=1e-9)


def test_what_fails_is_found_and_does_not_spread(crystals, equivariant_file, monkeypatch):
    evaluator = make_evaluator(equivariant_file, {"Li", "Cl"})
    expected = evaluator.evaluate(crystals)
    forward = BatchedMace.forward

    def fail_on_two_atoms(self, state):
        if (torch.bincount(state.system_idx) == 2).any():
            raise RuntimeError("two atoms are too few")
        return forward(self, state)

    monkeypatch.setattr(BatchedMace, "forward", fail_on_two_atoms)
    failed, *found = evaluator.evaluate(crystals)
    assert str(failed) == "two atoms are too few"
    for one, other in zip(found, expected[1:], strict=True):
        assert one.energy_eV == pytest.approx(other.energy_eV, abs=1e-10)
        assert one.forces_eV_A == pytest.approx(other.forces_eV_A, abs=1e-10)


def test_batches_hold_no_more_than_they_may(crystals, equivariant_file, monkeypatch):
    forward, seen = BatchedMace.forward, []

    def watch(self, state):
        seen.append(torch.bincount(state.system_idx).tolist())
        return forward(self, state)

    monkeypatch.setattr(BatchedMace, "forward", watch)
    evaluator = make_evaluator(equivariant_file, {"Li", "Cl"}, batch_atoms=20)
    assert isinstance(evaluator, InBatches)
    evaluator.evaluate(crystals)  # 2, 16, 8 and 16 atoms
    assert seen == [[2, 16], [8], [16]]


def test_an_element_that_the_potential_lacks_is_a_sentence(equivariant_file):
    with pytest.raises(MlipsseError, match="does not know Sc"):
        make_evaluator(equivariant_file, {"Li", "Sc"})
