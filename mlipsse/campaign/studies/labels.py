"""The same frames under two label sources: what the choice of labels changes."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from mlipsse import keys
from mlipsse.campaign.config.execution import ExecutionConfig
from mlipsse.campaign.engine.execution import Execution
from mlipsse.campaign.engine.stage import Progress
from mlipsse.campaign.engine.table import write_csv
from mlipsse.campaign.studies.frame_matching import matching_frames
from mlipsse.campaign.studies.models import evaluation_unit, parse_choice, require_known
from mlipsse.dataset.frames.extxyz import read_frames, write_frames
from mlipsse.dataset.frames.predictions import (
    Predictions,
    compare,
    energies_after_constants_meV_atom,
)
from mlipsse.dataset.labels.sources import TEACHER, teacher_name
from mlipsse.energetics.single_point import SinglePoint
from mlipsse.errors import MlipsseError
from mlipsse.files import exclusive_lock, write_text
from mlipsse.report.page.content import FigureFile, ReportContent, Section, Table
from mlipsse.report.page.text import rounded

TABLE, RECORD, PAIRS, FIGURE, PAGE = (
    "labels.csv", "labels.json", "other.extxyz", "labels", "report.html",
)  # fmt: skip


@dataclass(frozen=True)
class ComparedLabels:
    """What a comparison of labels came to.

    Attributes
    ----------
    rows : of the table: all frames, then by element, then by temperature
    pairs, missing : frames with both labels, and those of the first that the other lacks
    table : CSV
    section : of the page
    """

    rows: list[dict[str, Any]]
    pairs: int
    missing: int
    table: Path
    section: Section = field(repr=False)


def compare_labels(
    labels: Path,
    against: str,
    *,
    out: Path,
    execution: ExecutionConfig = ExecutionConfig(workers=1),  # noqa: B008
    progress: Progress = lambda done, total, text: None,
) -> ComparedLabels:
    """Compare labels with others of the same frames, which are the reference no more than they.

    Parameters
    ----------
    labels : extxyz of labelled frames
    against : extxyz of the same frames with other labels, in any order; or `teacher: NAME`, whose
        labels are made here and kept as `other.extxyz`
    out : folder

    Raises
    ------
    MlipsseError
        for a file without any frame of `labels`, and a teacher that cannot be had or lacks an
        element.
    """
    frames = read_frames(labels, labelled=True)
    teacher = teacher_name(against) if against.startswith(f"{TEACHER}:") else None
    if teacher is not None:
        require_known(frames, [parse_choice(teacher)])
    else:
        others = read_frames(Path(against), labelled=True)
    out.mkdir(parents=True, exist_ok=True)
    with exclusive_lock(out / ".lock", holder="mlipsse study labels"):
        if teacher is not None:
            with Execution(execution, out) as work:
                others = teacher_labels(frames, teacher, out, work, progress)
            write_frames(out / PAIRS, others)
        pairs = list(matching_frames(frames, others))
        if not pairs:
            raise MlipsseError(
                f"{against} holds none of the frames of {labels}: cells, elements and positions "
                "differ. Label the same frames with both sources."
            )
        rows = list(_rows(pairs))
        section = _write(out, rows, pairs, missing=len(frames) - len(pairs))
        write_page(out, [section])
    return ComparedLabels(rows, len(pairs), len(frames) - len(pairs), out / TABLE, section)


def write_page(out: Path, sections: Sequence[Section]) -> None:
    """Write the page of the study in its folder."""
    from mlipsse.report.page.html import write_report

    page = ReportContent("Two sources of labels", sections=sections, kind="Labels compared")
    write_report(page, out / PAGE)


def teacher_labels(
    frames: Sequence[Atoms], teacher: str, out: Path, work: Execution, progress: Progress
) -> list[Atoms]:
    """The frames with labels of a potential, which are kept in `out/units`."""
    (out / "units").mkdir(exist_ok=True)
    unit = evaluation_unit(frames, parse_choice(teacher), out)
    work.run([unit], progress)
    answer = json.loads(unit.output.read_text(encoding="utf-8"))
    others = []
    for number, frame in enumerate(frames):
        other = frame.copy()
        other.info[keys.ENERGY] = answer["energies_eV"][number]
        other.info[keys.STRESS] = np.array(answer["stresses_eV_A3"][number])
        other.info[keys.LABEL_SOURCE] = f"teacher: {teacher} (teacher labels, not DFT)"
        other.arrays[keys.FORCES] = np.array(answer["forces_eV_A"][number])
        others.append(other)
    return others


def _compared(pairs: Sequence[tuple[Atoms, Atoms]]) -> Predictions:
    """The second labels as predictions of the first."""
    points = [
        SinglePoint.from_results(
            {
                "energy": other.info[keys.ENERGY],
                "forces": other.arrays[keys.FORCES],
                "stress": np.asarray(other.info[keys.STRESS]),
            }
        )
        for _, other in pairs
    ]
    return compare([frame for frame, _ in pairs], points)


def _rows(pairs: Sequence[tuple[Atoms, Atoms]]) -> Iterator[dict[str, Any]]:
    found = _compared(pairs)
    yield _row("all", pairs, found)
    differences = (found.forces_eV_A[1] - found.forces_eV_A[0]).reshape(-1, 3)
    for element in sorted(set(found.symbols)):
        own = found.symbols == element
        slope = found.softening.forces_by_element.get(element)
        yield {
            "of": element,
            "frames": sum(element in frame.symbols for frame, _ in pairs),
            "force_rmse_meV_A": float(1e3 * np.sqrt(np.mean(differences[own] ** 2))),
            "force_slope": slope.value if slope else None,
            "force_slope_std": slope.std if slope else None,
        }
    temperatures = sorted({float(frame.info.get("temperature_K", 0)) for frame, _ in pairs} - {0.0})
    for temperature_K in temperatures:
        own_pairs = [
            pair for pair in pairs if float(pair[0].info.get("temperature_K", 0)) == temperature_K
        ]
        yield _row(f"{temperature_K:g} K", own_pairs, _compared(own_pairs))


def _row(of: str, pairs: Sequence[tuple[Atoms, Atoms]], found: Predictions) -> dict[str, Any]:
    energy, _ = energies_after_constants_meV_atom([frame for frame, _ in pairs], found)
    slope = found.softening.forces
    return {
        "of": of,
        "frames": len(pairs),
        "force_rmse_meV_A": found.errors.force_rmse_meV_A,
        "force_slope": slope.value if slope else None,
        "force_slope_std": slope.std if slope else None,
        "energy_rmse_meV_atom": energy,
        "energy_offset_meV_atom": found.errors.energy_offset_meV_atom,
        "stress_rmse_meV_A3": found.errors.stress_rmse_meV_A3,
    }


def _write(
    out: Path,
    rows: Sequence[dict[str, Any]],
    pairs: Sequence[tuple[Atoms, Atoms]],
    *,
    missing: int,
) -> Section:
    from mlipsse.report.figures.label_pairs import label_pairs_figure
    from mlipsse.report.figures.style import save_figure

    columns = list(rows[0])
    write_csv(out / TABLE, [{name: row.get(name) for name in columns} for row in rows])
    first, second = (
        sorted({str(pair[side].info.get(keys.LABEL_SOURCE, "not stated")) for pair in pairs})
        for side in (0, 1)
    )
    content = {
        "labels": first,
        "against": second,
        "pairs": len(pairs),
        "missing": missing,
        "rows": rows,
    }
    write_text(out / RECORD, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    drawn = save_figure(label_pairs_figure(_compared(pairs)), out / FIGURE)
    return Section(
        "labels",
        "Labels",
        f"{len(pairs)} frames have both labels, {missing} have only the first. First: "
        f"{'; '.join(first)}. Second: {'; '.join(second)}.",
        figures=[FigureFile(drawn[0], "Differences of forces, second less first.", wide=True)],
        tables=[
            Table(
                "Differences",
                ("of", "frames", "force RMSE (meV/Å)", "slope of forces", "std"),
                [
                    tuple(
                        rounded(row.get(name))
                        for name in (
                            "of",
                            "frames",
                            "force_rmse_meV_A",
                            "force_slope",
                            "force_slope_std",
                        )
                    )
                    for row in rows
                ],
                note="The slope is of the second forces on the first: below 1 the second are "
                "softer.",
            )
        ],
    )
