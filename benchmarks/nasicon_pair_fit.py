"""A pair model of NaSICON from energies of mace-sse-small, and 4x4x4 orderings at 1500 K from it.

    python benchmarks/nasicon_pair_fit.py --out FOLDER       # about a minute on one core
    python benchmarks/nasicon_pair_fit.py --model FOLDER/nasicon.json --temperature 1000

Single points of unrelaxed orderings of Na3Zr2Si2PO12 in the host's hexagonal cell: random ones
first, then ones that the model fitted to those takes for typical at 1500 K (where
such crystals are sintered), which show whether it may
be believed there; then cells of twice the size that it never saw. Relaxed energies would be the
better ones, and a hundred relaxations take an hour.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from ase.calculators.calculator import Calculator

from mlipsse.energetics.potentials.calculators import make_calculator
from mlipsse.orderings import Host, HostSettings, Supercell, parse_composition, read_host
from mlipsse.orderings.counting.ordering import decorated_atoms
from mlipsse.orderings.thermal.monte_carlo import (
    MonteCarloRun,
    MonteCarloSettings,
    run_monte_carlo,
)
from mlipsse.orderings.thermal.pairs.file import load_pair_model, save_pair_model
from mlipsse.orderings.thermal.pairs.fit import fit_pair_model
from mlipsse.orderings.thermal.pairs.model import PairModel
from mlipsse.orderings.thermal.swaps.random_labels import random_labels

CIF = Path(__file__).parents[1] / "tests/orderings/data/NaSICON_R-3c.cif"
FORMULA, UNITS, TEMPERATURE_K = "Na3Zr2Si2PO12", 6, 1500.0
CUTOFFS_A = (4.0, 5.0)  # beyond 5.6 Å the hexagonal cell cannot separate pairs

Labels = list[np.ndarray]


def main() -> None:
    """Fit, check, sample, and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--random", type=int, default=80, help="Number of random orderings to train on."
    )
    parser.add_argument(
        "--typical", type=int, default=30, help="Number of typical orderings to add."
    )
    parser.add_argument(
        "--samples", type=int, default=8, help="Number of samples of the 4x4x4 cell."
    )
    parser.add_argument(
        "--temperature", type=float, default=TEMPERATURE_K, help="Temperature of these in K."
    )
    parser.add_argument(
        "--model", type=Path, help="Pair model of an earlier run (--out), to sample with alone."
    )
    parser.add_argument("--out", type=Path, help="Folder to write the model to, as JSON.")
    arguments = parser.parse_args()
    host = read_host(CIF, HostSettings(mobile="Na"))
    if arguments.model is not None:
        _sample_large(
            load_pair_model(arguments.model, host), arguments, rng=np.random.default_rng(0)
        )
        return
    calculator = make_calculator("mace-sse-small")
    small, double = Supercell(host, (1, 1, 1)), Supercell(host, (2, 1, 1))
    rng = np.random.default_rng(0)

    clock = time.perf_counter()
    labels = _random(small, arguments.random, rng)
    energies = _energies(small, labels, calculator)
    print(f"{len(labels)} random orderings, {time.perf_counter() - clock:.0f} s")
    for cutoff_A in CUTOFFS_A:
        for ewald in (False, True):
            model = _fit(host, small, labels, energies, cutoff_A=cutoff_A, ewald=ewald)
            print(f"- {cutoff_A:g} Å{', Ewald' if ewald else ''}: {_words(model)}")
    first = _fit(host, small, labels, energies, cutoff_A=CUTOFFS_A[1], ewald=True)

    typical = _sample(first, small, arguments.typical, seed=1).labels
    found = _energies(small, list(typical), calculator)
    compared = _compare(first, small, typical, found)
    print(f"{len(typical)} orderings typical at {TEMPERATURE_K:g} K: {compared}")
    labels, energies = [*labels, *typical], np.concatenate([energies, found])
    model = _fit(host, small, labels, energies, cutoff_A=CUTOFFS_A[1], ewald=True)
    print(f"- with them, {CUTOFFS_A[1]:g} Å, Ewald: {_words(model)}")

    for name, others in (
        ("random", np.array(_random(double, 8, rng))),
        ("typical", _sample(model, double, 8, seed=2).labels),
    ):
        found = _energies(double, list(others), calculator)
        print(f"8 {name} orderings of 2x1x1, never seen: {_compare(model, double, others, found)}")

    _sample_large(model, arguments, rng=rng)
    if arguments.out is not None:
        save_pair_model(model, arguments.out / "nasicon.json")


