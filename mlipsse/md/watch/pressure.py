"""The mean pressure of a run's production: with its error, and whether it is the one asked for."""

from dataclasses import dataclass

import numpy as np

from mlipsse.autocorrelation import error_of_mean

CAUTION_GPA = 1.0
"""Pressure, or difference of stress between directions, beyond which diffusivities are not those of
the crystal under no load: an activation volume of 2 to 5 Å³ changes barriers by 0.01 to 0.03 eV per
GPa."""

BAR_PER_GPA = 1e4

REMEDY = (
    "set simulate.npt_ps, e.g. 20, so that the cell adjusts to pressure_bar before the production"
)
LONGER = "raise simulate.npt_ps, so that the average cell is more precise"


@dataclass(frozen=True, kw_only=True)
class Pressure:
    """Pressure of the production, whose cell is fixed.

    Attributes
    ----------
    mean_GPa : positive under compression
    std_GPa : standard error of the mean, correlation in time counted; None of fewer than ten rows
    asked_GPa : `pressure_bar` of the NPT part; 0 without one
    anisotropy_GPa : largest difference of a principal value of the mean pressure tensor from
        `mean_GPa`; None where the log has no tensor
    averaged_cell : whether there was an NPT part
    """

    mean_GPa: float
    std_GPa: float | None
    asked_GPa: float
    anisotropy_GPa: float | None
    averaged_cell: bool

    @property
    def caution(self) -> str | None:
        """Sentence without full stop where it is far from what was asked for, else None."""
        found = []
        if abs(self.mean_GPa - self.asked_GPa) > CAUTION_GPA:
            error = "" if self.std_GPa is None else f" ± {self.std_GPa:.2f}"
            found.append(
                f"the mean pressure is {self.mean_GPa:.2f}{error} GPa, but {self.asked_GPa:g} was "
                "requested"
            )
        if self.anisotropy_GPa is not None and self.anisotropy_GPa > CAUTION_GPA:
            found.append(
                f"the stress along one axis differs from the mean by {self.anisotropy_GPa:.2f} GPa"
            )
        return f"{', and '.join(found)}; {remedy(self.averaged_cell)}" if found else None


def remedy(averaged_cell: bool) -> str:
    """What to do about a pressure that is too large."""
    return LONGER if averaged_cell else REMEDY


def production_pressure(
    pressure_bar: np.ndarray, tensor_bar: np.ndarray, *, npt_bar: float | None
) -> Pressure | None:
    """Pressure of the rows of a thermo log that belong to the production.

    Parameters
    ----------
    pressure_bar : (n,) bar; rows that are not numbers are left out
    tensor_bar : (n, 6) xx, yy, zz, xy, xz, yz, bar; NaN where a log does not have them
    npt_bar : of the NPT part, bar; None where there was none

    Returns
    -------
    Pressure or None
        None without a row.
    """
    rows = np.isfinite(pressure_bar)
    if not rows.any():
        return None
    series_GPa = pressure_bar[rows] / BAR_PER_GPA
    error_GPa = error_of_mean(series_GPa)
    return Pressure(
        mean_GPa=float(series_GPa.mean()),
        std_GPa=error_GPa,
        asked_GPa=(npt_bar or 0.0) / BAR_PER_GPA,
        anisotropy_GPa=_anisotropy_GPa(tensor_bar),
        averaged_cell=npt_bar is not None,
    )


def _anisotropy_GPa(tensor_bar: np.ndarray) -> float | None:
    rows = np.isfinite(tensor_bar).all(axis=1)
    if not rows.any():
        return None
    xx, yy, zz, xy, xz, yz = tensor_bar[rows].mean(axis=0) / BAR_PER_GPA
    principal = np.linalg.eigvalsh([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    return float(np.abs(principal - principal.mean()).max())
