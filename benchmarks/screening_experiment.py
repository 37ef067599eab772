"""Which descriptor ranks measured conductivities: landscapes, bond valence, or short dynamics?

    pip install -c constraints.txt -e '.[peers]'      # bvlain
    python benchmarks/screening_experiment.py OBELIX_FOLDER WORK --potential mace-sse-small

OBELIX_FOLDER holds train.csv and the CIFs of OBELiX (Therrien et al. 2025). Of every crystal whose
elements the potential knows and that fits into the largest cell, the ordering of lowest Ewald
energy is relaxed and screened (`mlipsse screen landscape`, 0.25 Å); the bond-valence landscape
(bvlain, 0.2 Å) is that of the same ordering as the CIF has it. Where labels/conductors has a slope
of the MSD of the crystal at 1000 K, it is compared too. Spearman's rank correlation with the
logarithm of the conductivity at room temperature, and the area under the ROC curve for 1e-4 S/cm;
intervals of 95 % from 2000 bootstrap samples. A value above 0 or 0.5 is in the right direction.
"""

import argparse
import contextlib
import csv
import io
import json
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from relaxations import versions
from scipy.stats import rankdata, spearmanr

from mlipsse.campaign.config.execution import ExecutionConfig
from mlipsse.campaign.studies.screening.landscapes import screen
from mlipsse.campaign.studies.screening.units import LandscapeSettings
from mlipsse.dataset.frames.extxyz import read_frames
from mlipsse.energetics.potentials.calculators import known_species
from mlipsse.screening.landscape.crystals import read_candidates

MOBILE = "Li"
FAST_S_CM = 1e-4
N_BOOTSTRAP = 2000
FEWEST = 8
"""Crystals of a family, below which it is not shown alone."""
PREDICTORS: dict[str, tuple[str, int]] = {
    "Xi": ("xi", 1),
    "MPE": ("mpe_eV", -1),
    "percolation 1D": ("percolation_1d_eV", -1),
    "percolation 3D": ("percolation_3d_eV", -1),
    "connected at 0.5 eV": ("connected_0.5", 1),
    "bond valence 1D": ("bond_valence_1d_eV", -1),
    "bond valence 3D": ("bond_valence_3d_eV", -1),
    "MSD slope at 1000 K": ("msd_slope_A2_ps", 1),
}
"""Name -> column, and the sign with which it rises with conductivity."""

Statistic = Callable[[np.ndarray, np.ndarray], float]


