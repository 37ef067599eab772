from itertools import permutations

import numpy as np
import pytest

from mlipsse.energetics.selection import boltzmann_weights, select
from mlipsse.errors import MlipsseError

KT_EV = 8.617333262e-5 * 800.0


def test_weights_of_two_levels():
    weights = boltzmann_weights([-80.0, -80.0 + KT_EV], temperature_K=800)
    assert weights == pytest.approx([1 / (1 + np.exp(-1)), np.exp(-1) / (1 + np.exp(-1))])


def test_weights_count_degeneracy_and_size():
    energies = np.array([-80.0, -80.0 + 20 * KT_EV])
    assert boltzmann_weights(energies, per="atom", n_atoms=20) == pytest.approx(
        boltzmann_weights([0.0, KT_EV])
    )
    assert boltzmann_weights(energies, per="formula_unit", n_formula_units=2) == pytest.approx(
        boltzmann_weights([0.0, 10 * KT_EV])
    )
    # g = 1 and 3 at kT ln 3 apart: equal weights.
    assert boltzmann_weights([0.0, KT_EV * np.log(3)], degeneracies=[1, 3]) == pytest.approx(
        [0.5, 0.5]
    )


def test_one_ordering_has_all_the_weight_and_far_ones_none():
    assert boltzmann_weights([-5.0]) == pytest.approx([1.0])
    assert boltzmann_weights([-5000.0, 0.0]).tolist() == [1.0, 0.0]


def test_inclusion_follows_successive_draws():
    energies = np.array([0.3, 0.0, 0.05, 0.12, 0.2])
    degeneracies = np.array([4, 1, 2, 2, 8])
    count, draws = 3, 20_000
    weights = dict(enumerate(boltzmann_weights(energies, degeneracies=degeneracies)))
    others = [0, 2, 3, 4]
    exact = dict.fromkeys(others, 0.0)
    for order in permutations(others, count - 1):
        left, probability = sum(weights[i] for i in others), 1.0
        for i in order:
            probability *= weights[i] / left
            left -= weights[i]
        for i in order:
            exact[i] += probability
    seen = np.zeros(len(energies))
    for seed in range(draws):
        chosen = select(energies, count=count, seed=seed, degeneracies=degeneracies)
        seen[chosen] += 1
    assert seen[1] == draws
    for i in others:
        deviation = np.sqrt(exact[i] * (1 - exact[i]) / draws)
        assert abs(seen[i] / draws - exact[i]) < 4 * deviation


def test_selection_is_distinct_sorted_and_repeatable():
    energies = np.random.default_rng(5).uniform(0, 3, 50)
    chosen = select(energies, count=10, seed=7)
    assert len(set(chosen.tolist())) == 10
    assert chosen[0] == np.argmin(energies)
    assert (np.diff(energies[chosen]) >= 0).all()
    assert chosen.tolist() == select(energies, count=10, seed=7).tolist()
    assert chosen.tolist() != select(energies, count=10, seed=8).tolist()
    assert sorted(select(energies, count=99, seed=1)) == list(range(50))


def test_underflowing_weights_still_fill_the_selection():
    energies = np.array([0.0, 100.0, 200.0, 300.0])
    assert select(energies, count=3, seed=1).tolist() == [0, 1, 2]


def test_bad_input_is_told():
    with pytest.raises(MlipsseError, match="at least 1"):
        select([0.0], count=0, seed=1)
    with pytest.raises(MlipsseError, match=r"\(2,\) with 1 that are not finite"):
        boltzmann_weights([0.0, np.nan])
    with pytest.raises(MlipsseError, match="temperature above 0 K"):
        boltzmann_weights([0.0], temperature_K=0)
    with pytest.raises(MlipsseError, match="Degeneracies must be 2 positive"):
        boltzmann_weights([0.0, 1.0], degeneracies=[1, 0])
    with pytest.raises(MlipsseError, match="per atom needs n_atoms"):
        boltzmann_weights([0.0], per="atom")
    with pytest.raises(MlipsseError, match="per 'mole' is not known"):
        boltzmann_weights([0.0], per="mole")
