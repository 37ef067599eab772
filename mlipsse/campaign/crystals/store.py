"""The store of a campaign's orderings: rows by query, and the orderings that they stand for."""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from mlipsse.campaign.crystals.database import Row
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.errors import MlipsseError
from mlipsse.orderings import Host, Supercell
from mlipsse.orderings.counting.ordering import framework, site_labels

_CONDITION = re.compile(r"\w+((<=|>=|!=|<|>|=)[^<>=,]+)?")

_MOST_VALUES = 30
STORES = (paths.Select.database, paths.Rank.database, paths.Enumerate.database)
"""Where orderings are kept, the one that knows most first."""


def newest_store(campaign: Campaign) -> Path:
    """The store of the last stage that was done.

    Raises
    ------
    MlipsseError
        when there is none yet.
    """
    for store in STORES:
        if (path := campaign.path(store)).is_file():
            return path
    raise MlipsseError(
        f"{campaign.folder} has no orderings yet. Make them: mlipsse run {campaign.folder} "
        "--until enumerate."
    )


def ranked_store(campaign: Campaign) -> Path:
    """The store of the ranked orderings.

    Raises
    ------
    MlipsseError
        when the campaign has no ranking yet.
    """
    path = campaign.path(paths.Rank.database)
    if not path.is_file():
        raise MlipsseError(
            f"{campaign.folder} has no ranked orderings. Run: mlipsse run {campaign.folder} "
            "--until rank."
        )
    return path


def stored_values(
    path: Path, *, where: Sequence[str] = (), limit: int | None = None
) -> Iterator[dict[str, Any]]:
    """Values of rows, in the order of their ids; structures are not read.

    Parameters
    ----------
    path : an ASE database
    where : conditions that all hold, as `ase db` takes them: ``composition=Li3InCl6``,
        ``energy_above_hull_eV_atom<0.01``, ``selected``
    limit : most rows

    Raises
    ------
    MlipsseError
        for a condition that cannot be read, or that names no column.
    """
    for row in _select(path, where, limit, columns=["id", "key_value_pairs"], include_data=False):
        yield {**row.key_value_pairs}


def stored_rows(
    path: Path, *, where: Sequence[str] = (), limit: int | None = None
) -> Iterator[Row]:
    """Rows with their structures, in the order of their ids; see `stored_values`."""
    for row in _select(path, where, limit, include_data=False):
        yield Row(row.toatoms(), dict(row.key_value_pairs))


def no_ordering(path: Path, where: Sequence[str]) -> MlipsseError:
    """What to raise when no row fulfils the conditions: it names the values that there are."""
    hints = []
    for condition in where:
        name, equals, _ = condition.partition("=")
        if equals and re.fullmatch(r"\w+", name):
            values = sorted({str(row.get(name)) for row in stored_values(path)} - {"None"})
            if 0 < len(values) <= _MOST_VALUES:
                hints.append(f" {name} is one of {', '.join(values)}.")
    wanted = " and ".join(where) or "that"
    return MlipsseError(f"No ordering fulfils {wanted}: nothing was written.{''.join(hints)}")


def _columns(path: Path) -> set[str]:
    """Keys of the rows' values, as ASE's tables of an SQLite file hold them."""
    uri = f"{path.absolute().as_uri()}?mode=ro"  # a path may hold `?`, `#` and `%`
    with closing(sqlite3.connect(uri, uri=True)) as database:
        rows = database.execute(
            "SELECT DISTINCT key FROM text_key_values UNION "
            "SELECT DISTINCT key FROM number_key_values"
        )
        return {str(name) for (name,) in rows}


def row_labels(supercell: Supercell, values: dict[str, Any]) -> np.ndarray:
    """Labels, (n_sites,) int8, of a row's ordering, from its codes.

    Sites without a choice have the one label that they may have.
    """
    labels = np.zeros(supercell.n_sites, dtype=np.int8)
    for sites, allowed in zip(supercell.sites, supercell.allowed, strict=True):
        labels[sites] = allowed.argmax(axis=1)
    rest = framework(supercell)
    labels[supercell.sites[0]] = site_labels(supercell, values["mobile_code"][1:], [0])
    if rest:
        sites = np.concatenate([supercell.sites[number] for number in rest])
        labels[sites] = site_labels(supercell, values["decoration_code"][1:], rest)
    return labels


def row_supercell(host: Host, values: dict[str, Any]) -> Supercell:
    """The supercell of a row."""
    return Supercell(host, str(values["supercell"]).removeprefix("cell-"))


def _select(path: Path, where: Sequence[str], limit: int | None, **options: Any) -> Iterator[Any]:
    for condition in where:
        if not _CONDITION.fullmatch(condition):
            raise MlipsseError(
                f"The condition {condition!r} cannot be read. Write it like composition=Li3InCl6, "
                "energy_above_hull_eV_atom<0.01 or selected."
            )
    known = _columns(path)
    for condition in where:
        if re.split(r"[<>=!]", condition)[0] not in known:
            raise MlipsseError(
                f"The condition {condition!r} names no column of the orderings; there are "
                f"{', '.join(sorted(known))}."
            )
    from ase.db import connect

    with connect(path, type="db", use_lock_file=False) as database:
        yield from database.select(",".join(where) or None, limit=limit, **options)
