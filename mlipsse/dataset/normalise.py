"""Any labelled set, rewritten under the keys of mlipsse."""

from dataclasses import dataclass
from pathlib import Path

from mlipsse import keys
from mlipsse.dataset.frames.extxyz import read_frames, write_frames
from mlipsse.dataset.frames.label_names import LabelNames, labels_by_house_keys
from mlipsse.errors import MlipsseError


@dataclass(frozen=True)
class Normalised:
    """What was written.

    Attributes
    ----------
    frames : their number
    taken_from : energy, forces, stress -> name, unit and sign that they had
    without_stress : frames that have none
    """

    frames: int
    taken_from: dict[str, str]
    without_stress: int


def normalise(source: Path, out: Path, *, names: LabelNames | None = None) -> Normalised:
    """Write the frames of a file with labels under `mlipsse.keys`, in our units and sign.

    Parameters
    ----------
    source : extended XYZ
    out : extended XYZ; replaced only when all went well
    names : where labels lie and what they are in; None to look for the usual names

    Raises
    ------
    MlipsseError
        when the file cannot be read, no frame has energies or forces, or labels are ambiguous (see
        `labels_by_house_keys`).
    """
    frames, taken_from = labels_by_house_keys(
        read_frames(source, labelled=False), names or LabelNames(), where=str(source)
    )
    for kind in ("energy", "forces"):
        if kind not in taken_from:
            raise MlipsseError(
                f"{source} has no {kind} under a known name. Name the key: --{kind}-key NAME."
            )
    write_frames(out, frames)
    without_stress = sum(keys.STRESS not in frame.info for frame in frames)
    return Normalised(len(frames), taken_from, without_stress)
