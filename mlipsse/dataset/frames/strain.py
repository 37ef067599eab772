"""Random strain, so that a model sees stresses."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from ase import Atoms

from mlipsse.errors import MlipsseError

Kind = Literal["isotropic", "full"]


def strain_frames(
    frames: Sequence[Atoms], *, max_strain: float, kind: Kind = "full", seed: int
) -> list[Atoms]:
    """Every frame under a random strain of its own; atoms move with the cell.

    Deng, Li, Sai Gautam, Zhu, Deng, 2025 (doi 10.1039/d5ta05321h) strain every frame at random
    within +-3 % and do not state how. See `random_strain` for what is done here.

    Parameters
    ----------
    frames : not changed
    max_strain : bound of the relative change of any length, e.g. 0.03
    kind : `isotropic` or `full`
    seed : the same seed gives the same strains

    Raises
    ------
    MlipsseError
        when `max_strain` is not within 0 and 1.
    """
    rng = np.random.default_rng(seed)
    strained = []
    for frame in frames:
        deformation = np.eye(3) + random_strain(rng, max_strain=max_strain, kind=kind)
        copy = frame.copy()
        copy.set_cell(frame.cell[:] @ deformation, scale_atoms=True)
        strained.append(copy)
    return strained


def random_strain(rng: np.random.Generator, *, max_strain: float, kind: Kind) -> np.ndarray:
    """A symmetric strain tensor under which no length changes by more than `max_strain`.

    `isotropic`: one number, uniform within the bound, times the unit matrix. `full`: three
    principal strains, each uniform within the bound, along axes of uniformly random orientation,
    so that no direction of space or of the crystal is preferred. (Six independent uniform
    components would strain some directions by up to three times the bound.)

    Returns
    -------
    (3, 3) float64, Cartesian
    """
    from scipy.spatial.transform import Rotation

    if not 0 <= max_strain < 1:
        raise MlipsseError(f"max_strain must lie between 0 and 1; it is {max_strain}.")
    if kind == "isotropic":
        return np.eye(3) * rng.uniform(-max_strain, max_strain)
    if kind != "full":
        raise MlipsseError(f"Strain {kind!r} is not known: isotropic or full.")
    principal = np.diag(rng.uniform(-max_strain, max_strain, 3))
    axes = Rotation.random(random_state=rng).as_matrix()
    tensor = axes @ principal @ axes.T
    return (tensor + tensor.T) / 2
