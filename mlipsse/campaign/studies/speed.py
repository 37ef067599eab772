"""What a potential costs, engine by engine and size by size, beside published times and AIMD."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlipsse.campaign.engine.record import fingerprint
from mlipsse.campaign.engine.stage import Progress
from mlipsse.campaign.engine.table import write_csv
from mlipsse.dataset.frames.extxyz import read_frames
from mlipsse.errors import MlipsseError
from mlipsse.files import exclusive_lock, sha256, write_text
from mlipsse.potential.bundle.folder import read_bundle
from mlipsse.potential.export.target import Device
from mlipsse.potential.speed.benchmark import BenchmarkRow, benchmark, busy_caution

TABLE, RECORD, FIGURE, PAGE = "speed.csv", "speed.json", "speed", "report.html"
AIMD_TIMESTEP_FS = 1.0
CPU_MIN = "cpu_min"
"""What a frame of `labels/scan` states: the CPU time of its single point, minutes of one core."""

_PAGE_COLUMNS = {
    "engine": "engine",
    "type": "dtype",
    "atoms": "atoms",
    "threads": "threads",
    "µs per atom and step": "us_per_atom_step",
    "ns per day": "ns_per_day",
    "hours for 10⁶ steps": "hours_per_million_steps",
    "memory (MB)": "peak_memory_MB",
    "share waited": "waited_fraction",
}
_ENGINES = (
    "ase: Python loop of ASE. upstream: LAMMPS with the file of mace_create_lammps_model. All "
    "others: LAMMPS with the formats of the bundle. ns per day with steps of 1 fs."
)


@dataclass(frozen=True)
class Published:
    """A time that others published.

    Attributes
    ----------
    name : model and machine
    atoms : of their crystal
    us_per_atom_step : wall time, µs
    """

    name: str
    atoms: int
    us_per_atom_step: float


PUBLISHED = (
    Published("MACE-MP-0b medium in ASE, A40", 2000, 196.0),
    Published("MACE-MP-0b medium in ASE, H100", 2000, 95.0),
    Published("MACE-MP-0b medium in ASE, 64 cores of Genoa 9354", 2000, 1260.0),
)
"""The benchmark of Deng et al. 2025 (doi 10.1039/d5ta05321h): cubic Na3SbS4, 800 K, float32."""


@dataclass(frozen=True)
class AimdCost:
    """What a picosecond of ab initio dynamics would cost with these labels' settings.

    Attributes
    ----------
    source : of the labels
    atoms : of the cell, the mean over frames
    frames : single points that state their time
    core_hours_per_ps : with steps of 1 fs
    """

    source: str
    atoms: float
    frames: int
    core_hours_per_ps: float


@dataclass(frozen=True)
class Speed:
    """What the study came to.

    Attributes
    ----------
    rows : of this machine
    aimd : of labels, by their source
    table : CSV
    """

    rows: Sequence[BenchmarkRow]
    aimd: Sequence[AimdCost]
    table: Path


def study_speed(
    bundle: Path,
    atoms: Sequence[int],
    *,
    out: Path,
    threads: int = 1,
    device: Device = "cpu",
    runs: int = 3,
    dft_labels: Path | None = None,
    progress: Progress = lambda done, total, text: None,
) -> Speed:
    """Measure every engine that a bundle has a file for; sizes that are measured are kept.

    Parameters
    ----------
    bundle : folder with a `card.yaml`
    atoms : sizes
    threads, device, runs : as of `mlipsse.potential.speed.benchmark.benchmark`
    dft_labels : frames that state `cpu_min`

    Raises
    ------
    MlipsseError
        as `benchmark`, and for labels that do not state their CPU time.
    """
    if not atoms:
        raise MlipsseError("Give at least one number of atoms.")
    aimd = aimd_costs(dft_labels) if dft_labels else []
    potential = read_bundle(bundle)
    out.mkdir(parents=True, exist_ok=True)
    with exclusive_lock(out / ".lock", holder="mlipsse study speed"):
        rows: list[BenchmarkRow] = []
        for done, size in enumerate(sorted(set(atoms))):
            progress(done, len(set(atoms)), f"{size} atoms")
            identity = {
                "model": sha256(potential.model),
                "exports": sorted(potential.exports),
                "size": size,
                "how": [threads, device, runs],
            }
            kept = out / "units" / f"{size}-{fingerprint(identity)[:12]}.json"
            if not kept.is_file():
                found = benchmark(
                    bundle, atoms=[size], threads=threads, device=device, repeats=runs
                )
                kept.parent.mkdir(exist_ok=True)
                write_text(kept, json.dumps([asdict(row) for row in found]) + "\n")
            content = json.loads(kept.read_text(encoding="utf-8"))
            rows += [BenchmarkRow(**row) for row in content]
        found_ = Speed(rows, aimd, out / TABLE)
        _write(out, found_, potential.name)
    return found_


def aimd_costs(labels: Path) -> list[AimdCost]:
    """Cost of a picosecond of AIMD from the CPU times of single points, by source.

    Raises
    ------
    MlipsseError
        when no frame states its CPU time.
    """
    by_source: dict[str, list[tuple[int, float]]] = {}
    for frame in read_frames(labels, labelled=True):
        if CPU_MIN in frame.info:
            source = str(frame.info.get("label_source", labels.name))
            by_source.setdefault(source, []).append((len(frame), float(frame.info[CPU_MIN])))
    if not by_source:
        raise MlipsseError(
            f"No frame of {labels} states the CPU time of its single point ({CPU_MIN}, minutes of "
            "one core), so that the cost of AIMD is not known."
        )
    return [
        AimdCost(
            source,
            sum(size for size, _ in some) / len(some),
            len(some),
            sum(minutes for _, minutes in some) / len(some) / 60 * 1e3 / AIMD_TIMESTEP_FS,
        )
        for source, some in sorted(by_source.items())
    ]


def _write(out: Path, found: Speed, name: str) -> None:
    from mlipsse.report.figures.speed import speed_figure
    from mlipsse.report.figures.style import save_figure
    from mlipsse.report.page.content import FigureFile, ReportContent, Section, Table
    from mlipsse.report.page.html import write_report
    from mlipsse.report.page.text import rounded

    rows = [_row(row) for row in found.rows]
    write_csv(out / TABLE, rows)
    content = {
        "potential": name,
        "measured": rows,
        "published": [asdict(one) for one in PUBLISHED],
        "aimd": [asdict(one) for one in found.aimd],
    }
    write_text(out / RECORD, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    published = [(one.name, one.atoms, one.us_per_atom_step) for one in PUBLISHED]
    drawn = save_figure(speed_figure(found.rows, published), out / FIGURE)
    tables = [
        Table(
            "This machine",
            tuple(_PAGE_COLUMNS),
            [tuple(rounded(row[key]) for key in _PAGE_COLUMNS.values()) for row in rows],
            note=" ".join(filter(None, (busy_caution(found.rows), _ENGINES))),
        ),
        Table(
            "Published",
            ("model and machine", "atoms", "µs per atom and step"),
            [(one.name, one.atoms, one.us_per_atom_step) for one in PUBLISHED],
            note="Benchmark of Deng et al. 2025: cubic Na3SbS4, 800 K, float32. Another crystal "
            "and model than those measured here.",
        ),
    ]
    if found.aimd:
        tables.append(
            Table(
                "AIMD with these labels' settings",
                ("labels", "atoms", "single points", "core-hours per ps"),
                [
                    (one.source, rounded(one.atoms), one.frames, rounded(one.core_hours_per_ps))
                    for one in found.aimd
                ],
                note="From the CPU time of single points from scratch, in steps of 1 fs; steps of "
                "dynamics start from the orbitals of the step before, and cost less.",
            )
        )
    section = Section(
        "speed",
        "Speed",
        figures=[
            FigureFile(
                drawn[0],
                "Wall time of an atom and step, and of a million steps, against atoms. Lines: this "
                "machine; open markers: published.",
                wide=True,
            )
        ],
        tables=tables,
    )
    page = ReportContent(f"Speed of {name}", sections=[section], kind="What dynamics costs")
    write_report(page, out / PAGE)


def _row(row: BenchmarkRow) -> dict[str, Any]:
    return {
        "engine": row.backend,
        "dtype": row.dtype,
        "atoms": row.atoms,
        "threads": row.threads,
        "us_per_atom_step": row.us_per_atom_step,
        "ns_per_day": row.ns_per_day,
        "hours_per_million_steps": row.ms_per_step * 1e3 / 3600,
        "peak_memory_MB": row.peak_memory_MB,
        "waited_fraction": row.waited_fraction,
    }
