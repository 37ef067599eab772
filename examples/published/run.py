"""Run the published study by campaigns, one composition after another, and keep its results here.

    python run.py liybc WORK                          # ground states, then every composition
    python run.py liybc WORK --only Li3InCl6 csvr     # some compositions or checks alone
    python run.py liybc --table                       # ours beside the published numbers

WORK gets the campaigns with their trajectories. What they result in is kept beside this script, and
what is there is not run again: the study can be stopped at any time, and go on elsewhere.
"""

import argparse
import json
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from ase import Atoms

from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import read_campaign
from mlipsse.campaign.engine.table import read_csv
from mlipsse.dataset.frames.extxyz import read_frames, write_frames
from mlipsse.files import write_aside, write_text
from mlipsse.keys import COMPOSITION
from mlipsse.report.page.estimate import diffusivity_at
from mlipsse.report.page.published import comparison_table, published_of
from mlipsse.report.page.text import with_error
from mlipsse.structures.geometry import supercell

HERE = Path(__file__).resolve().parent
GROUND_STATES, PRODUCTION = "ground-states", "production"
CRYSTALS = "crystals.extxyz"
MIN_ATOMS, MIN_WIDTH_A = 160, 12.0
KEPT = (
    paths.Export.lowest,
    paths.Export.reranked_compositions,
    paths.Export.lattice,
    paths.Export.coordination,
    paths.Export.acceptance,
    paths.Rank.search,
)
"""What is kept of the campaign of the ground states."""


@dataclass(frozen=True)
class Run:
    """A production run of one composition.

    Attributes
    ----------
    what : difference from the composition's usual run, in a few words
    changes : block -> fields of `campaign.yaml` that differ
    min_atoms : of the cell, which is repeated to hold as many
    sampled : supercell whose sampled orderings are run, not the ground state
    """

    composition: str
    what: str = ""
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    min_atoms: int = MIN_ATOMS
    sampled: str = ""


@dataclass(frozen=True)
class Sampling:
    """Orderings of large cells that Monte Carlo makes after the ground states.

    Attributes
    ----------
    cells : supercell -> number of orderings
    """

    composition: str
    temperature_K: float
    cells: Mapping[str, int]


@dataclass(frozen=True)
class Family:
    """What is run of a family.

    Attributes
    ----------
    compositions : with production; None for all
    checks : further runs by name, with something changed
    """

    checks: Mapping[str, Run]
    compositions: tuple[str, ...] | None = None
    sampling: Sampling | None = None


LIYBC = Family(
    {
        "csvr": Run(
            "Li3InCl6", "a canonical thermostat (CSVR)", {"simulate": {"ensemble": "csvr"}}
        ),
        "warm-cell": Run(
            "Li3InCl6", "the cell of each temperature, by NPT", {"simulate": {"npt_ps": 40}}
        ),
        "larger": Run("Li3InCl6", "twice as many atoms", min_atoms=2 * MIN_ATOMS),
        "longer": Run(
            "Li3InCl6",
            "runs until D is known to 7 %",
            {"simulate": {"until": {"relative_error": 0.07, "max_production_ps": 1600}}},
        ),
        "foundation": Run(
            "Li3InCl6",
            "the potential before SCAN, of teacher labels",
            {
                "rank": {"foundation": "mace-sse-small"},
                "export": {"potential": "mace-sse-small"},
            },
        ),
        "second-ordering": Run(
            "Li3In0.5Y0.5Br3Cl3",
            "the two lowest orderings, 900 K",
            {
                "enumerate": {"max_orderings": 60},
                "rank": {"search": {"rounds": 10}, "max_force_eV_A": 0.03},
                "select": {"structures": 2, "draw": "lowest"},
                "simulate": {
                    "structures": [],
                    "orderings": 2,
                    "temperatures_K": [900],
                    "min_atoms": MIN_ATOMS,
                    "min_length_A": MIN_WIDTH_A,
                },
            },
        ),
    }
)
NASICON = Family(
    {
        "monte-carlo": Run(
            "Na3Zr2Si2PO12", "three orderings of 1473 K, 2x2x2 cells", sampled="2x2x2"
        ),
        "monte-carlo-large": Run(
            "Na3Zr2Si2PO12",
            "one ordering of 1473 K, a 4x4x4 cell, 900 K",
            {"simulate": {"temperatures_K": [900]}},
            sampled="4x4x4",
        ),
    },
    compositions=("Na3Zr2Si2PO12",),
    sampling=Sampling("Na3Zr2Si2PO12", 1473, {"2x2x2": 3, "4x4x4": 1}),
)
"""1473 K is 1200 °C, at which NaSICON is sintered."""

