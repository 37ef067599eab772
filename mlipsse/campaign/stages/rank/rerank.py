"""The lowest orderings once more, with the model that production will use."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.cell import Cell

from mlipsse.campaign.config.campaign import RankConfig
from mlipsse.campaign.crystals.coordination import COLUMNS, coordination_rows
from mlipsse.campaign.crystals.database import Row, ranked_frame, read_database
from mlipsse.campaign.crystals.orderings import campaign_host
from mlipsse.campaign.crystals.store import ranked_store, row_supercell
from mlipsse.campaign.crystals.system import system_of
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.stage import Work
from mlipsse.campaign.engine.table import write_csv
from mlipsse.campaign.stages.rank.ranking import Ranked, composition_rows, with_hull
from mlipsse.campaign.stages.rank.relaxing import relax_rows
from mlipsse.dataset.frames.extxyz import write_frames
from mlipsse.dataset.labels.sources import teacher_name
from mlipsse.energetics.hull.energies import energy_above_hull
from mlipsse.energetics.potentials.calculators import check_potential
from mlipsse.orderings import parse_repeats
from mlipsse.orderings.coordination import Coordination
from mlipsse.orderings.host.formula import same_composition
from mlipsse.potential.bundle.folder import CARD_FILE, read_bundle, read_card
from mlipsse.report.page.published import published_lattice

LATTICE = ("a_A", "b_A", "c_A", "alpha_deg", "beta_deg", "gamma_deg")


@dataclass(frozen=True)
class RerankSettings:
    """Which orderings are relaxed again, and with what.

    Attributes
    ----------
    potential, head : as `rank.foundation` and `rank.head`
    lowest : orderings per composition and supercell
    trained_on : compositions in the potential's training set; None where unknown
    """

    potential: str
    head: str | None
    lowest: int
    trained_on: tuple[str, ...] | None = None


def of_bundle(folder: Path, *, lowest: int) -> RerankSettings:
    """Settings for the model in a potential's bundle: its exported head, and what it learned.

    Raises
    ------
    MlipsseError
        when the bundle cannot be read.
    """
    bundle = read_bundle(folder, model_only=True)
    head = bundle.head if len(bundle.heads) > 1 else None
    compositions = read_card(folder / CARD_FILE).get("compositions")
    return RerankSettings(
        str(bundle.model), head, lowest, tuple(compositions) if compositions else None
    )


def rerank(work: Work, settings: RerankSettings) -> list[Path]:
    """Relax the lowest orderings of every composition and supercell, and write the tables of both.

    Where the labels of the campaign are a teacher's, its single points of the relaxed cells stand
    beside.

    Returns
    -------
    list of Path
        `reranked.csv`, `reranked-compositions.csv`, `lattice.csv`, `coordination.csv`, and
        `lowest.extxyz`, the lowest ordering of every composition.

    Raises
    ------
    MlipsseError
        when nothing was ranked yet, the potential does not know a species, lacks the head or has
        several and none is named, or no ordering of a composition could be relaxed.
    """
    campaign, config = work.campaign, work.campaign.config
    rows = lowest_rows(campaign, settings.lowest)
    potential = campaign.potential(settings.potential)
    check_potential(potential, config.enumerate.elements, head=settings.head)
    again: dict[str, Any] = {"foundation": settings.potential, "head": settings.head}
    relaxed = relax_rows(work, rows, config.rank.model_copy(update=again))
    ranked = with_hull(relaxed, config.enumerate)
    labels = _label_energies(work, ranked)
    work.notes += _unseen(settings, config.enumerate.formulas)
    compositions = composition_rows(ranked, config.enumerate, system_of(config.enumerate))
    tables = {
        paths.Export.reranked: _ordering_rows(rows, ranked, labels),
        paths.Export.reranked_compositions: _composition_rows(rows, ranked, labels, compositions),
        paths.Export.lattice: _lattice_rows(ranked, compositions),
    }
    made = []
    for place, table in tables.items():
        made.append(work.folder / place.name)
        write_csv(made[-1], table)
    made.append(work.folder / paths.Export.coordination.name)
    write_csv(made[-1], _coordination(campaign, ranked, compositions), columns=COLUMNS)
    made.append(work.folder / paths.Export.lowest.name)
    write_frames(made[-1], _lowest_frames(ranked, compositions, config.enumerate.compositions))
    return made


def lowest_rows(campaign: Campaign, count: int) -> list[Row]:
    """The orderings of lowest energy of every composition and supercell, as they were ranked.

    Raises
    ------
    MlipsseError
        when the campaign has no ranking yet.
    """
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in read_database(ranked_store(campaign)):
        groups.setdefault((row.composition, str(row.values["supercell"])), []).append(row)
    return [
        row
        for group in groups.values()
        for row in sorted(group, key=lambda row: float(row.values["energy_eV"]))[:count]
    ]


def _label_energies(work: Work, ranked: Sequence[Ranked]) -> dict[str, float]:
    """Energies of relaxed orderings by the teacher, eV per cell; none where labels are not its."""
    label = work.campaign.config.label
    teacher = teacher_name(label.source)
    if teacher is None:
        return {}
    settings = RankConfig(foundation=teacher, head=label.head, relaxation="none")
    good = [entry.row for entry in ranked if entry.reason is None]
    return {
        entry.row.name: float(entry.row.values["energy_eV"])
        for entry in relax_rows(work, good, settings)
        if entry.reason is None
    }


def _unseen(settings: RerankSettings, formulas: Sequence[str]) -> list[str]:
    """A note on compositions that the potential was not trained on."""
    if settings.trained_on is None:
        return []
    unseen = [
        formula
        for formula in formulas
        if not any(same_composition(formula, known) for known in settings.trained_on)
    ]
    if not unseen:
        return []
    return [
        f"{Path(settings.potential).stem} was not trained on {', '.join(unseen)}. It extrapolates "
        "there, and so do the hull and the formation energies."
    ]


def _ordering_rows(
    before: Sequence[Row], ranked: Sequence[Ranked], labels: dict[str, float]
) -> list[dict[str, Any]]:
    by_label = _above_hull_by_label(ranked, labels)
    return [
        {
            "composition": row.composition,
            "supercell": row.values["supercell"].removeprefix("cell-"),
            "ordering": row.name,
            "found": row.values.get("found", ""),
            "degeneracy": row.values["degeneracy"],
            "ranked_energy_above_hull_eV_atom": row.values["energy_above_hull_eV_atom"],
            "energy_above_hull_eV_atom": entry.above_hull_eV_atom,
            "formation_energy_eV_atom": entry.formation_eV_atom,
            "label_energy_above_hull_eV_atom": by_label.get(row.name),
            "left_out": entry.reason or "",
        }
        for row, entry in zip(before, ranked, strict=True)
    ]


def _above_hull_by_label(ranked: Sequence[Ranked], labels: dict[str, float]) -> dict[str, float]:
    good = [entry.row for entry in ranked if entry.row.name in labels]
    if not good:
        return {}
    counts = [row.atoms.symbols.formula.count() for row in good]
    above = energy_above_hull(counts, np.array([labels[row.name] for row in good]))
    return {row.name: float(value) for row, value in zip(good, above, strict=True)}


def _composition_rows(
    before: Sequence[Row],
    ranked: Sequence[Ranked],
    labels: dict[str, float],
    compositions: Sequence[dict[str, Any]],
) -> list[dict[str, Any]]:
    by_label = _above_hull_by_label(ranked, labels)
    rows = []
    for found in compositions:
        formula = found["composition"]
        own = [row for row in before if row.composition == formula]
        lowest = min(own, key=lambda row: row.values["energy_above_hull_eV_atom"])
        of_labels = [by_label[row.name] for row in own if row.name in by_label]
        rows.append(
            {
                **found,
                "ranked_lowest_ordering": lowest.name,
                "ranked_energy_above_hull_eV_atom": lowest.values["energy_above_hull_eV_atom"],
                "label_energy_above_hull_eV_atom": min(of_labels) if of_labels else None,
                "kendall_tau": _tau(own, ranked),
            }
        )
    return rows


def _tau(before: Sequence[Row], ranked: Sequence[Ranked]) -> float | None:
    """Kendall's tau of the energies per atom before and after; None for fewer than three."""
    from scipy.stats import kendalltau

    after = {
        entry.row.name: entry.row.values["energy_eV"] / len(entry.row.atoms)
        for entry in ranked
        if entry.reason is None
    }
    common = [row for row in before if row.name in after]
    if len(common) < 3:
        return None
    first = [row.values["energy_eV"] / len(row.atoms) for row in common]
    tau = float(kendalltau(first, [after[row.name] for row in common]).statistic)
    return tau if np.isfinite(tau) else None


