"""One Markov chain of swaps: start, cool, equilibrate, sample; and its file."""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from mlipsse.autocorrelation import integrated_autocorrelation_time
from mlipsse.errors import MlipsseError
from mlipsse.files import write_aside
from mlipsse.orderings.thermal.pairs.lattice import PairLattice
from mlipsse.orderings.thermal.pairs.model import PairModel
from mlipsse.orderings.thermal.swaps.random_labels import clashes, filled_sites, random_labels
from mlipsse.orderings.thermal.swaps.sweeps import Sweeps

EQUILIBRIUM_TAUS = 50
"""Autocorrelation times that the second half of the equilibration must hold."""

SPACING_TAUS = 5
"""Autocorrelation times between samples: of an exponential one, exp(-5) is left."""


@dataclass(frozen=True)
class ChainPlan:
    """What one chain does; see `run_monte_carlo`.

    Attributes
    ----------
    temperature_K, seed, max_sweeps : as there
    samples : the chain's share
    chain : its number
    anneal_from_K, anneal_sweeps, equilibration_sweeps : as there
    """

    temperature_K: float
    samples: int
    seed: int
    chain: int
    anneal_from_K: float
    anneal_sweeps: int
    equilibration_sweeps: int
    max_sweeps: int


@dataclass(frozen=True, eq=False)
class SwapChain:
    """What one chain gave.

    Attributes
    ----------
    samples : (n_samples, n_sites) int8, labels of the whole supercell
    energies_eV : (n_samples,) float64, of the supercell
    trace_eV : (n_sweeps,) float64, after every sweep at equilibrium, the second half of the
        equilibration included
    equilibration_sweeps : sweeps at the temperature before the first sample's
    spacing_sweeps : sweeps between samples
    proposed, accepted : swaps at the temperature
    last : (n_sites,) int8, where it stands
    """

    samples: np.ndarray
    energies_eV: np.ndarray
    trace_eV: np.ndarray
    equilibration_sweeps: int
    spacing_sweeps: int
    proposed: int
    accepted: int
    last: np.ndarray


def run_chain(
    model: PairModel,
    lattice: PairLattice,
    plan: ChainPlan,
    *,
    counts: Sequence[Sequence[int]] | None,
    start: np.ndarray | None,
    excluded: np.ndarray | None = None,
    file: Path | None = None,
) -> SwapChain:
    """Run a chain, or what is missing of it in `file`; chains are independent of each other.

    Parameters
    ----------
    model, lattice : the model and its pairs on the supercell (`PairModel.lay_on`)
    plan : what to do
    counts, start, excluded : see `run_monte_carlo`
    file : `.npz`, rewritten after every sample

    Raises
    ------
    MlipsseError
        see `run_monte_carlo`.
    """
    walk = _Walk(model, lattice, plan, excluded)
    key = _key(model, lattice, plan, counts, start, excluded)
    chain = _read(file, key) if file is not None and file.is_file() else None
    if chain is None:
        rng = walk.rng(0)
        if start is not None:
            labels = _checked_start(start, lattice, excluded)
        else:
            labels = random_labels(lattice.supercell, counts or (), rng=rng, excluded=excluded)
        chain = _equilibrated(walk, labels, rng)
        _write(file, key, chain)
    while len(chain.samples) < plan.samples:
        labels, trace, accepted, proposed = walk.sweeps(
            chain.last, chain.spacing_sweeps, rng=walk.rng(len(chain.samples) + 1)
        )
        chain = replace(
            chain,
            samples=np.concatenate([chain.samples, labels[None]]),
            energies_eV=np.append(chain.energies_eV, trace[-1]),
            trace_eV=np.concatenate([chain.trace_eV, trace]),
            proposed=chain.proposed + proposed,
            accepted=chain.accepted + accepted,
            last=labels,
        )
        _write(file, key, chain)
    return chain


class _Walk:
    """Sweeps of one plan, every stretch from labels alone, so that it can begin anywhere."""

    def __init__(
        self,
        model: PairModel,
        lattice: PairLattice,
        plan: ChainPlan,
        excluded: np.ndarray | None,
    ) -> None:
        self.plan, self._sweeps = plan, Sweeps(model, lattice, excluded)

    def rng(self, stretch: int) -> np.random.Generator:
        return np.random.default_rng([self.plan.seed, self.plan.chain, stretch])

    def sweeps(
        self,
        labels: np.ndarray,
        n: int,
        *,
        rng: np.random.Generator,
        from_K: float | None = None,
    ) -> tuple[np.ndarray, np.ndarray, int, int]:
        """n sweeps at the plan's temperature, or cooling to it; see `Sweeps.run`."""
        temperature_K = self.plan.temperature_K
        return self._sweeps.run(
            labels, np.geomspace(from_K or temperature_K, temperature_K, n), rng=rng
        )


