"""Where trajectories in flight are kept, so that a kill costs no frame."""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mlipsse.dataset.sampling.trajectory import Trajectory
from mlipsse.errors import MlipsseError
from mlipsse.files import write_aside

_VALUES = "values"


def save(path: Path, trajectories: Sequence[Trajectory]) -> None:
    """Write all of them, whole or not at all."""
    values: list[dict[str, Any]] = []
    arrays: dict[str, Any] = {}
    for index, trajectory in enumerate(trajectories):
        state, numbers = trajectory.state()
        values.append(state)
        arrays |= {f"{name}-{index}": array for name, array in numbers.items()}
    arrays[_VALUES] = np.array(json.dumps(values))
    with write_aside(path) as aside, aside.open("wb") as stream:
        np.savez(stream, **arrays)


def restore(path: Path, trajectories: Sequence[Trajectory]) -> None:
    """Bring trajectories to where they were saved; nothing where there is no file.

    Raises
    ------
    MlipsseError
        for a file that cannot be read, or of other runs.
    """
    if not path.is_file():
        return
    try:
        with np.load(path, allow_pickle=False) as file:
            values = json.loads(str(file[_VALUES]))
            if len(values) != len(trajectories):
                raise MlipsseError(f"It contains {len(values)} runs, not {len(trajectories)}.")
            for index, trajectory in enumerate(trajectories):
                end = f"-{index}"
                names = [name for name in file.files if name.endswith(end)]
                arrays = {name.removesuffix(end): file[name] for name in names}
                trajectory.restore(values[index], arrays)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, MlipsseError) as error:
        raise MlipsseError(
            f"The trajectories in {path} cannot be continued ({error}). Remove the file to run "
            "them from the start."
        ) from error


def steps_done(path: Path) -> int | None:
    """Steps of all trajectories in a file together; None when it cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return sum(max(0, state["step"]) for state in json.loads(str(file[_VALUES])))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
