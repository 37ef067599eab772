"""torch-sim's batches against ASE, structure by structure."""

import contextlib
import io

import numpy as np
import pytest
import torch
from ase.build import bulk
from ase.filters import FrechetCellFilter
from ase.optimize import FIRE

from mlipsse.energetics.potentials.batched_mace import BatchedMace
from mlipsse.energetics.potentials.calculators import make_calculator
from mlipsse.energetics.potentials.catalogue import find_potential
from mlipsse.energetics.potentials.loaded_mace import load_mace
from mlipsse.energetics.relaxation.batches import relax_in_batches
from mlipsse.energetics.relaxation.energies import relax_all
from mlipsse.energetics.relaxation.outcome import RelaxationSettings
from mlipsse.energetics.relaxation.single import relax
from mlipsse.errors import MlipsseError

POTENTIAL = "mace-sse-small"


@pytest.fixture(scope="module")
def mace():
    return load_mace(find_potential(POTENTIAL), dtype="float64")


@pytest.fixture(scope="module")
def calculator():
    return make_calculator(POTENTIAL, dtype="float64")


@pytest.fixture
def crystals(li3incl6):
    """20 and 40 atoms in turn, and a LiCl of 2 in a cell much shorter than the cutoff."""
    several = [li3incl6.repeat((1, 1, 1 + seed % 2)) for seed in range(4)]
    several.append(bulk("LiCl", "rocksalt", a=4.9))
    for seed, atoms in enumerate(several):
        atoms.rattle(0.08, seed=seed)
        atoms.info["ordering"] = f"o{seed}"
    return several


def test_single_points_are_those_of_the_ase_calculator(crystals, mace, calculator):
    found = relax_in_batches(crystals, mace, RelaxationSettings("none"), batch_atoms=60)
    for atoms, outcome in zip(crystals, found, strict=True):
        expected = relax(atoms, calculator, RelaxationSettings("none"))
        assert outcome.converged
        assert outcome.steps == 0
        assert outcome.energy_eV == pytest.approx(expected.energy_eV, abs=1e-10 * len(atoms))
        assert outcome.max_force_eV_A == pytest.approx(expected.max_force_eV_A, abs=1e-9)
        assert outcome.max_force_eV_A > 0.01
        assert (outcome.atoms.positions == atoms.positions).all()
        assert outcome.atoms.info == atoms.info


def test_stress_is_that_of_the_ase_calculator(crystals, mace, calculator):
    model = BatchedMace(mace, stress=True)
    found = model(model.state(crystals))
    for atoms, stress in zip(crystals, found["stress"].numpy(), strict=True):
        atoms.calc = calculator
        expected = atoms.get_stress(voigt=False)
        assert np.abs(expected).max() > 1e-3
        assert stress == pytest.approx(expected, abs=1e-11)


def test_relaxed_crystals_are_those_of_ase(crystals, mace, calculator):
    # At 5e-4 eV/Å what is left of the softest modes is some 1e-6 eV/atom and 5e-4 of the volume.
    settings = RelaxationSettings(fmax_eV_A=5e-4, max_steps=2000, mobile="Li")
    crystals = [crystals[0], crystals[4]]
    for atoms, outcome in zip(
        crystals, relax_in_batches(crystals, mace, settings, batch_atoms=40), strict=True
    ):
        expected = relax(atoms, calculator, settings)
        assert expected.converged
        assert outcome.converged, outcome.reason
        per_atom = 1 / len(atoms)
        assert outcome.energy_eV * per_atom == pytest.approx(
            expected.energy_eV * per_atom, abs=5e-6
        )
        volume_A3 = expected.atoms.get_volume()
        assert abs(volume_A3 / atoms.get_volume() - 1) > 0.01
        assert outcome.atoms.get_volume() == pytest.approx(volume_A3, rel=1e-3)
        assert outcome.atoms.calc is None


class SoonerFIRE(FIRE):
    """FIRE of ASE 3.29 but that the share of the force falls before the velocity is mixed."""

    def step(self, f: np.ndarray | None = None) -> None:
        forces = -self.optimizable.get_gradient()
        kept = self.fa
        if self.vel is not None and np.vdot(forces, self.vel) > 0 and self.Nsteps > self.Nmin:
            self.a *= self.fa
            self.fa = 1.0
        super().step(f)
        self.fa = kept


