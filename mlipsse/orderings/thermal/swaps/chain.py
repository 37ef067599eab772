"""One Markov chain: start, cool, equilibrate, sample."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mlipsse.autocorrelation import integrated_autocorrelation_time
from mlipsse.errors import MlipsseError
from mlipsse.orderings.thermal.pairs.lattice import PairLattice
from mlipsse.orderings.thermal.pairs.model import PairModel
from mlipsse.orderings.thermal.swaps.ladder import (
    RATES,
    Replicas,
    Rounds,
    climb,
    cooling_lengths,
    measured_lengths,
    place_rungs,
)
from mlipsse.orderings.thermal.swaps.random_labels import clashes, filled_sites, random_labels
from mlipsse.orderings.thermal.swaps.record import (
    ChainPlan,
    SwapChain,
    chain_key,
    read_chain,
    write_chain,
)
from mlipsse.orderings.thermal.swaps.sweeps import Sweeps

EQUILIBRIUM_TAUS = 50
"""Autocorrelation times that the second half of the equilibration must hold."""

SPACING_TAUS = 5
"""Autocorrelation times between samples: of an exponential one, exp(-5) is left."""

_N_PILOT = 24
"""Temperatures of the cooling that the first ladder is placed by."""

_N_TUNINGS = 6
_LEAST_TUNING = 200
"""Rounds that the rates of exchange are measured on: of 100 tries, 0.35 is known to 0.05."""


def run_chain(
    model: PairModel,
    lattice: PairLattice,
    plan: ChainPlan,
    *,
    counts: Sequence[Sequence[int]] | None,
    start: np.ndarray | None,
    excluded: np.ndarray | None = None,
    file: Path | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> SwapChain:
    """Run a chain, or what is missing of it in `file`; chains are independent of each other.

    Parameters
    ----------
    model, lattice : the model and its pairs on the supercell (`PairModel.lay_on`)
    plan : what to do
    counts, start, excluded : see `run_monte_carlo`
    file : `.npz`, rewritten after every sample and while the chain goes to equilibrium
    report : called with a line while the chain goes to equilibrium

    Raises
    ------
    MlipsseError
        see `run_monte_carlo`.
    """

    def keep(chain: SwapChain) -> None:
        if file is not None:
            write_chain(file, key, chain)

    walk = _Walk(model, lattice, plan, excluded)
    key = chain_key(model, lattice, plan, counts, start, excluded)
    chain = read_chain(file, key) if file is not None and file.is_file() else None
    if chain is None:
        if start is not None:
            labels = _checked_start(start, lattice, excluded)
        else:
            labels = random_labels(
                lattice.supercell, counts or (), rng=walk.rng(0), excluded=excluded
            )
        chain = _begun(walk, labels)
    if not chain.spacing_sweeps:
        chain = _equilibrated(walk, chain, keep, report)
        keep(chain)
    while len(chain.samples) < plan.samples:
        rounds = walk.rounds(
            chain.replicas, chain.rungs_K, chain.spacing_sweeps, len(chain.samples) + 1
        )
        chain = replace(
            chain.longer(rounds),
            samples=np.concatenate([chain.samples, rounds.replicas.labels[:1]]),
            energies_eV=np.append(chain.energies_eV, rounds.energies_eV[-1, 0]),
        )
        keep(chain)
    return chain


class _Walk:
    """Stretches of one plan, each from labels alone, so that it can begin anywhere."""

    def __init__(
        self,
        model: PairModel,
        lattice: PairLattice,
        plan: ChainPlan,
        excluded: np.ndarray | None,
    ) -> None:
        self.plan, self._sweeps = plan, Sweeps(model, lattice, excluded)

    def rng(self, *stretch: int) -> np.random.Generator:
        return np.random.default_rng(self._seed(*stretch))

    def rounds(
        self, replicas: Replicas, temperatures_K: np.ndarray, n: int, *stretch: int
    ) -> Rounds:
        """n rounds on a ladder; `stretch` numbers the random numbers."""
        return climb(self._sweeps, replicas, temperatures_K, n, seed=self._seed(*stretch))

    def cooled(
        self, labels: np.ndarray, temperatures_K: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Cool down the rungs, the hottest first: labels (n_rungs, n_sites) and energies, eV.

        The sweeps of the cooling are shared out between the rungs, the time above the hottest rung
        counted as one.
        """
        plan, n_rungs = self.plan, len(temperatures_K)
        walker = self._sweeps.walker(labels)
        reached = np.empty((n_rungs, len(labels)), dtype=np.int8)
        energies_eV = np.empty(n_rungs)
        hotter_K = plan.anneal_from_K
        for rung in range(n_rungs - 1, -1, -1):
            n = -(-plan.anneal_sweeps // n_rungs)
            if n:
                ramp_K = np.geomspace(hotter_K, temperatures_K[rung], n)
                run = walker.run(ramp_K, rng=rng)
                energies_eV[rung] = run.energies_eV[-max(1, n // 4) :].mean()
            reached[rung], hotter_K = walker.labels, temperatures_K[rung]
        return reached, energies_eV

    def _seed(self, *stretch: int) -> list[int]:
        return [self.plan.seed, self.plan.chain, *stretch]


def _tuned(walk: _Walk, labels: np.ndarray) -> tuple[Replicas, np.ndarray]:
    """Orderings on a ladder, and its temperatures, at which exchanges have rates in `RATES`."""
    plan, rng = walk.plan, walk.rng(0, 0)
    if plan.hottest_K == plan.temperature_K:
        rungs_K = np.array([plan.temperature_K])
        return Replicas.on(walk.cooled(labels, rungs_K, rng)[0]), rungs_K
    known_K = np.geomspace(plan.temperature_K, plan.hottest_K, _N_PILOT)
    known, energies_eV = walk.cooled(labels, known_K, rng)
    lengths = cooling_lengths(known_K, energies_eV)
    for attempt in range(_N_TUNINGS):
        rungs_K = place_rungs(known_K, lengths)
        nearest = np.abs(np.log(known_K[None] / rungs_K[:, None])).argmin(axis=1)
        n = max(_LEAST_TUNING, plan.equilibration_sweeps // 10)
        run = walk.rounds(Replicas.on(known[nearest]), rungs_K, n, 0, 1 + attempt)
        rates = run.exchanged / run.tried
        # A ladder of two rungs cannot be made sparser.
        if RATES[0] < rates.min() and (rates.max() < RATES[1] or len(rungs_K) == 2):
            break
        known_K, known = rungs_K, run.replicas.labels
        lengths = measured_lengths(run.exchanged, run.tried)
    return Replicas.on(run.replicas.labels), rungs_K


def _begun(walk: _Walk, labels: np.ndarray) -> SwapChain:
    """A chain on its ladder, before its first sweep at equilibrium."""
    replicas, rungs_K = _tuned(walk, labels)
    none = np.zeros(len(rungs_K) - 1, dtype=np.int64)
    return SwapChain(
        samples=np.empty((0, len(labels)), dtype=np.int8),
        energies_eV=np.empty(0),
        trace_eV=np.empty(0),
        like_neighbours=np.empty((0, 0)),
        equilibration_sweeps=0,
        spacing_sweeps=0,
        proposed=np.zeros(3, dtype=np.int64),
        accepted=np.zeros(3, dtype=np.int64),
        rungs_K=rungs_K,
        exchanged=none,
        tried=none,
        replicas=replicas,
    )


def _equilibrated(
    walk: _Walk, chain: SwapChain, keep: Callable[[SwapChain], None], report: Callable[[str], None]
) -> SwapChain:
    """Run, doubling the length, until the second half remembers no start."""
    plan = walk.plan
    while True:
        sweeps = len(chain.trace_eV)
        length = sweeps or plan.equilibration_sweeps
        if sweeps:
            tail = chain.since(sweeps // 2)
            tau = tail.tau_sweeps
            moved = bool(chain.accepted.any())
            report(
                f"Chain {plan.chain}: {sweeps} sweeps at {plan.temperature_K:g} K; in the second "
                f"half the longest autocorrelation time is {tau:.3g} sweeps."
            )
            settled = len(tail.trace_eV) >= EQUILIBRIUM_TAUS * tau
            if moved and settled and not any(map(_drifts, tail.series())):
                spacing = math.ceil(SPACING_TAUS * tau)
                return replace(tail, equilibration_sweeps=sweeps, spacing_sweeps=spacing)
            if sweeps + length > plan.max_sweeps:
                why = (
                    "the energy or the short-range order drifts, or its autocorrelation time is "
                    f"{tau:.3g} sweeps or more"
                    if moved
                    else "no move was accepted"
                )
                raise MlipsseError(
                    f"Chain {plan.chain} is not at equilibrium after {sweeps} sweeps at "
                    f"{plan.temperature_K:g} K: {why}. Take a higher hottest temperature of the "
                    f"tempering (hottest_K, now {plan.hottest_K:g}) or a higher temperature, where "
                    "less of the order is frozen in; in Python, raise max_sweeps (now "
                    f"{plan.max_sweeps}) and go on."
                )
        chain = chain.longer(walk.rounds(chain.replicas, chain.rungs_K, length, 0, 100 + sweeps))
        keep(chain)


def _drifts(tail: np.ndarray) -> bool:
    """Whether the means of the two halves differ by more than 3 standard errors.

    As Geweke compares the ends of a chain (Bayesian Statistics 4, 169, 1992).
    """
    early, late = np.array_split(tail, 2)
    tau = integrated_autocorrelation_time(tail)
    error = math.sqrt(2 * tau * float(tail.var()) * (1 / len(early) + 1 / len(late)))
    return abs(float(early.mean() - late.mean())) > 3 * error


def _checked_start(
    start: np.ndarray, lattice: PairLattice, excluded: np.ndarray | None
) -> np.ndarray:
    supercell = lattice.supercell
    labels = np.asarray(start).astype(np.int8)
    if labels.shape != (supercell.n_sites,):
        raise MlipsseError(
            f"The start has labels of shape {labels.shape}; {supercell.name} has "
            f"{supercell.n_sites} sites."
        )
    for sublattice, sites in zip(supercell.host.sublattices, supercell.sites, strict=True):
        if labels[sites].min() < 0 or labels[sites].max() >= len(sublattice.species):
            raise MlipsseError(
                f"The start has labels from {labels[sites].min()} to {labels[sites].max()} on "
                f"{sublattice.name}; its species are numbered 0 to {len(sublattice.species) - 1}."
            )
    if excluded is not None and len(excluded):
        wrong = clashes(filled_sites(supercell, labels), np.asarray(excluded))
        if len(wrong):
            raise MlipsseError(
                f"The start fills both sites of {len(wrong)} excluded pairs, the first of sites "
                f"{int(wrong[0, 0])} and {int(wrong[0, 1])}."
            )
    return labels