FAMILIES: Mapping[str, Family] = {"liybc": LIYBC, "nasicon": NASICON}


def main() -> None:
    """Run what has no result yet, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("family", choices=sorted(FAMILIES))
    parser.add_argument("work", type=Path, nargs="?", help="Folder for the campaigns.")
    parser.add_argument(
        "--only",
        nargs="*",
        help="Compositions and checks to run; none for the ground states alone.",
    )
    parser.add_argument("--table", action="store_true", help="Print the table and run nothing.")
    arguments = parser.parse_args()
    family = HERE / arguments.family
    if arguments.table and not (family / GROUND_STATES / paths.Export.lowest.name).is_file():
        parser.error(f"there is nothing to compare: {family.name} has no ground states yet")
    elif arguments.table:
        print(
            "Energies in meV/atom\n",
            hull_table(family),
            "",
            table(family),
            "",
            checks(family),
            sep="\n",
        )
    elif arguments.work is None:
        parser.error("name a folder for the campaigns, or give --table")
    else:
        run(family, arguments.work.resolve() / family.name, arguments.only)


def run(family: Path, work: Path, only: list[str] | None) -> None:
    """Ground states, then the productions that have no result."""
    if not (family / GROUND_STATES / paths.Export.lowest.name).is_file():
        ground_states(family, work / GROUND_STATES)
    checks = dict(productions(family))
    if unknown := sorted(set(only or ()) - checks.keys()):
        sys.exit(f"--only: {', '.join(unknown)} is none of {', '.join(checks)}")
    for name, check in checks.items():
        if only is not None and name not in only:
            continue
        result = family / PRODUCTION / f"{name}.json"
        if not result.is_file():
            print(f"{name} ...", flush=True)
            write_text(result, production(family, work / name, check))


def productions(family: Path) -> Iterator[tuple[str, Run]]:
    """(name, what is run): the compositions, then the checks."""
    wanted = FAMILIES[family.name].compositions
    for frame in read_frames(family / GROUND_STATES / paths.Export.lowest.name, labelled=False):
        formula = str(frame.info[COMPOSITION])
        if wanted is None or formula in wanted:
            yield formula, Run(formula)
    yield from FAMILIES[family.name].checks.items()


def ground_states(family: Path, folder: Path) -> None:
    """Run the campaign of the ground states, sample large cells, and keep tables and crystals."""
    write_campaign(family / GROUND_STATES / "campaign.yaml", folder, {})
    mlipsse("run", folder, "--until", "export")
    if sampling := FAMILIES[family.name].sampling:
        for cell, samples in sampling.cells.items():
            sample(sampling, cell, samples, folder, family / GROUND_STATES / sampled_file(cell))
    campaign = read_campaign(folder)
    for place in KEPT:
        with write_aside(family / GROUND_STATES / place.name) as aside:
            shutil.copyfile(campaign.path(place), aside)


def sampled_file(cell: str) -> str:
    """Name of the file with the sampled orderings of a supercell."""
    return f"sampled-{cell}.extxyz"


def sample(sampling: Sampling, cell: str, samples: int, folder: Path, kept: Path) -> None:
    """Sample orderings of a supercell by the ranking of the campaign in `folder`."""
    out = folder / f"sampled-{cell}"
    mlipsse(
        *("orderings", "sample", folder, "--composition", sampling.composition),
        *("--supercell", cell, "--temperature", sampling.temperature_K),
        *("--samples", samples, "--chains", 1 if samples == 1 else 2),
        *("--format", "extxyz", "--out", out),
    )
    write_frames(
        kept,
        [
            frame
            for path in sorted((out / "samples").glob("*.extxyz"))
            for frame in read_frames(path, labelled=False)
        ],
    )


def production(family: Path, folder: Path, check: Run) -> str:
    """Run a campaign to its report; its summary as JSON."""
    changes = {
        "enumerate": {"compositions": [check.composition]},
        "simulate": {"structures": [CRYSTALS]},
    }
    for block, fields in check.changes.items():
        changes[block] = {**changes.get(block, {}), **fields}
    write_campaign(family / PRODUCTION / "campaign.yaml", folder, changes)
    write_frames(folder / CRYSTALS, crystals(family / GROUND_STATES, check))
    mlipsse("run", folder)
    return read_campaign(folder).path(paths.Report.summary).read_text(encoding="utf-8")


def crystals(folder: Path, check: Run) -> list[Atoms]:
    """Those that are run: the ground state in a cell that is large enough, or sampled orderings."""
    if check.sampled:
        return read_frames(folder / sampled_file(check.sampled), labelled=False)
    lowest = read_frames(folder / paths.Export.lowest.name, labelled=False)
    (start,) = (atoms for atoms in lowest if atoms.info[COMPOSITION] == check.composition)
    return [supercell(start, min_atoms=check.min_atoms, min_width_A=MIN_WIDTH_A)]


def write_campaign(template: Path, folder: Path, changes: Mapping[str, Mapping[str, Any]]) -> None:
    """A campaign in `folder` that differs from the template by `changes`."""
    content = yaml.safe_load(template.read_text(encoding="utf-8"))
    content["structure"]["host"] = str((template.parent / content["structure"]["host"]).resolve())
    for block, fields in changes.items():
        content[block] = content.get(block, {}) | dict(fields)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "campaign.yaml", yaml.safe_dump(content, sort_keys=False))


def mlipsse(*words: object) -> None:
    """Run the command line of this Python; its exit code ends this script where it is not 0."""
    program = Path(sysconfig.get_path("scripts")) / "mlipsse"
    done = subprocess.run([str(program), *map(str, words)], check=False)
    if done.returncode:
        sys.exit(done.returncode)


def hull_table(family: Path) -> str:
    """Energies above hull and formation energies, ours beside the published ones, in Markdown."""
    rows = [
        (
            row["composition"],
            f"{1000 * float(row['formation_energy_eV_atom']):.1f}",
            f"{1000 * float(row['energy_above_hull_eV_atom']):.1f}",
            next(
                (
                    f"{known.value:g}"
                    for known in published_of(row["composition"])
                    if known.quantity == "E_hull"
                ),
                None,
            ),
            row["found"],
        )
        for row in read_csv(family / GROUND_STATES / paths.Export.reranked_compositions.name)
    ]
    return markdown(("composition", "formation", "above hull", "published", "found by"), rows)


def markdown(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table; None is empty."""
    return "\n".join(
        "| " + " | ".join("" if cell is None else str(cell) for cell in row) + " |"
        for row in (columns, ["---"] * len(columns), *rows)
    )