def _equilibrated(walk: _Walk, labels: np.ndarray, rng: np.random.Generator) -> SwapChain:
    """Cool down and run, doubling the length, until the second half remembers no start."""
    plan = walk.plan
    if plan.anneal_sweeps:
        labels, *_ = walk.sweeps(labels, plan.anneal_sweeps, rng=rng, from_K=plan.anneal_from_K)
    trace = np.empty(0)
    accepted, proposed, length = 0, 0, plan.equilibration_sweeps
    while True:
        labels, more, taken, tried = walk.sweeps(labels, length, rng=rng)
        trace = np.concatenate([trace, more])
        accepted, proposed = accepted + taken, proposed + tried
        tail = trace[len(trace) // 2 :]
        tau = integrated_autocorrelation_time(tail)
        if accepted and len(tail) >= EQUILIBRIUM_TAUS * tau and not _drifts(tail, tau):
            break
        length = len(trace)
        if 2 * length > plan.max_sweeps:
            why = (
                f"the energy drifts, or its autocorrelation time is {tau:.3g} sweeps or more"
                if accepted
                else "no swap was accepted"
            )
            raise MlipsseError(
                f"Chain {plan.chain} is not at equilibrium after {length} sweeps at "
                f"{plan.temperature_K:g} K: {why}. Raise max_sweeps (now {plan.max_sweeps}), or "
                "the temperature: at lower temperatures the order is frozen in."
            )
    return SwapChain(
        samples=np.empty((0, len(labels)), dtype=np.int8),
        energies_eV=np.empty(0),
        trace_eV=tail,
        equilibration_sweeps=len(trace),
        spacing_sweeps=math.ceil(SPACING_TAUS * tau),
        proposed=proposed,
        accepted=accepted,
        last=labels,
    )


def _drifts(tail: np.ndarray, tau: float) -> bool:
    """Whether the means of the two halves differ by more than 3 standard errors.

    As Geweke compares the ends of a chain (Bayesian Statistics 4, 169, 1992).
    """
    early, late = np.array_split(tail, 2)
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


def _key(
    model: PairModel,
    lattice: PairLattice,
    plan: ChainPlan,
    counts: Sequence[Sequence[int]] | None,
    start: np.ndarray | None,
    excluded: np.ndarray | None,
) -> str:
    """What the samples depend on, their number aside; a longer run goes on from a shorter one."""
    facts = {name: value for name, value in asdict(plan).items() if name != "samples"}
    facts["counts"] = None if counts is None else [[int(n) for n in row] for row in counts]
    arrays = [model.entries_eV, lattice.supercell.cell, lattice.supercell.positions, lattice.sites]
    arrays += [np.array([model.inverse_dielectric or 0.0, model.constant_eV])]
    arrays += [np.asarray(a) for a in (start, excluded) if a is not None]
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays))
    return json.dumps({**facts, "model": digest.hexdigest()}, sort_keys=True)


def _write(file: Path | None, key: str, chain: SwapChain) -> None:
    if file is None:
        return
    arrays = {name: np.asarray(value) for name, value in vars(chain).items()}
    with write_aside(file) as aside, aside.open("wb") as stream:
        np.savez(stream, key=np.array(key), **arrays)  # type: ignore[arg-type]


def _read(file: Path, key: str) -> SwapChain:
    try:
        with np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        found = str(arrays.pop("key"))
        whole = ("equilibration_sweeps", "spacing_sweeps", "proposed", "accepted")
        numbers = {name: int(arrays.pop(name)) for name in whole}
        chain = SwapChain(**arrays, **numbers)  # type: ignore[arg-type]
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise MlipsseError(
            f"{file} cannot be read as a chain of a Monte Carlo run ({error}). Remove it."
        ) from error
    if found != key:
        raise MlipsseError(
            f"{file} holds a chain of another run: model, supercell, composition, temperature, "
            "seed or lengths differ. Name another folder, or remove this one."
        )
    return chain
