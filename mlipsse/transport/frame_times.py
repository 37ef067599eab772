"""The time between frames: what files and callers say of it, and whether they agree."""

from collections.abc import Sequence

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.source import Source


class FrameTimes:
    """The one time between all frames."""

    def __init__(
        self, sources: Sequence[Source], given_ps: float | None, *, timeless: bool
    ) -> None:
        self._timeless = timeless
        self._sources = sources
        self._given_ps = given_ps
        self._stride: float | None = None

    def add(self, source: Source, stamps: np.ndarray, before: float | None) -> None:
        """Stamps of the next frames, and of the one before them.

        Raises
        ------
        MlipsseError
            when they are not evenly spaced.
        """
        steps = np.diff(stamps if before is None else [before, *stamps])
        if not len(steps):
            return
        if self._stride is None:
            self._stride = float(steps[0])
        exact = np.issubdtype(stamps.dtype, np.integer)
        slack = 0.0 if exact else 1e-3 * abs(self._stride)  # XTC has times in float32
        if (np.abs(steps - self._stride) <= slack).all() and self._stride > 0:
            if not exact and before is None and len(steps) > 1:
                self._stride = float(steps.mean())
            return
        found = np.unique(np.round(np.append(steps, self._stride), 6))
        unit = "steps" if exact else "ps"
        raise MlipsseError(
            f"{source.path}: frames are {', '.join(f'{step:g}' for step in found[:4])} {unit} "
            "apart; displacements need evenly spaced frames."
        )

    def check_seam(self, source: Source, before: Source, last: float, first: float) -> None:
        """Refuse a gap between two files."""
        if self._stride is None:
            return
        missing = (first - last) / self._stride - 1
        if missing > 0.5:
            raise MlipsseError(
                f"Between {before.path}, which ends at {last:g}, and {source.path}, which begins "
                f"at {first:g}, {missing:.3g} frames are missing: give the file that lies "
                "between, or analyse the parts one by one."
            )

    @property
    def spacing_ps(self) -> float:
        """Time between frames, ps.

        Raises
        ------
        MlipsseError
            when nothing says it, or two things say different ones.
        """
        source = self._sources[0]
        told = source.spacing_ps
        if self._stride is not None and source.stamp_ps is not None:
            told = self._stride * source.stamp_ps
        if self._given_ps is not None:
            if told is not None and source.firm and abs(told - self._given_ps) > 1e-2 * told:
                raise MlipsseError(
                    f"{source.path} has {told:g} ps between its frames, but {self._given_ps:g} ps "
                    "are given: leave it to the file, or look which is right."
                )
            return self._given_ps
        if told is not None:
            return told
        if self._timeless:
            return 1.0
        if self._stride is not None:
            raise MlipsseError(
                f"{source.path} counts steps and not time: give the time between frames in ps, or "
                "the run's time step in fs."
            )
        raise MlipsseError(
            f"{source.path} does not say at which times its frames were written: give the time "
            "between them in ps."
        )