def table(family: Path) -> str:
    """Transport, ours beside the published numbers, in Markdown."""
    found = [
        one
        for name, _ in productions(family)
        if name not in FAMILIES[family.name].checks and (one := result_of(family, name))
    ]
    summary = {"compositions": [entry for one in found for entry in one["compositions"]]}
    phases = read_csv(family / GROUND_STATES / paths.Export.reranked_compositions.name)
    rows = comparison_table(summary, phases)
    if rows is None:
        return "No composition has a result yet."
    return f"{markdown(rows.columns, rows.rows)}\n\n{rows.note}"


def checks(family: Path) -> str:
    """What a composition gives with something changed, below what it gives without, in Markdown."""
    rows = []
    for name, check in FAMILIES[family.name].checks.items():
        if (changed := result_of(family, name)) is None:
            continue
        temperature_K = min(changed["compositions"][0]["temperature_K"])
        if usual := result_of(family, check.composition):
            rows.append(transport_row(check.composition, "", usual, temperature_K))
        rows.append(transport_row(check.composition, check.what, changed, temperature_K))
    columns = ("composition", "differs in", "Ea (eV)", "T (K)", "D (10⁻⁵ cm²/s)")
    unique = list(dict.fromkeys(rows))
    return markdown(columns, unique) if unique else "No check has a result yet."


def result_of(family: Path, name: str) -> dict[str, Any] | None:
    """The summary that is kept under a name, if any."""
    path = family / PRODUCTION / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def transport_row(
    composition: str, what: str, summary: Mapping[str, Any], temperature_K: float
) -> tuple[str, ...]:
    """Activation energy of a run, and its diffusivity at a temperature."""
    (entry,) = summary["compositions"]
    energy_eV, found = entry["activation_energy_eV"], diffusivity_at(entry, temperature_K)
    return (
        composition,
        what,
        "" if energy_eV is None else with_error(energy_eV, entry["activation_energy_std_eV"]),
        f"{temperature_K:g}",
        "" if found is None else with_error(1e5 * found.value, found.std and 1e5 * found.std),
    )


if __name__ == "__main__":
    main()
