"""The pair model's functions are those of icet 4.0: recorded by icet_oracle.py."""

import json

import numpy as np
import pytest

from mlipsse.orderings import HostSettings, Supercell, read_host
from mlipsse.orderings.thermal.pairs.columns import pair_columns
from mlipsse.orderings.thermal.pairs.lattice import lay_pairs
from mlipsse.orderings.thermal.pairs.orbits import find_pair_clusters
from tests.support.crystals.icet_oracle import CASES, oracle_file


@pytest.fixture(params=CASES)
def case(request, structures):
    settings = CASES[request.param]
    host = read_host(
        structures / f"{request.param}.cif",
        HostSettings(mobile=settings["mobile"], substitutions=settings["substitutions"]),
    )
    clusters = find_pair_clusters(host, settings["cutoff_A"])
    return clusters, json.loads(oracle_file(request.param).read_text())


def test_pair_orbits_are_icets(case):
    clusters, recorded = case
    ours = sorted(
        (o.distance_A, len(o.first) / (2 if o.symmetric else 1) / recorded["primitive_cells"])
        for o in clusters.pair_orbits
    )
    assert len(recorded["pairs"]) >= 13
    assert np.allclose(ours, sorted(map(tuple, recorded["pairs"])), atol=2e-4)


def test_columns_span_the_space_of_icets_cluster_vectors(case):
    clusters, recorded = case
    supercell = Supercell(clusters.host, tuple(recorded["supercell"]))
    lattice = lay_pairs(clusters, supercell, ewald=False)
    labels = np.array([[int(c) for c in o["labels"]] for o in recorded["orderings"]])
    counts = np.array([lattice.counts(row) for row in labels]) / supercell.n_cells
    ours = pair_columns(clusters, counts, None).values
    theirs = np.array([o["cluster_vector"] for o in recorded["orderings"]])
    assert ours.shape == theirs.shape
    assert len(theirs) > theirs.shape[1]
    # Either set of functions is a linear combination of the other: the models are the same.
    for functions, others in ((ours, theirs), (theirs, ours)):
        assert np.linalg.matrix_rank(functions) == functions.shape[1]
        fitted = functions @ np.linalg.lstsq(functions, others, rcond=None)[0]
        assert np.abs(fitted - others).max() < 1e-7 * np.abs(others).max()
