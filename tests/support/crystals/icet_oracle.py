"""Record icet's cluster vectors of random orderings (icet 4.0 installed):

    python -m tests.support.crystals.icet_oracle

The file is small and committed, so that tests need no icet, which a compiler must build.
"""

import json
from pathlib import Path

import numpy as np

from mlipsse.orderings import HostSettings, Supercell, read_host

DATA = Path(__file__).parents[2] / "orderings" / "data"
CASES = {
    "NaSICON_R-3c": {"mobile": "Na", "substitutions": {}, "cutoff_A": 6.0, "cells": (2, 2, 1)},
    "Li3InCl6_C2m": {
        "mobile": "Li",
        "substitutions": {"In": ["In", "Y"], "Cl": ["Cl", "Br"]},
        "cutoff_A": 4.2,
        "cells": (2, 1, 2),
    },
}
N_ORDERINGS = 60


def oracle_file(name):
    return DATA / f"icet_{name}.json"


def main():
    from ase import Atoms
    from icet import ClusterSpace

    for name, case in CASES.items():
        host = read_host(
            DATA / f"{name}.cif",
            HostSettings(mobile=case["mobile"], substitutions=case["substitutions"]),
        )
        allowed: list[list[str]] = [[] for _ in host.scaled_positions]
        for sublattice in host.sublattices:
            for site in sublattice.sites:
                allowed[site] = ["X" if s == "vacancy" else s for s in sublattice.species]
        primitive = Atoms(
            [names[0] for names in allowed],
            scaled_positions=host.scaled_positions,
            cell=host.cell,
            pbc=True,
        )
        space = ClusterSpace(
            primitive, [case["cutoff_A"]], allowed, symprec=host.symprec_A, position_tolerance=1e-3
        )
        supercell = Supercell(host, case["cells"])
        rng = np.random.default_rng(0)
        orderings = []
        for _ in range(N_ORDERINGS):
            labels = np.zeros(supercell.n_sites, dtype=int)
            symbols = np.empty(supercell.n_sites, dtype=object)
            for sublattice, sites in zip(host.sublattices, supercell.sites, strict=True):
                n = len(sublattice.species)
                labels[sites] = rng.choice(n, size=len(sites), p=rng.dirichlet(np.ones(n)))
                names = np.array(allowed[sublattice.sites[0]], dtype=object)
                symbols[sites] = names[labels[sites]]
            atoms = Atoms(
                list(symbols), positions=supercell.positions, cell=supercell.cell, pbc=True
            )
            vector = space.get_cluster_vector(atoms)
            orderings.append(
                {
                    "labels": "".join(map(str, labels)),
                    "cluster_vector": [round(float(x), 10) for x in vector],
                }
            )
        pairs = [orbit for orbit in space.as_list if orbit["order"] == 2]
        facts = {
            "icet": "4.0",
            "supercell": list(supercell.repeats.factors),
            "pairs": [[round(float(2 * p["radius"]), 4), int(p["multiplicity"])] for p in pairs],
            "primitive_cells": len(host.scaled_positions) // len(space.primitive_structure),
            "orderings": orderings,
        }
        oracle_file(name).write_text(json.dumps(facts, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
