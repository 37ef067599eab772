"""A host from a CIF or a POSCAR, with the species that the user allows on each site."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import spglib
from pymatgen.core import Element

from mlipsse.errors import MlipsseError
from mlipsse.orderings.host.charges import check_given, find_charges
from mlipsse.orderings.host.distances import (
    Sites,
    check_apart,
    distance_rules,
    find_exclusions,
)
from mlipsse.orderings.host.model import VACANCY, FixedShares, Host, make_sublattices
from mlipsse.orderings.host.occupations import fixed_shares
from mlipsse.orderings.host.settings import HostSettings
from mlipsse.structures import read_crystal

OCCUPANCY_TOLERANCE = 1e-3
"""By which a site may miss 1 and still be full: occupancies are written with three decimals."""


def read_host(path: Path, settings: HostSettings) -> Host:
    """Read a host from a CIF with partial occupancies, or from a POSCAR.

    What may sit on a site is read from the file: the species it holds, and nothing (a vacancy)
    where they do not fill it or where the mobile species is among them. The occupancies are not
    used further: how many of each there are is the composition's.

    Parameters
    ----------
    path : of the file
    settings : the mobile species' sites may also be vacant; a site label goes before a species in
        `substitutions`. For charges see `find_charges`, for occupations `fixed_shares`, for
        distances `distance_rules`

    Raises
    ------
    MlipsseError
        for a file that is missing or unreadable, species it lacks, sites on top of each other or
        next to one that is always filled, and charges that cannot be guessed.
    """
    path, mobile = Path(path), settings.mobile
    crystal = read_crystal(path)
    occupancies = [site.amounts for site in crystal.sites]
    labels = [site.labels or (site.label,) for site in crystal.sites]
    present = sorted({name for site in occupancies for name in site})
    lists = _checked_substitutions(settings.substitutions, present, labels, mobile, path)
    allowed = [
        _allowed_species(index, site, names, lists, mobile, path)
        for index, (site, names) in enumerate(zip(occupancies, labels, strict=True))
    ]
    cell, scaled, amounts = crystal.cell, crystal.scaled_positions, crystal.content
    fixed = fixed_shares(settings.occupations, labels, allowed, path.name)
    if settings.primitive:
        cell, scaled, kept = _primitive_cell(
            cell, scaled, list(zip(allowed, fixed, strict=True)), settings.symprec_A, path
        )
        allowed, fixed = [names for names, _ in kept], [shares for _, shares in kept]
    sites = Sites(path.name, cell, scaled, allowed)
    check_apart(sites)
    sublattices = make_sublattices(allowed, mobile=mobile, fixed=fixed)
    atoms = [tuple(n for n in s.species if n != VACANCY) for s in sublattices]
    check_given(settings.charges)
    formal = find_charges(amounts, atoms, stated=crystal.oxidation_states, given=settings.charges)
    if formal.values.get(mobile) == 0:
        raise MlipsseError(
            f"The mobile ion {mobile} has the formal charge 0 ({formal.sources[mobile]}): nothing "
            f"would conduct. Give its charge in `charges`, e.g. {mobile}: 1."
        )
    charged = {**formal.values, VACANCY: 0}
    exclusions, distances = find_exclusions(
        sites, charged, distance_rules(settings.closest_A, mobile)
    )
    return Host(
        name=path.stem,
        cell=cell,
        scaled_positions=scaled,
        sublattices=sublattices,
        charges=charged,
        exclusions=exclusions,
        distances=distances,
        symprec_A=settings.symprec_A,
        charge_sources=formal.sources,
        notes=formal.notes,
        crystal=crystal,
        mobile_ion=mobile,
    )


def _checked_substitutions(
    substitutions: Mapping[str, Sequence[str]],
    present: list[str],
    labels: Sequence[Sequence[str]],
    mobile: str,
    path: Path,
) -> dict[str, tuple[str, ...]]:
    written = sorted({label for site in labels for label in site})
    held = f"{path.name} holds {', '.join(present)}"
    if mobile not in present:
        raise MlipsseError(f"The mobile species {mobile!r} is not in the CIF: {held}.")
    for name, species in substitutions.items():
        if name not in present and name not in written:
            raise MlipsseError(
                f"`substitutions` names {name!r}, which is not in the CIF: {held}, with the site "
                f"labels {', '.join(written)}."
            )
        if not set(species) - {VACANCY}:
            raise MlipsseError(f"`substitutions` gives no species for {name}. List at least one.")
        for other in species:
            if other != VACANCY and not Element.is_valid_symbol(other):
                raise MlipsseError(
                    f"`substitutions` allows {other!r} on the sites of {name}, but it is not an "
                    f"element. List elements, and `{VACANCY}` where a site may be empty."
                )
    return {name: tuple(sorted(set(species))) for name, species in substitutions.items()}


def _allowed_species(
    index: int,
    site: Mapping[str, float],
    labels: Sequence[str],
    substitutions: Mapping[str, tuple[str, ...]],
    mobile: str,
    path: Path,
) -> tuple[str, ...]:
    names = set(site)
    # Labels first; the species where none of them is named.
    for keys in (labels, names):
        lists = {substitutions[name] for name in keys if name in substitutions}
        if len(lists) > 1:
            raise MlipsseError(
                f"`substitutions` gives different lists for the species of site {index + 1} of "
                f"{path.name} ({'/'.join(sorted(names))}). Give one list, under one of them or "
                f"under one of the site's labels {', '.join(labels)}."
            )
        if lists:
            return lists.pop()
    partly = sum(site.values()) < 1 - OCCUPANCY_TOLERANCE
    return (*sorted(names), *((VACANCY,) if partly or mobile in names else ()))


def _primitive_cell(
    cell: np.ndarray,
    scaled: np.ndarray,
    held: list[tuple[tuple[str, ...], FixedShares | None]],
    symprec_A: float,
    path: Path,
) -> tuple[np.ndarray, np.ndarray, list[tuple[tuple[str, ...], FixedShares | None]]]:
    """The primitive cell of sites that hold something, and what its sites hold."""
    kinds = sorted(set(held), key=repr)
    numbers = [kinds.index(kind) for kind in held]
    found = spglib.find_primitive((cell.tolist(), scaled.tolist(), numbers), symprec=symprec_A)
    if found is None:
        raise MlipsseError(
            f"spglib finds no primitive cell of {path.name} at a tolerance of {symprec_A} Å. "
            "Check the file for sites on top of each other, change symprec_A, or leave "
            "`primitive` out."
        )
    return np.array(found[0]), np.array(found[1]), [kinds[number] for number in found[2]]
