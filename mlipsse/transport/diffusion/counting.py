"""Error of a diffusivity by the number of hops it rests on."""

from dataclasses import dataclass

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.diffusion.displacement.msd import MeanSquaredDisplacement


@dataclass(frozen=True)
class CountingError:
    """Empirical relative error of D.

    Attributes
    ----------
    effective_hops : n_ions x largest MSD over hop length squared
    relative_std : sd(D) / D
    """

    effective_hops: float
    relative_std: float


def counting_error(msd: MeanSquaredDisplacement, *, hop_length_A: float = 3.0) -> CountingError:
    """sd(D) / D = 3.43 / sqrt(N_eff) + 0.04, N_eff = N_ions max(MSD) / a².

    An empirical law for D from MSDs over all time origins, fitted to AIMD of lithium conductors:
    He, Zhu, Epstein and Mo, npj Comput. Mater. 4, 18 (2018), doi 10.1038/s41524-018-0074-y, eqs. 8
    and 9. It knows of no length of a run beyond its largest MSD, and never goes below 4 %.

    Parameters
    ----------
    msd : of the mobile ions, over the run
    hop_length_A : distance between sites, Å

    Raises
    ------
    MlipsseError
        when the hop length is not above 0.
    """
    if not hop_length_A > 0:
        raise MlipsseError(f"The hop length must be above 0 Å, but is {hop_length_A}.")
    hops = msd.n_ions * float(msd.total_A2.max()) / hop_length_A**2
    relative = np.inf if hops <= 0 else 3.43 / np.sqrt(hops) + 0.04
    return CountingError(effective_hops=hops, relative_std=float(relative))
