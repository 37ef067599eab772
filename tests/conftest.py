from pathlib import Path

import pytest

from mlipsse.resources import resource_dir

SHIPPED_POTENTIAL = "mace-sse-small"
"""A potential in `potentials/` that knows Li, In and Cl; the one place that names it."""


@pytest.fixture(scope="session")
def shipped_bundle() -> Path:
    """The folder of the shipped potential, not to be changed."""
    return resource_dir("potentials") / SHIPPED_POTENTIAL
