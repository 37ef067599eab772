"""How local a potential or its labels are in a crystal: a unit per centre and radius."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
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
from mlipsse.campaign.engine.unit_json import decode, encode
from mlipsse.campaign.studies.frame_matching import matching_frames
from mlipsse.dataset.frames.extxyz import read_frames, write_frames
from mlipsse.energetics.potentials.calculators import check_potential
from mlipsse.energetics.potentials.catalogue import find_potential
from mlipsse.errors import MlipsseError
from mlipsse.files import exclusive_lock, write_text
from mlipsse.potential.locality.measure import (
    CENTRE,
    RADIUS,
    LocalityPoint,
    LocalitySettings,
    central_atoms,
    check_radii,
    heated,
    locality_point,
    sample_outside,
)

TABLE, RECORD, FRAMES, FIGURE, PAGE = (
    "locality.csv", "locality.json", "frames.extxyz", "locality", "report.html",
)  # fmt: skip


@dataclass(frozen=True)
class Locality:
    """What the study came to.

    Attributes
    ----------
    points : of the potential
    labelled : of labels, where frames of an earlier study were labelled
    reach_A : beyond which a MACE model knows nothing: twice its layers times its cutoff; else None
    table : CSV of all points
    """

    points: Sequence[LocalityPoint]
    labelled: Sequence[LocalityPoint]
    reach_A: float | None
    table: Path

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Of the table."""
        return [
            {"forces_of": source, **asdict(point)}
            for source, some in (("potential", self.points), ("labels", self.labelled))
            for point in some
        ]


def study_locality(
    crystal: Atoms,
    potential: str,
    radii_A: Sequence[float],
    *,
    out: Path,
    settings: LocalitySettings = LocalitySettings(),  # noqa: B008
    head: str | None = None,
    per_element: int = 2,
    labels: Path | None = None,
    seed: int = 1,
    execution: ExecutionConfig = ExecutionConfig(),  # noqa: B008
    progress: Progress = lambda done, total, text: None,
) -> Locality:
    """Fix what lies within a radius of an atom, move the rest, and report the spread of its force.

    What is done is kept; the same call goes on after a kill.

    Parameters
    ----------
    crystal : all atoms, at rest, in a cell that holds the radii
    radii_A : ascending or not
    out : folder of tables, figures, a page, and the frames, which may be labelled with DFT
    per_element : atoms of every element that are looked at
    labels : extxyz of `frames.extxyz` with labels; their spread is reported beside

    Raises
    ------
    MlipsseError
        for radii that the cell does not hold, a potential that cannot be had or lacks an element,
        and labels of other frames.
    """
    if not radii_A or min(radii_A) < 0:
        raise MlipsseError("Give at least one radius, and none below 0 Å.")
    check_potential(potential, set(crystal.symbols), head=head)
    check_radii(crystal, radii_A)
    out.mkdir(parents=True, exist_ok=True)
    with exclusive_lock(out / ".lock", holder="mlipsse study locality"):
        bare = Atoms(crystal.numbers, positions=crystal.positions, cell=crystal.cell, pbc=True)
        identity = {
            "crystal": encode(bare),
            "potential": [potential, head, _digest(potential)],
            "settings": settings.model_dump(),
            "seed": seed,
        }
        base = {"potential": potential, "head": head, "settings": settings, "seed": seed}
        hot = Unit(
            "equilibration",
            out / "units" / f"start-{fingerprint(identity)[:12]}.json",
            heat,
            {"crystal": bare, **base},
        )
        (out / "units").mkdir(exist_ok=True)
        centres = central_atoms(crystal, per_element)
        places = [(centre, radius) for centre in centres for radius in sorted(set(radii_A))]
        with Execution(execution, out) as work:
            work.run([hot], progress)
            units = [
                Unit(
                    f"atom {centre}, {radius:g} Å",
                    out
                    / "units"
                    / f"{centre}-{fingerprint(identity | {'at': [centre, radius]})[:12]}.json",
                    move_outside,
                    {"start": hot.output, "centre": centre, "radius_A": radius, **base},
                )
                for centre, radius in places
            ]
            work.run(units, progress)
        answers = [decode(unit.output.read_text(encoding="utf-8")) for unit in units]
        frames = [frame for answer in answers for frame in answer["frames"]]
        points = [
            locality_point(answer["frames"][0], *place, np.array(answer["forces_eV_A"]))
            for place, answer in zip(places, answers, strict=True)
        ]
        write_frames(out / FRAMES, frames)
        labelled = _of_labels(labels, frames) if labels else []
        found = Locality(points, labelled, _reach_A(potential, head), out / TABLE)
        _write(out, found, potential, _conditions(crystal, settings))
    return found


