"""The crystals of a screening: read, filtered, and relaxed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ase import Atoms

from mlipsse.campaign.engine.execution import Execution
from mlipsse.campaign.engine.stage import Progress
from mlipsse.campaign.engine.unit_json import decode
from mlipsse.campaign.studies.screening.units import LandscapeSettings, relaxation_unit
from mlipsse.energetics.potentials.calculators import known_species
from mlipsse.errors import MlipsseError
from mlipsse.files import sha256
from mlipsse.screening.filters import Condition, read_properties, reason_against
from mlipsse.screening.landscape.crystals import Candidate, read_candidates
from mlipsse.screening.stability import energies_above_hull_eV_atom

RELAXED_EV = "relaxed_energy_eV"


@dataclass(frozen=True)
class ScreeningFilters:
    """Which crystals are left out before anything expensive.

    Attributes
    ----------
    properties : CSV file with a column `name`, for the conditions
    conditions : on its other columns
    max_above_hull_eV_atom : of the hull that the crystals span by the potential; crystals that no
        others of them can form are kept
    """

    properties: Path | None = None
    conditions: Sequence[Condition] = ()
    max_above_hull_eV_atom: float | None = None


@dataclass(frozen=True, eq=False)
class CrystalsToScreen:
    """What passed the filters, and what did not.

    Attributes
    ----------
    candidates : that could be read and fulfil the conditions
    crystals : their ordered forms, relaxed where that is asked for, with the candidate of each
    above_hull_eV_atom : by name; empty without relaxed cells, None where there is no hull
    left_out : rows of the others, with the reason
    """

    candidates: Sequence[Candidate]
    crystals: Sequence[tuple[Candidate, Atoms]]
    above_hull_eV_atom: Mapping[str, float | None]
    left_out: list[dict[str, Any]]


def crystals_to_screen(
    files: Sequence[Path],
    settings: LandscapeSettings,
    filters: ScreeningFilters,
    *,
    out: Path,
    work: Execution,
    progress: Progress,
) -> CrystalsToScreen:
    """Read crystals, filter them, and relax them where the settings ask for it.

    Raises
    ------
    MlipsseError
        for a table of properties that cannot be read.
    """
    properties = (
        read_properties(filters.properties, filters.conditions) if filters.properties else {}
    )
    candidates, rows = _read(files, settings, progress)
    candidates = list(_fulfilling(candidates, filters, properties, rows))
    crystals = _relaxed(candidates, settings, rows, out, work, progress)
    above = above_hull(crystals) if settings.relaxation == "cell" else {}
    crystals = list(stable(crystals, filters, above, rows))
    return CrystalsToScreen(candidates, crystals, above, rows)


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


def _fulfilling(
    candidates: Sequence[Candidate],
    filters: ScreeningFilters,
    properties: Mapping[str, Mapping[str, str]],
    rows: list[dict[str, Any]],
) -> Iterator[Candidate]:
    for candidate in candidates:
        if reason := reason_against(candidate.name, filters.conditions, properties):
            rows.append(left_out(candidate, reason))
        else:
            yield candidate


def _relaxed(
    candidates: Sequence[Candidate],
    settings: LandscapeSettings,
    rows: list[dict[str, Any]],
    out: Path,
    work: Execution,
    progress: Progress,
) -> list[tuple[Candidate, Atoms]]:
    """Every crystal that the potential knows, relaxed where that is asked for."""
    known = known_species(settings.potential)
    crystals: list[tuple[Candidate, Atoms]] = []
    for candidate in candidates:
        unknown = sorted(set(candidate.crystals[0].symbols) - (known or set()))
        if known is not None and unknown:
            reason = f"the potential does not know {', '.join(unknown)}"
            rows.append(left_out(candidate, reason))
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
        atoms.info = dict(crystal.info) | {RELAXED_EV: answer["energy_eV"]}
        relaxed.append((candidate, atoms))
    # A mean over some of the orderings would not be that of the others.
    rows += [
        left_out(candidate, f"relaxation failed: {failed[candidate.name]}")
        for candidate in candidates
        if candidate.name in failed
    ]
    return [pair for pair in relaxed if pair[0].name not in failed]


def above_hull(crystals: Sequence[tuple[Candidate, Atoms]]) -> dict[str, float | None]:
    """By name, eV/atom: of the lowest ordering of every crystal."""
    lowest: dict[str, tuple[float, Atoms]] = {}
    for candidate, atoms in crystals:
        energy_eV_atom = atoms.info[RELAXED_EV] / len(atoms)
        if candidate.name not in lowest or energy_eV_atom < lowest[candidate.name][0]:
            lowest[candidate.name] = (energy_eV_atom, atoms)
    found = energies_above_hull_eV_atom(
        [atoms.symbols.formula.count() for _, atoms in lowest.values()],
        [energy for energy, _ in lowest.values()],
    )
    return dict(zip(lowest, found, strict=True))


def stable(
    crystals: Sequence[tuple[Candidate, Atoms]],
    filters: ScreeningFilters,
    above: Mapping[str, float | None],
    rows: list[dict[str, Any]],
) -> Iterator[tuple[Candidate, Atoms]]:
    """Crystals within the limit; rows get those beyond it, with the reason."""
    limit = filters.max_above_hull_eV_atom
    unstable: set[str] = set()
    for candidate, atoms in crystals:
        height = above.get(candidate.name)
        if limit is None or height is None or height <= limit:
            yield candidate, atoms
        elif candidate.name not in unstable:
            unstable.add(candidate.name)
            reason = f"it lies {height:.3f} eV/atom above the hull of these crystals"
            rows.append(left_out(candidate, f"{reason} (limit {limit:g})"))


def left_out(candidate: Candidate, reason: str) -> dict[str, Any]:
    """The row of a crystal that is not ranked."""
    crystal = candidate.crystals[0]
    return {
        "name": candidate.name,
        "source": str(candidate.source),
        "formula": crystal.get_chemical_formula(),
        "atoms": len(crystal),
        "reason": reason,
    }
