"""Diffusivity from accelerations: symmetry of the network, honest splits, and the commands."""

import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.lj import LennardJones
from ase.io import write
from scipy.spatial.transform import Rotation

from mlipsse.dataset.frames.extxyz import write_frames
from mlipsse.energetics.relaxation.evaluators import OneByOne
from mlipsse.errors import MlipsseError
from mlipsse.screening.accelerations.baselines import ridge
from mlipsse.screening.accelerations.displaced import Displaced, displaced
from mlipsse.screening.accelerations.learning import (
    KnownCrystal,
    LearningSettings,
    require_enough,
    validate,
)
from mlipsse.screening.accelerations.network import (
    AccelerationNetwork,
    NetworkShape,
    graph,
    together,
)
from mlipsse.screening.accelerations.predictor import load_predictor, save_predictor, train
from tests.support.command_line import mlipsse

SHAPE = NetworkShape(cutoff_A=4.0, neighbours=12.0, scale_A_ps2=1.0)
CELL = np.array([[4.2, 0, 0], [0.3, 4.6, 0], [-0.2, 0.4, 5.0]])


def harmonic(stiffness: float, seed: int, width_A: float = 0.1) -> Displaced:
    """Eight atoms, each pulled back to its site."""
    rng = np.random.default_rng(seed)
    sites = np.stack(np.meshgrid(*[[0.0, 0.5]] * 3, indexing="ij"), axis=-1).reshape(-1, 3) @ CELL
    moves = rng.normal(scale=width_A, size=sites.shape)
    return Displaced(sites + moves, CELL, -stiffness * moves)


def crystals(count: int, n_prototypes: int = 10) -> list[KnownCrystal]:
    """The stiffer, the slower; a third of them do not move at all."""
    rng = np.random.default_rng(0)
    made = []
    for number in range(count):
        stiffness = float(10 ** rng.uniform(0, 2))
        slope = 10.0 / stiffness**2
        some = [harmonic(stiffness, seed=100 * number + k) for k in range(4)]
        made.append(KnownCrystal(f"c{number}", f"p{number % n_prototypes}", slope, some))
    return made


def answer(network: AccelerationNetwork, *some: Displaced) -> np.ndarray:
    return network(together([graph(one, SHAPE) for one in some])).detach().numpy()


def test_the_answer_is_that_of_the_crystal_and_not_of_its_description():
    network, one = AccelerationNetwork(SHAPE), harmonic(5.0, seed=1)
    value = answer(network, one)
    turned = Rotation.random(random_state=3).as_matrix()
    for matrix in (turned, -turned):
        moved = Displaced(
            one.positions_A @ matrix.T + [0.3, -7.0, 1.0],
            one.cell @ matrix.T,
            one.accelerations_A_ps2 @ matrix.T,
        )
        np.testing.assert_allclose(answer(network, moved), value, atol=1e-5)
    order = np.random.default_rng(0).permutation(8)
    shuffled = Displaced(one.positions_A[order], one.cell, one.accelerations_A_ps2[order])
    np.testing.assert_allclose(answer(network, shuffled), value, atol=1e-5)
    shifts = np.array([[i, j, 0] for i in (0, 1) for j in (0, 1)]) @ CELL
    larger = Displaced(
        (shifts[:, None] + one.positions_A).reshape(-1, 3),
        one.cell * [[2], [2], [1]],
        np.tile(one.accelerations_A_ps2, (4, 1)),
    )
    np.testing.assert_allclose(answer(network, larger), value, atol=1e-5)
    other = harmonic(9.0, seed=2)
    np.testing.assert_allclose(
        answer(network, one, other, larger)[[0, 2]], [value[0]] * 2, atol=1e-5
    )
    assert abs(answer(network, other)[0] - value[0]) > 1e-4


def test_it_learns_what_accelerations_hold():
    known = crystals(40)
    shape = NetworkShape(cutoff_A=4.0, channels=4, layers=1, neighbours=12.0, scale_A_ps2=1.0)
    quick = LearningSettings(epochs=30, learning_rate=1e-2)

    def predict(train_on, asked):
        found = train(train_on, shape, quick)
        return np.array([found.predict(one.displacements)[0] for one in asked])

    found = validate(known, predict, by="structure", n_splits=3)
    assert found.r2["network"] > 0.8
    assert found.r2["ridge"] > 0.8
    assert found.r2["mean"] == 0.0
    assert found.rank_correlation["network"] > 0.9
    assert sorted(name for split in found.splits for name in split.names) == sorted(
        one.name for one in known
    )


def test_prototypes_are_not_split():
    known = crystals(23, n_prototypes=7)
    prototypes = {one.name: one.prototype for one in known}
    asked = []

    def predict(train_on, held_out):
        assert not {one.prototype for one in train_on} & {one.prototype for one in held_out}
        asked.append(len(held_out))
        return np.array([one.target for one in held_out])

    found = validate(known, predict, by="prototype", n_splits=5)
    assert found.r2["network"] == 1.0
    assert sum(asked) == len(known)
    for split in found.splits:
        held = {prototypes[name] for name in split.names}
        assert sum(prototypes[name] in held for name in prototypes) == len(split.names)
    with pytest.raises(MlipsseError, match="7 prototypes cannot be split into 8 parts"):
        validate(known, predict, by="prototype", n_splits=8)


