"""Ridge regression with exact leave-one-out errors."""

from dataclasses import dataclass

import numpy as np

PENALTIES = (0.0, *np.logspace(-10, 1, 23).tolist())
"""Penalties tried, relative to the number of rows."""


@dataclass(frozen=True, eq=False)
class RidgeFit:
    """A fit by least squares with a penalty.

    Attributes
    ----------
    coefficients : (n_columns,) float64
    penalty : that was chosen
    residuals : (n_rows,) float64
    left_out_residuals : (n_rows,) float64, of every row by a fit to the others
    """

    coefficients: np.ndarray
    penalty: float
    residuals: np.ndarray
    left_out_residuals: np.ndarray


def fit_ridge(columns: np.ndarray, y: np.ndarray, *, free: int) -> RidgeFit:
    """Least squares with a penalty on the squares of all coefficients but the first `free`.

    Columns are scaled to unit variance for the penalty, which is the one of `PENALTIES` with the
    least leave-one-out error; that is exact, residual over 1 - leverage, for each of them (Allen,
    Technometrics 16, 125, 1974, doi 10.1080/00401706.1974.10489157).

    Parameters
    ----------
    columns : (n_rows, n_columns) float64 of full rank; the first one is constant
    y : (n_rows,) float64
    free : number of columns without a penalty, at least 1
    """
    n = len(y)
    basis, triangle = np.linalg.qr(columns[:, :free])
    penalised = columns[:, free:] - basis @ (basis.T @ columns[:, free:])
    scale = columns[:, free:].std(axis=0)
    scale[scale == 0] = 1.0
    rest = y - basis @ (basis.T @ y)
    u, s, vt = np.linalg.svd(penalised / scale, full_matrices=False)
    projected = u.T @ rest
    leverage = np.sum(basis**2, axis=1)
    tried = []
    for penalty in PENALTIES:
        gain = np.zeros_like(s)
        np.divide(s, s**2 + penalty * n, out=gain, where=s > 1e-10 * s.max(initial=0.0))
        residuals = rest - u @ (s * gain * projected)
        kept = 1 - leverage - u**2 @ (s * gain)
        # A row that alone carries a coefficient is predicted by nothing once it is left out.
        left_out = np.where(kept > 1e-8, residuals / np.maximum(kept, 1e-8), np.inf)
        tried.append((penalty, gain, residuals, left_out))
    penalty, gain, residuals, left_out = min(tried, key=lambda trial: float(np.mean(trial[3] ** 2)))
    slopes = (vt.T @ (gain * projected)) / scale
    offsets = np.linalg.solve(triangle, basis.T @ (y - columns[:, free:] @ slopes))
    return RidgeFit(np.concatenate([offsets, slopes]), penalty, residuals, left_out)
