"""The MACE models that are measured: random weights, so that they can be made anywhere."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlipsse.energetics.potentials.mace_model import import_mace
from mlipsse.files import write_aside

ELEMENTS = {"Li": 3, "Cl": 17, "In": 49}
HEAD = "Default"


@dataclass(frozen=True)
class Architecture:
    """Two layers, max_ell 3, correlation 3, cutoff 5 Å, and these node features.

    Attributes
    ----------
    name : for files and tables
    irreps : of the hidden features, in e3nn's notation
    force_scale : of the energies, chosen so that forces are some eV/Å, as in a hot crystal
    """

    name: str
    irreps: str
    force_scale: float


SMALL = Architecture("32x0e", "32x0e", force_scale=60.0)
LARGE = Architecture("128x0e+128x1o", "128x0e + 128x1o", force_scale=60.0)
ARCHITECTURES = {architecture.name: architecture for architecture in (SMALL, LARGE)}
BETWEEN = (
    Architecture("64x0e", "64x0e", force_scale=60.0),
    Architecture("128x0e", "128x0e", force_scale=60.0),
)
MEDIUM = Architecture("MACE-MP-0b medium", "128x0e + 128x1o", force_scale=1.0)
"""Of the shape of that model, for Na3SbS4 (`write_medium`)."""


def write_model(architecture: Architecture, path: Path, *, seed: int = 3, **changes: Any) -> None:
    """Write a MACE of random weights in float64; the same seed gives the same model.

    Parameters
    ----------
    changes : of the model's arguments
    """
    import_mace()
    import torch

    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(seed)
    try:
        with warnings.catch_warnings():  # of TorchScript about annotations inside mace-torch
            warnings.simplefilter("ignore")
            model = _model(architecture, changes)
    finally:
        torch.set_default_dtype(default)
    with write_aside(path) as aside:
        torch.save(model, aside)


def write_medium(path: Path) -> None:
    """Write a model of the shape of MACE-MP-0b medium for Na, S and Sb."""
    write_model(
        MEDIUM,
        path,
        r_max=6.0,
        num_bessel=10,
        distance_transform="Agnesi",
        interaction="RealAgnosticDensityResidualInteractionBlock",
        first="RealAgnosticDensityInteractionBlock",
        num_elements=3,
        atomic_numbers=[11, 16, 51],
    )


def _model(architecture: Architecture, changes: dict[str, Any]) -> Any:
    import torch
    from e3nn import o3
    from mace import modules

    block = modules.interaction_classes["RealAgnosticResidualInteractionBlock"]
    gate: Callable[..., Any] = torch.nn.functional.silu
    arguments: dict[str, Any] = {
        "r_max": 5.0,
        "num_bessel": 8,
        "num_polynomial_cutoff": 5,
        "max_ell": 3,
        "interaction_cls": block,
        "interaction_cls_first": block,
        "num_interactions": 2,
        "num_elements": len(ELEMENTS),
        "hidden_irreps": o3.Irreps(architecture.irreps),
        "MLP_irreps": o3.Irreps("16x0e"),
        "gate": gate,
        "atomic_energies": np.array([[-1.9, -1.8, -2.7]]),
        "avg_num_neighbors": 23.0,
        "atomic_numbers": list(ELEMENTS.values()),
        "correlation": 3,
        "atomic_inter_scale": [architecture.force_scale],
        "atomic_inter_shift": [0.0],
        "heads": [HEAD],
    }
    changes = dict(changes)
    for name, argument in (("interaction", "interaction_cls"), ("first", "interaction_cls_first")):
        if name in changes:
            arguments[argument] = modules.interaction_classes[changes.pop(name)]
    return modules.ScaleShiftMACE(**(arguments | changes))
