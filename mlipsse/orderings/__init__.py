"""Which atom sits where: a disordered host, its symmetry, its orderings counted and listed.

`read_host` takes a CIF with partial occupancies, `parse_composition` a formula, `Supercell` the
repeats of the host's cell; `count_orderings` says how many orderings there are, and
`enumerate_orderings` gives them ranked by Ewald energy, complete where that is possible and
labelled as a sample where not.
"""

from mlipsse.orderings.composition import Composition, parse_composition, smallest_supercells
from mlipsse.orderings.counting import OrderingCount, count_orderings
from mlipsse.orderings.enumeration import enumerate_orderings
from mlipsse.orderings.host import Host, Sublattice, read_host
from mlipsse.orderings.ordering import Ordering
from mlipsse.orderings.supercell import Supercell, parse_supercell

__all__ = [
    "Composition",
    "Host",
    "Ordering",
    "OrderingCount",
    "Sublattice",
    "Supercell",
    "count_orderings",
    "enumerate_orderings",
    "parse_composition",
    "parse_supercell",
    "read_host",
    "smallest_supercells",
]
