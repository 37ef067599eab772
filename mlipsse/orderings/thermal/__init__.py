"""Orderings of large cells at a temperature.

`fit_pair_model` turns energies of small cells into a pair model with an Ewald term and reports how
well it predicts; `run_monte_carlo` samples it in a large cell by parallel tempering until samples
are independent.
"""

from mlipsse.orderings.thermal.monte_carlo import (
    MonteCarloRun,
    MonteCarloSettings,
    run_monte_carlo,
)
from mlipsse.orderings.thermal.pairs.file import load_pair_model, save_pair_model
from mlipsse.orderings.thermal.pairs.fit import fit_best_pair_model, fit_pair_model
from mlipsse.orderings.thermal.pairs.model import PairModel

__all__ = [
    "MonteCarloRun",
    "MonteCarloSettings",
    "PairModel",
    "fit_best_pair_model",
    "fit_pair_model",
    "load_pair_model",
    "run_monte_carlo",
    "save_pair_model",
]
