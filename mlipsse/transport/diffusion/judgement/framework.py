"""Has the framework melted? A run whose framework diffuses is not a run of the crystal."""

from dataclasses import dataclass

import numpy as np

from mlipsse.transport.diffusion.displacement.msd import MeanSquaredDisplacement
from mlipsse.transport.diffusion.displacement.window import window_exponent

MSD_LIMIT_A2 = 3.0
"""Framework MSD at half the run, Å². Vibration alone gives 2 <u²>, and by Lindemann's rule a
crystal melts when the root of <u²> nears 0.15 to 0.2 of the neighbour distance: at most 1 Å²
for halide anions 3.6 Å apart. Three times that leaves room for a few defects."""

EXPONENT_LIMIT = 0.4
"""d ln MSD / d ln lag from an eighth of the run to half of it: 0 for atoms that keep their
places, and for anion groups that turn on theirs (whose MSD may be large); towards 1 in a melt."""

TURNING = (
    "anion groups turn on their places, as in a plastic (rotor) phase, or atoms have changed "
    "places; a crystal of still anions may conduct otherwise"
)
"""What a framework does that moves farther than vibrations, but does not go on."""


@dataclass(frozen=True)
class FrameworkVerdict:
    """Whether the framework moves like a liquid.

    Attributes
    ----------
    melted : whether it does
    msd_A2 : framework MSD at half the run, Å²; None without framework atoms
    exponent : d ln MSD / d ln lag from an eighth of the run to half of it
    reason : the criterion with its numbers when melted, else None
    """

    melted: bool
    msd_A2: float | None
    exponent: float | None
    reason: str | None

    @property
    def turns(self) -> bool:
        """Whether it moves farther than vibrations do, but does not go on (see `TURNING`)."""
        return not self.melted and self.msd_A2 is not None and self.msd_A2 > MSD_LIMIT_A2

    @property
    def caution(self) -> str | None:
        """The caution beside a diffusivity from this run, melted or turning."""
        if not self.turns:
            return self.reason
        return (
            f"the framework's MSD is {self.msd_A2:.1f} Å² at half the run (vibrations stay below "
            f"{MSD_LIMIT_A2:g}) but hardly grows: {TURNING}"
        )


def judge_framework(msd: MeanSquaredDisplacement | None) -> FrameworkVerdict:
    """Judge a framework by its MSD (drift removed); None where every atom is mobile.

    Melted when the MSD at half the run exceeds `MSD_LIMIT_A2` and still grows there, with an
    exponent above `EXPONENT_LIMIT`.
    """
    if msd is None:
        return FrameworkVerdict(False, None, None, None)
    half = max(1, (msd.n_frames - 1) // 2)
    eighth = max(1, half // 4)
    value = float(msd.total_A2[half])
    exponent: float | None = None
    if half > eighth:
        slope = window_exponent(msd, eighth, half)
        exponent = slope if np.isfinite(slope) else None
    if not (value > MSD_LIMIT_A2 and exponent is not None and exponent > EXPONENT_LIMIT):
        return FrameworkVerdict(False, value, exponent, None)
    return FrameworkVerdict(
        True,
        value,
        exponent,
        f"melted: the framework's MSD is {value:.1f} Å² at half the run (a crystal stays below "
        f"{MSD_LIMIT_A2:g}) and grows with lag to the power {exponent:.2f} (limit "
        f"{EXPONENT_LIMIT:g})",
    )
