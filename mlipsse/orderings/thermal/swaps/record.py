"""One Markov chain: what it is to do, what it gave, and its file."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from mlipsse.autocorrelation import integrated_autocorrelation_time
from mlipsse.errors import MlipsseError
from mlipsse.files import write_aside
from mlipsse.orderings.thermal.pairs.lattice import PairLattice
from mlipsse.orderings.thermal.pairs.model import PairModel
from mlipsse.orderings.thermal.swaps.ladder import Replicas, Rounds


@dataclass(frozen=True)
class ChainPlan:
    """What one chain does; see `run_monte_carlo`.

    Attributes
    ----------
    temperature_K, hottest_K, seed, max_sweeps : as there
    samples : the chain's share
    chain : its number
    anneal_from_K, anneal_sweeps, equilibration_sweeps : as there
    """

    temperature_K: float
    hottest_K: float
    samples: int
    seed: int
    chain: int
    anneal_from_K: float
    anneal_sweeps: int
    equilibration_sweeps: int
    max_sweeps: int


@dataclass(frozen=True, eq=False)
class SwapChain:
    """What one chain gave; a sweep is one of every rung, where there are several.

    Attributes
    ----------
    samples : (n_samples, n_sites) int8, labels of the whole supercell
    energies_eV : (n_samples,) float64, of the supercell
    trace_eV : (n_sweeps,) float64, after every sweep at equilibrium, the second half of the
        equilibration included
    like_neighbours : (n_sweeps, n_sublattices) float64, the short-range order beside it: pairs of
        nearest sites with the same species, per variable sublattice
    equilibration_sweeps : sweeps at the temperature before the first sample's
    spacing_sweeps : sweeps between samples; 0 for a chain that is not yet at equilibrium
    proposed, accepted : (3,) int64, moves at the temperature, by kind (`SHARES`)
    rungs_K : (n_rungs,) float64, temperatures of the ladder; the lowest is that of the samples
    exchanged, tried : (n_rungs - 1,) int64, exchanges between each rung and the next
    replicas : where it stands
    """

    samples: np.ndarray
    energies_eV: np.ndarray
    trace_eV: np.ndarray
    like_neighbours: np.ndarray
    equilibration_sweeps: int
    spacing_sweeps: int
    proposed: np.ndarray
    accepted: np.ndarray
    rungs_K: np.ndarray
    exchanged: np.ndarray
    tried: np.ndarray
    replicas: Replicas

    @property
    def energy_tau_sweeps(self) -> float:
        """Integrated autocorrelation time of the energy at equilibrium."""
        return integrated_autocorrelation_time(self.trace_eV)

    @property
    def tau_sweeps(self) -> float:
        """The longest one, of the energy and the short-range order of every sublattice."""
        return max(integrated_autocorrelation_time(one) for one in self.series())

    @property
    def exchange_rates(self) -> np.ndarray:
        """(n_rungs - 1,) float64, accepted exchanges over tried ones."""
        return self.exchanged / np.maximum(self.tried, 1)

    def series(self) -> list[np.ndarray]:
        """Every series, (n_sweeps,), that must have reached equilibrium."""
        return [self.trace_eV, *self.like_neighbours.T]

    def since(self, sweep: int) -> "SwapChain":
        """The same with the series from a sweep on."""
        return replace(
            self, trace_eV=self.trace_eV[sweep:], like_neighbours=self.like_neighbours[sweep:]
        )

    def longer(self, rounds: Rounds) -> "SwapChain":
        """The same with more rounds, and no more samples."""
        likes = [one for one in (self.like_neighbours, rounds.like_neighbours) if len(one)]
        return replace(
            self,
            trace_eV=np.concatenate([self.trace_eV, rounds.energies_eV[:, 0]]),
            like_neighbours=np.concatenate(likes),
            proposed=self.proposed + rounds.proposed,
            accepted=self.accepted + rounds.accepted,
            exchanged=self.exchanged + rounds.exchanged,
            tried=self.tried + rounds.tried,
            replicas=rounds.replicas,
        )


_REPLICAS = "replicas_"


def chain_key(
    model: PairModel,
    lattice: PairLattice,
    plan: ChainPlan,
    counts: Sequence[Sequence[int]] | None,
    start: np.ndarray | None,
    excluded: np.ndarray | None,
) -> str:
    """What the samples depend on; lengths aside, as a longer run goes on from a shorter one."""
    facts = asdict(plan)
    del facts["samples"], facts["max_sweeps"]
    facts["counts"] = None if counts is None else [[int(n) for n in row] for row in counts]
    arrays = [model.entries_eV, lattice.supercell.cell, lattice.supercell.positions, lattice.sites]
    arrays += [np.array([model.inverse_dielectric or 0.0, model.constant_eV])]
    arrays += [np.asarray(a) for a in (start, excluded) if a is not None]
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays))
    return json.dumps({**facts, "model": digest.hexdigest()}, sort_keys=True)


def write_chain(file: Path, key: str, chain: SwapChain) -> None:
    """Write a chain as `.npz`, with the key of its run."""
    arrays = {name: value for name, value in vars(chain).items() if name != "replicas"}
    arrays |= {_REPLICAS + name: value for name, value in vars(chain.replicas).items()}
    with write_aside(file) as aside, aside.open("wb") as stream:
        np.savez(stream, key=np.array(key), **arrays)


def read_chain(file: Path, key: str) -> SwapChain:
    """A chain that `write_chain` wrote.

    Raises
    ------
    MlipsseError
        for a file that is no chain, or has another key.
    """
    try:
        with np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        found = str(arrays.pop("key"))
        whole = ("equilibration_sweeps", "spacing_sweeps", _REPLICAS + "descents")
        facts = {name: int(arrays.pop(name)) for name in whole}
        values = {**arrays, **facts}
        own = {name: values.pop(_REPLICAS + name) for name in Replicas.__annotations__}
        chain = SwapChain(replicas=Replicas(**own), **values)
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
