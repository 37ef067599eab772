"""Diffusivity along lattice vectors and in planes of the crystal, from its tensor."""

from dataclasses import dataclass

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.diffusion.diffusivity import Diffusivity

AXES = ("a", "b", "c")
PLANES = ("ab", "ac", "bc")


@dataclass(frozen=True, eq=False)
class DirectionalDiffusivity:
    """A diffusivity tensor in the crystal's own directions.

    Attributes
    ----------
    principal_cm2_s : (3,) eigenvalues, falling, cm²/s
    principal_axes : (3, 3) rows are their unit vectors, in the trajectory's Cartesian axes
    crystal_tensor_cm2_s : (3, 3) the tensor in Cartesian axes that the lattice vectors define: x
        along a, y in the plane of a and b on the side of b, z the third of a right-handed set;
        tensors of runs whose cells lie differently are compared and averaged in these
    along_cm2_s, along_std_cm2_s : a, b, c -> u D u and its standard error, u along that vector
    plane_cm2_s, plane_std_cm2_s : ab, ac, bc -> (u1 D u1 + u2 D u2) / 2 and its standard error, u1
        and u2 orthonormal in the plane of the two vectors, whichever angle they make
    """

    principal_cm2_s: np.ndarray
    principal_axes: np.ndarray
    crystal_tensor_cm2_s: np.ndarray
    along_cm2_s: dict[str, float]
    along_std_cm2_s: dict[str, float]
    plane_cm2_s: dict[str, float]
    plane_std_cm2_s: dict[str, float]


def directional_diffusivity(fit: Diffusivity, vectors: np.ndarray) -> DirectionalDiffusivity:
    """Project a fitted tensor on lattice vectors and their planes.

    The planes of the published values (Deng et al. 2025, doi 10.1039/d5ta05321h) are Cartesian
    ones of the simulation's cell; in a monoclinic or triclinic crystal they are not these.

    Errors follow from that of the trace: for displacements that are Gaussian and independent from
    ion to ion, the variance of the estimate of sum_ab W_ab D_ab is proportional to tr(W D W D), and
    for the trace (W = 1) it is the one that was fitted.

    Parameters
    ----------
    fit : diffusive, with its tensor in the trajectory's Cartesian axes
    vectors : (3, 3), rows are lattice vectors in the same axes; their lengths do not matter

    Raises
    ------
    MlipsseError
        when the fit holds no tensor, or the vectors span no volume.
    """
    if fit.tensor_cm2_s is None or fit.diffusivity_std_cm2_s is None:
        raise MlipsseError(f"There is no diffusivity to project: {fit.reason}.")
    vectors = np.asarray(vectors, dtype=float)
    lengths = np.linalg.norm(vectors, axis=1)
    if vectors.shape != (3, 3) or not abs(np.linalg.det(vectors)) > 1e-9 * lengths.prod():
        raise MlipsseError("Directions need three lattice vectors that span a volume.")
    units = dict(zip(AXES, vectors / lengths[:, None], strict=True))
    projectors = {name: np.outer(unit, unit) for name, unit in units.items()}
    for plane in PLANES:
        basis, _ = np.linalg.qr(np.stack([units[name] for name in plane], axis=1))
        projectors[plane] = basis @ basis.T / 2
    x = units["a"]
    y = units["b"] - (units["b"] @ x) * x
    y = y / np.linalg.norm(y)
    crystal_axes = np.stack([x, y, np.cross(x, y)])
    tensor = fit.tensor_cm2_s
    values, axes = np.linalg.eigh(tensor)
    of_trace = 3 * fit.diffusivity_std_cm2_s / np.sqrt(np.trace(tensor @ tensor))
    found = {name: float((weights * tensor).sum()) for name, weights in projectors.items()}
    errors = {
        name: float(of_trace * np.sqrt(np.trace(weights @ tensor @ weights @ tensor)))
        for name, weights in projectors.items()
    }
    return DirectionalDiffusivity(
        principal_cm2_s=values[::-1],
        principal_axes=axes[:, ::-1].T,
        crystal_tensor_cm2_s=crystal_axes @ tensor @ crystal_axes.T,
        along_cm2_s={name: found[name] for name in AXES},
        along_std_cm2_s={name: errors[name] for name in AXES},
        plane_cm2_s={name: found[name] for name in PLANES},
        plane_std_cm2_s={name: errors[name] for name in PLANES},
    )
