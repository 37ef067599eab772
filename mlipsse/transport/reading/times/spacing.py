"""The time between frames: what files and callers give for it, and whether they agree."""

from collections.abc import Sequence

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.reading.source.protocol import RawBlock, Source

ROUNDING = 0.01
"""Share of the spacing by which files round times; all steps are compared with the first."""

AGREE = 0.01
"""Relative difference of two spacings that are one."""

PS_PER_STEP, FS_PER_STEP = (1e-4, 0.02), (0.1, 20.0)
"""Times per step that are time steps of MD in ps, and in fs."""


class FrameTimes:
    """The one time between all frames.

    Raises
    ------
    MlipsseError
        when the records of two sources disagree.
    """

    def __init__(
        self, sources: Sequence[Source], given_ps: float | None, *, timeless: bool
    ) -> None:
        self._timeless = timeless
        self._sources = sources
        self._given_ps = given_ps
        self._stamps = _Series("steps", exact=True)
        self._times = _Series("", exact=False)
        first = sources[0]
        for source in sources[1:]:
            for name, unit in (("spacing_ps", "ps between frames"), ("stamp_ps", "ps per step")):
                one, other = getattr(first, name), getattr(source, name)
                if one and other and abs(one - other) > AGREE * one:
                    raise MlipsseError(
                        f"{first.path} has {one:g} {unit}, and {source.path} {other:g}: "
                        "displacements require evenly spaced frames. Analyse the parts one by one."
                    )

    def add(self, source: Source, raw: RawBlock, before: RawBlock | None) -> None:
        """Stamps and times of the next frames, and of the one before them.

        Raises
        ------
        MlipsseError
            when they are not evenly spaced.
        """
        if raw.times is not None:
            earlier = None if before is None or before.times is None else before.times[-1]
            self._times.unit = _time_unit(source)
            self._times.add(source, raw.times, earlier)
        if raw.stamps is not None:
            earlier = None if before is None or before.stamps is None else before.stamps[-1]
            even = raw.times is None  # where the time step changes, steps are not even
            self._stamps.exact = bool(np.issubdtype(raw.stamps.dtype, np.integer))
            self._stamps.unit = "steps" if self._stamps.exact else _time_unit(source)
            self._stamps.add(source, raw.stamps, earlier, even=even)

    def check_seam(self, source: Source, before: Source, last: float, first: float) -> None:
        """Refuse a gap between two files."""
        if self._stamps.stride is None:
            return
        missing = (first - last) / self._stamps.stride - 1
        if missing > 0.5:
            raise MlipsseError(
                f"Between {before.path}, which ends at {last:g}, and {source.path}, which begins "
                f"at {first:g}, {missing:.3g} frames are missing. Give the file between them, or "
                "analyse the parts one by one."
            )

    @property
    def spacing_ps(self) -> float:
        """Time between frames, ps.

        Raises
        ------
        MlipsseError
            when nothing records it, or two things record different ones.
        """
        source, given = self._sources[0], self._given_ps
        known = self._recorded(source)
        if given is None:
            if len(known) == 1:
                return known[0]
            if self._timeless:
                return 1.0
            raise MlipsseError(self._question(source, known))
        if known and not any(abs(one - given) <= AGREE * one for one in known):
            numbered = not source.firm and abs(known[0] - 1) < 1e-6
            if not numbered:
                either = " or ".join(f"{one:g}" for one in known)
                raise MlipsseError(
                    f"{source.path} has {either} ps between its frames, but {given:g} ps are "
                    "given: remove the option to use the value of the file, or correct the wrong "
                    "one."
                )
        return given

    def _recorded(self, source: Source) -> tuple[float, ...]:
        """What the time between frames is by the files, ps; several where their unit is open."""
        by_steps = None
        if self._stamps.stride is not None and source.stamp_ps is not None:
            by_steps = self._stamps.mean * source.stamp_ps
        if self._times.stride is None:
            record = source.spacings_ps if source.spacing_ps is None else (source.spacing_ps,)
            if by_steps is None:
                return record
            if record and not any(abs(one - by_steps) <= AGREE * one for one in record):
                raise MlipsseError(
                    f"{source.path} has {' or '.join(f'{one:g}' for one in record)} ps between "
                    f"its frames, but its steps and the given time step make {by_steps:g} ps: "
                    "remove the option to use the value of the file, or correct the wrong one."
                )
            return (by_steps,)
        period = self._times.mean
        if source.time_ps is not None:
            found: tuple[float, ...] = (period * source.time_ps,)
        else:
            found = (period, 1e-3 * period)
            if self._stamps.exact and self._stamps.stride is not None:
                per_step = period / self._stamps.mean
                if PS_PER_STEP[0] <= per_step <= PS_PER_STEP[1]:
                    found = found[:1]
                elif FS_PER_STEP[0] <= per_step <= FS_PER_STEP[1]:
                    found = found[1:]
        if by_steps is not None:
            agreeing = tuple(one for one in found if abs(one - by_steps) <= AGREE * one)
            if not agreeing:
                steps = self._stamps.mean
                own = " or ".join(f"{1e3 * one / steps:g}" for one in found)
                raise MlipsseError(
                    f"{source.path} records {own} fs per step, but "
                    f"{1e3 * (source.stamp_ps or 0.0):g} fs are given: remove the option to use "
                    "the value of the file, or correct the wrong one."
                )
            found = agreeing[:1]
        return found

    def _question(self, source: Source, known: tuple[float, ...]) -> str:
        if known:
            return (
                f"{source.path} has {' or '.join(f'{one:g}' for one in known)} ps between its "
                "frames, as it does not name the unit of its times. Give the time between frames "
                "in ps."
            )
        if self._stamps.stride is not None:
            return (
                f"{source.path} lists steps, not times. Give the time between frames in ps, or "
                "the time step of the run in fs."
            )
        return (
            f"{source.path} does not record the times of its frames. Give the time between frames "
            "in ps."
        )


