"""Stage 3: orderings that matter at temperature, the lowest of each composition always in."""

from pathlib import Path

import numpy as np
from ase import Atoms
from pymatgen.core import Composition

from mlipsse import keys
from mlipsse.campaign.database import Row, read_database
from mlipsse.campaign.folder import Campaign
from mlipsse.campaign.stage import Stage, Work
from mlipsse.campaign.stages import rank
from mlipsse.dataset.extxyz import write_frames
from mlipsse.energetics.selection import select

SELECTED = "03-select/selected.extxyz"


def inputs(campaign: Campaign) -> list[Path]:
    """The ranked orderings."""
    return [campaign.path(rank.DATABASE)]


def perform(work: Work) -> list[Path]:
    """Write `selected.extxyz`: per composition and supercell, by rising energy."""
    config = work.campaign.config
    rows = read_database(work.campaign.path(rank.DATABASE))
    selected: list[Atoms] = []
    for formula in config.enumerate.compositions:
        for cell in config.enumerate.supercells:
            group = [
                row
                for row in rows
                if row.composition == formula and row.values["supercell"] == f"cell-{cell}"
            ]
            if group:
                selected += _selected(group, work)
    path = work.folder / "selected.extxyz"
    write_frames(path, selected)
    return [path]


def _selected(group: list[Row], work: Work) -> list[Atoms]:
    config = work.campaign.config
    n_atoms = len(group[0].atoms)
    chosen = select(
        np.array([row.values["energy_eV"] for row in group]),
        count=config.select.structures,
        seed=config.seed,
        temperature_K=config.select.temperature_K,
        degeneracies=np.array([row.values["degeneracy"] for row in group]),
        per=config.select.per,
        n_atoms=n_atoms,
        n_formula_units=n_atoms / Composition(group[0].composition).num_atoms,
    )
    return [_frame(group[index]) for index in chosen]


def _frame(row: Row) -> Atoms:
    atoms = row.atoms.copy()
    atoms.info = {
        keys.COMPOSITION: row.composition,
        keys.ORDERING: row.name,
        "relaxed_energy_eV": row.values["energy_eV"],
        "energy_above_hull_eV_atom": row.values["energy_above_hull_eV_atom"],
    }
    return atoms


STAGE = Stage(3, "select", ("seed", "enumerate", "select"), inputs, perform)
