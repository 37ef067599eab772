"""Orderings of a large supercell at a temperature: parallel tempering on a pair model."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from mlipsse.errors import MlipsseError
from mlipsse.orderings.cell.supercell import Supercell
from mlipsse.orderings.counting.ordering import decorated_atoms
from mlipsse.orderings.thermal.pairs.model import PairModel
from mlipsse.orderings.thermal.swaps.chain import run_chain
from mlipsse.orderings.thermal.swaps.record import ChainPlan, SwapChain

_LEAST_EXCHANGE = 0.05


@dataclass(frozen=True, eq=False)
class MonteCarloRun:
    """Samples of the canonical ensemble, and how good they are.

    Attributes
    ----------
    supercell, temperature_K : what was sampled
    chains : the runs from independent starts
    """

    supercell: Supercell
    temperature_K: float
    chains: tuple[SwapChain, ...]

    @property
    def labels(self) -> np.ndarray:
        """(n_samples, n_sites) int8, chain after chain."""
        return np.concatenate([chain.samples for chain in self.chains])

    @property
    def energies_eV(self) -> np.ndarray:
        """(n_samples,) float64, of the supercell."""
        return np.concatenate([chain.energies_eV for chain in self.chains])

    @property
    def chain_of(self) -> np.ndarray:
        """(n_samples,) int, the chain of every sample."""
        return np.repeat(np.arange(len(self.chains)), [len(c.samples) for c in self.chains])

    def atoms(self, sample: int) -> Atoms:
        """A sample as Atoms, vacancies left out, sorted by species."""
        return decorated_atoms(self.supercell, self.labels[sample])

    @property
    def taus_sweeps(self) -> tuple[float, ...]:
        """The longest integrated autocorrelation time of every chain at equilibrium."""
        return tuple(chain.tau_sweeps for chain in self.chains)

    @property
    def effective_samples(self) -> float:
        """Independent orderings that the chains' equilibrium sweeps amount to, n / (2 tau)."""
        lengths = [len(chain.trace_eV) for chain in self.chains]
        return sum(n / (2 * tau) for n, tau in zip(lengths, self.taus_sweeps, strict=True))

    @property
    def independent(self) -> bool:
        """Whether samples lie at least 2 tau apart, tau measured on the whole of each chain."""
        return all(
            chain.spacing_sweeps >= 2 * tau
            for chain, tau in zip(self.chains, self.taus_sweeps, strict=True)
        )

    @property
    def acceptance(self) -> float:
        """Accepted moves over proposed ones, at the temperature."""
        return float(
            sum(c.accepted.sum() for c in self.chains) / sum(c.proposed.sum() for c in self.chains)
        )

    @property
    def exchange_rates(self) -> np.ndarray:
        """(n_chains, 2) float64, the lowest and highest share of exchanges accepted; no rows
        without tempering."""
        rates = [chain.exchange_rates for chain in self.chains if len(chain.rungs_K) > 1]
        return np.array([[one.min(), one.max()] for one in rates]).reshape(-1, 2)

    @property
    def descents(self) -> int:
        """How often an ordering came from the hottest rung down to the lowest."""
        return sum(chain.replicas.descents for chain in self.chains)

    @property
    def mean_energy_eV(self) -> float:
        """Mean energy of the supercell over all sweeps at equilibrium."""
        return float(np.concatenate([chain.trace_eV for chain in self.chains]).mean())

    @property
    def mean_energy_error_eV(self) -> float:
        """Standard error of the mean: of correlated sweeps, or of the chains where that is more."""
        lengths = np.array([len(chain.trace_eV) for chain in self.chains])
        within = float(np.linalg.norm(lengths / lengths.sum() * self._errors_eV))
        if len(self.chains) < 2:
            return within
        means = [chain.trace_eV.mean() for chain in self.chains]
        return max(within, float(np.std(means, ddof=1)) / math.sqrt(len(means)))

    @property
    def chains_agree(self) -> bool:
        """Whether no chain's mean energy is 5 standard errors of its own, or more, off the rest's.

        Chains that do not agree are stuck in different orders: none of them is at equilibrium.
        """
        means = np.array([chain.trace_eV.mean() for chain in self.chains])
        errors = np.array(self._errors_eV)
        for k in range(len(means) if len(means) > 1 else 0):
            others = np.arange(len(means)) != k
            error = math.hypot(errors[k], np.linalg.norm(errors[others]) / others.sum())
            if abs(means[k] - means[others].mean()) > 5 * error:
                return False
        return True

    @property
    def _errors_eV(self) -> list[float]:
        """Standard error of every chain's mean energy, from its correlated sweeps."""
        return [
            math.sqrt(float(c.trace_eV.var()) * 2 * c.energy_tau_sweeps / len(c.trace_eV))
            for c in self.chains
        ]

    def sentence(self) -> str:
        """The run in words."""
        n_sites = self.supercell.n_sites
        taus = ", ".join(f"{tau:.3g}" for tau in self.taus_sweeps)
        text = (
            f"{len(self.energies_eV)} samples of {self.supercell.name} ({n_sites} sites) at "
            f"{self.temperature_K:g} K from {len(self.chains)} chain(s), "
            f"{min(c.spacing_sweeps for c in self.chains)} sweeps apart or more (longest "
            f"autocorrelation time of energy and short-range order: {taus} sweeps); the sweeps "
            f"hold {self.effective_samples:.0f} independent orderings, mean energy "
            f"{self.mean_energy_eV:.3f} +- {self.mean_energy_error_eV:.3f} eV; "
            f"{100 * self.acceptance:.2g} % of the moves accepted."
        )
        rates = self.exchange_rates
        if len(rates):
            rungs = " and ".join(str(len(c.rungs_K)) for c in self.chains)
            text += (
                f" Tempering over {rungs} temperatures up to {self.chains[0].rungs_K[-1]:g} K: "
                f"{rates.min():.2f} to {rates.max():.2f} of the exchanges accepted; "
                f"{self.descents} orderings came down from the hottest."
            )
            if self.descents < len(self.energies_eV):
                text += (
                    " These are fewer than the samples, so several samples may be of one order. "
                    "Take a lower hottest temperature, or raise equilibration_sweeps in Python."
                )
            if rates.min() < _LEAST_EXCHANGE:
                text += (
                    " Between two of the temperatures almost no exchange is accepted, so those "
                    "above hardly help. Take a lower hottest temperature."
                )
        if not self.independent:
            text += " The samples are NOT independent: raise equilibration_sweeps."
        if not self.chains_agree:
            text += (
                " The chains do NOT agree on the mean energy: each is stuck in a different order. "
                "Raise hottest_K, anneal_sweeps and equilibration_sweeps, or the temperature."
            )
        return text