def _sample_large(
    model: PairModel, arguments: argparse.Namespace, *, rng: np.random.Generator
) -> None:
    """Sample the 4x4x4 cell and print how it went."""
    large = Supercell(model.host, (4, 4, 4))
    clock = time.perf_counter()
    run = _sample(model, large, arguments.samples, seed=3, temperature_K=arguments.temperature)
    print(f"{run.sentence()} {time.perf_counter() - clock:.0f} s")
    print(
        f"Random order lies {_order_energy(model, large, run.mean_energy_eV, rng):.0f} meV per "
        "formula unit higher."
    )


def _counts(supercell: Supercell) -> tuple[tuple[int, ...], ...]:
    return parse_composition(FORMULA, supercell.host).site_counts(supercell)


def _random(supercell: Supercell, n: int, rng: np.random.Generator) -> Labels:
    return [random_labels(supercell, _counts(supercell), rng=rng) for _ in range(n)]


def _sample(
    model: PairModel,
    supercell: Supercell,
    n: int,
    *,
    seed: int,
    temperature_K: float = TEMPERATURE_K,
) -> MonteCarloRun:
    return run_monte_carlo(
        model,
        supercell,
        MonteCarloSettings(temperature_K=temperature_K, samples=n, seed=seed),
        counts=_counts(supercell),
        report=print,
    )


def _energies(supercell: Supercell, labels: Labels, calculator: Calculator) -> np.ndarray:
    energies = []
    for row in labels:
        atoms = decorated_atoms(supercell, row)
        atoms.calc = calculator
        energies.append(atoms.get_potential_energy())
    return np.array(energies)


def _fit(
    host: Host,
    supercell: Supercell,
    labels: Labels,
    energies_eV: np.ndarray,
    *,
    cutoff_A: float,
    ewald: bool,
) -> PairModel:
    return fit_pair_model(
        host,
        [(supercell, row) for row in labels],
        energies_eV,
        cutoff_A=cutoff_A,
        ewald=ewald,
        formula_units_per_cell=UNITS,
    )


def _words(model: PairModel) -> str:
    return model.report.sentence() if model.report else ""


def _compare(
    model: PairModel, supercell: Supercell, labels: np.ndarray, energies_eV: np.ndarray
) -> str:
    lattice = model.lay_on(supercell)
    predicted = np.array([model.energy_eV(lattice, row) for row in labels])
    units = UNITS * supercell.n_cells
    errors = 1e3 * (predicted - energies_eV) / units
    spread = 1e3 * energies_eV.std() / units
    return (
        f"RMSE {np.sqrt(np.mean(errors**2)):.3g} meV per formula unit (mean error "
        f"{errors.mean():+.3g}), the energies themselves spread by {spread:.3g}"
    )


def _order_energy(
    model: PairModel, supercell: Supercell, mean_eV: float, rng: np.random.Generator
) -> float:
    """How far above the mean at temperature random order lies, meV per formula unit."""
    lattice = model.lay_on(supercell)
    drawn = [model.energy_eV(lattice, row) for row in _random(supercell, 5, rng)]
    return float(1e3 * (np.mean(drawn) - mean_eV) / (UNITS * supercell.n_cells))


if __name__ == "__main__":
    main()
