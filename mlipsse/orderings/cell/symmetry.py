"""The space group of a host, beside the one that its file states."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import spglib

from mlipsse.errors import MlipsseError
from mlipsse.orderings.cell.supercell import host_operations, site_kinds
from mlipsse.orderings.host.model import Host
from mlipsse.structures.crystal.content import describe_content

_TOLERANCES_A = (0.02, 0.05, 0.1)
"""Tried in turn: the noise of coordinates, rarely the distortion of a crystal."""


@dataclass(frozen=True)
class HostGroup:
    """The space group that spglib finds in a host.

    Attributes
    ----------
    symbol : short Hermann-Mauguin symbol, e.g. `R-3c`
    number : 1 to 230
    n_operations : those that count orderings with it use, centrings included
    tolerance_A : of the search, Å
    """

    symbol: str
    number: int
    n_operations: int
    tolerance_A: float


def host_group(host: Host) -> HostGroup:
    """Find the space group of a host at its tolerance; what may sit on a site is its species.

    Raises
    ------
    MlipsseError
        when spglib finds none.
    """
    found = _dataset(host)
    symbol = found.international.replace("_", "")
    return HostGroup(symbol, int(found.number), len(found.rotations), host.symprec_A)


def wyckoff_positions(host: Host) -> dict[int, str]:
    """Wyckoff position of every site of a host in its conventional cell, e.g. `4g`.

    Raises
    ------
    MlipsseError
        when spglib finds no space group.
    """
    found = _dataset(host)
    conventional = abs(np.linalg.det(found.std_lattice)) / abs(np.linalg.det(host.cell))
    orbits = found.crystallographic_orbits.tolist()
    number = Counter(orbits)
    return {
        site: f"{round(number[orbit] * conventional)}{letter}"
        for site, (orbit, letter) in enumerate(zip(orbits, found.wyckoffs, strict=True))
    }


def _dataset(host: Host) -> Any:
    """What spglib finds in a host, whose sites are alike where the same species may sit."""
    cell = (host.cell.tolist(), host.scaled_positions.tolist(), site_kinds(host).tolist())
    found = spglib.get_symmetry_dataset(cell, symprec=host.symprec_A)
    if found is None:
        raise MlipsseError(
            f"spglib finds no space group of {host.name} at a tolerance of {host.symprec_A} Å. "
            "Change symprec_A."
        )
    return found


def larger_group(host: Host, found: HostGroup) -> HostGroup | None:
    """The group at the least tolerance that gives most operations; None if none gives more."""
    best = None
    for tolerance_A in _TOLERANCES_A:
        if tolerance_A <= host.symprec_A:
            continue
        try:
            wider = host_group(replace(host, symprec_A=tolerance_A))
        except MlipsseError:
            continue
        if wider.n_operations > (best or found).n_operations:
            best = wider
    if best is not None:
        try:
            host_operations(replace(host, symprec_A=best.tolerance_A))
        except MlipsseError:  # too wide: no permutation of the sites
            return None
    return best


def describe_host(host: Host) -> list[str]:
    """What was read from the host's file, in sentences: content, space group, repairs, warnings."""
    crystal = host.crystal
    if crystal is None:
        return []
    # Of a primitive cell the centrings are gone.
    cells = abs(float(np.linalg.det(crystal.cell) / np.linalg.det(host.cell)))
    used = f"; its primitive cell of {len(host.scaled_positions)} is used" if cells > 1.5 else ""
    lines = [
        f"Crystal: {crystal.name}, {describe_content(crystal.content)} per cell, "
        f"{len(crystal.sites)} sites{used}."
    ]
    stated = f"{crystal.symbol!r}" if crystal.symbol else ""
    if crystal.number is not None:
        stated = f"{stated} ({crystal.number})" if stated else f"number {crystal.number}"
    stated = stated or "none"
    lines += [f"  {note}" for note in crystal.notes]
    try:
        found = host_group(host)
    except MlipsseError as error:
        return [*lines, f"WARNING: {error}"]
    lines.insert(
        1,
        f"Space group: {found.symbol} ({found.number}), {found.n_operations} operations at a "
        f"tolerance of {found.tolerance_A:g} Å; the file states {stated}.",
    )
    asked = crystal.n_operations / cells
    wider = larger_group(host, found)
    if found.n_operations < asked - 1e-6:
        lines.append(
            f"WARNING: {found.n_operations} operations are found where the file's space group has "
            f"{asked:g}: `substitutions` treat images differently, or the positions are noisy."
        )
    elif found.n_operations > asked + 1e-6 and crystal.setting:
        lines.append(
            f"The sites have more symmetry than the file states: {found.n_operations} operations "
            f"instead of {asked:g}. Counts use them, because they compare allowed species, not "
            "occupancies."
        )
    elif crystal.setting and found.number != crystal.setting_number:
        lines.append(
            f"WARNING: the sites were expanded in {crystal.setting} ({crystal.setting_number}), "
            "but form another group with as many operations."
        )
    if wider is not None:
        lines.append(
            f"WARNING: a tolerance of {wider.tolerance_A:g} Å finds {wider.symbol} "
            f"({wider.number}), {wider.n_operations} operations: noise or rounding may have cost "
            f"symmetry. `structure.symprec_A: {wider.tolerance_A:g}` restores it."
        )
    return lines
