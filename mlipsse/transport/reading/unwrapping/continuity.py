"""Whether a trajectory goes on where two of its parts meet."""

from collections.abc import Sequence

import numpy as np

from mlipsse.errors import MlipsseError

LONGER = 2.0
"""Mean squared step of an element at a seam over the largest between other frames: a run that goes
on from its restart stays below, frames of two runs do not."""

LEAST_A2 = 0.25
"""Mean squared step below which nothing is concluded: vibrations of other phase."""

LEAST_FRAMES = 10


class Continuity:
    """Compares steps where parts meet with the run's own.

    Parameters
    ----------
    species : element of each atom
    where : names the source in messages
    """

    def __init__(self, species: Sequence[str], *, where: str) -> None:
        self.names = tuple(dict.fromkeys(species))
        self.kinds = np.array([self.names.index(name) for name in species], dtype=np.int64)
        self._where = where
        self._largest = np.zeros(len(self.names))
        self._counted = 0
        self._seams: list[tuple[int, np.ndarray]] = []

    def add(self, squares: np.ndarray, seams: Sequence[int], first: int) -> None:
        """Steps into the next frames.

        Parameters
        ----------
        squares : (n_frames, n_elements) float64, Å², mean squared steps
        seams : frames of these that follow a restart, or are the first of a file
        first : number of the first frame; the very first of all has no step
        """
        ordinary = np.ones(len(squares), dtype=bool)
        ordinary[list(seams)] = False
        if first == 0:
            ordinary[:1] = False
        if ordinary.any():
            self._largest = np.maximum(self._largest, squares[ordinary].max(axis=0))
            self._counted += int(ordinary.sum())
        self._seams += [(first + frame, squares[frame]) for frame in seams]

    def judge(self) -> None:
        """Compare, when all frames are there.

        Raises
        ------
        MlipsseError
            when an element steps further at a seam than anywhere else.
        """
        if self._counted < LEAST_FRAMES:
            return
        for frame, squares in self._seams:
            excess = squares / np.maximum(LONGER * self._largest, LEAST_A2)
            worst = int(np.argmax(excess))
            if frame and excess[worst] > 1:
                moved, most = np.sqrt(squares[worst]), np.sqrt(self._largest[worst])
                raise MlipsseError(
                    f"{self._where} does not go on at frame {frame}, which follows a restart or "
                    f"begins a file: {self.names[worst]} moves there by {moved:.2f} Å (root mean "
                    f"square), and by {most:.2f} Å at most between other frames. These are parts "
                    "of two runs, or frames between them are missing: analyse the parts one by one."
                )
