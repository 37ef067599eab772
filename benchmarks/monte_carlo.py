"""Swaps per second of the Monte Carlo of orderings, beside icet and smol where they are installed.

    python benchmarks/monte_carlo.py
    PYTHONPATH=/where/icet/and/smol/are python benchmarks/monte_carlo.py --steps 5000

NaSICON (Na and vacancies, Si and P) at random order, a pair model with random energies up to 8 Å
and, where there is an Ewald term, 1/epsilon = 0.1. The peers get the same host, cutoff and size
of energies; every program proposes swaps within a sublattice. icet has no Ewald term; smol's is
measured in the 2x2x2 cell only, as the matrix of all sites and species of the 4x4x4 cell would by
its growth take some 10 GB to make (not tried).
"""

import argparse
import math
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from mlipsse.orderings import Host, HostSettings, Supercell, parse_composition, read_host
from mlipsse.orderings.host.model import VACANCY
from mlipsse.orderings.thermal.pairs.model import PairModel
from mlipsse.orderings.thermal.pairs.orbits import find_pair_clusters
from mlipsse.orderings.thermal.swaps.random_labels import random_labels
from mlipsse.orderings.thermal.swaps.sweeps import Sweeps

CIF = Path(__file__).parents[1] / "tests/orderings/data/NaSICON_R-3c.cif"
CUTOFF_A, SCALE_EV, INVERSE_DIELECTRIC = 8.0, 0.02, 0.1
TEMPERATURE_K = 1500.0