def main() -> None:
    """Print the tables, overall and by family."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("obelix", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--potential", default="mace-sse-small")
    parser.add_argument("--max-atoms", type=int, default=120)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    facts = read_facts(arguments.obelix / "train.csv")
    files = known_files(arguments.obelix, facts, arguments.potential)
    settings = LandscapeSettings(
        arguments.potential, MOBILE, relaxation="cell", max_atoms=arguments.max_atoms
    )
    found = screen(
        files,
        settings,
        out=arguments.work / "landscapes",
        execution=ExecutionConfig(workers=arguments.workers),
        views=0,
    )
    rows = [row for row in found.rows if not row["reason"]]
    valence = bond_valence(rows, arguments.work / "bond-valence.json")
    slopes = msd_slopes()
    for row in rows:
        row |= {
            "log10": facts[row["name"]]["log10"],
            "family": facts[row["name"]]["Family"],
            **valence.get(row["name"], {}),
            "msd_slope_A2_ps": slopes.get(row["name"]),
        }
    print(versions(), "\n")
    print(f"{arguments.potential}: {len(rows)} crystals, {len(found.rows) - len(rows)} left out\n")
    table("all", rows)
    families = sorted({row["family"] for row in rows})
    for family in families:
        own = [row for row in rows if row["family"] == family]
        if len(own) >= FEWEST:
            table(family, own)
    print("Left out:\n")
    for row in found.rows:
        if row["reason"]:
            print(f"- {row['name']}: {row['reason']}")


def read_facts(path: Path) -> dict[str, dict[str, Any]]:
    """Rows of OBELiX by their name, with log10 of the conductivity; limits count as they are."""
    with path.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        row["log10"] = np.log10(float(row["Ionic conductivity (S cm-1)"].lstrip("<>")))  # type: ignore[assignment]
    return {row["ID"]: row for row in rows}


def known_files(obelix: Path, facts: Mapping[str, Mapping[str, str]], potential: str) -> list[Path]:
    """CIFs of crystals whose elements the potential knows."""
    known = known_species(potential)
    chosen = []
    for path in sorted((obelix / "train_randomized_cifs").glob("*.cif")):
        elements = set(re.findall(r"[A-Z][a-z]?", facts[path.stem]["True Composition"]))
        if known is None or elements <= known:
            chosen.append(path)
    return chosen


def bond_valence(rows: Sequence[Mapping[str, Any]], kept: Path) -> dict[str, dict[str, float]]:
    """Percolation barriers of bond-valence landscapes, eV, by bvlain; kept in a file."""
    from bvlain import Lain
    from pymatgen.io.ase import AseAtomsAdaptor

    found = json.loads(kept.read_text()) if kept.is_file() else {}
    for row in rows:
        if row["name"] in found:
            continue
        (candidate, *_) = read_candidates(
            Path(row["source"]), mobile=MOBILE, orderings=1, most_atoms=1000
        )
        structure = AseAtomsAdaptor.get_structure(candidate.crystals[0])
        values: dict[str, float] = {}
        try:
            with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                lain = Lain(verbose=False)
                lain.read_structure(structure)
                lain.bvse_distribution(mobile_ion="Li1+", r_cut=10.0, resolution=0.2, k=100)
                barriers = lain.percolation_barriers(encut=10.0)
            for dimension in (1, 3):
                (key,) = [key for key in barriers if key.endswith(f"{dimension}D")]
                values[f"bond_valence_{dimension}d_eV"] = float(barriers[key])
        except Exception as error:
            print(f"bond valence of {row['name']} failed: {error!r}")
        found[row["name"]] = values
        kept.write_text(json.dumps(found))
    return found


def msd_slopes() -> dict[str, float]:
    """Slopes of the MSD at 1000 K by name, where labels/conductors has them."""
    path = Path(__file__).resolve().parent.parent / "labels" / "conductors" / "crystals.extxyz"
    if not path.is_file():
        return {}
    return {
        atoms.info["name"]: float(atoms.info["msd_slope_A2_ps"])
        for atoms in read_frames(path, labelled=False)
    }


def table(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print one table."""
    fast = sum(row["log10"] > np.log10(FAST_S_CM) for row in rows)
    print(f"**{title}**: {len(rows)} crystals, {fast} above {FAST_S_CM:g} S/cm\n")
    print("| | crystals | Spearman | ROC-AUC |")
    print("|---|---:|---:|---:|")
    for name, (column, sign) in PREDICTORS.items():
        pairs = np.array(
            [
                (sign * float(row[column]), row["log10"])
                for row in rows
                if row.get(column) is not None
            ]
        )
        if len(pairs) < FEWEST:
            continue
        pairs[:, 0] = np.nan_to_num(pairs[:, 0], neginf=-1e3)  # a level that is never reached
        texts = [interval(pairs, statistic) for statistic in (spearman, area)]
        print(f"| {name} | {len(pairs)} | " + " | ".join(texts) + " |", flush=True)
    print()


def spearman(predicted: np.ndarray, log10: np.ndarray) -> float:
    """Rank correlation; NaN where nothing varies."""
    if np.ptp(predicted) == 0 or np.ptp(log10) == 0:
        return float("nan")
    return float(spearmanr(predicted, log10).statistic)


def area(predicted: np.ndarray, log10: np.ndarray) -> float:
    """Area under the ROC curve for fast conductors; NaN without both kinds."""
    fast = log10 > np.log10(FAST_S_CM)
    n, m = fast.sum(), (~fast).sum()
    if n == 0 or m == 0:
        return float("nan")
    return float((rankdata(predicted)[fast].sum() - n * (n + 1) / 2) / (n * m))


def interval(pairs: np.ndarray, statistic: Statistic) -> str:
    """Value and 95 % interval of bootstrap samples."""
    rng = np.random.default_rng(0)
    samples = [
        statistic(*pairs[rng.integers(len(pairs), size=len(pairs))].T) for _ in range(N_BOOTSTRAP)
    ]
    known = [value for value in samples if np.isfinite(value)]
    value = statistic(*pairs.T)
    if not np.isfinite(value) or len(known) < N_BOOTSTRAP / 2:
        return "-"
    low, high = np.quantile(known, [0.025, 0.975])
    return f"{value:.2f} ({low:.2f} to {high:.2f})"


if __name__ == "__main__":
    main()
