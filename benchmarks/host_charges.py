"""Hosts with partial occupancies: which are read, with which charges, and what is refused and why.

    python benchmarks/host_charges.py FOLDER               # of CIFs, e.g. OBELiX's
    python benchmarks/host_charges.py FOLDER --list        # one line per host

Every file is read as a host without any setting but the mobile ion. The table counts hosts by what
became of them; how many can hold their own content with the default of `closest_A`; and how near
mobile ions lie in the files whose mobile ions are fully ordered, which that default comes from.
OBELiX (NRC-Mila, CC-BY-4.0) moves its coordinates by some 0.1 Å at random.
"""

import argparse
import re
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from pymatgen.core import Structure

from mlipsse.errors import MlipsseError
from mlipsse.orderings import Host, HostSettings, Supercell, read_host
from mlipsse.orderings.cell.crowding import greatest_content
from mlipsse.orderings.host.charges import FormalCharges
from mlipsse.orderings.host.distances import CLOSEST_A

MOBILE = ("Li", "Na", "K", "Ag", "Cu", "Mg")
REFUSALS = {
    r"about as likely": "refused: several sets of charges are as likely",
    r"no set of usual oxidation states": "refused: no usual charges make its content neutral",
    r"one site written twice": "refused: one site written twice",
    r"can never be on the other": "refused: a site beside one that is always filled",
    r"mobile species": "refused: the file lacks the mobile ion",
}


def partial(path: Path) -> bool:
    """Whether a site is shared or not full."""
    structure = Structure.from_file(path)
    return any(len(s.species) > 1 or s.species.num_atoms < 0.999 for s in structure)


def crowded(host: Host) -> str:
    """Whether sites exclude each other, and whether the file's own content finds room then."""
    if not host.exclusions:
        return "no sites exclude each other"
    most = greatest_content(Supercell(host, (1, 1, 1)), host.mobile_ion)
    if most is None or most >= np.floor(host.crystal.content[host.mobile_ion]):
        return "sites exclude each other, and hold the file's content"
    return f"sites exclude each other, and hold less than the file's content ({most} per cell)"


def outcome(path: Path) -> tuple[str, str, str]:
    """What became of a file, the line that describes it, and whether it is crowded."""
    structure = Structure.from_file(path)
    symbols = {str(getattr(e, "symbol", e)) for site in structure for e in site.species}
    mobile = next((name for name in MOBILE if name in symbols), MOBILE[0])
    try:
        host = read_host(path, HostSettings(mobile=mobile))
    except MlipsseError as error:
        kinds = (kind for text, kind in REFUSALS.items() if re.search(text, str(error)))
        return next(kinds, "refused: the file cannot be read"), str(error), ""
    charges = FormalCharges(
        {name: host.charges[name] for name in host.species}, host.charge_sources
    ).describe()
    notes = " ".join(host.notes)
    if "average charge" in notes:
        kind = "read, with an average charge"
    elif "not neutral" in notes:
        kind = "read; its own content is off neutrality by more than 1 %, noted"
    else:
        kind = "read, neutral"
    return kind, f"{charges}. {notes}", crowded(host)


def shortest_A(path: Path) -> tuple[str, float] | None:
    """The shortest distance of mobile ions, where each of them fills its site alone."""
    structure = Structure.from_file(path)
    symbols = {str(getattr(e, "symbol", e)) for site in structure for e in site.species}
    mobile = next((name for name in MOBILE if name in symbols), None)
    if mobile is None:
        return None
    held = [
        site for site in structure if mobile in {str(getattr(e, "symbol", e)) for e in site.species}
    ]
    if any(len(site.species) > 1 or site.species.num_atoms < 0.999 for site in held):
        return None
    found = [d for s in held for n in [structure.get_neighbors(s, 5.0)] for d in _own(n, mobile)]
    return (mobile, min(found)) if found else None


def _own(neighbours: list, mobile: str) -> list[float]:
    return [n.nn_distance for n in neighbours if {str(n.specie.symbol)} == {mobile}]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--list", action="store_true", help="Print one line per host.")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    kinds: Counter[str] = Counter()
    rooms: Counter[str] = Counter()
    distances: dict[str, list[float]] = {}
    for path in sorted(arguments.folder.glob("*.cif")):
        if not partial(path):
            if (found := shortest_A(path)) is not None:
                distances.setdefault(found[0], []).append(found[1])
            continue
        kind, line, room = outcome(path)
        kinds[kind] += 1
        if room:
            rooms[re.sub(r" \(.*", "", room)] += 1
        if arguments.list:
            print(f"{path.stem}: {kind}: {line} {room}")
    print(f"\n| {sum(kinds.values())} hosts with partial occupancies | number |\n|---|---:|")
    for kind, number in sorted(kinds.items()):
        print(f"| {kind} | {number} |")
    print("\n| of those read | number |\n|---|---:|")
    for room, number in sorted(rooms.items()):
        print(f"| {room} | {number} |")
    print("\n| ordered mobile ion | files | shortest distances, Å | default, Å |")
    print("|---|---:|---|---:|")
    for name, found in sorted(distances.items()):
        least = ", ".join(f"{d:.2f}" for d in np.sort(found)[:5])
        print(f"| {name} | {len(found)} | {least} | {CLOSEST_A[name]} |")


if __name__ == "__main__":
    main()