def main() -> None:
    """Measure and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=5000, help="Number of proposals of a peer.")
    parser.add_argument("--sweeps", type=int, default=300, help="Number of sweeps of mlipsse.")
    arguments = parser.parse_args()
    host = read_host(CIF, HostSettings(mobile="Na"))
    print("| program | cell | sites | Ewald | set-up, s | proposals/s | accepted |")
    print("|---|---|---:|---|---:|---:|---:|")
    for factors in ((2, 2, 2), (4, 4, 4)):
        supercell = Supercell(host, factors)
        for row in _rows(supercell, arguments.sweeps, arguments.steps):
            print(row, flush=True)


def _rows(supercell: Supercell, sweeps: int, steps: int) -> Iterator[str]:
    for ewald in (False, True):
        yield _row("mlipsse", supercell, ewald, _ours, sweeps)
    for name, measure in (("icet", _icet), ("smol", _smol)):
        try:
            yield _row(name, supercell, False, measure, steps)
            if name == "smol" and supercell.n_cells <= 8:
                yield _row(name, supercell, True, measure, steps // 10)
        except ImportError as error:
            yield f"| {name} | {supercell.name} | not installed: {error} | | | | |"


def _row(
    name: str,
    supercell: Supercell,
    ewald: bool,
    measure: Callable[[Supercell, bool, int], tuple[float, float, float]],
    n: int,
) -> str:
    set_up_s, per_second, acceptance = measure(supercell, ewald, n)
    accepted = "" if math.isnan(acceptance) else f"{100 * acceptance:.0f} %"
    return (
        f"| {name} | {supercell.name} | {supercell.n_sites} | {'yes' if ewald else 'no'} | "
        f"{set_up_s:.1f} | {per_second:,.0f} | {accepted} |"
    )


def _start(supercell: Supercell) -> np.ndarray:
    counts = parse_composition("Na3Zr2Si2PO12", supercell.host).site_counts(supercell)
    return random_labels(supercell, counts, rng=np.random.default_rng(0))


def _ours(supercell: Supercell, ewald: bool, sweeps: int) -> tuple[float, float, float]:
    clock = time.perf_counter()
    clusters = find_pair_clusters(supercell.host, CUTOFF_A)
    rng = np.random.default_rng(0)
    entries = np.zeros(clusters.n_entries)
    for start in clusters.offsets:
        entries[start] = rng.normal(scale=SCALE_EV)  # one energy per orbit suffices of two species
    model = PairModel(clusters, entries, 0.0, INVERSE_DIELECTRIC if ewald else None)
    lattice = model.lay_on(supercell)
    # Swaps over any distance alone, as the peers propose them.
    walker = Sweeps(model, lattice, shares=(1.0, 0.0, 0.0)).walker(_start(supercell))
    set_up_s = time.perf_counter() - clock
    temperatures_K = np.full(sweeps, TEMPERATURE_K)
    walker.run(temperatures_K[:1], rng=rng)  # compiles
    clock = time.perf_counter()
    run = walker.run(temperatures_K, rng=rng)
    took_s, proposals = time.perf_counter() - clock, run.proposed.sum()
    return set_up_s, proposals / took_s, run.accepted.sum() / proposals


def _icet(supercell: Supercell, ewald: bool, steps: int) -> tuple[float, float, float]:
    from ase import Atoms
    from icet import ClusterExpansion, ClusterSpace
    from mchammer.calculators import ClusterExpansionCalculator
    from mchammer.ensembles import CanonicalEnsemble

    if ewald:
        raise ValueError("icet has no Ewald term")
    host = supercell.host
    clock = time.perf_counter()
    allowed = _allowed(host)
    primitive = Atoms(
        [names[0] for names in allowed],
        scaled_positions=host.scaled_positions,
        cell=host.cell,
        pbc=True,
    )
    space = ClusterSpace(
        primitive, [CUTOFF_A], allowed, symprec=host.symprec_A, position_tolerance=1e-3
    )
    energies = np.random.default_rng(0).normal(scale=SCALE_EV, size=len(space))
    labels = _start(supercell)
    symbols = np.empty(supercell.n_sites, dtype=object)
    for sublattice, sites in zip(host.sublattices, supercell.sites, strict=True):
        symbols[sites] = np.array(allowed[sublattice.sites[0]], dtype=object)[labels[sites]]
    atoms = Atoms(list(symbols), supercell.positions, cell=supercell.cell, pbc=True)
    calculator = ClusterExpansionCalculator(atoms, ClusterExpansion(space, energies))
    ensemble = CanonicalEnsemble(
        atoms,
        calculator,
        temperature=TEMPERATURE_K,
        random_seed=1,
        ensemble_data_write_interval=10**9,
        trajectory_write_interval=10**9,
    )
    set_up_s = time.perf_counter() - clock
    ensemble.run(10)
    before = ensemble._accepted_trials
    clock = time.perf_counter()
    ensemble.run(steps)
    per_second = steps / (time.perf_counter() - clock)
    return set_up_s, per_second, (ensemble._accepted_trials - before) / steps


def _smol(supercell: Supercell, ewald: bool, steps: int) -> tuple[float, float, float]:
    from pymatgen.core import Lattice, Structure
    from smol.cofe import ClusterExpansion, ClusterSubspace
    from smol.cofe.extern import EwaldTerm
    from smol.moca import Ensemble, Sampler

    host = supercell.host
    clock = time.perf_counter()
    species = []
    for names in _allowed(host):
        atoms = [name for name in names if name != "X"]
        species.append({_ion(name, host): 1 / len(names) for name in atoms})
    disordered = Structure(Lattice(host.cell), species, host.scaled_positions)
    primitive = disordered.get_primitive_structure()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        space = ClusterSubspace.from_cutoffs(
            primitive, {2: CUTOFF_A}, basis="indicator", supercell_size="volume"
        )
        energies = np.random.default_rng(0).normal(scale=SCALE_EV, size=space.num_corr_functions)
        if ewald:
            space.add_external_term(EwaldTerm())
            energies = np.append(energies, INVERSE_DIELECTRIC)
        multiples = np.rint(supercell.cell @ np.linalg.inv(primitive.lattice.matrix)).astype(int)
        ensemble = Ensemble.from_cluster_expansion(ClusterExpansion(space, energies), multiples)
    occupancy = np.zeros(ensemble.num_sites, dtype=np.int32)
    rng = np.random.default_rng(0)
    shares = {"Na": 0.75, "Si": 2 / 3, "P": 1 / 3}
    for sublattice in ensemble.sublattices:
        names = [getattr(s, "symbol", "X") for s in sublattice.site_space]
        n = len(sublattice.sites)
        if len(names) > 1:
            first = round(n * shares[names[0]])
            order = np.where(np.arange(n) < first, sublattice.encoding[0], sublattice.encoding[1])
            occupancy[sublattice.sites] = rng.permutation(order)
    sampler = Sampler.from_ensemble(
        ensemble, step_type="swap", temperature=TEMPERATURE_K, seeds=[1]
    )
    set_up_s = time.perf_counter() - clock
    sampler.run(10, occupancy[None], thin_by=10)
    clock = time.perf_counter()
    sampler.run(steps, thin_by=steps)
    per_second = steps / (time.perf_counter() - clock)
    return set_up_s, per_second, math.nan  # its count of accepted swaps is not ours


def _allowed(host: Host) -> list[list[str]]:
    """Per host site the species that may sit there, X for a vacancy."""
    allowed: list[list[str]] = [[] for _ in host.scaled_positions]
    for sublattice in host.sublattices:
        for site in sublattice.sites:
            allowed[site] = ["X" if s == VACANCY else s for s in sublattice.species]
    return allowed


def _ion(name: str, host: Host) -> str:
    charge = host.charges[name]
    return f"{name}{abs(charge)}{'+' if charge > 0 else '-'}"


if __name__ == "__main__":
    main()
