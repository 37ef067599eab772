"""How far and how often the mobile ions vibrate: amplitude and attempt frequency."""

from dataclasses import dataclass

import numpy as np
from scipy import fft

from mlipsse.errors import MlipsseError

COARSE_SPACING_PS = 0.05
"""Frames further apart cannot see 10 THz, where Li in halides and sulphides vibrates."""


@dataclass(frozen=True)
class Vibration:
    """Vibration of the mobile ions.

    Attributes
    ----------
    amplitude_A : standard deviation of the swings, Å
    frequency_THz : attempt frequency, THz
    frequency_std_THz : standard deviation over the ions, THz
    nyquist_THz : the highest frequency that the frames can show, THz
    caution : what the frame spacing hides, else None
    """

    amplitude_A: float
    frequency_THz: float
    frequency_std_THz: float
    nyquist_THz: float
    caution: str | None


def vibration(positions: np.ndarray, *, frame_spacing_ps: float, block_ions: int = 64) -> Vibration:
    """Amplitude and attempt frequency from how the distance to the first position swings.

    With s_i(t) = |r_i(t) - r_i(0)| and its change per frame v_i: a swing is the sum of v_i between
    two changes of its sign, and the amplitude is the standard deviation of all swings of all ions.
    A pure oscillation of amplitude A that starts at its end swings by 2 A up and down: the result
    is 2 A. The attempt frequency of an ion is sum(f P) / sum(P), P the power of v_i at frequency
    f, its mean removed; the mean over the ions is given. All of it is the definition of GEMDAT
    (Azizi, Smeets et al., doi 10.5281/zenodo.8401669), after de Klerk, van der Maas and
    Wagemaker, ACS Appl. Energy Mater. 1, 3230 (2018), doi 10.1021/acsaem.8b00457, and both
    numbers are equal to its own.

    Frames d apart show no frequency above 1 / (2 d): a faster vibration is folded to a lower one,
    and positions without memory come out near 0.7 of that limit. `caution` states it for spacings
    above `COARSE_SPACING_PS`.

    Parameters
    ----------
    positions : (n_frames, n_ions, 3) float64, Å, unwrapped, drift removed
    frame_spacing_ps : time between frames, ps
    block_ions : ions transformed at once, which bounds the memory

    Raises
    ------
    MlipsseError
        with fewer than four frames, without ions, or when no ion moves.
    """
    n_frames, n_ions = positions.shape[:2]
    if n_frames < 4 or n_ions < 1:
        raise MlipsseError(
            f"Vibrations need at least 4 frames and 1 ion, got {n_frames} frame(s) and {n_ions} "
            "ion(s): write frames more often."
        )
    frequencies = fft.rfftfreq(n_frames, frame_spacing_ps)
    swings, means = [], []
    for start in range(0, n_ions, block_ions):
        block = positions[:, start : start + block_ions]
        distance = np.sqrt(np.einsum("tia,tia->it", block - block[0], block - block[0]))
        change = np.diff(distance, axis=1, prepend=0.0)
        swings.append(_swings(distance, change))
        power = np.abs(fft.rfft(change - change.mean(axis=1, keepdims=True), axis=1)) ** 2
        power[:, 1 : (n_frames + 1) // 2] *= 2  # both signs of a frequency
        total = power.sum(axis=1)
        means.append((power @ frequencies)[total > 0] / total[total > 0])
    mean = np.concatenate(means)
    if not len(mean):
        raise MlipsseError("No ion moves. Give an MD trajectory of the mobile ions.")
    nyquist = 0.5 / frame_spacing_ps
    caution = None
    if frame_spacing_ps > COARSE_SPACING_PS * (1 + 1e-9):
        caution = (
            f"frames are {frame_spacing_ps:g} ps apart and resolve no vibration above "
            f"{nyquist:.3g} THz, so the attempt frequency and the activation energies may be too "
            f"low; write frames every {COARSE_SPACING_PS:g} ps or more often"
        )
    return Vibration(
        amplitude_A=float(np.concatenate(swings).std()),
        frequency_THz=float(mean.mean()),
        frequency_std_THz=float(mean.std()),
        nyquist_THz=nyquist,
        caution=caution,
    )


def _swings(distance: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Distance gone between two turns, of all ions; the first and the last are cut short, Å."""
    sign = np.sign(change)
    turns = sign[:, 1:-1] != sign[:, 2:]
    ion, frame = np.nonzero(turns)
    ends = np.concatenate([distance[ion, frame + 1], distance[:, -1]])
    owner = np.concatenate([ion, np.arange(len(distance))])
    order = np.argsort(owner, kind="stable")
    ends, owner = ends[order], owner[order]
    swings = np.diff(ends, prepend=0.0)
    first = np.diff(owner, prepend=-1) != 0
    swings[first] = ends[first]
    return swings
