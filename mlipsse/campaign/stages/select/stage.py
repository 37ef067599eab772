"""Stage 3: orderings that matter at temperature, the lowest of each composition always in."""

from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from pymatgen.core import Composition

from mlipsse import keys
from mlipsse.campaign.crystals.coordination import COLUMNS, coordination_rows
from mlipsse.campaign.crystals.database import Row, mark_rows, ranked_frame, read_database
from mlipsse.campaign.crystals.orderings import campaign_host
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.seeds import derived_seed
from mlipsse.campaign.engine.stage import Stage, Work
from mlipsse.campaign.engine.table import write_csv
from mlipsse.dataset.frames.extxyz import write_frames
from mlipsse.energetics.hull.selection import Ensemble, Selection, effective_number, select
from mlipsse.orderings import Supercell
from mlipsse.orderings.coordination import Coordination


def inputs(campaign: Campaign) -> list[Path]:
    """The ranked orderings, and the host."""
    return [campaign.path(paths.Rank.database), campaign.path(campaign.config.structure.host)]


def perform(work: Work) -> list[Path]:
    """Write `selected.extxyz` by rising energy, tables of it, and the store with a mark on them."""
    campaign, config = work.campaign, work.campaign.config
    rows = read_database(campaign.path(paths.Rank.database))
    selected: list[Atoms] = []
    table: list[dict[str, Any]] = []
    around: list[dict[str, Any]] = []
    host = campaign_host(campaign)
    cells = {name: Coordination(Supercell(host, name)) for name in config.enumerate.supercells}
    for formula in config.enumerate.compositions:
        for cell in config.enumerate.supercells:
            group = [
                row
                for row in rows
                if row.composition == formula and row.values["supercell"] == f"cell-{cell}"
            ]
            if group:
                selection = _select(group, work, derived_seed(config.seed, f"{formula} {cell}"))
                selected += [ranked_frame(group[index]) for index in selection.chosen]
                table.append(_table_row(formula, cell, selection))
                around += _coordination(cells[cell], group, selection, config.select.temperature_K)
    path, store = campaign.path(paths.Select.selected), campaign.path(paths.Select.database)
    write_frames(path, selected)
    write_csv(campaign.path(paths.Select.table), table)
    write_csv(campaign.path(paths.Select.coordination), around, columns=COLUMNS)
    names = [str(atoms.info[keys.ORDERING]) for atoms in selected]
    mark_rows(campaign.path(paths.Rank.database), store, names, "selected")
    work.results["expected_orderings"] = sum(row["expected"] for row in table)
    work.results["selected_orderings"] = len(selected)
    tables = paths.Select.table, paths.Select.coordination
    return [path, *map(campaign.path, tables), store]


def _coordination(
    coordination: Coordination, group: list[Row], selection: Selection, temperature_K: float
) -> list[dict[str, Any]]:
    """Surroundings in the lowest ordering, and on the average of all at the temperature."""
    lowest = min(group, key=lambda row: float(row.values["energy_eV"]))
    return [
        *coordination_rows(coordination, [lowest], [1.0], of=lowest.name),
        *coordination_rows(
            coordination, group, selection.weights.tolist(), of=f"{temperature_K:g} K"
        ),
    ]


def _select(group: list[Row], work: Work, seed: int) -> Selection:
    n_atoms = len(group[0].atoms)
    ensemble = Ensemble(
        np.array([row.values["energy_eV"] for row in group]),
        np.array([row.values["degeneracy"] for row in group]),
        n_atoms,
        n_atoms / Composition(group[0].composition).num_atoms,
    )
    return select(ensemble, work.campaign.config.select, seed=seed)


def _table_row(formula: str, cell: str, selection: Selection) -> dict[str, Any]:
    """Row of `selection.csv`; the weights are of the orderings that were ranked, no others."""
    weights = selection.weights
    return {
        "composition": formula,
        "supercell": cell,
        "orderings": len(weights),
        "expected": selection.expected,
        "selected": len(selection.chosen),
        "effective_orderings": effective_number(weights),
        "lowest_weight": weights[selection.chosen[0]],
        "selected_weight": weights[selection.chosen].sum(),
    }


STAGE = Stage(paths.Select.folder, ("seed", "structure", "enumerate", "select"), inputs, perform)
