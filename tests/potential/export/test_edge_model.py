"""The edge form against mace-torch's ASE calculator, for every kind of MACE, and against itself."""

import copy

import numpy as np
import pytest
import torch

from mlipsse.energetics.potentials.mace_model import import_mace
from tests.support.potential.edge_graphs import (
    KINDS,
    R_MAX_A,
    forces,
    graph,
    make_mace,
    reference,
    stress,
)
from tests.support.potential.tiny_potential import random_cell

import_mace()

from e3nn import o3  # noqa: E402
from e3nn.util import jit  # noqa: E402

from mlipsse.potential.export.edge_model import EdgeModel  # noqa: E402
from mlipsse.potential.export.traceable import SphericalHarmonics, make_traceable  # noqa: E402

CUBE = random_cell(cell=np.eye(3) * 6.5, n_atoms=12, closest_A=1.7, seed=1)
TRICLINIC = random_cell(  # its smallest height is below the cutoff: atoms see their own images
    cell=np.array([[4.6, 0.0, 0.0], [1.9, 4.4, 0.0], [-1.2, 1.6, 4.1]]),
    n_atoms=4,
    closest_A=1.6,
    seed=2,
)


@pytest.fixture(scope="module")
def scripted() -> torch.jit.ScriptModule:
    return jit.compile(EdgeModel(make_mace(), head="target"))


@pytest.mark.parametrize("kind", KINDS)
def test_agrees_with_the_calculator(kind):
    model = make_mace(**KINDS[kind])
    plain = EdgeModel(make_traceable(copy.deepcopy(model)), head="target")
    compiled = jit.compile(EdgeModel(copy.deepcopy(model), head="target"))
    for atoms in (CUBE, TRICLINIC):
        energy, force, pressure = reference(model, atoms, head="target")
        edges = graph(atoms)
        for edge_model in (plain, compiled):
            node_energy, gradient = edge_model.edge_energies(*edges)
            assert node_energy.dtype == torch.float64
            assert float(node_energy.sum()) == pytest.approx(energy, rel=0, abs=1e-10)
            np.testing.assert_allclose(forces(edges, gradient), force, rtol=0, atol=1e-10)
            np.testing.assert_allclose(
                stress(edges, gradient, volume_A3=atoms.get_volume()), pressure, rtol=0, atol=1e-10
            )


def test_heads_differ(scripted):
    model = make_mace()
    other = jit.compile(EdgeModel(copy.deepcopy(model), head="replay"))
    assert (other.head_name, scripted.head_name) == ("replay", "target")
    for edge_model in (scripted, other):
        energy, _, _ = reference(model, CUBE, head=edge_model.head_name)
        found = float(edge_model.edge_energies(*graph(CUBE))[0].sum())
        assert found == pytest.approx(energy, rel=0, abs=1e-10)


def test_gradient_is_the_slope_of_the_weighted_energy(scripted):
    types, edge_index, vectors, weights = graph(CUBE)
    weights[::3] = 0.0
    _, gradient = scripted.edge_energies(types, edge_index, vectors, weights)
    rng = np.random.default_rng(3)
    step_A = 1e-4
    for edge, axis in zip(rng.integers(len(vectors), size=6), rng.integers(3, size=6), strict=True):
        ends = []
        for sign in (1, -1):
            moved = vectors.clone()
            moved[edge, axis] += sign * step_A
            node_energy, _ = scripted.edge_energies(types, edge_index, moved, weights)
            ends.append(float((weights * node_energy).sum()))
        slope = (ends[0] - ends[1]) / (2 * step_A)
        assert float(gradient[edge, axis]) == pytest.approx(slope, rel=1e-6, abs=1e-7)


def test_ghosts_pull_only_through_owned_atoms(scripted):
    """Two weights that sum to one share the gradient: what two ranks do."""
    types, edge_index, vectors, weights = graph(CUBE)
    mine = (torch.arange(len(types)) < 5).to(torch.float64)
    whole = scripted.edge_energies(types, edge_index, vectors, weights)
    parts = [scripted.edge_energies(types, edge_index, vectors, w) for w in (mine, 1 - mine)]
    torch.testing.assert_close(parts[0][0], whole[0], rtol=0, atol=1e-12)
    torch.testing.assert_close(parts[0][1] + parts[1][1], whole[1], rtol=0, atol=1e-11)
    assert parts[0][1].abs().max() > 0.1
    nobody = scripted.edge_energies(types, edge_index, vectors, torch.zeros_like(weights))
    assert not nobody[1].any()


def test_order_of_atoms_and_edges_and_orientation_do_not_matter(scripted):
    types, edge_index, vectors, weights = graph(CUBE)
    node_energy, gradient = scripted.edge_energies(types, edge_index, vectors, weights)
    generator = torch.Generator().manual_seed(5)
    atoms = torch.randperm(len(types), generator=generator)
    edges = torch.randperm(len(vectors), generator=generator)
    rotation = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64, generator=generator))[0]
    place = torch.argsort(atoms)
    found, turned = scripted.edge_energies(
        types[atoms], place[edge_index][:, edges], vectors[edges] @ rotation.T, weights
    )
    torch.testing.assert_close(found, node_energy[atoms], rtol=0, atol=1e-10)
    torch.testing.assert_close(turned, gradient[edges] @ rotation.T, rtol=0, atol=1e-10)


def test_an_edge_at_the_cutoff_adds_nothing(scripted):
    """With which the pair style pads systems too small for a compiled package."""
    types, edge_index, vectors, weights = graph(CUBE)
    node_energy, gradient = scripted.edge_energies(types, edge_index, vectors, weights)
    more = torch.tensor([[0, 12], [12, 12]])
    padding = torch.tensor([[R_MAX_A, 0.0, 0.0]] * 2, dtype=torch.float64)
    found, slopes = scripted.edge_energies(
        torch.cat([types, torch.zeros(1, dtype=torch.int64)]),
        torch.cat([edge_index, more], dim=1),
        torch.cat([vectors, padding]),
        torch.cat([weights, torch.zeros(1, dtype=torch.float64)]),
    )
    torch.testing.assert_close(found[:12], node_energy, rtol=0, atol=1e-12)
    torch.testing.assert_close(slopes[:-2], gradient, rtol=0, atol=1e-12)
    assert not slopes[-2:].any()


def test_a_lone_atom(scripted):
    nothing = torch.zeros((0, 3), dtype=torch.float64)
    node_energy, gradient = scripted.edge_energies(
        torch.tensor([1]),
        torch.zeros((2, 0), dtype=torch.int64),
        nothing,
        torch.ones(1, dtype=torch.float64),
    )
    assert torch.isfinite(node_energy).all()
    assert gradient.shape == (0, 3)


@pytest.mark.parametrize("lmax", [1, 2, 3, 6])
def test_spherical_harmonics(lmax):
    generator = torch.Generator().manual_seed(lmax)
    vectors = torch.randn((50, 3), dtype=torch.float64, generator=generator)
    slopes = torch.randn((50, (lmax + 1) ** 2), dtype=torch.float64, generator=generator)
    results = []
    for harmonics in (
        SphericalHarmonics(lmax),
        o3.SphericalHarmonics(list(range(lmax + 1)), normalize=True, normalization="component"),
    ):
        leaf = vectors.clone().requires_grad_(True)
        values = harmonics(leaf)
        (values * slopes).sum().backward()
        results.append((values.detach(), leaf.grad))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
