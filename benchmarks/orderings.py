"""Orderings: counts, exact lists, Ewald ranking, annealing and the store, beside pymatgen.

    OMP_NUM_THREADS=1 python benchmarks/orderings.py            # some five minutes
    OMP_NUM_THREADS=1 python benchmarks/orderings.py --skip-pymatgen

The host is C2/m Li3InCl6 with Li on 4g and 4h (6 of 8), In/Y and Cl/Br; x is the fraction of In, y
of Br. Compiling (once per machine) is done before anything is timed.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from pymatgen.analysis.ewald import EwaldSummation
from pymatgen.core import Lattice, Structure

from mlipsse.campaign.crystals.database import Row, ordering_row, write_database
from mlipsse.campaign.crystals.store import stored_values
from mlipsse.orderings import (
    Host,
    HostSettings,
    Ordering,
    Supercell,
    count_orderings,
    enumerate_orderings,
    parse_composition,
    read_host,
)
from mlipsse.orderings.counting.choices import Choices
from mlipsse.orderings.patterns.pattern_energy import PatternEnergy
from mlipsse.orderings.patterns.search import SWEEPS, annealed_patterns, smallest_image
from mlipsse.resources import resource_dir

Y_0, Y_12, Y_6, Y_8, Y_2 = (
    "Li3In0.5Y0.5Cl6",
    "Li3In0.5Y0.5Br0.5Cl5.5",
    "Li3In0.5Y0.5BrCl5",
    "Li3In0.5Y0.5Br0.75Cl5.25",
    "Li3In0.5Y0.5Br3Cl3",
)
COUNTS = [
    ("Li3InCl6", "1x1x1", 10),
    ("Li3InCl6", "1x1x2", 160),
    ("Li3InCl6", "1x2x2", 338_316),
    (Y_0, "1x1x1", 16),
    (Y_12, "1x1x1", 88),
    (Y_6, "1x1x1", 520),
    (Y_2, "1x1x1", 6_672),
    (Y_0, "1x1x2", 836),
    (Y_12, "1x1x2", 190_464),
    (Y_8, "1x1x2", 1_382_640),
    (Y_2, "1x1x2", 1_845_803_568),
    (Y_0, "1x2x2", 23_337_656),
]


def halide_host() -> Host:
    """The published host."""
    return read_host(
        resource_dir("examples") / "li3incl6" / "Li3InCl6.cif",
        HostSettings(
            mobile="Li",
            substitutions={"In": ["In", "Y"], "Cl": ["Cl", "Br"]},
            charges={"Li": 1, "In": 3, "Y": 3, "Cl": -1, "Br": -1},
        ),
    )


def compile_all(host: Host) -> None:
    """Have the compiled parts ready, and pymatgen's Ewald sum warm."""
    for most_patterns in (10, 1):
        enumerate_orderings(
            parse_composition(Y_0, host),
            Supercell(host, "1x1x1"),
            max_orderings=4,
            seed=0,
            most_patterns=most_patterns,
        )


def counts(host: Host) -> None:
    """Burnside counts against those known beforehand."""
    print("\n| composition | supercell | distinct | known | ms |\n|---|---|---:|---:|---:|")
    for formula, repeats, known in COUNTS:
        clock = time.perf_counter()
        count = count_orderings(parse_composition(formula, host), Supercell(host, repeats))
        spent = 1e3 * (time.perf_counter() - clock)
        wrong = "" if count.distinct == known else " WRONG"
        print(f"| {formula} | {repeats} | {count.distinct:,}{wrong} | {known:,} | {spent:.1f} |")


def walk_all(formula: str, repeats: str) -> None:
    """Walk every distinct ordering; in a process of its own, for its memory."""
    host = halide_host()
    compile_all(host)
    before_MB = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    supercell = Supercell(host, repeats)
    composition = parse_composition(formula, host)
    clock = time.perf_counter()
    met = sum(
        len(masks)
        for masks, _ in Choices(supercell, composition.site_counts(supercell)).orderings()
    )
    spent = time.perf_counter() - clock
    most_MB = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"| {formula} | {repeats} | {met:,} | {spent:.3f} | {met / spent / 1e6:.1f} | "
        f"{most_MB:.0f} ({before_MB:.0f} before) |"
    )


