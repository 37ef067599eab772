"""The equation of state of a Lennard-Jones crystal, whose closed form is known."""

import numpy as np
import pytest
from ase.build import bulk
from ase.units import GPa

from mlipsse.energetics.relaxation.outcome import Relaxation
from mlipsse.potential.acceptance import LIMITS
from mlipsse.potential.acceptance.equation_of_state import VolumeScan, fit_eos, scan_volumes
from mlipsse.potential.acceptance.judgements import judge_equation_of_state, judge_volume
from tests.support.potential import pair_potential
from tests.support.potential.pair_potential import (
    NEAREST_A,
    VOLUME_A3,
    WELL_EV,
    PairPotential,
    argon,
    lennard_jones,
)


def relaxed(atoms, fault=None):
    return Relaxation(atoms, 0.0, 0.0, 1, fault, fault and "it fell apart")


def test_lennard_jones_crystal(monkeypatch):

    # The lattice sums go to infinity; at 25 Å 0.1 % of the attraction is missing.
    monkeypatch.setattr(pair_potential, "CUTOFF_A", 25.0)
    crystal = bulk("Ar", "fcc", a=NEAREST_A * 2**0.5 * 1.01)
    fit = fit_eos(scan_volumes(crystal, PairPotential(lennard_jones())))
    assert fit.volume_A3_atom == pytest.approx(VOLUME_A3, rel=2e-3)
    # U = a V^-4 - b V^-2 per atom: B0 = 8 |U0| / V0.
    assert fit.bulk_modulus_GPa == pytest.approx(8 * WELL_EV / VOLUME_A3 / GPa, rel=0.01)
    assert fit.minima == 1
    assert fit.residual < 0.01


def test_minimum_agrees_with_the_relaxed_cell_only_if_stress_does():
    from mlipsse.energetics.relaxation.outcome import RelaxationSettings
    from mlipsse.energetics.relaxation.single import relax

    verdicts = {}
    for pressure in (0.0, 0.004):
        potential = PairPotential(lennard_jones(), pressure_eV_A3=pressure)
        found = relax(argon(1), potential, RelaxationSettings(fmax_eV_A=0.005))
        assert found.converged
        fit = fit_eos(scan_volumes(found.atoms, potential))
        _, minimum = judge_equation_of_state(found, fit, LIMITS)
        verdicts[pressure] = minimum.verdict
    assert verdicts == {0.0: "pass", 0.004: "fail"}


def test_rough_energies_and_two_minima_are_refused():
    volumes = np.linspace(0.92, 1.08, 9) * 20
    bowl = (volumes - 20) ** 2
    rough = bowl + np.array([0, 1, -1, 1, 0, -1, 1, -1, 0]) * 0.5
    two = (volumes - 18.8) ** 2 * (volumes - 21.2) ** 2
    for energies, verdict in ((bowl, "pass"), (rough, "fail"), (two, "fail")):
        crystal = argon(1)
        crystal.set_cell([80 ** (1 / 3)] * 3)
        fit = fit_eos(VolumeScan(volumes, 0.01 * energies))
        first = judge_equation_of_state(relaxed(crystal), fit, LIMITS)[0]
        assert first.verdict == verdict


@pytest.mark.parametrize("energies", [np.arange(9.0), np.full(9, np.nan), np.zeros(9)])
def test_no_minimum_is_no_fit_or_refused(energies):
    fit = fit_eos(VolumeScan(np.linspace(18, 22, 9), energies))
    (line,) = judge_equation_of_state(relaxed(argon(1)), fit, LIMITS)[:1]
    assert line.verdict == "fail"


def test_an_exploded_relaxation_is_refused():
    (line,) = judge_equation_of_state(relaxed(argon(1), "exploded"), None, LIMITS)
    assert line.verdict == "fail"
    assert "it fell apart" in line.sentence


def test_volume_within_and_beyond_its_limit():
    assert judge_volume(20.5, 20.0, name="x", limit=0.03).verdict == "pass"
    too_large = judge_volume(20.7, 20.0, name="x", limit=0.03)
    assert too_large.verdict == "fail"
    assert too_large.value == pytest.approx(0.035)
    assert judge_volume(20.5, None, name="x", limit=0.03).verdict == "fail"
    assert judge_volume(None, 20.0, name="x", limit=0.03).verdict == "skip"
