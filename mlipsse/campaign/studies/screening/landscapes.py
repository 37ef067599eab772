"""Screening of crystals by their frozen-framework landscapes, in units of work."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from mlipsse import keys
from mlipsse.campaign.config.execution import ExecutionConfig
from mlipsse.campaign.crystals.database import Row, write_database
from mlipsse.campaign.engine.execution import Execution
from mlipsse.campaign.engine.stage import Progress
from mlipsse.campaign.engine.table import write_csv
from mlipsse.campaign.studies.screening.crystals import (
    ScreeningFilters,
    crystals_to_screen,
    left_out,
)
from mlipsse.campaign.studies.screening.page import write_landscape_page
from mlipsse.campaign.studies.screening.plan import LandscapePlan, plan_landscapes
from mlipsse.campaign.studies.screening.units import LandscapeSettings
from mlipsse.energetics.potentials.calculators import check_potential
from mlipsse.energetics.potentials.loaded_mace import check_placement
from mlipsse.errors import MlipsseError
from mlipsse.files import exclusive_lock, write_text
from mlipsse.screening.filters import read_properties
from mlipsse.screening.landscape.crystals import Candidate, crystal_files
from mlipsse.screening.landscape.descriptors import describe
from mlipsse.screening.landscape.files import write_landscape
from mlipsse.screening.landscape.report import LEADING, averaged, ranked, values_of

TABLE, RECORD, DATABASE, SETTINGS = "table.csv", "table.json", "table.db", "screen.json"


@dataclass(frozen=True)
class ScreenedFiles:
    """What a screening wrote.

    Attributes
    ----------
    rows : of the table, ranked; those left out last, with the reason
    table, record : CSV of the leading columns and all others, and JSON with warnings beside
    page : the ranking and the landscapes of the best crystals, HTML
    """

    rows: list[dict[str, Any]]
    table: Path
    record: Path
    page: Path


def screen(
    places: Sequence[Path],
    settings: LandscapeSettings,
    *,
    out: Path,
    filters: ScreeningFilters = ScreeningFilters(),  # noqa: B008
    execution: ExecutionConfig = ExecutionConfig(),  # noqa: B008
    views: int = 5,
    progress: Progress = lambda done, total, text: None,
) -> ScreenedFiles:
    """Compute the landscapes of crystals, and rank them.

    What is done is kept: the same call continues after a kill, and more crystals may be added.

    Parameters
    ----------
    places : CIF and POSCAR files, and folders of such
    out : folder of results
    filters : which crystals are left out before their landscapes are computed
    execution : how many units run at a time
    views : so many of the best crystals are drawn on the page

    Raises
    ------
    MlipsseError
        for a place, a potential, a head, a device, an element or a column that is not there, and a
        folder of other settings. A crystal that cannot be read or computed is left out, with the
        reason in its row.
    """
    files = crystal_files(places)
    _check(settings, filters)
    out.mkdir(parents=True, exist_ok=True)
    with exclusive_lock(out / ".lock", holder="mlipsse screen"):
        _keep_settings(out / SETTINGS, settings)
        with Execution(execution, out) as work:
            chosen = crystals_to_screen(
                files, settings, filters, out=out, work=work, progress=progress
            )
            rows = chosen.left_out
            plans = list(_plans(chosen.crystals, settings, rows, out))
            units = [unit for plan in plans for some in plan.units for unit in some]
            trouble = ""
            try:
                work.run(units, progress)
            except MlipsseError as error:
                trouble = str(error)
        rows += _rows(chosen.candidates, plans, out, trouble)
        for row in rows:
            row["above_hull_eV_atom"] = chosen.above_hull_eV_atom.get(row["name"])
        found = ranked(rows)
        names = [*LEADING, *(k for k in found[0] if k not in (*LEADING, "warnings", "notes"))]
        flat = [{name: _cell(row.get(name)) for name in names} for row in found]
        write_csv(out / TABLE, flat)
        write_text(out / RECORD, json.dumps(_finite(found), indent=1, ensure_ascii=False) + "\n")
        by_name = {plan.candidate.name: plan for plan in reversed(plans)}
        (out / DATABASE).unlink(missing_ok=True)
        if structures := list(_database_rows(found, by_name)):
            write_database(out / DATABASE, structures)
        page = write_landscape_page(out, found, by_name, settings, views=views)
    return ScreenedFiles(found, out / TABLE, out / RECORD, page)


def _check(settings: LandscapeSettings, filters: ScreeningFilters) -> None:
    """Refuse what no crystal could be screened with."""
    if filters.max_above_hull_eV_atom is not None and settings.relaxation != "cell":
        raise MlipsseError(
            "Energies above the hull (--max-above-hull) require relaxed crystals: add --relax cell."
        )
    if filters.conditions and filters.properties is None:
        raise MlipsseError(
            f"The condition {filters.conditions[0]} requires a table of properties. Name a CSV "
            "file with a column `name` (--properties)."
        )
    if filters.properties:
        read_properties(filters.properties, filters.conditions)
    if settings.mobile not in chemical_symbols[1:]:
        raise MlipsseError(
            f"The mobile ion {settings.mobile!r} is not the symbol of an element. Name e.g. Li."
        )
    if settings.device != "cpu":
        check_placement(settings.device, None)
    check_potential(settings.potential, (), head=settings.head)


def _keep_settings(path: Path, settings: LandscapeSettings) -> None:
    """Refuse a folder that was begun with other settings."""
    asked = asdict(settings)
    if path.is_file():
        there = json.loads(path.read_text(encoding="utf-8"))
        if changed := [name for name in asked if there.get(name) != asked[name]]:
            name = changed[0]
            raise MlipsseError(
                f"{path.parent} was screened with {name} = {there.get(name)}, and {asked[name]} is "
                "requested. Name another folder (--out), or use the same settings."
            )
    write_text(path, json.dumps(asked, indent=1) + "\n")


def _plans(
    crystals: Sequence[tuple[Candidate, Atoms]],
    settings: LandscapeSettings,
    rows: list[dict[str, Any]],
    out: Path,
) -> Iterator[LandscapePlan]:
    for candidate, crystal in crystals:
        try:
            yield plan_landscapes(candidate, crystal, settings, out)
        except MlipsseError as error:
            rows.append(left_out(candidate, str(error)))


def _rows(
    candidates: Sequence[Candidate], plans: Sequence[LandscapePlan], out: Path, trouble: str
) -> Iterator[dict[str, Any]]:
    for candidate in candidates:
        own = [plan for plan in plans if plan.candidate is candidate]
        if not own:
            continue
        try:
            yield _row(candidate, own, out)
        except MlipsseError as error:
            yield left_out(candidate, str(error))
        except FileNotFoundError:
            yield left_out(candidate, trouble or "it was not computed")


def _row(candidate: Candidate, plans: Sequence[LandscapePlan], out: Path) -> dict[str, Any]:
    described, done = [], [plan.read() for plan in plans]
    for plan, found in zip(plans, done, strict=True):
        described.append(values_of(describe(found.ions)))
        write_landscape(out / "landscapes", plan.crystal, found.ions, name=plan.name)
    crystal = plans[0].crystal
    return {
        "name": candidate.name,
        "source": str(candidate.source),
        "formula": crystal.get_chemical_formula(),
        "atoms": len(crystal),
        "orderings": len(plans),
        **averaged(described),
        "points": sum(found.points for found in done),
        "failed_points": sum(found.failed_points for found in done),
        "seconds": sum(found.seconds for found in done),
        "reason": "",
        "notes": list(candidate.notes),
        "warnings": [text for found in done for text in found.warnings],
    }


def _database_rows(
    rows: Sequence[Mapping[str, Any]], plans: Mapping[str, LandscapePlan]
) -> Iterator[Row]:
    """Ranked crystals with their descriptors; of several orderings the first is the structure."""
    for row in rows:
        if row.get("rank") is not None:
            # A key of ASE's holds letters, digits and underscores alone.
            values = {
                name.replace(".", "p"): value
                for name, value in row.items()
                if isinstance(value, float | int) or name == "source"
            }
            plan = plans[row["name"]]
            yield Row(plan.crystal, {keys.ORDERING: plan.name, "name": row["name"], **values})


def _cell(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _finite(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """For JSON, which has no infinity: None stands for a level that is not reached."""

    def keep(value: Any) -> Any:
        return None if isinstance(value, float) and not np.isfinite(value) else value

    return [{name: keep(value) for name, value in row.items()} for row in rows]