def lists(host: Host) -> list[Ordering]:
    """The exact list of 836 as objects, and the top 2000 of 7.4e20 written to a database."""
    times = []
    for _ in range(5):
        clock = time.perf_counter()
        found = enumerate_orderings(
            parse_composition(Y_0, host), Supercell(host, "1x1x2"), max_orderings=2000, seed=0
        )
        times.append(time.perf_counter() - clock)
    print(f"\n{len(found)} orderings of {Y_0} in 1x1x2, ranked: {np.median(times):.3f} s")
    with tempfile.TemporaryDirectory() as folder:
        clock = time.perf_counter()
        top = enumerate_orderings(
            parse_composition(Y_2, host), Supercell(host, "1x2x2"), max_orderings=2000, seed=0
        )
        write_database(Path(folder) / "top.db", [ordering_row(ordering) for ordering in top])
        print(
            f"Top {len(top)} of {Y_2} in 1x2x2 (coverage {top[0].coverage:.1e}), written: "
            f"{time.perf_counter() - clock:.1f} s"
        )
    return found


def ewald(host: Host) -> None:
    """Orderings per second, and the difference to pymatgen."""
    supercell = Supercell(host, "1x2x2")
    composition = parse_composition("Li3InCl6", host)
    choices = Choices(supercell, composition.site_counts(supercell))
    blocks = [masks for masks, _ in choices.patterns()]
    energy = PatternEnergy(choices)
    rates = []
    for _ in range(3):
        clock = time.perf_counter()
        for masks in blocks:
            energy.energies(energy.charges(masks))
        rates.append(sum(map(len, blocks)) / (time.perf_counter() - clock))
    worst, times = 0.0, []
    for masks in blocks[0][:20]:
        labels = choices.labels(masks[None])[0]
        ours = energy.energies(energy.charges(masks[None]))[0]
        structure = _oxidised(host, supercell, labels)
        clock = time.perf_counter()
        theirs = EwaldSummation(structure).total_energy
        times.append(time.perf_counter() - clock)
        worst = max(worst, abs(ours - theirs))
    print(
        f"Ewald energies of {sum(map(len, blocks)):,} patterns of 1x2x2: "
        f"{np.median(rates) / 1e6:.1f} million per second; pymatgen {1 / np.median(times):.0f} per "
        f"second; largest difference {worst:.1e} eV"
    )


def annealing(host: Host) -> None:
    """How many seeds find the ground state that the list has."""
    for repeats in ("1x1x2", "1x2x2"):
        supercell = Supercell(host, repeats)
        composition = parse_composition("Li3InCl6", host)
        choices = Choices(supercell, composition.site_counts(supercell))
        lowest = enumerate_orderings(composition, supercell, max_orderings=1, seed=0)[0]
        starts = 1_000_000 // (SWEEPS * len(supercell.sites[0]))
        trials = starts * SWEEPS * len(supercell.sites[0])
        hits, times = 0, []
        for seed in range(20):
            clock = time.perf_counter()
            found = annealed_patterns(
                choices, at_most=8, rng=np.random.default_rng(seed), most_starts=starts
            )
            times.append(time.perf_counter() - clock)
            hits += abs(found.energies_eV[0] - lowest.ewald_energy_eV) < 1e-6
        print(
            f"Annealing, {supercell.n_sites} sites: ground state in {hits} of 20 seeds, {starts} "
            f"annealings each, {trials:,} trial swaps in all, {np.median(times):.3f} s"
        )


def store(host: Host) -> None:
    """Insert and query a hundred thousand rows."""
    orderings = enumerate_orderings(
        parse_composition(Y_8, host), Supercell(host, "1x1x2"), max_orderings=100_000, seed=0
    )
    rng = np.random.default_rng(0)
    rows = []
    for ordering in orderings:
        row = ordering_row(ordering)
        hull = {"energy_above_hull_eV_atom": float(rng.random() / 20)}
        rows.append(Row(row.atoms, {**row.values, **hull}))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.db"
        clock = time.perf_counter()
        write_database(path, rows)
        inserted = time.perf_counter() - clock
        clock = time.perf_counter()
        found = list(stored_values(path, where=["energy_above_hull_eV_atom<0.0005"]))
        print(
            f"{len(rows):,} rows inserted: {inserted:.0f} s, {path.stat().st_size / 1e6:.0f} MB; "
            f"query by energy above hull ({len(found)} rows): {time.perf_counter() - clock:.2f} s"
        )