def test_what_cannot_be_learned():
    with pytest.raises(MlipsseError, match="9 crystals are too few"):
        require_enough(crystals(9))
    still = [
        KnownCrystal(one.name, one.prototype, 1e-6 * k, one.displacements)
        for k, one in enumerate(crystals(12))
    ]
    with pytest.raises(MlipsseError, match="nothing to learn"):
        train(still, SHAPE)


def test_ridge_is_that_of_scikit_learn():
    linear_model = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(1)
    features, targets = rng.normal(size=(30, 4)) * [1, 5, 0.1, 0], rng.normal(size=30)
    asked = rng.normal(size=(6, 4))
    mean, spread = features.mean(axis=0), features.std(axis=0)
    spread[3] = np.inf
    model = linear_model.Ridge(alpha=1.0).fit((features - mean) / spread, targets)
    np.testing.assert_allclose(
        ridge(features, targets, asked), model.predict((asked - mean) / spread), atol=1e-10
    )


def test_accelerations_are_forces_over_masses():
    atoms = bulk("Ar", "fcc", a=5.3, cubic=True)
    evaluator = OneByOne(LennardJones(sigma=3.4, epsilon=0.0104, rc=10.0))
    one, other = displaced(atoms, evaluator, count=2, width_A=0.1, seed=4)
    moved = atoms.copy()
    moved.positions = one.positions_A
    moved.calc = LennardJones(sigma=3.4, epsilon=0.0104, rc=10.0)
    # F/m in SI: 1 eV/Å is 1.602e-9 N, 1 u is 1.6605e-27 kg, 1 m/s2 is 1e-14 Å/ps2
    expected = moved.get_forces() * 1.602176634e-9 / (39.948 * 1.66053906892e-27) * 1e-14
    np.testing.assert_allclose(one.accelerations_A_ps2, expected, rtol=1e-6)
    assert np.std(one.positions_A - atoms.positions) == pytest.approx(0.1, rel=0.5)
    assert (one.positions_A != other.positions_A).all()


def test_a_predictor_is_kept(tmp_path: Path):
    known = crystals(12)
    made = train(known, SHAPE, LearningSettings(epochs=2), facts={"potential": "toy"})
    save_predictor(made, tmp_path / "p.npz")
    again = load_predictor(tmp_path / "p.npz")
    assert again.facts == {"potential": "toy"}
    assert again.predict(known[0].displacements) == made.predict(known[0].displacements)
    with pytest.raises(MlipsseError, match="is not a predictor"):
        load_predictor(tmp_path / "other.npz")
    (tmp_path / "p.npz").write_text("no archive")
    with pytest.raises(MlipsseError, match="is not a predictor"):
        load_predictor(tmp_path / "p.npz")


def test_learn_and_predict(tmp_path: Path):
    """The commands, on crystals of a shipped potential with made-up slopes."""
    frames: list[Atoms] = []
    for number in range(10):
        atoms = bulk("LiCl", "rocksalt", a=4.9 + 0.06 * number, cubic=True)
        atoms.info = {
            "name": f"LiCl-{number}",
            "prototype": f"p{number % 5}",
            "msd_slope_A2_ps": 10 ** (-3 + 0.3 * number),
        }
        frames.append(atoms)
    write_frames(tmp_path / "crystals.extxyz", frames)
    words = ("--potential", "mace-sse-small", "--out", tmp_path / "out")
    fast = ("--epochs", "2", "--displacements", "2")
    done = mlipsse("screen", "learn", tmp_path / "crystals.extxyz", *words, *fast)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("network") == 2
    assert (tmp_path / "out" / "validation.png").is_file()
    facts = load_predictor(tmp_path / "out" / "predictor.npz").facts
    assert facts["displacements"]["potential"] == "mace-sse-small"
    assert set(facts["validation"]) == {"structure", "prototype"}
    write(tmp_path / "LiCl.cif", bulk("LiCl", "rocksalt", a=5.1, cubic=True))
    write(tmp_path / "NaCl.cif", bulk("NaCl", "rocksalt", a=5.6, cubic=True))
    asked = (tmp_path / "LiCl.cif", tmp_path / "NaCl.cif")
    model = ("--predictor", tmp_path / "out" / "predictor.npz", "--mobile", "Li")
    found = mlipsse("screen", "predict", *asked, *model, "--out", tmp_path / "found", "--json")
    assert found.returncode == 0, found.stderr
    first, left_out = json.loads(found.stdout)
    assert first["rank"] == 1
    assert np.isfinite(first["log10_msd_slope_A2_ps"])
    assert "contains no Li" in left_out["reason"]
    frames[3].info.pop("prototype")
    write_frames(tmp_path / "crystals.extxyz", frames)
    refused = mlipsse("screen", "learn", tmp_path / "crystals.extxyz", *words)
    assert refused.returncode != 0
    assert "does not state prototype" in refused.stderr
