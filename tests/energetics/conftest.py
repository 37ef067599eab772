import numpy as np
import pytest
import torch
from ase import Atoms

# Li3InCl6, C2/m, 10.1002/anie.201909805 (cell); positions: In 2a, Li 4g and half of 4h, Cl 8j + 4i.
_CELL = [6.432, 11.093, 6.398, 90.0, 109.8, 90.0]
_CHLORINES = [(0.2385, 0.1674, 0.2381), (0.2385, -0.1674, 0.2381), (0.2458, 0.5, 0.2346)]


def _li3incl6() -> Atoms:
    indium: list[tuple[float, float, float]] = [(0, 0, 0), (0.5, 0.5, 0)]
    lithium: list[tuple[float, float, float]] = [
        (0, 0.327, 0),
        (0, -0.327, 0),
        (0.5, 0.827, 0),
        (0.5, 0.173, 0),
    ]
    lithium += [(0, 0.152, 0.5), (0.5, 0.348, 0.5)]
    half = [tuple(np.multiply(sign, x)) for x in _CHLORINES for sign in (1, -1)]
    chlorine = half + [(x + 0.5, y + 0.5, z) for x, y, z in half]
    return Atoms("In2Li6Cl12", scaled_positions=indium + lithium + chlorine, cell=_CELL, pbc=True)


@pytest.fixture
def li3incl6() -> Atoms:
    return _li3incl6()


def _tiny_mace(heads, *, layers=1, hidden="4x0e"):
    import mace  # noqa: F401
    from e3nn import o3
    from mace import modules

    torch.manual_seed(1)
    energies = np.tile(np.array([-1.0, -2.0]), (len(heads), 1))
    energies += np.arange(len(heads))[:, None]
    return modules.ScaleShiftMACE(
        r_max=4.0,
        num_bessel=4,
        num_polynomial_cutoff=5,
        max_ell=1,
        interaction_cls=modules.interaction_classes["RealAgnosticResidualInteractionBlock"],
        interaction_cls_first=modules.interaction_classes["RealAgnosticInteractionBlock"],
        num_interactions=layers,
        num_elements=2,
        hidden_irreps=o3.Irreps(hidden),
        MLP_irreps=o3.Irreps("4x0e"),
        atomic_energies=energies,
        avg_num_neighbors=8.0,
        atomic_numbers=[3, 17],
        correlation=1,
        gate=torch.nn.functional.silu,
        atomic_inter_scale=[1.0] * len(heads),
        atomic_inter_shift=[0.0] * len(heads),
        heads=heads,
    ).double()


@pytest.fixture(scope="module")
def mace_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("mace") / "tiny.model"
    torch.save(_tiny_mace(["Default"]), path)
    return str(path)


@pytest.fixture(scope="module")
def two_heads_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("mace") / "heads.model"
    torch.save(_tiny_mace(["pt_head", "scan"]), path)
    return str(path)


@pytest.fixture(scope="module")
def equivariant_file(tmp_path_factory):
    """Two layers, the first with vectors beside scalars."""
    path = tmp_path_factory.mktemp("mace") / "equivariant.model"
    torch.save(_tiny_mace(["Default"], layers=2, hidden="4x0e+4x1o"), path)
    return str(path)
