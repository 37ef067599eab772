"""The disordered host: a lattice, its sites, and which species may sit on which of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import Literal

import numpy as np

from mlipsse.structures import Crystal

VACANCY = "vacancy"

Charge = int | Fraction
"""Elementary charges; a fraction is an average over a species of mixed valence."""

ChargeSource = Literal["given", "stated", "guessed"]


@dataclass(frozen=True)
class FixedShares:
    """How sites of one label are shared out in every ordering.

    Attributes
    ----------
    label : of the sites
    shares : (species or `VACANCY`, share of the sites), adding up to 1
    """

    label: str
    shares: tuple[tuple[str, Fraction], ...]


@dataclass(frozen=True)
class Sublattice:
    """Sites of the host's cell that share one pool of species.

    Two sites belong to one sublattice when a species may sit on both of them, directly or over
    other sites; a formula then determines how many of each species a sublattice holds. Sites whose
    amounts are fixed are a sublattice for themselves.

    Attributes
    ----------
    name : its species, e.g. `Br/Cl`
    sites : indices into the host's cell, rising
    species : what may sit on any of them, sorted, `VACANCY` last
    allowed : per site, what may sit there, in the order of `species`; everything when not given
    fixed : atoms (and vacancies) per cell of every species, where they are fixed; else empty
    """

    name: str
    sites: tuple[int, ...]
    species: tuple[str, ...]
    allowed: tuple[tuple[str, ...], ...] = ()
    fixed: tuple[Fraction, ...] = ()

    def __post_init__(self) -> None:
        if not self.allowed:
            object.__setattr__(self, "allowed", (self.species,) * len(self.sites))

    @cached_property
    def allowed_mask(self) -> np.ndarray:
        """(n_sites, n_species) bool: whether a species may sit on a site."""
        return np.array([[name in site for name in self.species] for site in self.allowed])

    @cached_property
    def uniform(self) -> bool:
        """Whether every site may hold every species."""
        return bool(self.allowed_mask.all())

    @property
    def full(self) -> bool:
        """Whether no site may be vacant."""
        return VACANCY not in self.species


@dataclass(frozen=True)
class Exclusion:
    """Two sites that may not both be filled: site `first` and site `second` in the cell `shift`.

    Attributes
    ----------
    first, second, shift : the sites; `shift` in cells
    distance_A : between them, Å
    species : (on the first, on the second) pairs that may not sit there together; any two atoms
        when empty
    """

    first: int
    second: int
    shift: tuple[int, int, int]
    distance_A: float
    species: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class PairDistance:
    """How near two species come on the sites of a host.

    Attributes
    ----------
    species : the pair, sorted
    least_A : sites nearer than this do not hold the pair together, Å
    source : where that comes from
    shortest_A : between sites that may hold the pair, Å
    shortest_filled_A : between sites that may hold it together, Å; None where there are none
        within the rules' reach
    """

    species: tuple[str, str]
    least_A: float
    source: str
    shortest_A: float
    shortest_filled_A: float | None


@dataclass(frozen=True, eq=False)
class Host:
    """A disordered crystal; `read_host` makes one from a CIF or a POSCAR.

    Attributes
    ----------
    name : the file's name without suffix
    cell : (3, 3) float64, rows are the lattice vectors, Å
    scaled_positions : (n_sites, 3) float64, fractional
    sublattices : every site belongs to exactly one; that of the mobile species comes first, then
        those where there is a choice, then the fixed ones
    charges : formal charge of every species, elementary charges (`VACANCY` is 0); a fraction is
        the average of a species of mixed valence
    exclusions : pairs of sites too close to be filled together
    distances : how near the mobile ion and the pairs named come, see `PairDistance`
    symprec_A : distance within which spglib takes two sites for symmetry images, Å
    charge_sources : per species, whether its charge is `given`, `stated` or `guessed`
    notes : what a user should know of charges and sites, one sentence each
    crystal : what the file states, and what its reading decided; None for a host made by hand
    mobile_ion : its species; empty where none is named
    """

    name: str
    cell: np.ndarray
    scaled_positions: np.ndarray
    sublattices: tuple[Sublattice, ...]
    charges: Mapping[str, Charge]
    exclusions: tuple[Exclusion, ...] = ()
    distances: tuple[PairDistance, ...] = ()
    symprec_A: float = 0.01
    charge_sources: Mapping[str, ChargeSource] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    crystal: Crystal | None = None
    mobile_ion: str = ""

    @property
    def mobile(self) -> Sublattice:
        """The sublattice of the mobile ion."""
        return self.sublattices[0]

    @property
    def species(self) -> tuple[str, ...]:
        """Every species that may sit somewhere, sorted."""
        names = {name for sublattice in self.sublattices for name in sublattice.species}
        return tuple(sorted(names - {VACANCY}))


def make_sublattices(
    allowed: Sequence[Sequence[str]],
    *,
    mobile: str,
    fixed: Sequence[FixedShares | None] = (),
) -> tuple[Sublattice, ...]:
    """Join sites that share a species into sublattices.

    Parameters
    ----------
    allowed : per site of the host's cell, the species that may sit there
    mobile : the species whose sublattice comes first
    fixed : per site, how the sites of its label are shared out, where that is fixed
    """
    pools: list[tuple[set[str], list[int]]] = []
    held: dict[FixedShares, list[int]] = {}
    for site, names in enumerate(allowed):
        shares = fixed[site] if fixed else None
        if shares is not None:
            held.setdefault(shares, []).append(site)
            continue
        species, sites = set(names) - {VACANCY}, [site]
        apart = []
        for pool in pools:
            if pool[0] & species:
                species |= pool[0]
                sites = pool[1] + sites
            else:
                apart.append(pool)
        pools = [*apart, (species, sites)]
    sublattices = [_sublattice(species, sites, allowed) for species, sites in pools]
    for shares, sites in held.items():
        species = {name for site in sites for name in allowed[site]} - {VACANCY}
        part = _sublattice(species, sites, allowed)
        of = dict(shares.shares)
        amounts = tuple(of.get(name, Fraction(0)) * len(sites) for name in part.species)
        sublattices.append(replace(part, name=f"{part.name} on {shares.label}", fixed=amounts))
    # An order that no dictionary decides.
    return tuple(
        sorted(
            sublattices,
            key=lambda s: (mobile not in s.species, len(s.species) == 1, s.name, s.sites),
        )
    )


def _sublattice(
    species: set[str], sites: list[int], allowed: Sequence[Sequence[str]]
) -> Sublattice:
    atoms = tuple(sorted(species))
    sites = sorted(sites)
    vacancies = any(VACANCY in allowed[site] for site in sites)
    names = (*atoms, VACANCY) if vacancies else atoms
    return Sublattice(
        name="/".join(atoms),
        sites=tuple(sites),
        species=names,
        allowed=tuple(tuple(name for name in names if name in allowed[site]) for site in sites),
    )


def families(host: Host) -> list[list[Sublattice]]:
    """Sublattices joined where they share a species: one, but for those of fixed amounts."""
    found: list[tuple[set[str], list[Sublattice]]] = []
    for sublattice in host.sublattices:
        species, parts = set(sublattice.species) - {VACANCY}, [sublattice]
        apart = []
        for family in found:
            if family[0] & species:
                species, parts = species | family[0], [*family[1], *parts]
            else:
                apart.append(family)
        found = [*apart, (species, parts)]
    return [parts for _, parts in found]
