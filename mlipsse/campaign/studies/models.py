"""Several potentials on the same labelled frames: errors, softness and cost, side by side."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from mlipsse import keys
from mlipsse.campaign.config.execution import ExecutionConfig
from mlipsse.campaign.engine.execution import Execution, Unit
from mlipsse.campaign.engine.record import digest, fingerprint
from mlipsse.campaign.engine.stage import Progress
from mlipsse.campaign.engine.table import write_csv
from mlipsse.campaign.engine.unit_json import encode
from mlipsse.dataset.frames.extxyz import read_frames
from mlipsse.dataset.frames.predictions import compare, energies_after_constants_meV_atom
from mlipsse.energetics.potentials.calculators import check_potential
from mlipsse.energetics.potentials.catalogue import find_potential
from mlipsse.energetics.single_point import SinglePoint
from mlipsse.errors import MlipsseError
from mlipsse.files import exclusive_lock, write_text
from mlipsse.report.page.content import FigureFile, ReportContent, Section, Table
from mlipsse.report.page.text import rounded

TABLE, RECORD, FIGURE, PAGE = "models.csv", "models.json", "models", "report.html"


@dataclass(frozen=True)
class ModelChoice:
    """A potential to compare.

    Attributes
    ----------
    potential, head : as in `mlipsse.energetics.potentials.calculators.make_calculator`
    """

    potential: str
    head: str | None = None

    @property
    def name(self) -> str:
        """In tables and figures."""
        return self.potential if self.head is None else f"{self.potential} ({self.head})"


def parse_choice(text: str) -> ModelChoice:
    """A potential from `NAME` or `NAME@HEAD`."""
    name, at, head = text.strip().rpartition("@")
    return ModelChoice(name, head) if at else ModelChoice(text.strip())


@dataclass(frozen=True)
class ComparedModels:
    """What a comparison came to.

    Attributes
    ----------
    rows : of the table, one per potential, in the order asked for
    table : CSV
    section : of the page
    """

    rows: list[dict[str, Any]]
    table: Path
    section: Section = field(repr=False)


def compare_models(
    labels: Path,
    choices: Sequence[ModelChoice],
    *,
    out: Path,
    execution: ExecutionConfig = ExecutionConfig(workers=1),  # noqa: B008
    progress: Progress = lambda done, total, text: None,
) -> ComparedModels:
    """Evaluate every potential on the same frames, and write tables, a figure and a page.

    Energies of different functionals and programs differ by a constant per atom of an element:
    `energy_rmse_meV_atom` is what is left after the constants that fit best. Relative errors are
    divided by the standard deviation of the labels (of energies, after their own best constants):
    1 is a model that knows nothing.

    Parameters
    ----------
    labels : extxyz of labelled frames
    choices : potentials
    out : folder; evaluations that are done are kept
    execution : potentials at a time; times are of one that has a core of its own

    Raises
    ------
    MlipsseError
        for no potentials or one twice, one that cannot be had or lacks an element of the frames,
        and frames without labels.
    """
    frames = read_frames(labels, labelled=True)
    _require_different(choices)
    require_known(frames, choices)
    out.mkdir(parents=True, exist_ok=True)
    with exclusive_lock(out / ".lock", holder="mlipsse study models"):
        (out / "units").mkdir(exist_ok=True)
        units = [evaluation_unit(frames, choice, out) for choice in choices]
        with Execution(execution, out) as work:
            work.run(units, progress)
        answers = [json.loads(unit.output.read_text(encoding="utf-8")) for unit in units]
        rows = [
            _row(frames, choice, answer) for choice, answer in zip(choices, answers, strict=True)
        ]
        write_csv(out / TABLE, rows)
        content = {"labels": str(labels), "frames": len(frames), "models": rows}
        write_text(out / RECORD, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
        section = _draw(out, labels, frames, rows)
        write_page(out, [section])
    return ComparedModels(rows, out / TABLE, section)


def write_page(out: Path, sections: Sequence[Section]) -> None:
    """Write the page of the study in its folder."""
    from mlipsse.report.page.html import write_report

    page = ReportContent("Potentials compared", sections=sections, kind="Potentials on one set")
    write_report(page, out / PAGE)


def evaluate(output: Path, *, frames: list[Atoms], choice: ModelChoice) -> None:
    """Unit of work: energies, forces and stresses of one potential, and the time they took."""
    from mlipsse.dataset.frames.evaluation import single_points
    from mlipsse.energetics.potentials.calculators import make_calculator
    from mlipsse.potential.native.copy import fastest

    name, head = fastest(choice.potential, head=choice.head)
    calculator = make_calculator(name, head=head)
    single_points(frames[:1], calculator)  # what is compiled or started is no part of a step
    began = time.perf_counter()
    points = single_points(frames, calculator)
    seconds = time.perf_counter() - began
    content = {
        "energies_eV": [point.energy_eV for point in points],
        "forces_eV_A": [np.asarray(point.forces_eV_A).tolist() for point in points],
        "stresses_eV_A3": [np.asarray(point.stress_eV_A3).tolist() for point in points],
        "seconds": seconds,
    }
    write_text(output, json.dumps(content) + "\n")


def _require_different(choices: Sequence[ModelChoice]) -> None:
    if not choices:
        raise MlipsseError("Name at least one potential.")
    names = [choice.name for choice in choices]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise MlipsseError(f"{', '.join(twice)} is named twice. Name every potential once.")


def require_known(frames: Sequence[Atoms], choices: Sequence[ModelChoice]) -> None:
    """Refuse potentials that cannot be had or lack an element of the frames.

    Raises
    ------
    MlipsseError
        naming the potential.
    """
    elements = {symbol for frame in frames for symbol in frame.get_chemical_symbols()}
    for choice in choices:
        check_potential(choice.potential, elements, head=choice.head)


def evaluation_unit(frames: Sequence[Atoms], choice: ModelChoice, out: Path) -> Unit:
    """The unit that evaluates a potential on frames; its file lies in `out/units`."""
    file = find_potential(choice.potential).file
    identity = {
        "frames": [
            encode(Atoms(one.numbers, positions=one.positions, cell=one.cell, pbc=True))
            for one in frames
        ],
        "potential": [choice.potential, choice.head, digest(file) if file else None],
    }
    return Unit(
        choice.name,
        out / "units" / f"{fingerprint(identity)[:16]}.json",
        evaluate,
        {"frames": list(frames), "choice": choice},
    )


def _row(frames: Sequence[Atoms], choice: ModelChoice, answer: dict[str, Any]) -> dict[str, Any]:
    found = compare(
        frames,
        [
            SinglePoint.from_results(
                {"energy": energy, "forces": np.array(forces), "stress": np.array(stress)}
            )
            for energy, forces, stress in zip(
                answer["energies_eV"],
                answer["forces_eV_A"],
                answer["stresses_eV_A3"],
                strict=True,
            )
        ],
    )
    n_atoms = sum(len(frame) for frame in frames)
    errors = found.errors
    energy, spread = energies_after_constants_meV_atom(frames, found)
    slope = found.softening.forces
    return {
        "potential": choice.name,
        "functional": find_potential(choice.potential).functional,
        "frames": len(frames),
        "energy_rmse_meV_atom": energy,
        "energy_relative": energy / spread if energy is not None and spread else None,
        "energy_offset_meV_atom": errors.energy_offset_meV_atom,
        "force_rmse_meV_A": errors.force_rmse_meV_A,
        "force_relative": errors.force_rmse_meV_A / found.force_rms_meV_A,
        "stress_rmse_meV_A3": errors.stress_rmse_meV_A3,
        "force_slope": slope.value if slope else None,
        "force_slope_std": slope.std if slope else None,
        "us_per_atom": 1e6 * answer["seconds"] / n_atoms,
    }


def _draw(
    out: Path, labels: Path, frames: Sequence[Atoms], rows: Sequence[dict[str, Any]]
) -> Section:
    from mlipsse.report.figures.models import models_figure
    from mlipsse.report.figures.style import save_figure

    drawn = save_figure(models_figure(rows), out / FIGURE)
    sources = sorted({str(frame.info.get(keys.LABEL_SOURCE, "not stated")) for frame in frames})
    columns = {
        "potential": "potential",
        "energy (meV/atom)": "energy_rmse_meV_atom",
        "relative": "energy_relative",
        "force (meV/Å)": "force_rmse_meV_A",
        "relative force": "force_relative",
        "stress (meV/Å³)": "stress_rmse_meV_A3",
        "slope of forces": "force_slope",
        "µs per atom": "us_per_atom",
    }
    return Section(
        "models",
        "Models",
        f"{len(frames)} frames of {labels.name}, labels: {'; '.join(sources)}.",
        figures=[FigureFile(drawn[0], "Relative errors, and what an evaluation costs.", wide=True)],
        tables=[
            Table(
                "Errors",
                tuple(columns),
                [tuple(rounded(row[key]) for key in columns.values()) for row in rows],
                note="RMSE. Energies after the best constant per element; relative errors are "
                "divided by the standard deviation of the labels. A small error of forces does "
                "not make transport right: compare D as well.",
            )
        ],
    )