def host_lattice(atoms: Atoms, supercell: str) -> np.ndarray:
    """Lengths in Å and angles in degrees, (6,), of the host's cell in a relaxed supercell of it."""
    matrix = parse_repeats(supercell).matrix
    return np.asarray(Cell(np.linalg.solve(matrix, atoms.cell[:])).cellpar())


def _lattice_rows(
    ranked: Sequence[Ranked], compositions: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    by_name = {entry.row.name: entry.row for entry in ranked}
    rows = []
    for found in compositions:
        row = by_name[found["lowest_ordering"]]
        supercell = row.values["supercell"].removeprefix("cell-")
        ours = host_lattice(row.atoms, supercell)
        published = published_lattice(found["composition"])
        rows.append(
            {
                "composition": found["composition"],
                "ordering": row.name,
                **{name: float(value) for name, value in zip(LATTICE, ours, strict=True)},
                **{
                    f"published_{name}": None if published is None else value
                    for name, value in zip(LATTICE, published or [None] * 6, strict=True)
                },
            }
        )
    return rows


def _coordination(
    campaign: Campaign, ranked: Sequence[Ranked], compositions: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Surroundings in the lowest ordering of every composition."""
    host = campaign_host(campaign)
    by_name = {entry.row.name: entry.row for entry in ranked}
    rows = []
    for found in compositions:
        row = by_name[found["lowest_ordering"]]
        coordination = Coordination(row_supercell(host, row.values))
        rows += coordination_rows(coordination, [row], [1.0], of=row.name)
    return rows


def _lowest_frames(
    ranked: Sequence[Ranked],
    compositions: Sequence[dict[str, Any]],
    formulas: Sequence[str],
) -> list[Atoms]:
    by_name = {entry.row.name: entry for entry in ranked}
    frames = []
    for found in compositions:
        if found["composition"] not in formulas:
            continue  # an end member that is not simulated
        entry = by_name[found["lowest_ordering"]]
        frames.append(ranked_frame(entry.row))
    return frames