def pymatgen_list(host: Host, ours: list[Ordering]) -> None:
    """OrderDisorderedStructureTransformation asked for 2000 of the same problem."""
    from pymatgen.transformations.standard_transformations import (
        OrderDisorderedStructureTransformation,
    )

    supercell = Supercell(host, "1x1x2")
    occupancies = {
        "Li": {"Li+": 0.75},
        "In/Y": {"In3+": 0.5, "Y3+": 0.5},
        "Br/Cl": {"Cl-": 1.0},
    }
    species: list[dict[str, float]] = [{}] * supercell.n_sites
    for sublattice, sites in zip(host.sublattices, supercell.sites, strict=True):
        for site in sites:
            species[site] = occupancies[sublattice.name]
    disordered = Structure(
        Lattice(supercell.cell), species, supercell.positions, coords_are_cartesian=True
    )
    clock = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ranked = OrderDisorderedStructureTransformation().apply_transformation(
            disordered, return_ranked_list=2000
        )
    spent = time.perf_counter() - clock
    distinct = {_code(host, supercell, entry["structure"]) for entry in ranked}
    clock = time.perf_counter()
    enumerate_orderings(parse_composition(Y_0, host), supercell, max_orderings=2000, seed=0)
    own = time.perf_counter() - clock
    print(
        f"pymatgen, 2000 asked for at 1x1x2, y = 0: {len(ranked)} returned, {len(distinct)} of "
        f"them distinct, {spent:.1f} s; ours: {len(ours)} distinct, {own:.3f} s: "
        f"{spent / own:.0f} times as fast"
    )


def _code(host: Host, supercell: Supercell, structure: Structure) -> bytes:
    """The smallest image of an ordering under the supercell's symmetry."""
    labels = np.empty(supercell.n_sites, dtype=np.int8)
    names = ["vacancy"] * supercell.n_sites
    apart = structure.lattice.get_all_distances(
        structure.frac_coords, structure.lattice.get_fractional_coords(supercell.positions)
    )
    for site, nearest in zip(structure, apart.argmin(axis=1), strict=True):
        names[nearest] = site.specie.symbol
    for sublattice, sites in zip(host.sublattices, supercell.sites, strict=True):
        for site in sites:
            labels[site] = sublattice.species.index(names[site])
    return smallest_image(labels, supercell.permutations)[0].tobytes()


def _oxidised(host: Host, supercell: Supercell, labels: np.ndarray) -> Structure:
    names, positions = [], []
    for sublattice, sites in zip(host.sublattices, supercell.sites, strict=True):
        for site in sites:
            name = sublattice.species[labels[site]]
            if name != "vacancy":
                charge = host.charges[name]
                names.append(f"{name}{abs(charge)}{'+-'[charge < 0]}")
                positions.append(supercell.positions[site])
    return Structure(Lattice(supercell.cell), names, positions, coords_are_cartesian=True)


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--skip-pymatgen", action="store_true")
    parser.add_argument("--walk", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.walk:
        walk_all(*arguments.walk)
        return
    host = halide_host()
    compile_all(host)
    counts(host)
    print("\n| composition | supercell | walked | s | million per second | peak memory, MB |")
    print("|---|---|---:|---:|---:|---:|", flush=True)
    for formula, repeats in ((Y_0, "1x1x2"), (Y_8, "1x1x2"), (Y_0, "1x2x2")):
        subprocess.run([sys.executable, __file__, "--walk", formula, repeats], check=True)
    found = lists(host)
    ewald(host)
    annealing(host)
    store(host)
    if not arguments.skip_pymatgen:
        pymatgen_list(host, found)


if __name__ == "__main__":
    main()
