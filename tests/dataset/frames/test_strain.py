import numpy as np
import pytest
from ase.build import bulk

from mlipsse.dataset.frames.strain import random_strain, strain_frames
from mlipsse.errors import MlipsseError


@pytest.mark.parametrize("kind", ["isotropic", "full"])
def test_no_length_changes_by_more_than_the_bound(kind):
    rng = np.random.default_rng(1)
    tensors = np.array([random_strain(rng, max_strain=0.03, kind=kind) for _ in range(5000)])
    assert tensors == pytest.approx(tensors.transpose(0, 2, 1), abs=0)
    principal = np.linalg.eigvalsh(tensors)
    assert np.abs(principal).max() <= 0.03 + 1e-12
    # Uniform principal strains: the bound is nearly reached, mean 0, variance bound^2 / 3.
    assert np.abs(principal).max() > 0.0299
    draws = principal.size if kind == "full" else len(principal)
    assert abs(principal.mean()) < 4 * 0.03 / np.sqrt(3 * draws)
    assert principal.var() == pytest.approx(0.03**2 / 3, rel=0.05)


def test_isotropic_is_a_multiple_of_the_unit_matrix():
    tensor = random_strain(np.random.default_rng(2), max_strain=0.03, kind="isotropic")
    assert tensor == pytest.approx(tensor[0, 0] * np.eye(3), abs=0)
    assert tensor[0, 0] != 0


def test_full_strain_prefers_no_direction():
    rng = np.random.default_rng(3)
    tensors = np.array([random_strain(rng, max_strain=0.03, kind="full") for _ in range(20_000)])
    # For an isotropic tensor <e_ij e_kl> has two constants only: the variance along any unit
    # vector is one number, and <e_xx^2> - <e_xx e_yy> = 2 <e_xy^2>.
    along = []
    for vector in ([1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 1, 1], [1, -2, 3]):
        unit = np.array(vector) / np.linalg.norm(vector)
        along.append(np.einsum("i,nij,j->n", unit, tensors, unit).var())
    assert np.ptp(along) / np.mean(along) < 0.06
    xx, yy, xy = tensors[:, 0, 0], tensors[:, 1, 1], tensors[:, 0, 1]
    assert (xx**2).mean() - (xx * yy).mean() == pytest.approx(2 * (xy**2).mean(), rel=0.06)


def test_atoms_move_with_the_cell_and_input_stays():
    frames = [bulk("LiCl", "rocksalt", a=5.1, cubic=True) for _ in range(3)]
    frames[0].info["trajectory"] = "t1"
    before = frames[0].cell[:].copy()
    strained = strain_frames(frames, max_strain=0.03, seed=5)
    assert frames[0].cell[:] == pytest.approx(before, abs=0)
    for frame, result in zip(frames, strained, strict=True):
        assert result.get_scaled_positions() == pytest.approx(frame.get_scaled_positions())
        assert not np.allclose(result.cell[:], frame.cell[:], atol=1e-4)
    assert strained[0].info["trajectory"] == "t1"
    assert not np.allclose(strained[0].cell[:], strained[1].cell[:], atol=1e-4)
    again = strain_frames(frames, max_strain=0.03, seed=5)
    assert all((a.positions == b.positions).all() for a, b in zip(strained, again, strict=True))
    other = strain_frames(frames, max_strain=0.03, seed=6)
    assert not np.allclose(strained[0].cell[:], other[0].cell[:], atol=1e-6)


def test_no_strain_is_allowed():
    frame = bulk("Cu", cubic=True)
    assert strain_frames([frame], max_strain=0.0, seed=1)[0].cell[:] == pytest.approx(frame.cell[:])


def test_bad_settings_are_reported():
    with pytest.raises(MlipsseError, match="max_strain must lie between 0 and 1"):
        strain_frames([bulk("Cu")], max_strain=3.0, seed=1)
    with pytest.raises(MlipsseError, match="Strain 'shear' is not known"):
        strain_frames([bulk("Cu")], max_strain=0.03, kind="shear", seed=1)