def heat(
    output: Path,
    *,
    crystal: Atoms,
    potential: str,
    head: str | None,
    settings: LocalitySettings,
    seed: int,
) -> None:
    """Unit of work: equilibrate the whole crystal."""
    write_text(
        output,
        encode({"atoms": heated(crystal, _calculator(potential, head), settings, seed=seed)}),
    )


def move_outside(
    output: Path,
    *,
    start: Path,
    centre: int,
    radius_A: float,
    potential: str,
    head: str | None,
    settings: LocalitySettings,
    seed: int,
) -> None:
    """Unit of work: configurations beyond one radius of one atom."""
    atoms = decode(start.read_text(encoding="utf-8"))["atoms"]
    frames, forces = sample_outside(
        atoms, _calculator(potential, head), settings, centre=centre, radius_A=radius_A, seed=seed
    )
    write_text(output, encode({"frames": frames, "forces_eV_A": forces.tolist()}))


def _calculator(potential: str, head: str | None) -> Any:
    from mlipsse.energetics.potentials.calculators import make_calculator
    from mlipsse.potential.native.copy import fastest

    name, own_head = fastest(potential, head=head)
    return make_calculator(name, head=own_head)


def _digest(potential: str) -> str | None:
    file = find_potential(potential).file
    return digest(file) if file else None


def _reach_A(potential: str, head: str | None) -> float | None:
    from mlipsse.energetics.potentials.loaded_mace import load_mace

    found = find_potential(potential)
    if not found.in_batches:
        return None
    model = load_mace(found, head=head).model
    return 2 * int(model.num_interactions) * float(model.r_max)


def _of_labels(path: Path, frames: Sequence[Atoms]) -> list[LocalityPoint]:
    """The same points with the forces of labels; those whose frames have none are left out."""
    labelled = read_frames(path, labelled=True)
    pairs = list(matching_frames(frames, labelled))
    if len(pairs) < len(labelled):
        raise MlipsseError(
            f"{path} holds {len(labelled) - len(pairs)} frames that are none of this study. Label "
            f"the frames of its {FRAMES}, and run the study with the same settings."
        )
    groups: dict[tuple[int, float], list[Atoms]] = {}
    for frame, other in pairs:
        place = int(frame.info[CENTRE]), float(frame.info[RADIUS])
        groups.setdefault(place, []).append(other)
    return [
        locality_point(
            some[0],
            centre,
            radius_A,
            np.array([frame.arrays[keys.FORCES][centre] for frame in some]),
        )
        for (centre, radius_A), some in sorted(groups.items())
        if len(some) > 1
    ]


def _conditions(crystal: Atoms, settings: LocalitySettings) -> str:
    return (
        f"{crystal.get_chemical_formula(mode='metal', empirical=True)}, {len(crystal)} atoms, "
        f"{settings.temperature_K:g} K, {settings.samples} configurations per atom and radius."
    )


def _write(out: Path, found: Locality, potential: str, conditions: str) -> None:
    from mlipsse.report.figures.locality import locality_figure
    from mlipsse.report.figures.style import save_figure
    from mlipsse.report.page.content import FigureFile, ReportContent, Section, Table
    from mlipsse.report.page.html import write_report
    from mlipsse.report.page.text import rounded

    rows = found.rows
    write_csv(out / TABLE, rows)
    content = {
        "potential": potential,
        "conditions": conditions,
        "reach_A": found.reach_A,
        "points": rows,
    }
    write_text(out / RECORD, json.dumps(content, indent=1) + "\n")
    drawn = save_figure(locality_figure(found.points, found.labelled, found.reach_A), out / FIGURE)
    columns: Mapping[str, str] = {
        "forces of": "forces_of",
        "atom": "centre",
        "element": "element",
        "radius (Å)": "radius_A",
        "free atoms": "free_atoms",
        "spread (eV/Å)": "spread_eV_A",
        "std": "spread_std_eV_A",
        "mean force (eV/Å)": "force_eV_A",
    }
    reach = (
        ""
        if found.reach_A is None
        else f" Forces of this model depend on atoms within {found.reach_A:g} Å (twice its layers "
        "times its cutoff)."
    )
    section = Section(
        "locality",
        "Locality",
        f"{conditions} The spread of the force on an atom while all beyond a radius moves: what a "
        f"model that sees no farther cannot know.{reach}",
        figures=[
            FigureFile(
                drawn[0],
                "Spread of the force against the radius, the root mean square over the atoms of "
                "an element. Bars are standard errors.",
                wide=True,
            )
        ],
        tables=[
            Table(
                "Points",
                tuple(columns),
                [tuple(rounded(row[key]) for key in columns.values()) for row in rows],
            )
        ],
    )
    page = ReportContent(
        f"Locality of {potential}", sections=[section], kind="How local the forces are"
    )
    write_report(page, out / PAGE)