def test_the_path_is_that_of_fire_in_ase_but_for_when_it_mixes_velocities(
    li3incl6, mace, calculator
):
    li3incl6.rattle(0.08, seed=0)
    settings = RelaxationSettings("positions", fmax_eV_A=0.02)
    (outcome,) = relax_in_batches([li3incl6], mace, settings, batch_atoms=20)
    work = li3incl6.copy()
    work.calc = calculator
    optimiser = SoonerFIRE(work, logfile=None)
    optimiser.run(fmax=0.02)
    assert outcome.steps == optimiser.nsteps
    assert outcome.atoms.positions == pytest.approx(work.positions, abs=1e-7)
    assert np.abs(outcome.atoms.positions - li3incl6.positions).max() > 0.1
    assert outcome.atoms.cell[:] == pytest.approx(li3incl6.cell[:], abs=0)


def test_the_limit_holds_for_the_cell_too(li3incl6, mace, calculator):
    (outcome,) = relax_in_batches([li3incl6], mace, RelaxationSettings(), batch_atoms=20)
    work = outcome.atoms.copy()
    work.calc = calculator
    # In the frame of the cell as it is now; both filters count the virial per atom.
    on_cell = FrechetCellFilter(work).get_forces()[-3:]
    assert outcome.converged
    assert 0 < np.linalg.norm(on_cell, axis=1).max() < 0.05


def test_company_and_order_change_nothing(crystals, mace):
    settings = RelaxationSettings(fmax_eV_A=0.1)
    together = relax_in_batches(crystals, mace, settings, batch_atoms=1000)
    others = relax_in_batches(crystals[::-1], mace, settings, batch_atoms=60)[::-1]
    assert len({outcome.steps for outcome in together}) > 1
    for one, other in zip(together, others, strict=True):
        assert one.steps == other.steps
        assert one.atoms.positions == pytest.approx(other.atoms.positions, abs=1e-8)
        assert one.energy_eV == pytest.approx(other.energy_eV, abs=1e-9)
        assert one.atoms.info == other.atoms.info


def test_another_cut_of_the_same_atoms_is_another_batch(li3incl6, mace):
    # 20 + 40 atoms, then 40 + 20: torch-sim's own model takes them for the same structures.
    double = li3incl6.repeat((1, 1, 2))
    double.rattle(0.1, seed=1)
    double.symbols = list(li3incl6.symbols) * 2
    model = BatchedMace(mace, stress=True)
    first = model(model.state([li3incl6, double]))["energy"]
    second = model(model.state([double, li3incl6]))["energy"]
    assert second.flip(0).numpy() == pytest.approx(first.numpy(), abs=1e-9)


def test_faults_are_those_of_ase_and_do_not_spread(li3incl6, mace, calculator):
    settings = RelaxationSettings(fmax_eV_A=0.1, mobile="Li", max_steps=60, max_volume_factor=1.15)
    good = bulk("LiCl", "rocksalt", a=5.1)
    pressed, touching = li3incl6.copy(), li3incl6.copy()
    pressed.set_cell(0.94 * pressed.cell[:], scale_atoms=True)
    touching.positions[3] = touching.positions[2] + [0.2, 0, 0]
    several = [good, pressed, touching, good]
    found = relax_in_batches(several, mace, settings, batch_atoms=1000)
    expected = [relax(atoms, calculator, settings) for atoms in several]
    assert [outcome.fault for outcome in found] == [outcome.fault for outcome in expected]
    assert found[0].converged
    assert found[3].converged
    assert found[1].fault == "exploded"
    assert "the cell exploded" in found[1].reason
    assert "1.15" in found[1].reason
    assert not found[2].converged


def test_too_few_steps_are_recorded(crystals, mace, calculator):
    settings = RelaxationSettings(max_steps=3, fmax_eV_A=1e-3)
    for outcome, atoms in zip(
        relax_in_batches(crystals[:2], mace, settings, batch_atoms=200), crystals, strict=False
    ):
        expected = relax(atoms, calculator, settings)
        assert outcome.fault == expected.fault == "not_converged"
        assert outcome.steps == expected.steps == 3
        assert outcome.reason.startswith("not converged in 3 steps: the largest force is")
        assert np.isfinite(outcome.energy_eV)


