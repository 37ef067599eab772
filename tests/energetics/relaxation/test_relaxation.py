import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones

from mlipsse.energetics.potentials.calculators import make_calculator
from mlipsse.energetics.relaxation.outcome import RelaxationSettings
from mlipsse.energetics.relaxation.single import relax
from mlipsse.structures.contacts import FrameworkBonds, unphysical_contact


class Scripted(Calculator):
    """Forces and stress by a function of the atoms."""

    implemented_properties = ("energy", "free_energy", "forces", "stress")  # type: ignore[assignment]

    def __init__(self, script):
        super().__init__()
        self.script = script

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        energy, forces, stress = self.script(atoms)
        self.results = {
            "energy": energy,
            "free_energy": energy,
            "forces": np.asarray(forces, float),
            "stress": np.asarray(stress, float),
        }


def test_argon_relaxes_to_the_closed_form_lattice():
    # fcc Lennard-Jones, all neighbours: r/sigma = (2 A12/A6)^(1/6) = 1.0902, E = -8.6102 eps
    # (Kittel, Introduction to Solid State Physics, ch. 3).
    calculator = LennardJones(sigma=3.4, epsilon=0.0104, rc=34.0)
    atoms = bulk("Ar", "fcc", a=5.5)
    outcome = relax(atoms, calculator, RelaxationSettings(fmax_eV_A=1e-5))
    assert outcome.converged, outcome.reason
    nearest = outcome.atoms.get_volume() ** (1 / 3) * 2 ** (1 / 6)
    assert nearest / 3.4 == pytest.approx(1.0902, abs=5e-4)
    # What lies beyond 10 sigma, and the shift that makes the pair energy vanish there, are each
    # (8 pi / 3) rho sigma^3 / 1000 eps for the 1/r^6 term.
    beyond = 8 * np.pi / 3 * np.sqrt(2) / 1.0902**3 / 1000
    assert outcome.energy_eV / 0.0104 == pytest.approx(-8.6102 + 2 * beyond, abs=1e-3)
    assert atoms.cell.cellpar()[0] == pytest.approx(5.5 / np.sqrt(2))


def test_copper_relaxes_positions_in_a_fixed_cell():
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.1, seed=1)
    atoms.info["ordering"] = "o001"
    outcome = relax(atoms, EMT(), RelaxationSettings(fmax_eV_A=0.01, relaxed="positions"))
    assert outcome.converged
    assert outcome.max_force_eV_A <= 0.01
    assert outcome.atoms.cell[:] == pytest.approx(atoms.cell[:])
    assert outcome.atoms.info["ordering"] == "o001"
    assert outcome.atoms.calc is None
    perfect = bulk("Cu", cubic=True)
    perfect.calc = EMT()
    assert outcome.energy_eV == pytest.approx(perfect.get_potential_energy(), abs=1e-3)


def test_li3incl6_relaxes(li3incl6):
    outcome = relax(li3incl6, make_calculator("mace-sse-small"), RelaxationSettings(mobile="Li"))
    assert outcome.converged, outcome.reason
    assert outcome.steps < 60
    # Published: 6.419 x 11.028 x 6.423 Å, 109.2° (doi 10.1039/d5ta05321h, table S4): 429.4 Å³.
    assert outcome.atoms.get_volume() == pytest.approx(429.4, rel=0.05)


def test_too_few_steps_are_recorded():
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.2, seed=1)
    outcome = relax(atoms, EMT(), RelaxationSettings(fmax_eV_A=1e-4, max_steps=2))
    assert not outcome.converged
    assert outcome.steps == 2
    assert "not converged in 2 steps" in outcome.reason
    assert np.isfinite(outcome.energy_eV)


def test_exploding_cell_is_recorded():
    atoms = bulk("Cu", cubic=True)
    pushed = Scripted(lambda a: (-a.get_volume(), np.zeros((4, 3)), [-1, -1, -1, 0, 0, 0]))
    outcome = relax(atoms, pushed, RelaxationSettings(max_volume_factor=1.3))
    assert not outcome.converged
    assert "exploded" in outcome.reason
    assert "1.3" in outcome.reason


def test_numbers_that_are_not_finite_are_recorded():
    atoms = bulk("Cu", cubic=True)
    broken = Scripted(lambda a: (float("nan"), np.zeros((4, 3)), np.zeros(6)))
    outcome = relax(atoms, broken)
    assert not outcome.converged
    assert "became non-finite" in outcome.reason


def test_failing_potential_is_recorded():
    def fail(atoms):
        raise ValueError("isolated atom")

    outcome = relax(bulk("Cu", cubic=True), Scripted(fail))
    assert not outcome.converged
    assert outcome.reason == "the potential failed: isolated atom"
    assert np.isnan(outcome.energy_eV)


def test_collapsed_pair_is_recorded(li3incl6):
    li3incl6.positions[3] = li3incl6.positions[2] + [0.7, 0, 0]
    still = Scripted(lambda a: (0.0, np.zeros((20, 3)), np.zeros(6)))
    outcome = relax(li3incl6, still)
    assert not outcome.converged
    assert "Li (atom 2) and Li (atom 3) are 0.70 Å apart" in outcome.reason


def test_contact_is_found_through_the_boundary():
    atoms = bulk("Li", "sc", a=6.0).repeat((2, 1, 1))
    assert unphysical_contact(atoms) is None
    atoms.positions[1, 0] = 12.0 - 1.0
    assert "1.00 Å apart" in unphysical_contact(atoms)


def test_broken_framework_bond_is_recorded_and_moving_lithium_is_not(li3incl6):
    bonds = FrameworkBonds.of(li3incl6, mobile="Li")
    assert len(bonds.first) == 12  # two InCl6 octahedra
    away = li3incl6.copy()
    away.positions[2] += [2.0, 0.5, 0.3]
    away.positions += [7.0, 0.0, 0.0]
    assert bonds.broken(away) is None
    chlorine = int(bonds.second[0])
    assert away.symbols[chlorine] == "Cl"
    away.positions[chlorine] += 1.5 * (away.positions[chlorine] - away.positions[0])
    assert "bond of In" in bonds.broken(away)


def test_relaxation_that_breaks_the_framework_is_void(li3incl6):
    start = li3incl6.positions.copy()
    chlorine = int(FrameworkBonds.of(li3incl6, mobile="Li").second[0])
    target = start.copy()
    target[chlorine] = np.array([0.5, 0.652, 0.5]) @ li3incl6.cell[:]  # the empty 4h site

    def pull(atoms):
        offset = atoms.positions - target
        return 0.5 * 5 * (offset**2).sum(), -5 * offset, np.zeros(6)

    assert relax(li3incl6, Scripted(pull), RelaxationSettings(relaxed="positions")).converged
    outcome = relax(li3incl6, Scripted(pull), RelaxationSettings(relaxed="positions", mobile="Li"))
    assert not outcome.converged
    assert "bond of In" in outcome.reason
