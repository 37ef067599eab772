"""Digests of databases, which are read without ASE."""

import json

import numpy as np
from ase import Atoms
from ase.db import connect

from mlipsse.campaign.engine.record import digest, fingerprint


def write(path, atoms, **options):
    with connect(path, type="db", use_lock_file=False) as database:
        for number in options.pop("order", range(len(atoms))):
            database.write(
                atoms[number],
                key_value_pairs={"name": f"o{number}", "value": 0.1 * number, "stable": True},
                **options,
            )


def crystals():
    rng = np.random.default_rng(0)
    cell = [[5.0, 0, 0], [1, 6, 0], [0, 1, 7]]
    return [Atoms("Li2OCl", rng.random((4, 3)) * 5, cell=cell, pbc=True) for _ in range(3)]


def test_of_what_ase_reads(tmp_path):
    path = tmp_path / "rows.db"
    write(path, crystals())
    rows = [
        json.dumps(
            {
                "numbers": row.numbers.tolist(),
                "positions": row.positions.tolist(),
                "cell": row.cell.tolist(),
                "values": row.key_value_pairs,
                "data": row.data,
            },
            sort_keys=True,
        )
        for row in connect(path).select()
    ]
    assert digest(path) == fingerprint(sorted(rows))


def test_order_does_not_matter_and_contents_do(tmp_path):
    one, two, three, four = (tmp_path / f"{name}.db" for name in "abcd")
    write(one, crystals())
    write(two, crystals(), order=(2, 0, 1))
    assert digest(one) == digest(two)
    moved = crystals()
    moved[1].positions[2, 1] += 1e-9
    write(three, moved)
    write(four, crystals(), data={"forces": np.arange(3.0)})
    assert len({digest(path) for path in (one, three, four)}) == 3
