from pathlib import Path

import pytest

from tests.support.potential.edge_graphs import make_mace
from tests.support.potential.native_export import exported


@pytest.fixture(scope="session")
def native64(tmp_path_factory) -> Path:
    """Weights of native code in float64; not to be changed."""
    folder = tmp_path_factory.mktemp("native64")
    exported(make_mace(hidden="8x0e+8x1o", correlation=3), folder, "float64")
    return folder / "some.safetensors"
