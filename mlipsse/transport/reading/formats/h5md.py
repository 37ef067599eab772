"""Units of lengths in H5MD files, whose attributes are optional (de Buyl et al., Comput. Phys.
Commun. 185, 1546, 2014, doi 10.1016/j.cpc.2014.01.018)."""

from pathlib import Path
from typing import Any

from mlipsse.errors import MlipsseError

_UNITS_A = {
    "Angstrom": 1.0, "angstrom": 1.0, "A": 1.0, "nm": 10.0, "pm": 1e-2, "fm": 1e-5,
}  # fmt: skip
"""Those that MDAnalysis (2.11) opens a file with."""

_POSITIONS, _EDGES = "position/value", "box/edges"


def h5md_lengths_A(unpacked: Path, path: Path) -> tuple[float, float]:
    """What a unit of length of positions and of the box is, Å.

    A box without a unit has that of the positions.

    Parameters
    ----------
    unpacked : the file to read
    path : its name for people

    Raises
    ------
    MlipsseError
        when the positions have no unit, or one that is not known; with the line that names it.
    """
    import h5py

    try:
        with h5py.File(unpacked, "r") as file:
            groups = file["particles"]
            name = next(iter(groups))
            group = groups[name]
            written = _unit(group.get(_POSITIONS))
            edges = group.get(_EDGES)
            box = _unit(edges["value"] if hasattr(edges, "keys") else edges)
    except (OSError, KeyError, StopIteration) as error:
        raise MlipsseError(f"{path} cannot be read as H5MD ({error}).") from error
    factors = []
    for what, unit in ((_POSITIONS, written), (_EDGES, box or written)):
        if unit is None or unit not in _UNITS_A:
            found = "no unit" if unit is None else f"the unit {unit!r}, which is not known"
            raise MlipsseError(
                f"{path} has {found} for the lengths in particles/{name}/{what}: write it into "
                f"the file, e.g. in Python: h5py.File('{path.name}', 'r+')"
                f"['particles/{name}/{what}'].attrs['unit'] = 'Angstrom' (or nm, pm)."
            )
        factors.append(_UNITS_A[unit])
    return factors[0], factors[1]


def _unit(dataset: Any) -> str | None:
    """As written; None without."""
    found = None if dataset is None else dataset.attrs.get("unit")
    if found is None:
        return None
    return found.decode() if isinstance(found, bytes) else str(found)
