"""Steps and times among the words that head a frame."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlipsse.errors import MlipsseError

_UNITS = {"fs": 1e-3, "ps": 1.0, "ns": 1e3, "s": 1e12}
_STEPS = ("timestep", "step", "md_step", "mdstep", "iteration", "ionic_step", "i")
_TIMES = ("time", "md_time", "simulation_time", "sim_time")
_NAMED = (*_TIMES, "t")
"""With a unit behind; a bare `t` is a time only in small letters, as `T` is a temperature."""
_QUANTITY = re.compile(r"([+-]?[\d.]+(?:[eE][+-]?\d+)?)\s*[\[({]?\s*([^\W\d_][\w.]*)\s*[\])}]?")
_KEY = re.compile(rf"({'|'.join(_NAMED)})(?:[_(\[]({'|'.join(_UNITS)})[)\]]?)?")
"""A time, with its unit where the word has it: `time`, `time_fs`, `t[ps]`."""


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
            when a word is missing there, or has a unit that is not known.
        """
        words, found = _without_quantities(words, where), []
        for key in (self.step, self.time):
            value = math.nan if key is None else _number(words.get(key))
            if key is not None and value != value:
                raise MlipsseError(
                    f"Frame {number} of {where} lacks the {key} that the first has: the file holds "
                    "frames of two kinds. Analyse the parts one by one."
                )
            found.append(value)
        return found[0], found[1]


def find_stamp_keys(frames: Sequence[Mapping[str, Any]], where: str) -> StampKeys:
    """Find the words in the heads of the first frames, one or two.

    `Time` without a unit is in fs in files that count no steps (GPUMD), and in LAMMPS' unit, which
    its steps show, in files that do (`dump extxyz`). A word that does not change is no stamp.

    Raises
    ------
    MlipsseError
        when a time has a unit behind its number that is not known.
    """
    frames = [_without_quantities(words, where) for words in frames]
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
    if time is None and "t" in changing:
        time = "t"
    if time is None:
        return StampKeys(step)
    cp2k = step == "i"
    gpumd = time == "Time" and step is None
    return StampKeys(step, time, 1e-3 if cp2k or gpumd else None)


def _without_quantities(words: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """The words with `time_ps=0.1` for `time="0.1 ps"`."""
    found = dict(words)
    for key, value in words.items():
        match = _QUANTITY.fullmatch(value.strip()) if isinstance(value, str) else None
        named = _KEY.fullmatch(key.lower())
        if match is None or named is None or key == "T":
            continue
        unit = match[2].lower()
        if unit not in _UNITS or unit != (named[2] or unit):
            raise MlipsseError(
                f"{where} heads a frame with {key}={value!r}, whose unit is "
                f"{'not known' if unit not in _UNITS else f'not that of {key}'}. Write the number "
                f"alone behind {named[1]}_fs, or one of {', '.join(_UNITS)} behind the number."
            )
        del found[key]
        found[f"{named[1]}_{unit}"] = match[1]
    return found


def _number(value: Any) -> float:
    if isinstance(value, bool) or value is None:
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
