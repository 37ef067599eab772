"""How near two sites may lie and still both be filled: rules by species, and their exclusions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pymatgen.core import Element

from mlipsse.errors import MlipsseError
from mlipsse.orderings.host.model import VACANCY, Charge, Exclusion, PairDistance

ON_TOP_A = 0.05
"""Sites nearer than this are one site written twice."""

CLOSEST_A = {
    "Li": 2.0, "Na": 2.6, "K": 3.0, "Rb": 3.2, "Ag": 2.5, "Cu": 2.2, "Mg": 2.6, "Ca": 3.0,
    "Zn": 2.6, "Al": 2.5, "H": 1.3, "O": 2.1, "F": 2.1, "Cl": 2.8, "Br": 3.0, "I": 3.3,
}  # fmt: skip
"""Least distance between two ions of the mobile species, Å.

Some 0.1 Å, the noise of refined and published coordinates, below the shortest one in fully ordered
crystals: Li3N 2.106 (Rabenau and Schulz, J. Less-Common Met. 50, 155, 1976), the shortest also
among the ordered lithium crystals of OBELiX (benchmarks/host_charges.py); Na2O 2.78, K2O 3.22,
Rb2O 3.37 (antifluorite, half the lattice constant); silver 2.66 and copper 2.35 (contacts of d10
ions in their complexes; in the metals 2.89 and 2.56); Mg3N2 2.7; CaO 3.40 and Ca3N2 3.1; zinc 2.66;
Al2O3 2.65; hydrogen in water 1.5; oxygen in carbonates 2.2, fluorine in BF4 2.2, chlorine in CCl4
2.9. Another ion has `OTHERS_A`."""

OTHERS_A = 1.5
"""Least distance between other ions of the same sign on sites that may be empty, Å."""

_BONDED = frozenset("HBCN")
"""They form bonds among themselves, as in CN, whatever their formal charges."""

_OVERLAP = 0.6
"""Share of the sum of covalent radii (Cordero et al., Dalton Trans. 2832, 2008), below any bond."""

_REACH_A = 4.0  # as far as distances are looked at, and farther than any bond

ClosestSetting = float | Mapping[str, float] | None


@dataclass(frozen=True)
class DistanceRules:
    """Least distances between filled sites.

    Attributes
    ----------
    mobile : species of the mobile ion
    closest_A : between sites of the mobile ion, whatever of one sign fills them, Å
    is_default : whether that is the default
    named : per pair of species, sorted, what the user asks for, Å
    """

    mobile: str
    closest_A: float
    is_default: bool
    named: Mapping[tuple[str, str], float]

    @property
    def longest_A(self) -> float:
        """No rule reaches farther."""
        return max([_REACH_A, self.closest_A, *self.named.values()])

    def least_A(self, pair: tuple[str, str], *, same_sign: bool, mobile_sites: bool) -> float:
        """For a pair of species on two sites.

        Parameters
        ----------
        pair : the species, sorted
        same_sign : whether their charges have the same sign
        mobile_sites : whether both sites may hold the mobile ion
        """
        if pair in self.named:
            return self.named[pair]
        overlap_A = _OVERLAP * sum(_covalent_radius_A(name) for name in pair)
        if not same_sign:
            return overlap_A
        if mobile_sites:
            return self.closest_A
        if set(pair) <= _BONDED:
            return CLOSEST_A["H"] if pair == ("H", "H") else overlap_A
        return max(OTHERS_A, overlap_A)

    def describe(self, pair: tuple[str, str]) -> str:
        """Where the least distance of a pair on sites of the mobile ion comes from."""
        if pair in self.named or not self.is_default:
            return "`closest_A`"
        return f"the default for {self.mobile}"


def distance_rules(setting: ClosestSetting, mobile: str) -> DistanceRules:
    """The rules of a setting `closest_A`.

    Parameters
    ----------
    setting : Å, between sites of the mobile ion; or per pair of species, as in
        ``{"Li-Li": 2.3, "Al-Li": 2.0}``; None for the default

    Raises
    ------
    MlipsseError
        for what is no pair of elements, and a distance that is not above zero.
    """
    default_A = CLOSEST_A.get(mobile, OTHERS_A)
    if setting is None:
        return DistanceRules(mobile, default_A, True, {})
    if not isinstance(setting, Mapping):
        _check_distance("closest_A", setting)
        return DistanceRules(mobile, float(setting), False, {})
    named: dict[tuple[str, str], float] = {}
    for text, least_A in setting.items():
        names = [name.strip() for name in text.split("-")]
        if len(names) != 2 or not all(Element.is_valid_symbol(name) for name in names):
            raise MlipsseError(
                f"closest_A names {text!r}: name pairs of elements, e.g. Li-Li: 2.3, or give one "
                "number for the sites of the mobile ion."
            )
        _check_distance(f"closest_A {text}", least_A)
        pair = (min(names), max(names))
        if named.setdefault(pair, float(least_A)) != float(least_A):
            raise MlipsseError(
                f"closest_A gives {'-'.join(pair)} two distances, {named[pair]:g} and "
                f"{least_A:g} Å. Give it once."
            )
    own_A = named.get((mobile, mobile))
    return DistanceRules(mobile, default_A if own_A is None else own_A, own_A is None, named)


def _check_distance(name: str, least_A: Any) -> None:
    if isinstance(least_A, bool) or not isinstance(least_A, int | float) or not 0 < least_A < 20:
        raise MlipsseError(f"{name} is {least_A}: a distance is above 0 and below 20 Å.")


@dataclass(frozen=True, eq=False)
class Sites:
    """Sites of a host's cell, and what may sit on them.

    Attributes
    ----------
    file : name of the file, for messages
    cell, scaled : (3, 3) Å and (n, 3) fractional
    allowed : per site, species and `VACANCY`
    """

    file: str
    cell: np.ndarray
    scaled: np.ndarray
    allowed: Sequence[Sequence[str]]


def check_apart(sites: Sites) -> None:
    """Refuse one site written twice."""
    for i, j, _, distance_A in _near_pairs(sites, ON_TOP_A):
        raise MlipsseError(
            f"{_described(sites, i)} and {_described(sites, j)} of {sites.file} lie "
            f"{distance_A:.3f} Å apart: one site is written twice. Remove one from the file."
        )


def find_exclusions(
    sites: Sites, charges: Mapping[str, Charge], rules: DistanceRules
) -> tuple[tuple[Exclusion, ...], tuple[PairDistance, ...]]:
    """Pairs of sites that may not both be filled, and the shortest distances that there are.

    Two sites of which neither may be empty are the file's: only a pair that the user names is
    asked of them.

    Raises
    ------
    MlipsseError
        for a species that could never sit on a site because of what always fills another, and a
        named pair of a species that no site may hold.
    """
    present = {name for names in sites.allowed for name in names}
    for pair in rules.named:
        for name in set(pair) - present:
            raise MlipsseError(
                f"closest_A names {'-'.join(pair)}, but no site of {sites.file} may hold {name}: "
                f"they hold {', '.join(sorted(present - {VACANCY}))}. Correct the pair, or add "
                f"{name} with `substitutions`."
            )
    found, met = [], _Met()
    for i, j, shift, distance_A in _near_pairs(sites, rules.longest_A):
        pairs = list(_species_pairs(sites, charges, rules, (i, j)))
        met.note(pairs, distance_A)
        conflicts = {(p.first, p.second): p for p in pairs if distance_A < p.least_A and p.asked}
        if not conflicts:
            continue
        _check_dead_species(sites, (i, j), distance_A, conflicts)
        species = () if len(conflicts) == len(pairs) else tuple(sorted(conflicts))
        found.append(Exclusion(i, j, shift, distance_A, species))
    found.sort(key=lambda pair: (pair.first, pair.second, pair.shift))
    return tuple(found), met.distances(rules)


def _near_pairs(
    sites: Sites, cutoff_A: float
) -> Iterator[tuple[int, int, tuple[int, int, int], float]]:
    """Every pair of sites once."""
    from ase import Atoms
    from ase.neighborlist import neighbor_list

    n_sites = len(sites.scaled)
    points = Atoms(f"X{n_sites}", scaled_positions=sites.scaled, cell=sites.cell, pbc=True)
    for i, j, s, distance_A in zip(*neighbor_list("ijSd", points, cutoff_A), strict=True):
        if (i, j, *s) <= (j, i, *-s):
            yield int(i), int(j), (int(s[0]), int(s[1]), int(s[2])), float(distance_A)


@dataclass(frozen=True)
class _SpeciesPair:
    """A species on the first of two sites and one on the second.

    Attributes
    ----------
    first, second : the species
    least_A : they may not lie nearer, Å
    asked : whether the rule is asked of these sites
    shown : whether users want to know how near they come
    """

    first: str
    second: str
    least_A: float
    asked: bool
    shown: bool


def _species_pairs(
    sites: Sites, charges: Mapping[str, Charge], rules: DistanceRules, pair: tuple[int, int]
) -> Iterator[_SpeciesPair]:
    here, there = (sites.allowed[site] for site in pair)
    may_be_empty = VACANCY in here or VACANCY in there
    mobile_sites = rules.mobile in here and rules.mobile in there
    for a in here:
        for b in there:
            if VACANCY in (a, b):
                continue
            named = (min(a, b), max(a, b))
            same_sign = float(charges[a]) * float(charges[b]) >= 0
            yield _SpeciesPair(
                a,
                b,
                rules.least_A(named, same_sign=same_sign, mobile_sites=mobile_sites),
                asked=may_be_empty or named in rules.named,
                shown=named in rules.named or (mobile_sites and rules.mobile in named),
            )


def _check_dead_species(
    sites: Sites,
    pair: tuple[int, int],
    distance_A: float,
    conflicts: Mapping[tuple[str, str], _SpeciesPair],
) -> None:
    """Refuse a species that conflicts with whatever may sit on the other site."""
    here, there = (sites.allowed[site] for site in pair)
    for name, other, rule in [
        *((b, here[0], conflicts[here[0], b]) for b in there if _all_in(here, [b], conflicts)),
        *((a, there[0], conflicts[a, there[0]]) for a in here if _all_in([a], there, conflicts)),
    ]:
        text = "-".join(sorted((name, other)))
        raise MlipsseError(
            f"{_described(sites, pair[0])} and {_described(sites, pair[1])} of {sites.file} lie "
            f"{distance_A:.2f} Å apart, closer than {rule.least_A:.2f} Å, the least for {text}, "
            f"and one of them is always filled, so {name} can never be on the other. Remove the "
            f"other site from the file, or lower the distance: `closest_A: {{{text}: "
            f"{0.95 * distance_A:.2f}}}`."
        )


def _all_in(
    here: Sequence[str], there: Sequence[str], conflicts: Mapping[tuple[str, str], _SpeciesPair]
) -> bool:
    return all((a, b) in conflicts for a in here for b in there)


def _described(sites: Sites, site: int) -> str:
    return f"Site {site + 1} ({'/'.join(sites.allowed[site])})"


def _covalent_radius_A(name: str) -> float:
    from ase.data import atomic_numbers, covalent_radii

    return float(covalent_radii[atomic_numbers[name]])


class _Met:
    """The shortest distances between sites that may be filled, by pair of species."""

    def __init__(self) -> None:
        self._least: dict[tuple[str, str], float] = {}
        self._shortest: dict[tuple[str, str], float] = {}
        self._filled: dict[tuple[str, str], float] = {}

    def note(self, pairs: Sequence[_SpeciesPair], distance_A: float) -> None:
        """Take in two sites."""
        for pair in pairs:
            if not pair.shown:
                continue
            named = (min(pair.first, pair.second), max(pair.first, pair.second))
            self._least[named] = pair.least_A
            self._shortest[named] = min(self._shortest.get(named, np.inf), distance_A)
            if distance_A >= pair.least_A or not pair.asked:
                self._filled[named] = min(self._filled.get(named, np.inf), distance_A)

    def distances(self, rules: DistanceRules) -> tuple[PairDistance, ...]:
        """In the order of the pairs' names."""
        return tuple(
            PairDistance(
                species=pair,
                least_A=self._least[pair],
                source=rules.describe(pair),
                shortest_A=self._shortest[pair],
                shortest_filled_A=self._filled.get(pair),
            )
            for pair in sorted(self._shortest)
        )
