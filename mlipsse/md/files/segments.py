"""Checksums of the files of a trajectory, so that a damaged one is not taken for physics."""

import json
from pathlib import Path
from typing import Any

from mlipsse.errors import MlipsseError
from mlipsse.files import sha256, write_text
from mlipsse.md.files.parts import cut_torn_frame, find_parts
from mlipsse.md.files.record import RunRecord

SEGMENTS_FILE = "segments.json"


def seal_segments(folder: Path, record: RunRecord) -> None:
    """Cut torn frames off and write `segments.json`: bytes, frames and sha256 of every part.

    Parts that were sealed before and have kept their size are not read again.

    Parameters
    ----------
    folder : of a run that no process writes to
    """
    known = _read(folder)
    segments = {}
    for part in find_parts(folder, n_atoms=len(record.species)):
        cut_torn_frame(part.path, n_atoms=len(record.species))
        size = part.path.stat().st_size
        sealed = known.get(part.path.name)
        if sealed is None or sealed["bytes"] != size:
            sealed = {
                "first_step": part.first_step,
                "frames": part.frames,
                "bytes": size,
                "sha256": sha256(part.path),
            }
        segments[part.path.name] = sealed
    if segments != known or not (folder / SEGMENTS_FILE).is_file():
        write_text(folder / SEGMENTS_FILE, json.dumps(segments, indent=1) + "\n")


def verify_segments(folder: Path) -> None:
    """Compare every sealed part with its checksum; parts that are not sealed yet are passed over.

    Raises
    ------
    MlipsseError
        naming the first file that is missing or is not what the run wrote.
    """
    for name, sealed in _read(folder).items():
        path = folder / name
        if not path.is_file():
            raise MlipsseError(
                f"{path} is missing, although the run wrote it ({sealed['frames']} frames). "
                f"Restore it, or remove {SEGMENTS_FILE} and run again to record the frames again."
            )
        if path.stat().st_size != sealed["bytes"] or sha256(path) != sealed["sha256"]:
            raise MlipsseError(
                f"{path} is not what the run wrote: its sha256 differs from that in "
                f"{SEGMENTS_FILE}. Copy the file again from its origin."
            )


def _read(folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / SEGMENTS_FILE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise MlipsseError(f"{path} cannot be read ({error}). Remove it.") from error
    return dict(found)
