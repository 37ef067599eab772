"""Small random hosts of every crystal system, and their orderings by brute force."""

from functools import cache
from itertools import product

import numpy as np
from pymatgen.core import DummySpecies, Lattice, Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer
from pymatgen.symmetry.groups import SpaceGroup

from mlipsse.orderings import VACANCY, Exclusion, Host
from mlipsse.orderings.host.model import make_sublattices

SYSTEMS = {
    "triclinic": (1, 2),
    "monoclinic": (3, 15),
    "orthorhombic": (16, 74),
    "tetragonal": (75, 142),
    "trigonal": (143, 167),
    "hexagonal": (168, 194),
    "cubic": (195, 230),
}
CHOICES = [
    ("Na",),
    ("Li", VACANCY),
    ("Li",),
    ("In", "Y"),
    ("Cl", "Br", VACANCY),
    ("Li", "Y", VACANCY),
]
CHARGES = {"Li": 1, "Na": 1, "In": 3, "Y": 3, "Cl": -1, "Br": -1, VACANCY: 0}

MOST_SITES = 14


def random_host(system: str, rng: np.random.Generator) -> Host:
    """A host of a few sites; some on special positions, some pairs excluding each other."""
    low, high = SYSTEMS[system]
    while True:
        group = int(rng.integers(low, high + 1))
        allowed_of_orbit = [CHOICES[k] for k in rng.integers(len(CHOICES), size=rng.integers(1, 4))]
        special = [0.0, 0.25, 0.5, 0.75]
        places = [
            [float(rng.choice([*special, rng.random()])) for _ in range(3)]
            for _ in allowed_of_orbit
        ]
        lattice = _lattice(system, rng)
        if sum(_orbit_size(group, place) for place in places) > MOST_SITES:
            continue
        structure = Structure.from_spacegroup(
            group,
            lattice,
            [DummySpecies("X" + "abc"[k]) for k in range(len(allowed_of_orbit))],
            places,
        )
        if not 2 <= len(structure) <= MOST_SITES:
            continue
        if np.min(structure.distance_matrix + 9 * np.eye(len(structure))) < 0.3:
            continue
        allowed = [allowed_of_orbit["abc".index(site.specie.symbol[1])] for site in structure]
        if len(set(allowed)) == 1 and len(allowed[0]) == 1:
            continue
        return Host(
            name=f"{system}-{group}",
            cell=np.array(structure.lattice.matrix),
            scaled_positions=np.array(structure.frac_coords),
            sublattices=make_sublattices(allowed, mobile="Li"),
            charges=CHARGES,
            exclusions=_exclusions(structure, allowed, float(rng.choice([0.0, 2.0, 3.0])), rng),
        )


def _orbit_size(group: int, place: list[float]) -> int:
    """Sites that a place has; pymatgen's own way takes a second for 192 of them."""
    images = _operations(group) @ [*place, 1.0]
    return len(np.unique(np.round(images[:, :3], 4) % 1.0, axis=0))


@cache
def _operations(group: int) -> np.ndarray:
    operations = SpaceGroup.from_int_number(group).symmetry_ops
    return np.array([operation.affine_matrix for operation in operations])


def _lattice(system: str, rng: np.random.Generator) -> Lattice:
    a, b, c = rng.uniform(4, 7, size=3)
    match system:
        case "triclinic":
            return Lattice.from_parameters(a, b, c, *rng.uniform(75, 105, size=3))
        case "monoclinic":
            return Lattice.monoclinic(a, b, c, rng.uniform(95, 115))
        case "orthorhombic":
            return Lattice.orthorhombic(a, b, c)
        case "tetragonal":
            return Lattice.tetragonal(a, c)
        case "trigonal" | "hexagonal":
            return Lattice.hexagonal(a, c)
    return Lattice.cubic(a)


def _exclusions(
    structure: Structure,
    allowed: list[tuple[str, ...]],
    closest_A: float,
    rng: np.random.Generator,
) -> tuple[Exclusion, ...]:
    """Sites that exclude each other's atoms; or, in every second host, pairs of species."""
    names = sorted({name for site in allowed for name in site} - {VACANCY})
    kinds = (
        [tuple(sorted(rng.choice(names, size=2))) for _ in range(2)] if rng.random() < 0.5 else []
    )
    found = []
    for i, neighbours in enumerate(structure.get_all_neighbors(closest_A) if closest_A else []):
        for other in neighbours:
            j, shift = other.index, tuple(int(x) for x in other.image)
            if i == j:
                continue
            species = tuple(
                (a, b) for a in allowed[i] for b in allowed[j] if tuple(sorted((a, b))) in kinds
            )
            if species or (not kinds and VACANCY in allowed[i] and VACANCY in allowed[j]):
                found.append(Exclusion(i, j, shift, float(other.nn_distance), species))
    return tuple(found)


def brute_force_orbits(supercell, counts) -> tuple[int, int]:
    """All arrangements one by one, joined by the operations that spglib finds of the supercell.

    Returns how many arrangements there are, and how many orbits.
    """
    kinds = np.empty(supercell.n_sites, dtype=object)
    for sites, sublattice, allowed in zip(
        supercell.sites, supercell.host.sublattices, supercell.allowed, strict=True
    ):
        for site, mask in zip(sites, allowed, strict=True):
            kinds[site] = "".join(n for n, ok in zip(sublattice.species, mask, strict=True) if ok)
    names = sorted(set(kinds))
    crystal = Structure(
        Lattice(supercell.cell),
        [DummySpecies("X" + "abcdef"[names.index(kind)]) for kind in kinds],
        supercell.positions,
        coords_are_cartesian=True,
    )
    permutations = []
    for operation in SpacegroupAnalyzer(crystal, symprec=0.01).get_symmetry_operations():
        moved = operation.operate_multi(crystal.frac_coords)
        apart = crystal.lattice.get_all_distances(moved, crystal.frac_coords)
        permutations.append(apart.argmin(axis=1))
    # Site i of an image holds what the operation carries there.
    sources = np.argsort(np.array(permutations), axis=1)
    everything = list(_arrangements(supercell, counts))
    left, orbits = set(everything), 0
    for labels in everything:
        if labels in left:
            orbits += 1
            row = np.frombuffer(labels, dtype=np.int8)
            left.difference_update(image.tobytes() for image in row[sources])
    assert not left
    return len(everything), orbits


def _arrangements(supercell, counts):
    owners = np.empty(supercell.n_sites, dtype=int)
    ways: list[list[int]] = [[] for _ in range(supercell.n_sites)]
    for index, (sites, allowed) in enumerate(zip(supercell.sites, supercell.allowed, strict=True)):
        for site, mask in zip(sites, allowed, strict=True):
            ways[site] = np.flatnonzero(mask).tolist()
            owners[site] = index
    for labels in product(*ways):
        row = np.array(labels, dtype=np.int8)
        if any(
            not np.array_equal(np.bincount(row[owners == k], minlength=len(counts[k])), counts[k])
            for k in range(len(counts))
        ):
            continue
        if any(row[i] == a and row[j] == b for i, a, j, b in supercell.conflicts):
            continue
        yield row.tobytes()
