"""How full a site is: the occupancies of its rows, added up and set right."""

from collections.abc import Sequence

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.structures.cif.rows import AtomRow
from mlipsse.structures.crystal.model import CrystalSite, Occupant

MOST_FILLED = 1.02
"""Sum of the occupancies of a site that is taken for 1."""

_NEARLY_FULL = 0.95


def fill_site(
    rows: Sequence[AtomRow], share: float, spread_A: float, scaled: dict[str, list[str]]
) -> CrystalSite:
    """A site's occupants, scaled to a sum of 1 where rounding or the refinement missed it.

    Parameters
    ----------
    rows : that describe the site
    share : factor of their occupancies, where images of the site were joined
    spread_A : how far apart the rows were written, Å
    scaled : sites that were scaled are added here, by what was done to them

    Raises
    ------
    MlipsseError
        when the occupancies add up to more than `MOST_FILLED`.
    """
    name = "/".join(dict.fromkeys(row.label for row in rows))
    total = share * sum(row.filled for row in rows)
    written = share * sum(row.occupancy.value for row in rows)
    if written > MOST_FILLED + 1e-9:
        apart = f", rows that lie {spread_A:.3f} Å apart: one site written twice,"
        raise MlipsseError(
            f"the occupancies of its site {name}{apart if spread_A > 1e-3 else ''} add up to "
            f"{written:.4g}. Give occupancies that sum to at most 1 per site (up to "
            f"{MOST_FILLED:g} counts as 1)"
        )
    factor = share
    vacant = written - total > 1e-9
    if total > 1 + 1e-9:
        factor = share / total
        if total > 1 + 1e-4:
            scaled.setdefault("Occupancies scaled down to a sum of 1", []).append(
                f"{name} ({total:.4g})"
            )
    elif not vacant and _NEARLY_FULL <= total < 1 - 1e-9 and 1 - total <= _slack(rows) + 1e-9:
        factor = share / total
        if total < 1 - 1e-3:
            scaled.setdefault("Occupancies taken for a full site", []).append(
                f"{name} ({total:.4g})"
            )
    elif written > 1 + 1e-9:
        factor = share / written
    occupants: dict[tuple[str, float | None], float] = {}
    for row in rows:
        for one in row.species:
            if one.element is not None:
                key = (one.element, one.oxidation)
                amount = row.occupancy.value * one.share * factor
                occupants[key] = occupants.get(key, 0.0) + amount
    labels = tuple(dict.fromkeys(row.label for row in rows))
    return CrystalSite(
        label=labels[0],
        occupants=tuple(Occupant(name, part, state) for (name, state), part in occupants.items()),
        labels=labels,
    )


def _slack(rows: Sequence[AtomRow]) -> float:
    """How far below 1 the occupancies of a full site may add up.

    By rounding, one unit of the last digit of each of several species; by refinement, two standard
    uncertainties.
    """
    units = [
        10.0**-row.occupancy.decimals
        for row in rows
        if row.occupancy.decimals is not None and row.occupancy.decimals >= 2
    ]
    spread = 2 * float(np.sqrt(sum(row.occupancy.uncertainty**2 for row in rows)))
    return max(sum(units) if len(rows) > 1 else 1e-3, spread)
