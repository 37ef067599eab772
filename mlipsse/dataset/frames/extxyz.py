"""Frames in extended XYZ files, labels under `mlipsse.keys`."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from mlipsse import keys
from mlipsse.errors import MlipsseError
from mlipsse.files import write_aside

_TENSOR = re.compile(
    r"""(?<![\w-])(stress|virial)(\s*=\s*)("[^"]*"|'[^']*'|\{[^}]*\}|\[[^]]*\])""", re.IGNORECASE
)
_KEYS = {"lattice": "Lattice", "properties": "Properties"}
_KEY = re.compile(rf"(?<![\w-])({'|'.join(_KEYS)})(?=\s*=)", re.IGNORECASE)
_SIX = "six_numbers_of_"
"""ASE's reader takes a `stress` or `virial` of nine numbers only: one of six is read as this."""


def write_frames(path: Path, frames: Sequence[Atoms]) -> None:
    """Write frames, whole or not at all; the same frames give the same bytes.

    Calculators and constraints stay behind: labels are what lies under `mlipsse.keys`, which ASE,
    unlike its own names energy, forces and stress, does not move into a calculator. `info` is
    written by sorted names.

    Raises
    ------
    MlipsseError
        when there are no frames.
    """
    from ase.io import write  # half a second, which commands that only look should not wait for

    if not frames:
        raise MlipsseError(f"There are no frames to write to {path}.")
    bare = []
    for frame in frames:
        copy = frame.copy()
        copy.set_constraint()
        copy.info = dict(sorted(frame.info.items()))
        bare.append(copy)
    with write_aside(Path(path)) as aside:
        write(aside, bare, format="extxyz", write_results=False)


def read_frames(path: Path, *, labelled: bool, finite: bool = True) -> list[Atoms]:
    """Frames of a file; checked to carry whole, finite labels when `labelled`.

    A `stress` or `virial` may have six numbers (see
    `mlipsse.dataset.frames.label_names` for their order) or nine.

    Parameters
    ----------
    finite : whether positions must be finite, too; the caller looks at them when not

    Raises
    ------
    MlipsseError
        when the file is missing, unreadable or empty, or a frame has no labels, labels of a wrong
        shape or labels that are not finite: naming the frame.
    """
    from ase.io import iread

    path = Path(path)
    if not path.is_file():
        raise MlipsseError(f"There is no file {path}. Name an existing file.")
    try:
        frames = list(iread(path, index=":", format="extxyz", properties_parser=parse_properties))
    except Exception as error:
        raise MlipsseError(
            f"{path} cannot be read as extended XYZ ({type(error).__name__}: {error})."
        ) from error
    if not frames:
        raise MlipsseError(f"{path} holds no frames.")
    for index, frame in enumerate(frames):
        where = f"Frame {index} of {path} ({frame.get_chemical_formula()})"
        if finite:
            _check_finite(frame.positions, f"{where}: its positions")
        if labelled:
            _check_labels(frame, where)
    return frames


def parse_properties(line: str) -> dict[str, Any]:
    """ASE's parser of a comment line, which also takes tensors of six numbers.

    Names that ASE wants in one case are understood in any, as GPUMD reads them.
    """
    from ase.io.extxyz import key_val_str_to_dict

    def renamed(match: re.Match[str]) -> str:
        name, equals, value = match.groups()
        numbers = re.split(r"[\s,]+", value[1:-1].strip())
        return match[0] if len(numbers) != 6 else f'{_SIX}{name}{equals}"{" ".join(numbers)}"'

    line = _KEY.sub(lambda match: _KEYS[match[1].casefold()], _TENSOR.sub(renamed, line))
    found: dict[str, Any] = key_val_str_to_dict(line)
    return {name.removeprefix(_SIX): value for name, value in found.items()}


def _check_labels(frame: Atoms, where: str) -> None:
    shapes = {keys.ENERGY: (), keys.FORCES: (len(frame), 3), keys.STRESS: (6,)}
    for key, shape in shapes.items():
        store = frame.arrays if key == keys.FORCES else frame.info
        if key not in store:
            raise MlipsseError(
                f"{where} has no {key}; labelled frames have {', '.join(shapes)}. Label the "
                "frames, or rename the keys of existing labels."
            )
        label = np.asarray(store[key])
        if label.shape != shape or label.dtype.kind not in "if":
            raise MlipsseError(
                f"{where}: {key} has shape {label.shape} and type {label.dtype}; it must be "
                f"numbers of shape {shape}."
            )
        _check_finite(label, f"{where}: {key}")


def _check_finite(values: np.ndarray, what: str) -> None:
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise MlipsseError(f"{what}: {bad} of {values.size} numbers are not finite.")
