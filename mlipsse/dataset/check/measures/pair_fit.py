"""A pair potential fitted to the forces of a set: what energies and stresses it leads to expect.

Forces, energies and stresses of one set are derivatives of one function. Its best approximation by
pairs, fitted to the forces alone (linear least squares), explains 0.91 to 0.95 of their variance in
halides, thiophosphates and NaSICON at 300 to 1500 K, and the stresses that follow correlate with
the labels by 0.94 to 0.99 in each component: so units, signs and the order of components show
without a model, and without frames of one basin, which `mlipsse.dataset.check.measures.work` needs.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from mlipsse import keys
from mlipsse.dataset.check.measures.labelled_set import LabelledSet, composition, labels
from mlipsse.dataset.check.measures.work import Ratios

CUTOFF_A = 6.0
CLEAR_CORRELATION = 0.6
"""Between labels and fit, in size: below, nothing is concluded from their ratio."""

AGREES = 5.0
"""Labels and fit agree within this factor. In 12 crystals, from NaCl to diamond, energies were 0.37
to 1.2 times the fit's where they correlated clearly, stresses 0.5 to 1.3 times; units differ by 10
at least."""

_POWERS = np.array([1, 2, 3, 4, 6, 8, 10, 12])
_LENGTH_A = 2.5  # of the powers, for their scale alone
_RIDGE = 1e-3
_MOST_ATOMS = 4000
_MIN_COMPONENTS_PER_COLUMN = 8
_MIN_FRAMES = 6
_SMALL_FORCE_EV_A = 1e-3


@dataclass(frozen=True, eq=False)
class FittedFrame:
    """A frame, and what the fit makes of it.

    Attributes
    ----------
    forces_eV_A : (n_atoms, 3) float64
    energy_eV : of the whole cell
    stress_eV_A3 : (6,) float64, Voigt, tension positive
    """

    atoms: Atoms
    forces_eV_A: np.ndarray
    energy_eV: float
    stress_eV_A3: np.ndarray


@dataclass(frozen=True, eq=False)
class PairFit:
    """Labels and what a pair potential, fitted to the forces alone, makes of them.

    All are centred within frames of one composition and number of atoms.

    Attributes
    ----------
    explained : share of the variance of forces, less what chance would explain; of their changes
        from frame to frame, where the lesser (forces of other frames have the mean in common)
    energy_eV_atom : (2, n_frames) float64, labels and fit
    stress_eV_A3 : (2, n_stresses, 6) float64, Voigt, labels and fit, of frames with a stress
    turned_deg : angle of the rotation that turns the fit's forces best onto the labels
    frames, atoms, volume_A3 : number of frames, mean of their atoms and volumes
    fitted : all of these frames, in the order of the set, not centred
    """

    explained: float
    energy_eV_atom: np.ndarray
    stress_eV_A3: np.ndarray
    turned_deg: float
    frames: int
    atoms: float
    volume_A3: float
    fitted: tuple[FittedFrame, ...] = ()

    @property
    def ratios(self) -> Ratios:
        """What `check.measures.work` fits, from these; None where they correlate little."""
        energy = _factor(*self.energy_eV_atom)
        # Not the pressure: what holds atoms together beside pairs depends on the volume.
        stress = _factor(*without_pressure(self.stress_eV_A3))
        wanted = None if stress is None else (1.0 if energy is None else energy) / stress
        return Ratios(
            forces=energy,
            stress=wanted,
            forces_per_atom=None if energy is None else energy * self.atoms,
            stress_per_volume=None if wanted is None else wanted * self.volume_A3,
            virial_misfit=1.0,
            pairs=0,
            forces_basis=f"the energies of {self.frames} frames, by a pair potential fitted to "
            "their forces",
            stress_basis=f"a pair potential fitted to the forces of {self.frames} frames",
            forces_within=AGREES,
            stress_within=AGREES,
        )


@dataclass(frozen=True, eq=False)
class _Design:
    """Design of one frame: forces (n, columns), energy (columns,) and stress (6, columns)."""

    forces: np.ndarray
    energy: np.ndarray
    stress: np.ndarray


def fit_pairs(labelled: LabelledSet) -> PairFit | None:
    """Fit the forces; None where there are too few frames, or next to no forces.

    Every frame weighs by one over its root-mean-square force, so that a few close contacts do not
    decide.
    """
    frames = _chosen(labelled)
    if len(frames) < _MIN_FRAMES:
        return None
    kinds = np.unique(np.concatenate([_kinds_of(frame.numbers) for frame in frames]))
    column_of = {int(kind): k for k, kind in enumerate(kinds)}
    forces = [labels(frame)[keys.FORCES].ravel() for frame in frames]
    components, columns = sum(map(len, forces)), len(_POWERS) * len(kinds)
    size_eV_A = np.array([np.sqrt(np.mean(f**2)) for f in forces])
    if (
        components < _MIN_COMPONENTS_PER_COLUMN * columns
        or np.median(size_eV_A) < _SMALL_FORCE_EV_A
    ):
        return None
    size_eV_A = np.maximum(size_eV_A, 0.1 * np.median(size_eV_A))
    designs = [_design(frame, column_of) for frame in frames]
    weight = _solve(
        [design.forces / size for design, size in zip(designs, size_eV_A, strict=True)],
        [f / size for f, size in zip(forces, size_eV_A, strict=True)],
    )
    left = sum(
        float(np.sum(((f - design.forces @ weight) / size) ** 2))
        for f, design, size in zip(forces, designs, size_eV_A, strict=True)
    )
    whole = sum(float(np.sum((f / size) ** 2)) for f, size in zip(forces, size_eV_A, strict=True))
    explained = 1 - left / (components - columns) / (whole / components)
    scaled = [f / size for f, size in zip(forces, size_eV_A, strict=True)]
    fitted = [d.forces @ weight / size for d, size in zip(designs, size_eV_A, strict=True)]
    changes = _explained_changes(frames, scaled, fitted)
    atoms = np.array([len(frame) for frame in frames])
    energy = (
        np.array(
            [
                (float(labels(frame)[keys.ENERGY]), float(design.energy @ weight))
                for frame, design in zip(frames, designs, strict=True)
            ]
        ).T
        / atoms
    )
    stress = np.array(
        [
            (labels(frame).get(keys.STRESS, np.full(6, np.nan)), design.stress @ weight)
            for frame, design in zip(frames, designs, strict=True)
        ]
    ).transpose(1, 0, 2)
    groups = [(composition(frame), len(frame)) for frame in frames]
    stressed = np.isfinite(stress[0]).all(axis=1)
    return PairFit(
        explained=explained if changes is None else min(explained, changes),
        energy_eV_atom=_centred(energy, groups),
        stress_eV_A3=_centred(
            stress[:, stressed], [group for group, has in zip(groups, stressed, strict=True) if has]
        ),
        turned_deg=_turned_deg(np.concatenate(scaled), np.concatenate(fitted)),
        frames=len(frames),
        atoms=float(np.mean(atoms)),
        volume_A3=float(np.mean([frame.get_volume() for frame in frames])),
        fitted=tuple(
            FittedFrame(
                frame,
                (design.forces @ weight).reshape(-1, 3),
                float(design.energy @ weight),
                design.stress @ weight,
            )
            for frame, design in zip(frames, designs, strict=True)
        ),
    )


def _explained_changes(
    frames: Sequence[Atoms], forces: Sequence[np.ndarray], fitted: Sequence[np.ndarray]
) -> float | None:
    """Share explained of what forces differ by from their means over frames of the same atoms.

    None where no such group has enough frames.
    """
    members: dict[bytes, list[int]] = defaultdict(list)
    for place, frame in enumerate(frames):
        members[frame.numbers.tobytes()].append(place)
    left = whole = 0.0
    for places in members.values():
        if len(places) < _MIN_FRAMES:
            continue
        here = np.array([forces[k] for k in places])
        apart = here - np.array([fitted[k] for k in places])
        left += float(np.sum((apart - apart.mean(axis=0)) ** 2))
        whole += float(np.sum((here - here.mean(axis=0)) ** 2))
    return 1 - left / whole if whole > 0 else None


def _turned_deg(forces: np.ndarray, fitted: np.ndarray) -> float:
    """Angle of the best rotation of the fitted forces onto the labels (Kabsch 1976)."""
    left, _, right = np.linalg.svd(fitted.reshape(-1, 3).T @ forces.reshape(-1, 3))
    sign = np.sign(np.linalg.det(left @ right))
    trace = float(np.trace(left @ np.diag([1.0, 1.0, sign]) @ right))
    return float(np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1))))


def _chosen(labelled: LabelledSet) -> list[Atoms]:
    """Periodic frames of more than one atom, thinned evenly to a bounded number of atoms."""
    frames = [
        frame
        for frame in (labelled.frames[k] for k in labelled.typical)
        if len(frame) > 1 and frame.pbc.all() and frame.cell.rank == 3
    ]
    atoms = sum(map(len, frames))
    count = max(1, round(len(frames) * min(1.0, _MOST_ATOMS / max(atoms, 1))))
    places = np.unique(np.linspace(0, len(frames) - 1, count).round().astype(int))
    return [frames[k] for k in places] if frames else []


def _kinds_of(numbers: np.ndarray) -> np.ndarray:
    """A number for every pair of species of a frame."""
    species = np.unique(numbers)
    low, high = np.meshgrid(species, species, indexing="ij")
    return np.asarray((low * 128 + high)[low <= high])


def _design(frame: Atoms, column_of: dict[int, int]) -> _Design:
    from matscipy.neighbours import neighbour_list

    first, second, distance_A, vector_A = neighbour_list("ijdD", frame, CUTOFF_A)
    numbers = frame.numbers
    low = np.minimum(numbers[first], numbers[second])
    high = np.maximum(numbers[first], numbers[second])
    kind = np.array([column_of[int(k)] for k in np.unique(low * 128 + high)], dtype=int)[
        np.unique(low * 128 + high, return_inverse=True)[1]
    ]
    n_kinds, n_powers = len(column_of), len(_POWERS)
    end, slope = (1 - distance_A / CUTOFF_A) ** 2, -2 * (1 - distance_A / CUTOFF_A) / CUTOFF_A
    unit = vector_A / distance_A[:, None]
    forces = np.zeros((3 * len(frame), n_kinds * n_powers))
    energy = np.zeros(n_kinds * n_powers)
    stress = np.zeros((6, n_kinds * n_powers))
    outer_A = (unit[:, [0, 1, 2, 1, 0, 0]] * vector_A[:, [0, 1, 2, 2, 2, 1]]).T
    row = first * n_kinds + kind
    for k, power in enumerate(_POWERS):
        value = (_LENGTH_A / distance_A) ** power
        phi = value * end
        derivative = -power * value / distance_A * end + value * slope
        columns = np.arange(n_kinds) * n_powers + k
        energy[columns] = np.bincount(kind, phi, n_kinds) / 2
        for axis in range(3):
            pushed = np.bincount(row, derivative * unit[:, axis], len(frame) * n_kinds)
            forces[axis::3, columns] = pushed.reshape(len(frame), n_kinds)
        for part in range(6):
            stress[part, columns] = np.bincount(kind, derivative * outer_A[part], n_kinds) / 2
    return _Design(forces, energy, stress / frame.get_volume())


def _solve(designs: Sequence[np.ndarray], forces: Sequence[np.ndarray]) -> np.ndarray:
    """Coefficients by ridge regression, columns scaled to one another."""
    columns = designs[0].shape[1]
    normal, target = np.zeros((columns, columns)), np.zeros(columns)
    for design, force in zip(designs, forces, strict=True):
        normal += design.T @ design
        target += design.T @ force
    scale = np.sqrt(np.diag(normal))
    scale[scale == 0] = 1.0
    matrix = normal / np.outer(scale, scale) + _RIDGE * np.eye(columns)
    found: np.ndarray = np.linalg.solve(matrix, target / scale) / scale
    return found


def without_pressure(stress: np.ndarray) -> np.ndarray:
    """Stresses (..., 6), Voigt, less their mean of xx, yy and zz."""
    found = stress.copy()
    found[..., :3] -= found[..., :3].mean(axis=-1, keepdims=True)
    return found


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of centred numbers, (...) of one shape; 0 where one is zero throughout."""
    norms = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(np.sum(one * other)) / norms if norms > 0 else 0.0


def _factor(label: np.ndarray, fit: np.ndarray) -> float | None:
    """How many times larger labels are than the fit, with its sign."""
    found = correlation(label, fit)
    if label.shape[0] < _MIN_FRAMES or abs(found) < CLEAR_CORRELATION:
        return None
    return float(np.sign(found) * np.linalg.norm(label) / np.linalg.norm(fit))


def _centred(values: np.ndarray, groups: Sequence[object]) -> np.ndarray:
    """Less the mean of each group along the second axis; groups of one are left out."""
    members: dict[object, list[int]] = defaultdict(list)
    for place, group in enumerate(groups):
        members[group].append(place)
    parts = [
        values[:, found] - values[:, found].mean(axis=1, keepdims=True)
        for found in members.values()
        if len(found) > 1
    ]
    return np.concatenate(parts, axis=1) if parts else values[:, :0]
