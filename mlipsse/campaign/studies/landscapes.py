"""Screening of crystals by their frozen-framework landscapes, in units of work."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from mlipsse import keys
from mlipsse.campaign.config.execution import ExecutionConfig
from mlipsse.campaign.engine.execution import Execution, Unit
from mlipsse.campaign.engine.stage import Progress
from mlipsse.campaign.engine.table import write_csv
from mlipsse.campaign.engine.unit_json import decode
from mlipsse.campaign.studies.landscape_units import (
    LandscapeSettings,
    landscape_units,
    relaxation_unit,
)
from mlipsse.energetics.potentials.calculators import check_potential, known_species
from mlipsse.energetics.potentials.loaded_mace import check_placement
from mlipsse.errors import MlipsseError
from mlipsse.files import exclusive_lock, sha256, write_text
from mlipsse.screening.landscape.crystals import Candidate, crystal_files, read_candidates
from mlipsse.screening.landscape.descriptors import IonLandscape, describe
from mlipsse.screening.landscape.energies import (
    DistinctIon,
    distinct_ions,
    landscape,
    turned,
)
from mlipsse.screening.landscape.files import write_landscape
from mlipsse.screening.landscape.grid import (
    LandscapeGrid,
    published_shape,
    symmetric_shape,
)
from mlipsse.screening.landscape.report import LEADING, averaged, ranked, values_of

TABLE, RECORD, SETTINGS = "table.csv", "table.json", "screen.json"


@dataclass(frozen=True)
class ScreenedFiles:
    """What a screening wrote.

    Attributes
    ----------
    rows : of the table, ranked; those left out last, with the reason
    table, record : CSV of the leading columns and all others, and JSON with warnings beside
    """

    rows: list[dict[str, Any]]
    table: Path
    record: Path


def screen(
    places: Sequence[Path],
    settings: LandscapeSettings,
    *,
    out: Path,
    execution: ExecutionConfig = ExecutionConfig(),  # noqa: B008
    progress: Progress = lambda done, total, text: None,
) -> ScreenedFiles:
    """Compute the landscapes of crystals, and rank them.

    What is done is kept: the same call continues after a kill, and more crystals may be added.

    Parameters
    ----------
    places : CIF and POSCAR files, and folders of such
    out : folder of results
    execution : how many units run at a time

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
            units = [unit for plan in plans for unit in plan.units]
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
    return ScreenedFiles(found, out / TABLE, out / RECORD)


@dataclass(frozen=True, eq=False)
class _Plan:
    """A crystal's ions and what is to be computed of them."""

    candidate: Candidate
    crystal: Atoms
    shape: tuple[int, int, int]
    ions: Sequence[DistinctIon]
    units: Sequence[Unit]
    parts: Sequence[Sequence[Unit]]
    settings: LandscapeSettings


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
) -> Iterator[_Plan]:
    for candidate, crystal in crystals:
        shape = (
            symmetric_shape(crystal, settings.spacing_A)
            if settings.grid == "symmetric"
            else published_shape(crystal.cell.array, settings.spacing_A)
        )
        try:
            ions = distinct_ions(crystal, settings.mobile, shape)
        except MlipsseError as error:
            rows.append(_left_out(candidate, str(error)))
            continue
        parts = [list(landscape_units(crystal, one.ion, shape, settings, out)) for one in ions]
        units = [unit for part in parts for unit in part]
        yield _Plan(candidate, crystal, shape, ions, units, parts, settings)


def _rows(
    candidates: Sequence[Candidate], plans: Sequence[_Plan], out: Path, trouble: str
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


def _row(candidate: Candidate, plans: Sequence[_Plan], out: Path) -> dict[str, Any]:
    described, warnings, facts = [], [], {"points": 0, "failed_points": 0, "seconds": 0.0}
    for plan in plans:
        ions: list[IonLandscape] = []
        for one, units in zip(plan.ions, plan.parts, strict=True):
            grid = LandscapeGrid(plan.crystal, one.ion, plan.shape, plan.settings.closest_A)
            parts = [np.load(unit.output, allow_pickle=False) for unit in units]
            computed = np.concatenate([part["energies_eV"] for part in parts])
            facts["points"] += len(computed)
            facts["failed_points"] += int((~np.isfinite(computed)).sum())
            facts["seconds"] += sum(float(part["seconds"]) for part in parts)
            own = landscape(grid, computed, float(parts[0]["site_eV"]))
            warnings += [f"Ion {one.ion}: {text}" for text in own.warnings]
            ions += [turned(own, alike, plan.crystal) for alike in one.alike]
        described.append(values_of(describe(ions)))
        write_landscape(out / "landscapes", plan.crystal, ions, name=_name(plan))
    crystal = plans[0].crystal
    return {
        "name": candidate.name,
        "source": str(candidate.source),
        "formula": crystal.get_chemical_formula(),
        "atoms": len(crystal),
        "orderings": len(plans),
        **averaged(described),
        **facts,
        "reason": "",
        "notes": list(candidate.notes),
        "warnings": warnings,
    }


def _name(plan: _Plan) -> str:
    return str(plan.crystal.info[keys.ORDERING])


def _left_out(candidate: Candidate, reason: str) -> dict[str, Any]:
    crystal = candidate.crystals[0]
    return {
        "name": candidate.name,
        "source": str(candidate.source),
        "formula": crystal.get_chemical_formula(),
        "atoms": len(crystal),
        "reason": reason,
    }


def _cell(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _finite(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """For JSON, which has no infinity: None stands for a level that is not reached."""

    def keep(value: Any) -> Any:
        return None if isinstance(value, float) and not np.isfinite(value) else value

    return [{name: keep(value) for name, value in row.items()} for row in rows]
