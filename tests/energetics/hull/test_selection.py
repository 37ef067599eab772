from itertools import permutations, product

import numpy as np
import pytest

from mlipsse.energetics.hull.selection import (
    Ensemble,
    SelectionSettings,
    boltzmann_weights,
    effective_number,
    select,
)
from mlipsse.errors import MlipsseError

KT_EV = 8.617333262e-5 * 800.0


def weights_of(energies_eV, *, temperature_K=800.0, per="cell", **group):
    ensemble = Ensemble(np.asarray(energies_eV, dtype=float), **group)
    return boltzmann_weights(ensemble, temperature_K=temperature_K, per=per)


def selected(energies_eV, *, count, seed, draw="count", **group):
    ensemble = Ensemble(np.asarray(energies_eV, dtype=float), **group)
    return select(ensemble, SelectionSettings(structures=count, draw=draw), seed=seed)


def test_weights_of_two_levels():
    weights = weights_of([-80.0, -80.0 + KT_EV], temperature_K=800)
    assert weights == pytest.approx([1 / (1 + np.exp(-1)), np.exp(-1) / (1 + np.exp(-1))])


def test_weights_count_degeneracy_and_size():
    energies = np.array([-80.0, -80.0 + 20 * KT_EV])
    assert weights_of(energies, per="atom", n_atoms=20) == pytest.approx(weights_of([0.0, KT_EV]))
    assert weights_of(energies, per="formula_unit", n_formula_units=2) == pytest.approx(
        weights_of([0.0, 10 * KT_EV])
    )
    # g = 1 and 3 at kT ln 3 apart: equal weights.
    assert weights_of([0.0, KT_EV * np.log(3)], degeneracies=[1, 3]) == pytest.approx([0.5, 0.5])


def test_one_ordering_has_all_the_weight_and_far_ones_none():
    assert weights_of([-5.0]) == pytest.approx([1.0])
    assert weights_of([-5000.0, 0.0]).tolist() == [1.0, 0.0]


ENERGIES = np.array([0.3, 0.0, 0.05, 0.12, 0.2])
DEGENERACIES = np.array([4, 1, 2, 2, 8])


def successive_draws(count):
    """Probability of every set that `count` draws without replacement end in, by enumeration."""
    weights = weights_of(ENERGIES, degeneracies=DEGENERACIES)
    exact: dict[tuple[int, ...], float] = {}
    for order in permutations([0, 2, 3, 4], count - 1):
        left, probability = 1 - weights[1], 1.0
        for i in order:
            probability *= weights[i] / left
            left -= weights[i]
        chosen = frozenset((1, *order))
        exact[chosen] = exact.get(chosen, 0.0) + probability
    return exact


def independent_draws(count):
    """Probability of every set when each ordering is taken by itself, by enumeration."""
    weights = weights_of(ENERGIES, degeneracies=DEGENERACIES)
    exact = {}
    for taken in product([False, True], repeat=4):
        probability, chosen = 1.0, {1}
        for i, yes in zip([0, 2, 3, 4], taken, strict=True):
            mine = min(1.0, (count - 1) * weights[i])
            probability *= mine if yes else 1 - mine
            chosen |= {i} if yes else set()
        exact[frozenset(chosen)] = probability
    return exact


@pytest.mark.parametrize(
    ("draw", "count", "exact"),
    [
        ("count", 2, successive_draws(2)),
        ("count", 3, successive_draws(3)),
        ("boltzmann", 2, independent_draws(2)),
        ("boltzmann", 3, independent_draws(3)),
        ("boltzmann", 12, independent_draws(12)),  # clipped at 1 for the likeliest
    ],
)
def test_every_selection_comes_as_often_as_enumerated(draw, count, exact):
    assert sum(exact.values()) == pytest.approx(1.0)
    draws = 20_000
    seen = dict.fromkeys(exact, 0)
    for seed in range(draws):
        found = selected(ENERGIES, count=count, seed=seed, draw=draw, degeneracies=DEGENERACIES)
        seen[frozenset(found.chosen.tolist())] += 1
    for chosen, probability in exact.items():
        deviation = np.sqrt(probability * (1 - probability) / draws)
        assert abs(seen[chosen] / draws - probability) <= 4.5 * deviation, chosen
    mean = sum(len(chosen) * probability for chosen, probability in exact.items())
    assert found.expected == pytest.approx(mean)


def test_count_takes_its_number_whatever_the_energies():
    energies = np.random.default_rng(5).uniform(0, 3, 50)
    for count, number in ((1, 1), (10, 10), (99, 50)):
        found = selected(energies, count=count, seed=7)
        assert (len(found.chosen), found.expected) == (number, number)
    assert sorted(found.chosen) == list(range(50))


def test_boltzmann_takes_by_weight():
    one = selected([0.0, 20.0, 30.0], count=9, seed=1, draw="boltzmann")
    assert (one.chosen.tolist(), one.expected) == ([0], 1.0)
    # 400 of the same energy: the lowest and 1/400 (count - 1) of every other
    flat = selected(np.zeros(400), count=5, seed=1, draw="boltzmann")
    assert flat.expected == pytest.approx(1 + 399 * 4 / 400)
    lone = selected([-7.0], count=5, seed=1, draw="boltzmann")
    assert (lone.chosen.tolist(), lone.expected) == ([0], 1.0)
    least = selected(np.zeros(400), count=1, seed=1, draw="boltzmann")
    assert (least.chosen.tolist(), least.expected) == ([0], 1.0)


@pytest.mark.parametrize("draw", ["count", "boltzmann"])
def test_selection_is_distinct_sorted_and_repeatable(draw):
    energies = np.random.default_rng(5).uniform(0, 0.1, 50)
    found = [selected(energies, count=10, seed=seed, draw=draw) for seed in (7, 7, 8)]
    first, again, other = (item.chosen.tolist() for item in found)
    assert len(set(first)) == len(first) > 1
    assert first[0] == np.argmin(energies)
    assert (np.diff(energies[first]) >= 0).all()
    assert first == again
    assert first != other
    assert found[0].weights == pytest.approx(weights_of(energies))


def test_effective_number():
    assert effective_number(np.array([1.0, 0.0])) == 1.0
    assert effective_number(np.full(7, 1 / 7)) == pytest.approx(7.0)
    # entropy of (1/2, 1/4, 1/4) is 3/2 ln 2
    assert effective_number(np.array([0.5, 0.25, 0.25])) == pytest.approx(2**1.5)


def test_underflowing_weights_still_fill_the_selection():
    energies = np.array([0.0, 100.0, 200.0, 300.0])
    assert selected(energies, count=3, seed=1).chosen.tolist() == [0, 1, 2]


def test_bad_input_is_reported():
    with pytest.raises(MlipsseError, match="structures = 0: input should be greater than"):
        selected([0.0], count=0, seed=1)
    with pytest.raises(MlipsseError, match="input should be 'count', 'boltzmann' or 'lowest'"):
        selected([0.0], count=1, seed=1, draw="all")
    with pytest.raises(MlipsseError, match=r"\(2,\) with 1 that are not finite"):
        weights_of([0.0, np.nan])
    with pytest.raises(MlipsseError, match="temperature above 0 K"):
        weights_of([0.0], temperature_K=0)
    with pytest.raises(MlipsseError, match="Degeneracies must be 2 positive"):
        weights_of([0.0, 1.0], degeneracies=[1, 0])
    with pytest.raises(MlipsseError, match="per atom needs n_atoms"):
        weights_of([0.0], per="atom")
    with pytest.raises(MlipsseError, match="per 'mole' is not known"):
        weights_of([0.0], per="mole")