@dataclass(frozen=True, kw_only=True)
class MonteCarloSettings:
    """What a run does.

    Attributes
    ----------
    temperature_K : of the ensemble
    samples : in all; shared out between the chains
    seed : of everything random
    chains : independent runs
    hottest_K : of the parallel tempering, by default twice `temperature_K`; equal to it for none
    anneal_from_K : temperature that cooling begins at; by default four times `temperature_K`, or
        twice `hottest_K` where that is more
    anneal_sweeps : sweeps of cooling, geometric in temperature
    equilibration_sweeps : least number of sweeps before the first sample
    max_sweeps : most of them

    Raises
    ------
    MlipsseError
        for numbers that make no sense.
    """

    temperature_K: float
    samples: int
    seed: int
    chains: int = 2
    hottest_K: float | None = None
    anneal_from_K: float | None = None
    anneal_sweeps: int = 200
    equilibration_sweeps: int = 2000
    max_sweeps: int = 100_000

    def __post_init__(self) -> None:
        for name, least in (
            ("samples", 1),
            ("chains", 1),
            ("anneal_sweeps", 0),
            ("equilibration_sweeps", 10),
            ("max_sweeps", self.equilibration_sweeps),
        ):
            if getattr(self, name) < least:
                raise MlipsseError(f"{name} is {getattr(self, name)}: it must be at least {least}.")
        low_K, hottest_K, start_K = self.temperature_K, self.top_K, self.start_K
        if not (0 < low_K <= hottest_K <= start_K < math.inf):
            raise MlipsseError(
                f"The temperature is {low_K:g} K (temperature_K), the hottest of the tempering "
                f"{hottest_K:g} K (hottest_K) and the start of the cooling {start_K:g} K "
                "(anneal_from_K). They must be above 0 K and ascend in this order."
            )

    @property
    def top_K(self) -> float:
        """The hottest temperature of the tempering."""
        return 2 * self.temperature_K if self.hottest_K is None else self.hottest_K

    @property
    def start_K(self) -> float:
        """The temperature that cooling begins at."""
        if self.anneal_from_K is None:
            return max(4 * self.temperature_K, 2 * self.top_K)
        return self.anneal_from_K

    def plan(self, chain: int) -> ChainPlan:
        """What a chain of this number does."""
        chains = min(self.chains, self.samples)
        return ChainPlan(
            temperature_K=float(self.temperature_K),
            hottest_K=float(self.top_K),
            samples=self.samples // chains + (chain < self.samples % chains),
            seed=self.seed,
            chain=chain,
            anneal_from_K=float(self.start_K),
            anneal_sweeps=self.anneal_sweeps,
            equilibration_sweeps=self.equilibration_sweeps,
            max_sweeps=self.max_sweeps,
        )


