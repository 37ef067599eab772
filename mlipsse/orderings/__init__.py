"""Which atom sits where: a disordered host, its symmetry, its orderings counted and listed.

`read_host` takes a CIF with partial occupancies, `parse_composition` a formula, `Supercell` the
repeats of the host's cell; `count_orderings` counts the orderings, and
`enumerate_orderings` gives them ranked by Ewald energy, complete where that is possible and
labelled as a sample where not. For cells too large for lists see `mlipsse.orderings.thermal`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mlipsse.orderings.host.settings import HostSettings

if TYPE_CHECKING:
    from mlipsse.orderings.cell.repeats import Repeats, parse_repeats
    from mlipsse.orderings.cell.supercell import Supercell
    from mlipsse.orderings.composition.amounts import (
        Composition,
        parse_composition,
        smallest_supercells,
    )
    from mlipsse.orderings.composition.grid import composition_grid
    from mlipsse.orderings.counting.burnside import OrderingCount, SublatticeCount, count_orderings
    from mlipsse.orderings.counting.ordering import Ordering
    from mlipsse.orderings.enumeration import enumerate_orderings
    from mlipsse.orderings.host.file import read_host
    from mlipsse.orderings.host.model import VACANCY, Exclusion, Host, Sublattice

_HOMES = {
    "cell.repeats": ("Repeats", "parse_repeats"),
    "cell.supercell": ("Supercell",),
    "composition.amounts": ("Composition", "parse_composition", "smallest_supercells"),
    "composition.grid": ("composition_grid",),
    "counting.burnside": ("OrderingCount", "SublatticeCount", "count_orderings"),
    "counting.ordering": ("Ordering",),
    "enumeration": ("enumerate_orderings",),
    "host.file": ("read_host",),
    "host.model": ("VACANCY", "Exclusion", "Host", "Sublattice"),
}

__all__ = [
    "VACANCY",
    "Composition",
    "Exclusion",
    "Host",
    "HostSettings",
    "Ordering",
    "OrderingCount",
    "Repeats",
    "Sublattice",
    "SublatticeCount",
    "Supercell",
    "composition_grid",
    "count_orderings",
    "enumerate_orderings",
    "parse_composition",
    "parse_repeats",
    "read_host",
    "smallest_supercells",
]


def __getattr__(name: str) -> Any:
    # pymatgen takes half a second to import and compiled parts another: whoever wants the settings
    # alone, as the schema of campaigns does, need not wait for them.
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
