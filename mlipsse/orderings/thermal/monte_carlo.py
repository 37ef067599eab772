"""Orderings of a large supercell at a temperature: Metropolis swaps on a pair model."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from mlipsse.autocorrelation import integrated_autocorrelation_time
from mlipsse.errors import MlipsseError
from mlipsse.orderings.cell.supercell import Supercell
from mlipsse.orderings.counting.ordering import decorated_atoms
from mlipsse.orderings.thermal.pairs.model import PairModel
from mlipsse.orderings.thermal.swaps.chain import ChainPlan, SwapChain, run_chain


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
        """Integrated autocorrelation time of the energy of every chain at equilibrium."""
        return tuple(integrated_autocorrelation_time(c.trace_eV) for c in self.chains)

    @property
    def effective_samples(self) -> float:
        """Independent energies that the chains' equilibrium sweeps amount to, n / (2 tau)."""
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
        """Accepted swaps over proposed ones, at the temperature."""
        return sum(c.accepted for c in self.chains) / sum(c.proposed for c in self.chains)

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
            math.sqrt(float(chain.trace_eV.var()) * 2 * tau / len(chain.trace_eV))
            for chain, tau in zip(self.chains, self.taus_sweeps, strict=True)
        ]

    def sentence(self) -> str:
        """The run in words."""
        n_sites = self.supercell.n_sites
        taus = ", ".join(f"{tau:.3g}" for tau in self.taus_sweeps)
        text = (
            f"{len(self.energies_eV)} samples of {self.supercell.name} ({n_sites} sites) at "
            f"{self.temperature_K:g} K from {len(self.chains)} chain(s), "
            f"{min(c.spacing_sweeps for c in self.chains)} sweeps apart or more (autocorrelation "
            f"time of the energy: {taus} sweeps); {self.effective_samples:.0f} independent "
            f"energies, mean {self.mean_energy_eV:.3f} +- {self.mean_energy_error_eV:.3f} eV; "
            f"{100 * self.acceptance:.1f} % of the swaps accepted."
        )
        if not self.independent:
            text += " The samples are NOT independent: raise equilibration_sweeps."
        if not self.chains_agree:
            text += (
                " The chains do NOT agree on the mean energy: each is stuck in a different order. "
                "Raise anneal_sweeps and equilibration_sweeps, or the temperature."
            )
        return text


def run_monte_carlo(
    model: PairModel,
    supercell: Supercell,
    *,
    counts: Sequence[Sequence[int]] | None = None,
    start: np.ndarray | None = None,
    temperature_K: float,
    samples: int,
    seed: int,
    chains: int = 2,
    anneal_from_K: float | None = None,
    anneal_sweeps: int = 200,
    equilibration_sweeps: int = 2000,
    max_sweeps: int = 100_000,
    excluded: np.ndarray | None = None,
    folder: Path | None = None,
) -> MonteCarloRun:
    """Independent orderings of a supercell at a temperature.

    Every chain starts from an order of its own, cools down to the temperature, and runs until its
    second half is at least 50 autocorrelation times of the energy long and does not drift; then it
    gives samples five of these times apart. Chains run one after the other. Swaps are between
    unlike species of one sublattice, vacancies included, over any distance; a sweep is one proposal
    per site that can change. The same seed gives the same samples, stopped in between or not.

    Parameters
    ----------
    model : fitted by `fit_pair_model`, or loaded
    supercell : of the model's host
    counts : per sublattice, how many sites each species takes (`Composition.site_counts`)
    start : instead of counts, labels (n_sites,) that every chain begins with
    temperature_K : of the ensemble
    samples : in all; shared out between the chains
    seed : of everything random
    chains : independent runs
    anneal_from_K : temperature that cooling begins at; by default four times `temperature_K`
    anneal_sweeps : sweeps of cooling, geometric in temperature
    equilibration_sweeps : least number of sweeps before the first sample
    max_sweeps : most of them
    excluded : (n, 2) int, pairs of the supercell's sites of which at most one may hold an atom;
        those of the host when not given
    folder : where every chain writes down each sample, to go on from there when run again

    Raises
    ------
    MlipsseError
        for numbers that make no sense, a start or counts that do not fit, a chain that is not at
        equilibrium after `max_sweeps`, and a folder that holds another run.
    """
    if (counts is None) == (start is None):
        raise MlipsseError("A Monte Carlo run takes either counts or a start. Give one of the two.")
    for name, value, least in (
        ("samples", samples, 1),
        ("chains", chains, 1),
        ("anneal_sweeps", anneal_sweeps, 0),
        ("equilibration_sweeps", equilibration_sweeps, 10),
        ("max_sweeps", max_sweeps, equilibration_sweeps),
    ):
        if value < least:
            raise MlipsseError(f"{name} is {value}: it must be at least {least}.")
    hot_K = 4 * temperature_K if anneal_from_K is None else anneal_from_K
    if not (temperature_K > 0 and hot_K >= temperature_K):
        raise MlipsseError(
            f"temperature_K is {temperature_K:g} and anneal_from_K {hot_K:g}: temperatures are "
            "above 0 K, and a run is cooled from a higher one."
        )
    chains = min(chains, samples)
    lattice = model.lay_on(supercell)
    if excluded is None:
        excluded = supercell.excluded_pairs
    done = []
    for chain in range(chains):
        plan = ChainPlan(
            temperature_K=float(temperature_K),
            samples=samples // chains + (chain < samples % chains),
            seed=seed,
            chain=chain,
            anneal_from_K=float(hot_K),
            anneal_sweeps=anneal_sweeps,
            equilibration_sweeps=equilibration_sweeps,
            max_sweeps=max_sweeps,
        )
        file = None if folder is None else Path(folder) / f"chain-{chain:02d}.npz"
        done.append(
            run_chain(
                model, lattice, plan, counts=counts, start=start, excluded=excluded, file=file
            )
        )
    return MonteCarloRun(supercell, float(temperature_K), tuple(done))
