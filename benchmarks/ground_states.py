"""Does the search by energy find the published ground-state motif?

    python benchmarks/ground_states.py --cells 1x1x1 1x1x2 --seeds 5

Li3In0.5Y0.5Br3Cl3 with the shipped LIYBC potential, from 60 orderings of low Ewald energy: the
lowest energy of these, of the search, and of the published motif (Br around In, Cl around Y) on the
ten Li patterns of lowest Ewald energy (Deng et al. 2025). Seconds on the clock, with two workers.
"""

import argparse
import itertools
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import yaml
from relaxations import versions

from mlipsse.campaign.crystals.orderings import campaign_host
from mlipsse.campaign.crystals.store import stored_values
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import read_campaign
from mlipsse.campaign.engine.table import read_csv
from mlipsse.campaign.runner import run_campaign
from mlipsse.energetics.relaxation.energies import relax_all
from mlipsse.energetics.relaxation.outcome import RelaxationSettings
from mlipsse.orderings import Host, Supercell, enumerate_orderings, parse_composition
from mlipsse.orderings.counting.ordering import decorated_atoms
from mlipsse.orderings.search.distinct import DistinctOrderings
from mlipsse.potential.native.copy import fastest
from mlipsse.resources import resource_dir

FORMULA = "Li3In0.5Y0.5Br3Cl3"
POTENTIAL = "mace-liybc-scan-small"
HEAD = "Default"
N_ENUMERATED = 60
RELAXATION = {"max_force_eV_A": 0.02, "max_steps": 400}
N_PATTERNS = 10


def main() -> None:
    """Print a line per search."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", nargs="*", default=["1x1x1", "1x1x2"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--search", default="{}", help="rank.search as JSON; else the defaults.")
    arguments = parser.parse_args()
    search = json.loads(arguments.search)
    print(versions())
    for cell in arguments.cells:
        motif_eV_atom = lowest_motif(cell)
        for seed in range(1, arguments.seeds + 1):
            halide(cell, seed, motif_eV_atom, search)


def halide(cell: str, seed: int, motif_eV_atom: float, search: dict[str, int]) -> None:
    """Enumerate, relax and search in a new campaign, and print what was found."""
    with tempfile.TemporaryDirectory() as made:
        folder = campaign_folder(Path(made), cell, seed, search)
        campaign = read_campaign(folder)
        began = time.perf_counter()
        run_campaign(campaign, last="rank")
        seconds = time.perf_counter() - began
        rows = list(stored_values(campaign.path(paths.Rank.database)))
        rounds = read_csv(campaign.path(paths.Rank.search))
    n_atoms = 20 * Supercell(campaign_host_of(cell), cell).n_cells
    enumerated = [row["energy_eV"] / n_atoms for row in rows if "round" not in row["found"]]
    lowest = min(rows, key=lambda row: row["energy_eV"])
    found_eV_atom = lowest["energy_eV"] / n_atoms
    enumerated_meV = 1e3 * (min(enumerated) - motif_eV_atom)
    print(
        f"{cell}, seed {seed}: lowest {1e3 * (found_eV_atom - motif_eV_atom):+.2f} meV/atom from "
        f"the motif ({lowest['found']}), enumerated {enumerated_meV:+.2f}; "
        f"{len(rows)} relaxed in {len(rounds)} rounds, {seconds:.0f} s",
        flush=True,
    )


def campaign_folder(folder: Path, cell: str, seed: int, search: dict[str, int]) -> Path:
    """A campaign that goes to the ranking."""
    example = resource_dir("examples") / "liybc"
    (folder / "LIYBC.cif").write_bytes((example / "LIYBC.cif").read_bytes())
    content = {
        "name": "search",
        "seed": seed,
        "structure": yaml.safe_load((example / "campaign.yaml").read_text())["structure"],
        "enumerate": {
            "compositions": [FORMULA],
            "supercells": [cell],
            "max_orderings": N_ENUMERATED,
        },
        "rank": {"foundation": POTENTIAL, "head": HEAD, "search": search, **RELAXATION},
        "simulate": {"temperatures_K": [800]},
        "execution": {"workers": min(2, os.cpu_count() or 1)},
    }
    (folder / "campaign.yaml").write_text(yaml.safe_dump(content))
    return folder


def campaign_host_of(cell: str) -> Host:
    """The host of the campaign."""
    with tempfile.TemporaryDirectory() as made:
        return campaign_host(read_campaign(campaign_folder(Path(made), cell, 1, {})))


def lowest_motif(cell: str) -> float:
    """Lowest energy of the published motif, eV/atom: Br on In and Cl on Y, on ten Li patterns."""
    host = campaign_host_of(cell)
    supercell = Supercell(host, cell)
    orderings = enumerate_orderings(
        parse_composition(FORMULA, host), supercell, max_orderings=N_ENUMERATED, seed=1
    )
    patterns = {ordering.pattern: ordering.labels for ordering in reversed(orderings)}
    known, motifs = DistinctOrderings(supercell), []
    for pattern in sorted(number for number in patterns if number is not None)[:N_PATTERNS]:
        for labels in decorated_by_motif(host, supercell, patterns[pattern]):
            if known.add(labels):
                motifs.append(labels)
    potential, head = fastest(POTENTIAL, head=HEAD)
    outcomes = relax_all(
        [decorated_atoms(supercell, labels) for labels in motifs],
        potential,
        RelaxationSettings(
            fmax_eV_A=RELAXATION["max_force_eV_A"],
            max_steps=int(RELAXATION["max_steps"]),
            mobile="Li",
        ),
        head=head,
    )
    energies_eV = [outcome.energy_eV for outcome in outcomes if outcome.converged]
    print(f"{cell}: {len(energies_eV)} orderings of the motif", flush=True)
    return min(energies_eV) / (20 * supercell.n_cells)


def decorated_by_motif(host: Host, supercell: Supercell, labels: np.ndarray) -> list[np.ndarray]:
    """Every arrangement of the metals, with Br where the nearest metal is In, and Cl elsewhere."""
    number = {sublattice.name: k for k, sublattice in enumerate(host.sublattices)}
    metals, anions = supercell.sites[number["In/Y"]], supercell.sites[number["Br/Cl"]]
    metal, anion = (host.sublattices[number[name]].species for name in ("In/Y", "Br/Cl"))
    apart = supercell.positions[anions][:, None] - supercell.positions[metals]
    scaled = apart @ np.linalg.inv(supercell.cell)
    distance_A = np.linalg.norm((scaled - np.rint(scaled)) @ supercell.cell, axis=-1)
    found = []
    for chosen in itertools.combinations(range(len(metals)), len(metals) // 2):
        own = labels.copy()
        own[metals] = metal.index("Y")
        own[metals[list(chosen)]] = metal.index("In")
        beside_in = own[metals[distance_A.argmin(axis=1)]] == metal.index("In")
        own[anions] = np.where(beside_in, anion.index("Br"), anion.index("Cl"))
        found.append(own)
    return found


if __name__ == "__main__":
    main()
