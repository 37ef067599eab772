"""Orderings in an ASE database: `ase db` and `ase gui` read it."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ase import Atoms

from mlipsse import keys
from mlipsse.files import write_aside
from mlipsse.orderings import Ordering

_VALUE_INDEX = "CREATE INDEX value_index ON number_key_values(key, value)"


@dataclass(frozen=True)
class Row:
    """One structure and its values.

    Attributes
    ----------
    atoms : cell and atoms
    values : text and numbers by names that carry their units
    """

    atoms: Atoms
    values: dict[str, Any]

    @property
    def name(self) -> str:
        """Name of the ordering."""
        return str(self.values[keys.ORDERING])

    @property
    def composition(self) -> str:
        """Formula as the config writes it."""
        return str(self.values[keys.COMPOSITION])


def ordering_row(ordering: Ordering) -> Row:
    """The database row of an ordering."""
    pattern = {} if ordering.pattern is None else {"pattern": ordering.pattern}
    return Row(
        ordering.atoms,
        {
            keys.ORDERING: ordering.name,
            keys.COMPOSITION: ordering.composition,
            # A bare 1x1x1 could be read as a number.
            "supercell": f"cell-{ordering.supercell.name}",
            **pattern,
            "mobile_code": ordering.mobile_code,
            "decoration_code": ordering.decoration_code,
            "degeneracy": float(ordering.degeneracy),
            "ewald_energy_eV": ordering.ewald_energy_eV,
            "route": ordering.route,
            "found": ordering.found,
        },
    )


def ranked_frame(row: Row) -> Atoms:
    """The relaxed structure of a ranked ordering, with its name, energies and degeneracy."""
    atoms = row.atoms.copy()
    atoms.info = {
        keys.COMPOSITION: row.composition,
        keys.ORDERING: row.name,
        "relaxed_energy_eV": row.values["energy_eV"],
        "energy_above_hull_eV_atom": row.values["energy_above_hull_eV_atom"],
        "degeneracy": row.values["degeneracy"],
    }
    return atoms


def write_database(path: Path, rows: Iterable[Row]) -> None:
    """Write all rows and put the file in place in one step.

    The indices are made when the rows are in, which takes a fraction of the time; one of them is
    over the values of numbers, so that a query by energy above hull reads its answers alone.
    """
    from ase.db import connect
    from ase.db.sqlite import index_statements

    with write_aside(path) as aside:
        aside.unlink(missing_ok=True)
        options = {"type": "db", "use_lock_file": False, "create_indices": False}
        with connect(aside, **options) as database:
            for row in rows:
                database.write(row.atoms, key_value_pairs=row.values)
            for statement in (*index_statements, _VALUE_INDEX):
                database.connection.execute(statement)


def mark_rows(source: Path, target: Path, names: Iterable[str], key: str) -> None:
    """Copy a database, with `key` true in the rows of these orderings (and absent in others)."""
    from ase.db import connect

    with write_aside(target) as aside:
        shutil.copyfile(source, aside)
        with connect(aside, type="db", use_lock_file=False) as database:
            wanted, every = set(names), database.select(columns=["id", "key_value_pairs"])
            for number in [row.id for row in every if row.get(keys.ORDERING) in wanted]:
                database.update(number, **{key: True})


def read_database(path: Path) -> list[Row]:
    """All rows, in the order of the orderings' names."""
    from ase.db import connect

    rows = [
        Row(row.toatoms(), dict(row.key_value_pairs))
        for row in connect(path, type="db", use_lock_file=False).select()
    ]
    return sorted(rows, key=lambda row: row.name)
