"""How far a model is from its labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.stress import voigt_6_to_full_3x3_stress

from mlipsse import keys
from mlipsse.dataset.frames.softening import Softening, softening
from mlipsse.energetics.single_point import SinglePoint


@dataclass(frozen=True, eq=False)
class Predictions:
    """Labels and predictions of a model for the same frames.

    Attributes
    ----------
    atoms : (n_frames,) int, atoms of each frame
    energy_eV_atom : (2, n_frames) float64, labels and predictions, divided by the atoms
    forces_eV_A : (2, n_components) float64, all Cartesian components of all atoms
    stress_eV_A3 : (2, 9 n_frames) float64, all components of the tensor
    symbols : (n_components / 3,) str, elements of all atoms
    """

    atoms: np.ndarray
    energy_eV_atom: np.ndarray
    forces_eV_A: np.ndarray
    stress_eV_A3: np.ndarray
    symbols: np.ndarray

    @property
    def errors(self) -> "Errors":
        """Errors over all frames."""
        energy, forces, stress = (
            1000 * (pair[1] - pair[0])
            for pair in (self.energy_eV_atom, self.forces_eV_A, self.stress_eV_A3)
        )
        return Errors(
            frames=len(self.atoms),
            energy_rmse_meV_atom=_rms(energy),
            force_rmse_meV_A=_rms(forces),
            stress_rmse_meV_A3=_rms(stress),
            energy_mae_meV_atom=float(np.mean(np.abs(energy))),
            force_mae_meV_A=float(np.mean(np.abs(forces))),
            stress_mae_meV_A3=float(np.mean(np.abs(stress))),
            energy_offset_meV_atom=float(np.mean(energy)),
        )

    @property
    def softening(self) -> Softening:
        """Slopes of predictions on labels, over all frames, by element and by size."""
        return softening(
            self.forces_eV_A.reshape(2, -1, 3),
            self.stress_eV_A3.reshape(2, -1, 9),
            symbols=self.symbols,
            atoms=self.atoms,
        )

    @property
    def force_rms_meV_A(self) -> float:
        """Root mean square of the labels' force components."""
        return _rms(1000 * self.forces_eV_A[0])

    @property
    def stress_rms_meV_A3(self) -> float:
        """Root mean square of the labels' stress components, less their mean."""
        labels = self.stress_eV_A3[0].reshape(-1, 9)
        return _rms(1000 * (labels - labels.mean(axis=0)))

    @property
    def pairs(self) -> dict[str, list[list[float]]]:
        """«quantity (unit)» -> labels and predictions, for figures."""
        return {
            "energy (eV/atom)": self.energy_eV_atom.tolist(),
            "force (eV/Å)": self.forces_eV_A.tolist(),
            "stress (eV/Å³)": self.stress_eV_A3.tolist(),
        }

    @staticmethod
    def joined(parts: "Sequence[Predictions]") -> "Predictions":
        """Those of several sets of frames, at least one, in their order."""
        return Predictions(
            atoms=np.concatenate([part.atoms for part in parts]),
            energy_eV_atom=np.concatenate([part.energy_eV_atom for part in parts], axis=1),
            forces_eV_A=np.concatenate([part.forces_eV_A for part in parts], axis=1),
            stress_eV_A3=np.concatenate([part.stress_eV_A3 for part in parts], axis=1),
            symbols=np.concatenate([part.symbols for part in parts]),
        )

    def of(self, chosen: np.ndarray) -> "Predictions":
        """Those of some frames; `chosen` is (n_frames,) bool."""
        return Predictions(
            atoms=self.atoms[chosen],
            energy_eV_atom=self.energy_eV_atom[:, chosen],
            forces_eV_A=self.forces_eV_A[:, np.repeat(chosen, 3 * self.atoms)],
            stress_eV_A3=self.stress_eV_A3[:, np.repeat(chosen, 9)],
            symbols=self.symbols[np.repeat(chosen, self.atoms)],
        )


@dataclass(frozen=True)
class Errors:
    """Errors over frames (energy) and over components (forces, stress), as RMSE and MAE.

    As in mace-torch's tables, all nine components of the stress count: sheared ones twice.

    Attributes
    ----------
    frames : their number
    energy_rmse_meV_atom, energy_mae_meV_atom : per atom
    force_rmse_meV_A, force_mae_meV_A : of Cartesian components
    stress_rmse_meV_A3, stress_mae_meV_A3 : of the tensor's components
    energy_offset_meV_atom : mean of prediction less label: what is left of a difference between
        isolated-atom energies
    """

    frames: int
    energy_rmse_meV_atom: float
    force_rmse_meV_A: float
    stress_rmse_meV_A3: float
    energy_mae_meV_atom: float
    force_mae_meV_A: float
    stress_mae_meV_A3: float
    energy_offset_meV_atom: float


def compare(frames: Sequence[Atoms], predicted: Sequence[SinglePoint]) -> Predictions:
    """Put labels (under `mlipsse.keys`) and predictions, with stress, side by side."""
    atoms = np.array([len(frame) for frame in frames])
    pairs = list(zip(frames, predicted, strict=True))
    energy = np.array([(frame.info[keys.ENERGY], new.energy_eV) for frame, new in pairs])
    forces = [
        np.stack([frame.arrays[keys.FORCES].ravel(), new.forces_eV_A.ravel()])
        for frame, new in pairs
    ]
    stress = [
        np.stack(
            [
                voigt_6_to_full_3x3_stress(six).ravel()
                for six in (frame.info[keys.STRESS], new.stress_eV_A3)
            ]
        )
        for frame, new in pairs
    ]
    return Predictions(
        atoms=atoms,
        energy_eV_atom=energy.astype(float).T / atoms,
        forces_eV_A=np.concatenate(forces, axis=1),
        stress_eV_A3=np.concatenate(stress, axis=1),
        symbols=np.concatenate([np.array(frame.get_chemical_symbols()) for frame in frames]),
    )


def errors_by(frames: Sequence[Atoms], predictions: Predictions, key: str) -> Mapping[str, Errors]:
    """Errors apart for every value of `frame.info[key]`, in the order of the values.

    Frames without it are left out.
    """
    values = [frame.info.get(key) for frame in frames]
    known = {value for value in values if value is not None}
    return {
        str(value): predictions.of(np.array([other == value for other in values])).errors
        for value in sorted(known)
    }


def energies_after_constants_meV_atom(
    frames: Sequence[Atoms], found: Predictions
) -> tuple[float | None, float | None]:
    """What is left of energy errors, and of labels, after the best constant per element of each.

    Energies of two functionals or programs differ by such constants.

    Parameters
    ----------
    frames : those of the predictions

    Returns
    -------
    error, spread : root mean squares over the degrees of freedom that the constants leave,
        meV/atom; None where they leave none, as of few frames or of one composition too few
    """
    elements = sorted({symbol for frame in frames for symbol in frame.get_chemical_symbols()})
    shares = np.array(
        [[np.mean(frame.symbols == element) for element in elements] for frame in frames]
    )

    def left(values: np.ndarray) -> float | None:
        constants, _, rank, _ = np.linalg.lstsq(shares, values, rcond=1e-9)
        freedom = len(values) - int(rank)
        if freedom < 1:
            return None
        residual = 1000 * (values - shares @ constants)
        return float(np.sqrt(np.sum(residual**2) / freedom))

    labels, predicted = found.energy_eV_atom
    return left(predicted - labels), left(labels)


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
