"""The disordered host: a lattice, its sites, and which species may sit on which of them."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pymatgen.core import Element, Structure

from mlipsse.errors import MlipsseError
from mlipsse.orderings.charges import given_charges, guess_charges

VACANCY = "vacancy"
OCCUPANCY_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Sublattice:
    """Sites of the host's cell that share one pool of species.

    `sites` index the host's cell; `species` are what may sit there: one for a fixed sublattice,
    the mobile species and `VACANCY` (in this order) for the mobile one.
    """

    name: str
    sites: tuple[int, ...]
    species: tuple[str, ...]

    @property
    def mobile(self) -> bool:
        """Whether this is the sublattice of the mobile ion."""
        return VACANCY in self.species


@dataclass(frozen=True, eq=False)
class Host:
    """A disordered crystal.

    Attributes
    ----------
    name : the CIF's name without suffix
    cell : (3, 3) float64, rows are the lattice vectors, Å
    scaled_positions : (n_sites, 3) float64, fractional
    sublattices : every site belongs to exactly one; the mobile sublattice comes first
    charges : formal charge of every species, elementary charges (`VACANCY` is 0)
    symprec_A : distance within which spglib takes two sites for symmetry images, Å
    """

    name: str
    cell: np.ndarray
    scaled_positions: np.ndarray
    sublattices: tuple[Sublattice, ...]
    charges: Mapping[str, int]
    symprec_A: float

    @property
    def mobile(self) -> Sublattice:
        """The sublattice of the mobile ion."""
        return self.sublattices[0]

    @property
    def species(self) -> tuple[str, ...]:
        """Every species that may sit somewhere, sorted."""
        names = {name for sublattice in self.sublattices for name in sublattice.species}
        return tuple(sorted(names - {VACANCY}))


def read_host(
    cif: Path,
    *,
    mobile: str,
    substitutions: Mapping[str, Sequence[str]] | None = None,
    charges: Mapping[str, int] | None = None,
    symprec_A: float = 0.01,
    closest_A: float = 1.5,
) -> Host:
    """Read a host from a CIF with partial occupancies.

    Parameters
    ----------
    cif : path of the CIF
    mobile : species of the mobile ion; all its sites, of whatever orbit, form one sublattice of
        this species and vacancies, and their occupancies in the CIF are not used further
    substitutions : for a framework species of the CIF, the species that may fill its sites, e.g.
        ``{"In": ["In", "Y"], "Cl": ["Cl", "Br"]}``; a site that the CIF already mixes and that is
        not named here keeps its mixture's species, every other site is fixed
    charges : formal charge per species; None to have them guessed (see `guess_charges`)
    symprec_A : tolerance of the symmetry search, Å
    closest_A : a mobile site nearer than this to any other site is refused, Å

    Raises
    ------
    MlipsseError
        for a CIF that is missing or unreadable, species it lacks, framework sites that are not
        full, sites too close to be filled together, and charges that are missing or ambiguous.
    """
    cif = Path(cif)
    structure = _read_structure(cif)
    occupancies = [
        {_symbol(species): float(part) for species, part in site.species.items()}
        for site in structure
    ]
    present = sorted({name for site in occupancies for name in site})
    substitutions = _checked_substitutions(substitutions or {}, present, mobile, cif)

    groups: dict[tuple[str, ...], list[int]] = {}
    mobile_sites: list[int] = []
    for index, site in enumerate(occupancies):
        if mobile in site:
            if len(site) > 1:
                raise MlipsseError(
                    f"Site {index + 1} of {cif.name} mixes the mobile {mobile} with "
                    f"{', '.join(sorted(set(site) - {mobile}))}: sites shared by mobile and "
                    "framework species are not handled. Give the site to one of them in the CIF."
                )
            mobile_sites.append(index)
        else:
            groups.setdefault(_allowed_species(index, site, substitutions, cif), []).append(index)
    _check_distances(structure, mobile_sites, closest_A, cif)

    sublattices = [Sublattice(mobile, tuple(mobile_sites), (mobile, VACANCY))]
    # Variable sublattices before fixed ones, then by name: an order that no dictionary decides.
    for species in sorted(groups, key=lambda names: (len(names) == 1, names)):
        sublattices.append(Sublattice("/".join(species), tuple(groups[species]), species))
    allowed = [(mobile,), *(sublattice.species for sublattice in sublattices[1:])]
    amounts = {name: sum(site.get(name, 0.0) for site in occupancies) for name in present}
    every = sorted({name for group in allowed for name in group})
    formal = guess_charges(amounts, allowed) if charges is None else given_charges(charges, every)
    return Host(
        name=cif.stem,
        cell=np.array(structure.lattice.matrix),
        scaled_positions=np.array(structure.frac_coords),
        sublattices=tuple(sublattices),
        charges={**{name: formal[name] for name in every}, VACANCY: 0},
        symprec_A=symprec_A,
    )


def _read_structure(cif: Path) -> Structure:
    if not cif.is_file():
        raise MlipsseError(f"There is no CIF at {cif}. Give the path of the host's CIF.")
    try:
        with warnings.catch_warnings():
            # pymatgen tells of every rounded coordinate it repaired.
            warnings.simplefilter("ignore")
            return Structure.from_file(cif)
    except Exception as error:  # pymatgen raises whatever its parsers run into
        raise MlipsseError(
            f"{cif} cannot be read as a CIF ({type(error).__name__}: {error}). Check that it "
            "holds a cell, sites, and occupancies that sum to at most 1 per site."
        ) from error


def _symbol(species: object) -> str:
    return str(getattr(species, "symbol", species))


def _checked_substitutions(
    substitutions: Mapping[str, Sequence[str]], present: list[str], mobile: str, cif: Path
) -> dict[str, tuple[str, ...]]:
    held = f"{cif.name} holds {', '.join(present)}"
    if mobile not in present:
        raise MlipsseError(f"The mobile species {mobile!r} is not in the CIF: {held}.")
    for name, species in substitutions.items():
        if name == mobile:
            raise MlipsseError(
                f"`substitutions` names the mobile species {mobile}: its sites hold {mobile} or "
                "nothing. Leave it out."
            )
        if name not in present:
            raise MlipsseError(f"`substitutions` names {name!r}, which is not in the CIF: {held}.")
        if not species:
            raise MlipsseError(f"`substitutions` gives no species for {name}: list at least one.")
        for other in species:
            if other == mobile or not Element.is_valid_symbol(other):
                reason = "is the mobile species" if other == mobile else "is not an element"
                raise MlipsseError(
                    f"`substitutions` lets {other!r} sit on the sites of {name}, but it {reason}. "
                    "List framework elements only."
                )
    return {name: tuple(sorted(set(species))) for name, species in substitutions.items()}


def _allowed_species(
    index: int, site: Mapping[str, float], substitutions: Mapping[str, tuple[str, ...]], cif: Path
) -> tuple[str, ...]:
    names = "/".join(sorted(site))
    total = sum(site.values())
    if abs(total - 1) > OCCUPANCY_TOLERANCE:
        raise MlipsseError(
            f"The framework site {index + 1} of {cif.name} ({names}) is occupied by {total:.3f}: "
            "only sites of the mobile species may hold vacancies. Fill it (occupancy 1) or leave "
            "it out of the CIF."
        )
    lists = {substitutions[name] for name in site if name in substitutions}
    if len(lists) > 1:
        raise MlipsseError(
            f"`substitutions` gives different lists for the species of site {index + 1} of "
            f"{cif.name} ({names}). Give one list, under one of them."
        )
    return lists.pop() if lists else tuple(sorted(site))


def _check_distances(
    structure: Structure, mobile_sites: list[int], closest_A: float, cif: Path
) -> None:
    distances = structure.distance_matrix[mobile_sites]
    distances[np.arange(len(mobile_sites)), mobile_sites] = np.inf
    row, other = np.unravel_index(distances.argmin(), distances.shape)
    site = mobile_sites[row]
    if distances[row, other] < closest_A:
        raise MlipsseError(
            f"Sites {site + 1} ({structure[site].species_string}) and {int(other) + 1} "
            f"({structure[int(other)].species_string}) of {cif.name} lie "
            f"{distances[row, other]:.2f} Å apart, closer than closest_A = {closest_A} Å, and "
            "cannot both be filled; split sites are not handled. Merge them or leave one out "
            "of the CIF."
        )
