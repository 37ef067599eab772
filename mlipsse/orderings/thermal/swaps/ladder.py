"""Parallel tempering: a ladder of temperatures, and orderings that climb it.

Hukushima and Nemoto, J. Phys. Soc. Jpn. 65, 1604, 1996, doi 10.1143/JPSJ.65.1604.
"""

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.special import erfcinv

from mlipsse.errors import MlipsseError
from mlipsse.orderings.thermal.swaps.sweeps import Sweeps
from mlipsse.units import BOLTZMANN_EV_K

STEP = 1.32
"""Length of a step of the ladder. With energies of Gaussian distributions, it is the root of
(beta - beta') (E' - E), and neighbours exchange at a rate of erfc(STEP / 2) = 0.35 (Kofke, J. Chem.
Phys. 117, 6911, 2002, doi 10.1063/1.1507776)."""

RATES = (0.2, 0.6)
"""Range that the exchanges of neighbouring rungs are tuned to."""

MOST_RUNGS = 96
_LEAST_LENGTH = 1e-3


def cooling_lengths(temperatures_K: np.ndarray, energies_eV: np.ndarray) -> np.ndarray:
    """Lengths (n - 1,) between temperatures, ascending, by the mean energies (n,) at them.

    Energies that fall with temperature are noise and levelled.
    """
    level_eV = np.maximum.accumulate(energies_eV)
    return np.sqrt(-np.diff(1 / (BOLTZMANN_EV_K * temperatures_K)) * np.diff(level_eV))


def measured_lengths(exchanged: np.ndarray, tried: np.ndarray) -> np.ndarray:
    """Lengths (n - 1,) of the steps of a ladder by their rates of exchange."""
    rates = np.clip(exchanged / tried, 0.5 / tried, 1 - 0.5 / tried)
    return 2 * erfcinv(rates)


def place_rungs(temperatures_K: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Temperatures (n_rungs,) float64 at equal lengths, the ends kept.

    Parameters
    ----------
    temperatures_K : (n,) float64, ascending
    lengths : (n - 1,) float64, between them

    Raises
    ------
    MlipsseError
        when more than `MOST_RUNGS` are needed.
    """
    reached = np.concatenate([[0.0], np.cumsum(np.maximum(lengths, _LEAST_LENGTH))])
    n_steps = max(1, math.ceil(reached[-1] / STEP))
    if n_steps >= MOST_RUNGS:
        raise MlipsseError(
            f"Tempering between {temperatures_K[0]:g} and {temperatures_K[-1]:g} K needs "
            f"{n_steps + 1} temperatures in a cell of this size; at most {MOST_RUNGS} are "
            "possible. Take a lower hottest temperature or a smaller cell."
        )
    marks = np.linspace(0, reached[-1], n_steps + 1)
    rungs_K = np.exp(np.interp(marks, reached, np.log(temperatures_K)))
    rungs_K[[0, -1]] = temperatures_K[[0, -1]]  # to the last bit
    return rungs_K


@dataclass(frozen=True, eq=False)
class Replicas:
    """Orderings on the rungs of a ladder, one each, and where they have been.

    Attributes
    ----------
    labels : (n_rungs, n_sites) int8, by rung
    number : (n_rungs,) int, of the replica on every rung
    heated : (n_rungs,) bool, by replica: whether it was on the hottest rung after it was last on
        the lowest
    descents : how often one came from the hottest rung down to the lowest
    """

    labels: np.ndarray
    number: np.ndarray
    heated: np.ndarray
    descents: int = 0

    @classmethod
    def on(cls, labels: np.ndarray) -> "Replicas":
        """New ones with labels (n_rungs, n_sites)."""
        return cls(labels, np.arange(len(labels)), np.zeros(len(labels), dtype=bool))


@dataclass(frozen=True, eq=False)
class Rounds:
    """What rounds of one sweep on every rung, and exchanges between them, gave.

    Attributes
    ----------
    replicas : after them
    energies_eV : (n_rounds, n_rungs) float64, of the supercell, after the exchanges
    like_neighbours : (n_rounds, n_sublattices) float64, see `Stretch`, on the lowest rung
    accepted, proposed : (3,) int64, moves on the lowest rung by kind
    exchanged, tried : (n_rungs - 1,) int64, exchanges between each rung and the next
    """

    replicas: Replicas
    energies_eV: np.ndarray
    like_neighbours: np.ndarray
    accepted: np.ndarray
    proposed: np.ndarray
    exchanged: np.ndarray
    tried: np.ndarray


def climb(
    sweeps: Sweeps,
    replicas: Replicas,
    temperatures_K: np.ndarray,
    rounds: int,
    *,
    seed: Sequence[int],
) -> Rounds:
    """Rounds of a sweep on every rung; after each, neighbouring rungs exchange orderings.

    Even and odd pairs of rungs take turns. The result depends on the labels and the seed alone,
    not on the number of threads that do the sweeps.

    Parameters
    ----------
    temperatures_K : (n_rungs,) float64, ascending
    seed : of everything random here
    """
    n_rungs = len(temperatures_K)
    rngs = [np.random.default_rng([*seed, rung]) for rung in range(n_rungs + 1)]
    if n_rungs == 1:
        walker = sweeps.walker(replicas.labels[0])
        run = walker.run(np.full(rounds, temperatures_K[0]), rng=rngs[0])
        none = np.zeros(0, dtype=np.int64)
        still = Replicas(walker.labels[None], replicas.number, replicas.heated)
        energies_eV = run.energies_eV[:, None]
        return Rounds(
            still, energies_eV, run.like_neighbours, run.accepted, run.proposed, none, none
        )
    walkers = [sweeps.walker(labels) for labels in replicas.labels]
    betas = 1 / (BOLTZMANN_EV_K * temperatures_K)
    number, heated = replicas.number.copy(), replicas.heated.copy()
    descents = replicas.descents
    energies_eV = np.empty((rounds, n_rungs))
    likes = []
    accepted, proposed = np.zeros((2, 3), dtype=np.int64)
    exchanged, tried = np.zeros((2, n_rungs - 1), dtype=np.int64)
    with ThreadPoolExecutor(_threads()) as pool:
        for turn in range(rounds):
            runs = list(
                pool.map(
                    lambda rung: walkers[rung].run(temperatures_K[[rung]], rng=rngs[rung]),
                    range(n_rungs),
                )
            )
            like = [run.like_neighbours[0] for run in runs]
            accepted += runs[0].accepted
            proposed += runs[0].proposed
            for low in range(turn % 2, n_rungs - 1, 2):
                gain = (betas[low] - betas[low + 1]) * (
                    walkers[low].energy_eV - walkers[low + 1].energy_eV
                )
                tried[low] += 1
                if gain >= 0 or rngs[-1].random() < np.exp(gain):
                    exchanged[low] += 1
                    for row in (walkers, like, number):
                        row[low], row[low + 1] = row[low + 1], row[low]
            energies_eV[turn] = [walker.energy_eV for walker in walkers]
            likes.append(like[0])
            heated[number[-1]] = True
            descents += int(heated[number[0]])
            heated[number[0]] = False
    labels = np.array([walker.labels for walker in walkers])
    return Rounds(
        replicas=Replicas(labels, number, heated, descents),
        energies_eV=energies_eV,
        like_neighbours=np.array(likes),
        accepted=accepted,
        proposed=proposed,
        exchanged=exchanged,
        tried=tried,
    )


def _threads() -> int:
    return int(os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0)))