def _time_unit(source: Source) -> str:
    return {1.0: "ps", 1e-3: "fs"}.get(source.time_ps or 0.0, "units of time")


class _Series:
    """Steps or times of all frames, which must be even."""

    def __init__(self, unit: str, *, exact: bool) -> None:
        self.unit = unit
        self.exact = exact
        self.stride: float | None = None
        self._first: float | None = None
        self._last = 0.0
        self._steps = 0
        self._frames = 0

    @property
    def mean(self) -> float:
        """Step from frame to frame, the mean of all."""
        if self._first is None or not self._steps:
            return float("nan")
        return (self._last - self._first) / self._steps

    def add(
        self, source: Source, values: np.ndarray, before: float | None, *, even: bool = True
    ) -> None:
        known = values if before is None else np.append(before, values)
        first_frame = self._frames - (before is not None)
        self._frames += len(values)
        if self._first is None:
            self._first = float(known[0])
        steps = np.diff(known)
        if not len(steps):
            return
        if self.stride is None:
            self.stride = float(steps[0])
        self._steps += len(steps)
        self._last = float(known[-1])
        if not even:
            return
        slack: np.ndarray | float = 0.0
        if not self.exact:  # XTC has times in float32
            slack = ROUNDING * abs(self.stride) + 4 * np.spacing(
                np.abs(known[1:], dtype=np.float32)
            )
        wrong = np.abs(steps - self.stride) > slack
        if not wrong.any() and self.stride > 0:
            return
        found = np.unique(np.round(np.append(steps, self.stride), 6))
        place = first_frame + int(np.argmax(wrong)) if wrong.any() else first_frame
        raise MlipsseError(
            f"{source.path}: frames are {', '.join(f'{step:g}' for step in found[:4])} "
            f"{self.unit} apart (first change after frame {place}); displacements need evenly "
            "spaced frames. Cut the file where the spacing changes, or keep every n-th frame to "
            "make it even."
        )
