"""Length of the hops that a mean squared displacement is made of, from its fourth moments."""

import numpy as np

from mlipsse.transport.diffusion.displacement.msd import MeanSquaredDisplacement

LONGEST_A = 8.0
"""No single hop is longer: what looks longer are ions of different rates."""

_FOR_RETURNS = 1.1

_RISE_A2 = 1.0
"""Rise of the MSD over which the moments are compared: a few hops per hundred ions at least."""


def measured_hop_length_A(msd: MeanSquaredDisplacement, *, earliest_ps: float) -> float | None:
    """Root of the growth of the fourth cumulant over that of the MSD, Å; None where unknown.

    Hops of length a at a rate k add k a² t to the MSD and k a⁴ t to the fourth cumulant of r²
    (`excess_A4`), to which vibrations add nothing; motion in small steps adds nothing to the
    second. Taken where few ions have hopped twice, so that hops taken back shorten it little (by
    7 to 15 % where every hop is taken back with a probability of 0.4), and lengthened by a tenth
    for them. Rates that differ from ion to ion lengthen it too.

    Parameters
    ----------
    msd : of the mobile ions
    earliest_ps : lag from which on vibrations have settled, ps
    """
    lags = msd.excess_lags
    late = np.flatnonzero(lags * msd.frame_spacing_ps >= earliest_ps - 1e-9)
    if not len(late):
        return None
    start = late[0]
    rise = msd.total_A2[lags] - msd.total_A2[lags[start]]
    reached = late[rise[late] >= _RISE_A2]
    if not len(reached):
        return None
    place = reached[0]
    square = float((msd.excess_A4[place] - msd.excess_A4[start]) / rise[place])
    return min(LONGEST_A, _FOR_RETURNS * float(np.sqrt(max(square, 0.0))))
