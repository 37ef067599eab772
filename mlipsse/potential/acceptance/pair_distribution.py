"""Partial radial distribution functions of two sets of frames, and how far apart they are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from mlipsse.errors import MlipsseError
from mlipsse.potential.acceptance.closest_pairs import element_pairs

REACH_A = 6.0
"""The first two or three shells, where crystals and potentials differ."""

BIN_A = 0.1
LEAST_FRAMES = 4
_LEAST_RUNS = 3

MOVED_A = 1.5
"""Half the distance of neighbouring sites of Li or Na: an atom further than this has left its own.
Thermal vibrations stay below it."""

_SPREADS = 3.0
"""Chance then refuses one pair of elements in a hundred, where every run keeps a distortion."""

_SOME, _MOST = 0.05, 0.8
_AS_MANY = 3.0
_LEAST_OF_A_GAS = 0.25
_LARGEST_STRAIN = 0.1


@dataclass(frozen=True)
class PairDistribution:
    """g(r) of one pair of elements, from a model and from a reference.

    Attributes
    ----------
    elements : symbols, in alphabetical order
    radii_A : (n_bins,) float64, middles of the bins
    model, reference : (n_bins,) float64
    difference : see `difference`
    scale : what chance makes of it at most: mean and three standard deviations of the differences
        of one run of the model, with as many frames as the reference, from the mean of its others.
        Halves of a run would measure less, since they share its slow motions: by them 34 atoms of
        Li3.5P0.5Ge0.5S2O2 differed from themselves, with other velocities, in nine pairs of runs
        of fifteen
    left_sites : of its more mobile element, in the model's run and in the reference, the share of
        atoms further than `MOVED_A` from where they began, on average over the run
    of_mobile_ion : whether one of its elements is the mobile ion
    """

    elements: tuple[str, str]
    radii_A: np.ndarray
    model: np.ndarray
    reference: np.ndarray
    difference: float
    scale: float
    left_sites: tuple[float, float] = (0.0, 0.0)
    of_mobile_ion: bool = False

    @property
    def comparable(self) -> bool:
        """Whether the runs are long enough for chance to be measured by a few of them.

        They are where (next to) no atom of the reference left its site, and where most did, again
        and again. In between all runs remember the start they share, each with some hops of its
        own, by which they differ. A model whose atoms leave their
        sites far more than the reference's is judged all the same, since it may have melted; but
        not by its mobile ion: one concerted hop moves a quarter of the dozen ions of a small cell,
        and whether it happens within a picosecond is chance.
        """
        ours, theirs = self.left_sites
        if self.of_mobile_ion:
            return max(ours, theirs) <= _SOME or min(ours, theirs) >= _MOST
        return not (_SOME < theirs < _MOST and ours <= _AS_MANY * theirs)

    @property
    def excess(self) -> float:
        """The difference less what chance makes, in squares; 0 when chance makes all of it."""
        return float(np.sqrt(max(0.0, self.difference**2 - self.scale**2)))


def difference(first: np.ndarray, second: np.ndarray) -> float:
    """Sum of |g1 - g2| over sum of (g1 + g2), (n_bins,) each: 0 for equal ones, 1 without overlap.

    The integral of |g1 - g2| is the usual measure of dynamics against dynamics (Fu et al., Trans.
    Mach. Learn. Res. 2023, doi 10.48550/arXiv.2210.07237); here as a fraction, so that sharp and
    flat functions share one limit. A pair whose first shell only begins at the end of the range
    has too little there for a fraction: the sum counts as a quarter of that of a gas at least.
    """
    total = max(float(np.sum(first + second)), _LEAST_OF_A_GAS * 2 * len(first))
    return float(np.abs(first - second).sum()) / total


def radial_distributions(
    frames: Sequence[Atoms], pairs: Sequence[tuple[str, str]]
) -> tuple[np.ndarray, np.ndarray]:
    """g(r) of pairs of elements in every frame, images beyond half the cell included.

    Parameters
    ----------
    frames : periodic, of one composition
    pairs : of symbols

    Returns
    -------
    radii_A : (n_bins,) float64
    g : (n_frames, n_pairs, n_bins) float64; tends to 1 at large distances
    """
    from mlipsse.structures.pair_histogram import pair_histogram

    elements = sorted({element for pair in pairs for element in pair})
    edges = np.linspace(0.0, REACH_A, round(REACH_A / BIN_A) + 1)
    shells_A3 = 4 / 3 * np.pi * np.diff(edges**3)
    g = np.zeros((len(frames), len(pairs), len(shells_A3)))
    for row, frame in enumerate(frames):
        counts = np.zeros((len(elements) + 1, len(elements) + 1, len(shells_A3)), dtype=np.int64)
        symbols = frame.get_chemical_symbols()
        kinds = np.array([elements.index(s) if s in elements else len(elements) for s in symbols])
        closest = np.full(counts.shape[:2], REACH_A)
        pair_histogram(
            frame.positions,
            frame.cell[:],
            kinds,
            REACH_A,
            counts,
            closest,
        )
        numbers = np.bincount(kinds, minlength=len(elements) + 1)
        for column, pair in enumerate(pairs):
            a, b = (elements.index(element) for element in pair)
            expected = numbers[a] * numbers[b] * shells_A3 / frame.get_volume()
            g[row, column] = counts[a, b] / expected
    return (edges[:-1] + edges[1:]) / 2, g


def compare(
    runs: Sequence[Sequence[Atoms]],
    reference: Sequence[Atoms],
    *,
    of: Atoms,
    mobile: str | None = None,
) -> list[PairDistribution]:
    """Compare runs of a model with one of the same atoms, for every pair in `of`.

    Parameters
    ----------
    runs : at least three, independent, frames in order of time
    mobile : symbol of the mobile ion, where it is known

    Raises
    ------
    MlipsseError
        for fewer than three runs, or one of fewer than four frames.
    """
    if len(runs) < _LEAST_RUNS:
        raise MlipsseError(
            f"Chance cannot be measured by {len(runs)} runs of the model. Give {_LEAST_RUNS} or "
            "more."
        )
    for name, frames in (*(("model", run) for run in runs), ("reference", reference)):
        if len(frames) < LEAST_FRAMES:
            raise MlipsseError(
                f"g(r) of the {name} has {len(frames)} frames; at least {LEAST_FRAMES} are "
                "required. Take more."
            )
    pairs = element_pairs(of)
    ours, theirs = [_left_sites(run) for run in runs], _left_sites(reference)
    radii_A, g_reference = radial_distributions(reference, pairs)
    every = [radial_distributions(run, pairs)[1] for run in runs]
    whole = np.array([g.mean(axis=0) for g in every])
    sparse = [g[_evenly(len(g), len(reference))].mean(axis=0) for g in every]
    found = []
    for k, elements in enumerate(pairs):
        mine, other = whole[:, k].mean(axis=0), g_reference[:, k].mean(axis=0)
        alone = [
            difference(one[k], np.delete(whole[:, k], number, axis=0).mean(axis=0))
            for number, one in enumerate(sparse)
        ]
        scale = float(np.mean(alone) + _SPREADS * np.std(alone, ddof=1))
        apart = difference(mine, other)
        faster = max(elements, key=lambda element: theirs[element])
        left_sites = (float(np.mean([one[faster] for one in ours])), theirs[faster])
        hops = mobile in elements
        found.append(
            PairDistribution(elements, radii_A, mine, other, apart, scale, left_sites, hops)
        )
    return found


def _evenly(length: int, most: int) -> np.ndarray:
    """Numbers of at most so many frames of `length`, evenly over all of them."""
    return np.unique(np.linspace(0, length - 1, min(length, most)).round().astype(int))


def _left_sites(frames: Sequence[Atoms]) -> dict[str, float]:
    """Symbol -> share of its atoms that are away from where the first frame has them."""
    from ase.geometry import find_mic

    start = frames[0]
    away = np.zeros(len(start))
    for frame in frames[1:]:
        moves, _ = find_mic(frame.positions - start.positions, start.cell, start.pbc)
        moves -= np.median(moves, axis=0)  # the thermostat lets the crystal as a whole drift
        away += np.linalg.norm(moves, axis=1) > MOVED_A
    share = away / (len(frames) - 1)
    return {symbol: float(share[start.symbols == symbol].mean()) for symbol in set(start.symbols)}


def unstrained(frames: Sequence[Atoms], cell: np.ndarray | None = None) -> tuple[list[Atoms], int]:
    """Put strained frames back into one cell, fractional coordinates held.

    Sampling strains every frame after its dynamics at a constant cell, and atoms with it: giving
    the cell back undoes that.

    Parameters
    ----------
    frames : of the same atoms in the same order
    cell : (3, 3), Å, of the dynamics; the mean of the frames' own when not known

    Returns
    -------
    the frames in the cell, and how many had another one before.

    Raises
    ------
    MlipsseError
        when frames are of different atoms, or a cell differs by more than strain does (10 %).
    """
    if not frames:
        raise MlipsseError(
            "The list of reference frames is empty. Give some, or leave the option out."
        )
    target = np.mean([frame.cell[:] for frame in frames], axis=0) if cell is None else cell
    restored, strained = [], 0
    for index, frame in enumerate(frames):
        if not np.array_equal(frame.numbers, frames[0].numbers):
            raise MlipsseError(
                f"Reference frame {index} is {frame.get_chemical_formula()} and frame 0 is "
                f"{frames[0].get_chemical_formula()} (or their atoms are in another order). Give "
                "frames of one structure."
            )
        strain = np.abs(np.linalg.solve(target, frame.cell[:]) - np.eye(3)).max()
        if strain > _LARGEST_STRAIN:
            raise MlipsseError(
                f"The cell of reference frame {index} differs by {strain:.0%} from that of its "
                f"run, more than the {_LARGEST_STRAIN:.0%} that strain could be. Give frames of "
                "one cell, or strained by less."
            )
        strained += bool(strain > 1e-6)
        copy = frame.copy()
        copy.calc = None
        copy.set_cell(target, scale_atoms=True)
        restored.append(copy)
    return restored, strained


def at_one_temperature(frames: Sequence[Atoms], *, nearest_K: float) -> list[Atoms]:
    """The frames at the nearest temperature (`temperature_K` in `info`).

    Frames without a temperature count as at `nearest_K`.
    """
    known = [float(frame.info.get("temperature_K", nearest_K)) for frame in frames]
    if not known:
        return []
    chosen_K = min(known, key=lambda found: (abs(found - nearest_K), found))
    return [frame for frame, found in zip(frames, known, strict=True) if found == chosen_K]