def run_monte_carlo(
    model: PairModel,
    supercell: Supercell,
    settings: MonteCarloSettings,
    *,
    counts: Sequence[Sequence[int]] | None = None,
    start: np.ndarray | None = None,
    excluded: np.ndarray | None = None,
    folder: Path | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> MonteCarloRun:
    """Independent orderings of a supercell at a temperature, by parallel tempering.

    Every chain starts from an order of its own, cools down to a ladder of temperatures that lets
    neighbouring rungs exchange their orderings, and runs until the second half of the lowest
    rung's series is at least 50 autocorrelation times long and does not drift; then it gives
    samples five of these times apart. The autocorrelation time is the longest of those of the
    energy and of the short-range order of every sublattice. Chains run one after the other. Moves
    exchange unlike species of one sublattice, vacancies included, over any distance, nearby, or
    together with a neighbour each; a sweep is one proposal per site that can change. The same seed
    gives the same samples, stopped in between or not.

    Parameters
    ----------
    model : fitted by `fit_pair_model`, or loaded
    supercell : of the model's host
    counts : per sublattice, how many sites each species takes (`Composition.site_counts`)
    start : instead of counts, labels (n_sites,) that every chain begins with
    excluded : (n, 2) int, pairs of the supercell's sites of which at most one may hold an atom;
        those of the host when not given
    folder : where every chain writes down each sample, to go on from there when run again
    report : called with a line while a chain goes to equilibrium

    Raises
    ------
    MlipsseError
        for a start or counts that do not fit, a ladder of too many temperatures, a chain that is
        not at equilibrium after `max_sweeps`, and a folder that holds another run.
    """
    if (counts is None) == (start is None):
        raise MlipsseError("A Monte Carlo run takes either counts or a start. Give one of the two.")
    lattice = model.lay_on(supercell)
    if excluded is None:
        excluded = supercell.excluded_pairs
    done = []
    for chain in range(min(settings.chains, settings.samples)):
        file = None if folder is None else Path(folder) / f"chain-{chain:02d}.npz"
        plan = settings.plan(chain)
        done.append(
            run_chain(
                model,
                lattice,
                plan,
                counts=counts,
                start=start,
                excluded=excluded,
                file=file,
                report=report,
            )
        )
    return MonteCarloRun(supercell, float(settings.temperature_K), tuple(done))