def test_numbers_that_are_not_finite_are_recorded_and_do_not_spread(crystals, mace, monkeypatch):
    settings = RelaxationSettings(max_steps=4)
    expected = relax_in_batches(crystals, mace, settings, batch_atoms=1000)
    forward = BatchedMace.forward

    def lose_two_atoms(self, state):
        results = forward(self, state)
        results["energy"][torch.bincount(state.system_idx) == 2] = torch.nan
        return results

    monkeypatch.setattr(BatchedMace, "forward", lose_two_atoms)
    found = relax_in_batches(crystals, mace, settings, batch_atoms=1000)
    assert found[4].fault == "not_finite"
    assert found[4].reason == "energy or forces became non-finite"
    assert found[4].steps == 0
    for one, other in zip(found[:4], expected[:4], strict=True):
        assert one.steps == other.steps == 4
        assert one.energy_eV == pytest.approx(other.energy_eV, abs=1e-9)


def test_a_contact_is_recorded(li3incl6, mace, calculator):
    li3incl6.positions[3] = li3incl6.positions[2] + [0.7, 0, 0]
    settings = RelaxationSettings("none")
    (outcome,) = relax_in_batches([li3incl6], mace, settings, batch_atoms=200)
    assert outcome.fault == "contact"
    assert outcome.reason == relax(li3incl6, calculator, settings).reason
    assert "Li (atom 2) and Li (atom 3) are 0.70 Å apart" in outcome.reason


def test_a_structure_that_the_potential_fails_on_is_found(crystals, mace, monkeypatch):
    forward = BatchedMace.forward

    def fail_on_two_atoms(self, state):
        if (torch.bincount(state.system_idx) == 2).any():
            raise RuntimeError("two atoms are too few")
        return forward(self, state)

    settings = RelaxationSettings(max_steps=4)
    expected = relax_in_batches(crystals, mace, settings, batch_atoms=100)
    monkeypatch.setattr(BatchedMace, "forward", fail_on_two_atoms)
    found = relax_in_batches(crystals, mace, settings, batch_atoms=100)
    assert found[4].fault == "potential_failed"
    assert found[4].reason == "the potential failed: two atoms are too few"
    assert np.isnan(found[4].energy_eV)
    for one, other in zip(found[:4], expected[:4], strict=True):
        assert one.energy_eV == pytest.approx(other.energy_eV, abs=1e-9)


def test_a_batch_holds_no_more_than_it_may(crystals, mace, monkeypatch):
    forward, seen = BatchedMace.forward, []

    def watch(self, state):
        seen.append(state.n_atoms)
        return forward(self, state)

    monkeypatch.setattr(BatchedMace, "forward", watch)
    relax_in_batches(crystals, mace, RelaxationSettings(max_steps=2), batch_atoms=45)
    assert max(seen) == 42
    relax_in_batches(crystals, mace, RelaxationSettings("none"), batch_atoms=10)
    assert max(seen) == 42  # one of 40 goes alone although it is too large


def test_heads_go_by_name(two_heads_file):
    crystal = bulk("LiCl", "rocksalt", a=4.6)
    for head in ("pt_head", "scan"):
        (outcome,) = relax_all([crystal], two_heads_file, RelaxationSettings("none"), head=head)
        crystal.calc = make_calculator(two_heads_file, head=head)
        assert outcome.energy_eV == pytest.approx(crystal.get_potential_energy(), abs=1e-10)
    with pytest.raises(MlipsseError, match=r"several heads \(pt_head, scan\)"):
        relax_all([crystal], two_heads_file)


def test_an_element_that_the_potential_lacks_is_a_sentence(li3incl6):
    li3incl6.symbols[0] = "Sc"
    with pytest.raises(MlipsseError, match=f"{POTENTIAL} does not know Sc"):
        relax_all([li3incl6], POTENTIAL)


def test_nothing_is_printed(li3incl6, capfd):
    with contextlib.redirect_stdout(io.StringIO()) as stream:
        relax_all([li3incl6], POTENTIAL, RelaxationSettings(max_steps=2))
    assert stream.getvalue() == ""
    assert capfd.readouterr().out == ""


def test_nothing_gives_nothing(mace):
    assert relax_in_batches([], mace, batch_atoms=200) == []
