"""Directions of a known tensor, in crystals of any shape, and errors that hold."""

import numpy as np
import pytest

from mlipsse.errors import MlipsseError
from mlipsse.transport import (
    Diffusivity,
    WindowSettings,
    directional_diffusivity,
    fit_diffusivity,
    mean_squared_displacement,
)

MONOCLINIC = np.array([[11.0, 0, 0], [0, 6.4, 0], [-2.2, 0, 6.0]])
D_A2_PS = np.array([[0.30, 0.05, -0.02], [0.05, 0.10, 0.03], [-0.02, 0.03, 0.20]])
TO_CM2_S = 1e-4


def fit_of(tensor_cm2_s: np.ndarray, std: float = 1e-6) -> Diffusivity:
    mean = float(np.trace(tensor_cm2_s)) / 3
    return Diffusivity(True, None, mean, std, tensor_cm2_s, (1.0, 2.0), 1.0, 0.0, 0.0)


def test_projections_are_those_of_the_definition() -> None:
    found = directional_diffusivity(fit_of(D_A2_PS), MONOCLINIC)
    c = MONOCLINIC[2] / np.linalg.norm(MONOCLINIC[2])
    assert found.along_cm2_s["a"] == pytest.approx(D_A2_PS[0, 0])
    assert found.along_cm2_s["c"] == pytest.approx(c @ D_A2_PS @ c)
    assert found.plane_cm2_s["ab"] == pytest.approx((D_A2_PS[0, 0] + D_A2_PS[1, 1]) / 2)
    # a and c make 110 degrees, and span the xz plane all the same: no mean of their own values.
    assert found.plane_cm2_s["ac"] == pytest.approx((D_A2_PS[0, 0] + D_A2_PS[2, 2]) / 2)
    assert found.principal_cm2_s == pytest.approx(np.linalg.eigvalsh(D_A2_PS)[::-1])
    for value, axis in zip(found.principal_cm2_s, found.principal_axes, strict=True):
        np.testing.assert_allclose(D_A2_PS @ axis, value * axis, atol=1e-12)


def test_a_turned_crystal_gives_the_same() -> None:
    rotation, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    turned = directional_diffusivity(fit_of(rotation.T @ D_A2_PS @ rotation), MONOCLINIC @ rotation)
    plain = directional_diffusivity(fit_of(D_A2_PS), MONOCLINIC)
    assert turned.along_cm2_s == pytest.approx(plain.along_cm2_s)
    assert turned.plane_cm2_s == pytest.approx(plain.plane_cm2_s)
    assert turned.along_std_cm2_s == pytest.approx(plain.along_std_cm2_s)
    assert turned.plane_std_cm2_s == pytest.approx(plain.plane_std_cm2_s)


def test_isotropic_errors() -> None:
    """One direction knows a third of what the trace knows, a plane two thirds."""
    found = directional_diffusivity(fit_of(1e-5 * np.eye(3), std=1e-7), MONOCLINIC)
    assert list(found.along_std_cm2_s.values()) == pytest.approx([3**0.5 * 1e-7] * 3)
    assert list(found.plane_std_cm2_s.values()) == pytest.approx([1.5**0.5 * 1e-7] * 3)


def test_errors_hold_over_walks() -> None:
    """The stated error covers the truth in 60 to 76 % of 600 anisotropic walks.

    Over 6,000 walks of another seed it does so in 71 % along a and c and in both planes: the error
    is 4 % larger than the scatter, for its ion correlation is never below 1. Of 150 walks a share
    is known to 3.7 %, and passes 76 % by chance once in eleven; of 600 once in three hundred.
    """
    rng = np.random.default_rng(8)
    half = np.linalg.cholesky(2 * D_A2_PS * 0.1)
    names = ("a", "c", "ab", "ac")
    truth = directional_diffusivity(fit_of(D_A2_PS * TO_CM2_S), MONOCLINIC)
    exact = truth.along_cm2_s | truth.plane_cm2_s
    hits = dict.fromkeys(names, 0)
    for _ in range(600):
        walk = np.cumsum(rng.normal(size=(600, 24, 3)) @ half.T, axis=0)
        fit = fit_diffusivity(
            mean_squared_displacement(walk, frame_spacing_ps=0.1),
            WindowSettings(window_ps=(1.0, 15.0)),
        )
        found = directional_diffusivity(fit, MONOCLINIC)
        values = found.along_cm2_s | found.plane_cm2_s
        errors = found.along_std_cm2_s | found.plane_std_cm2_s
        for name in names:
            hits[name] += abs(values[name] - exact[name]) < errors[name]
    for name in names:
        assert 0.60 <= hits[name] / 600 <= 0.76, (name, hits[name])


def test_faults() -> None:
    with pytest.raises(MlipsseError, match="span a volume"):
        directional_diffusivity(fit_of(D_A2_PS), np.ones((3, 3)))
    refused = Diffusivity(False, "not diffusive", None, None, None, None, None, None, None)
    with pytest.raises(MlipsseError, match="no diffusivity to project: not diffusive"):
        directional_diffusivity(refused, MONOCLINIC)
