"""Steps and times among the words that head a frame."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlipsse.errors import MlipsseError

_UNITS = {"fs": 1e-3, "ps": 1.0, "ns": 1e3, "s": 1e12}
_STEPS = ("timestep", "step", "md_step", "mdstep", "iteration", "ionic_step", "i")
_TIMES = ("time", "md_time", "simulation_time")
_NAMED = (*_TIMES, "sim_time", "t")
"""With a unit behind."""


@dataclass(frozen=True)
class StampKeys:
    """Under which words a file has its steps and times.

    Attributes
    ----------
    step, time : the words; None without
    time_ps : unit of the time, ps; None where it is not known
    """

    step: str | None = None
    time: str | None = None
    time_ps: float | None = None

    def read(self, words: Mapping[str, Any], where: str, number: int) -> tuple[float, float]:
        """Step and time of a frame; NaN without.

        Raises
        ------
        MlipsseError
            when a word is missing there.
        """
        found = []
        for key in (self.step, self.time):
            value = math.nan if key is None else _number(words.get(key))
            if key is not None and value != value:
                raise MlipsseError(
                    f"Frame {number} of {where} lacks the {key} that the first has: the file holds "
                    "frames of two kinds. Analyse the parts one by one."
                )
            found.append(value)
        return found[0], found[1]


def find_stamp_keys(frames: Sequence[Mapping[str, Any]]) -> StampKeys:
    """Find the words in the heads of the first frames, one or two.

    `Time` without a unit is in fs in files that count no steps (GPUMD), and in LAMMPS' unit, which
    its steps show, in files that do (`dump extxyz`). A word that does not change is no stamp.
    """
    first = frames[0]
    changing = [
        key
        for key in first
        if not math.isnan(_number(first[key]))
        and (len(frames) < 2 or _number(frames[1].get(key)) != _number(first[key]))
    ]
    lowered = {key.lower(): key for key in changing}
    step = next((lowered[name] for name in _STEPS if name in lowered), None)
    if step is not None and _number(first[step]) % 1:
        step = None
    for key in changing:
        for unit, in_ps in _UNITS.items():
            for name in _NAMED:
                if key.lower() in (f"{name}_{unit}", f"{name}({unit})", f"{name}[{unit}]"):
                    return StampKeys(step, key, in_ps)
    time = next((lowered[name] for name in _TIMES if name in lowered), None)
    if time is None:
        return StampKeys(step)
    cp2k = step == "i"
    gpumd = time == "Time" and step is None
    return StampKeys(step, time, 1e-3 if cp2k or gpumd else None)


def _number(value: Any) -> float:
    if isinstance(value, bool) or value is None:
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
