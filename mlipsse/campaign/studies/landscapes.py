"""Screening of crystals by their frozen-framework landscapes, in units of work."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from mlipsse.campaign.config.execution import ExecutionConfig
from mlipsse.campaign.crystals.database import Row, write_database
from mlipsse.campaign.engine.execution import Execution
from mlipsse.campaign.engine.stage import Progress
from mlipsse.campaign.engine.table import write_csv
from mlipsse.campaign.engine.unit_json import decode
from mlipsse.campaign.studies.landscape_page import write_landscape_page
from mlipsse.campaign.studies.landscape_plan import LandscapePlan, plan_landscapes
from mlipsse.campaign.studies.landscape_units import LandscapeSettings, relaxation_unit
from mlipsse.energetics.potentials.calculators import check_potential, known_species
from mlipsse.energetics.potentials.loaded_mace import check_placement
from mlipsse.errors import MlipsseError
from mlipsse.files import exclusive_lock, sha256, write_text
from mlipsse.screening.landscape.crystals import Candidate, crystal_files, read_candidates
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
    execution : how many units run at a time
    views : so many of the best crystals are drawn on the page

    Raises
    ------
    MlipsseError
        for a place, a potential, a head, a device or an element that is not there, and a folder of
        other settings. A crystal that
        cannot be read or computed is left out, with the reason in its row.
    """
    files = crystal_files(places)
    _check(settings)
    out.mkdir(parents=True, exist_ok=True)
    with exclusive_lock(out / ".lock", holder="mlipsse screen"):
        _keep_settings(out / SETTINGS, settings)
        candidates, rows = _read(files, settings, progress)
        known = known_species(settings.potential)
        with Execution(execution, out) as work:
            crystals = _relaxed(candidates, settings, known, rows, out, work, progress)
            plans = list(_plans(crystals, settings, rows, out))
            units = [unit for plan in plans for some in plan.units for unit in some]
            trouble = ""
            try:
                work.run(units, progress)
            except MlipsseError as error:
                trouble = str(error)
        rows += _rows(candidates, plans, out, trouble)
        found = ranked(rows)
        names = [*LEADING, *(k for k in found[0] if k not in (*LEADING, "warnings", "notes"))]
        flat = [{name: _cell(row.get(name)) for name in names} for row in found]
        write_csv(out / TABLE, flat)
        write_text(out / RECORD, json.dumps(_finite(found), indent=1, ensure_ascii=False) + "\n")
        by_name = {plan.candidate.name: plan for plan in reversed(plans)}
        if structures := list(_database_rows(found, by_name)):
            write_database(out / DATABASE, structures)
        page = write_landscape_page(out, found, by_name, settings, views=views)
    return ScreenedFiles(found, out / TABLE, out / RECORD, page)


def _check(settings: LandscapeSettings) -> None:
    """Refuse what no crystal could be screened with."""
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


def _read(
    files: Sequence[Path], settings: LandscapeSettings, progress: Progress
) -> tuple[list[Candidate], list[dict[str, Any]]]:
    """Crystals, and rows of those that are left out."""
    candidates: list[Candidate] = []
    rows: list[dict[str, Any]] = []
    contents: dict[str, Path] = {}
    names: set[str] = set()
    for done, path in enumerate(files):
        progress(done, len(files), f"reading {path.name}")
        content = sha256(path)
        if content in contents:
            same = contents[content]
            rows.append({"name": path.stem, "source": str(path), "reason": f"same as {same.name}"})
            continue
        contents[content] = path
        try:
            found = read_candidates(
                path,
                mobile=settings.mobile,
                orderings=settings.orderings,
                most_atoms=settings.max_atoms,
            )
        except MlipsseError as error:
            rows.append({"name": path.stem, "source": str(path), "reason": str(error)})
            continue
        for candidate in found:
            if candidate.name in names:
                reason = f"another file is named {candidate.name} too; rename one of them"
                rows.append({"name": candidate.name, "source": str(path), "reason": reason})
                continue
            names.add(candidate.name)
            candidates.append(candidate)
    return candidates, rows


def _relaxed(
    candidates: Sequence[Candidate],
    settings: LandscapeSettings,
    known: frozenset[str] | None,
    rows: list[dict[str, Any]],
    out: Path,
    work: Execution,
    progress: Progress,
) -> list[tuple[Candidate, Atoms]]:
    """Every crystal that the potential knows, relaxed where that is asked for."""
    crystals: list[tuple[Candidate, Atoms]] = []
    for candidate in candidates:
        unknown = sorted(set(candidate.crystals[0].symbols) - (known or set()))
        if known is not None and unknown:
            reason = f"the potential does not know {', '.join(unknown)}"
            rows.append(_left_out(candidate, reason))
            continue
        crystals += [(candidate, crystal) for crystal in candidate.crystals]
    if settings.relaxation == "none":
        return crystals
    units = [relaxation_unit(crystal, settings, out) for _, crystal in crystals]
    trouble = ""
    try:
        work.run(units, progress)
    except MlipsseError as error:
        trouble = str(error)
    relaxed: list[tuple[Candidate, Atoms]] = []
    failed: dict[str, str] = {}
    for (candidate, crystal), unit in zip(crystals, units, strict=True):
        if not unit.done:
            failed.setdefault(candidate.name, trouble)
            continue
        answer = decode(unit.output.read_text(encoding="utf-8"))
        if answer["reason"]:
            failed.setdefault(candidate.name, answer["reason"])
            continue
        atoms = answer["atoms"]
        atoms.info = dict(crystal.info)
        relaxed.append((candidate, atoms))
    # A mean over some of the orderings would not be that of the others.
    rows += [
        _left_out(candidate, f"relaxation failed: {failed[candidate.name]}")
        for candidate in candidates
        if candidate.name in failed
    ]
    return [pair for pair in relaxed if pair[0].name not in failed]


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
            rows.append(_left_out(candidate, str(error)))


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
            yield _left_out(candidate, str(error))
        except FileNotFoundError:
            yield _left_out(candidate, trouble or "it was not computed")


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


def _left_out(candidate: Candidate, reason: str) -> dict[str, Any]:
    crystal = candidate.crystals[0]
    return {
        "name": candidate.name,
        "source": str(candidate.source),
        "formula": crystal.get_chemical_formula(),
        "atoms": len(crystal),
        "reason": reason,
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
            yield Row(plans[row["name"]].crystal, {"name": row["name"], **values})


def _cell(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _finite(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """For JSON, which has no infinity: None stands for a level that is not reached."""

    def keep(value: Any) -> Any:
        return None if isinstance(value, float) and not np.isfinite(value) else value

    return [{name: keep(value) for name, value in row.items()} for row in rows]
