"""Columns of `directions.csv`: the diffusivity of each run in the crystal's own directions."""

from mlipsse.transport.diffusion.arrhenius.directional_average import DIRECTIONS
from mlipsse.transport.diffusion.directions import DirectionalDiffusivity
from mlipsse.transport.diffusion.displacement.msd import COMPONENTS

_TENSOR = tuple(f"D_{'xyz'[i]}{'xyz'[j]}_cm2_s" for i, j in COMPONENTS)

DIRECTION_COLUMNS = (
    "run",
    "composition",
    "temperature_K",
    *(f"D_{name}{kind}_cm2_s" for name in DIRECTIONS for kind in ("", "_std")),
    *(f"D_{number}_cm2_s" for number in (1, 2, 3)),
    *_TENSOR,
)
"""D along a, b, c and in their planes, each with its standard error; the three principal values,
falling; the tensor, x along a and y in the plane of a and b."""


def direction_columns(found: DirectionalDiffusivity) -> dict[str, float]:
    """The columns of the directions, cm²/s."""
    values = found.along_cm2_s | found.plane_cm2_s
    errors = found.along_std_cm2_s | found.plane_std_cm2_s
    row = {}
    for name in DIRECTIONS:
        row[f"D_{name}_cm2_s"] = values[name]
        row[f"D_{name}_std_cm2_s"] = errors[name]
    for number, value in enumerate(found.principal_cm2_s, start=1):
        row[f"D_{number}_cm2_s"] = float(value)
    for name, (i, j) in zip(_TENSOR, COMPONENTS, strict=True):
        row[name] = float(found.crystal_tensor_cm2_s[i, j])
    return row
