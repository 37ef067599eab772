from pathlib import Path

import pytest

from mlipsse.resources import resource_dir

SHIPPED_POTENTIAL = "mace-sse-small"
"""A potential in `potentials/` that knows Li, In and Cl; the one place that names it."""


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test asks a server whether a file is there; those about downloads state its answer."""
    monkeypatch.setattr("mlipsse.campaign.checks.downloads.unreachable", lambda url: None)


@pytest.fixture(scope="session")
def shipped_bundle() -> Path:
    """The folder of the shipped potential, not to be changed."""
    return resource_dir("potentials") / SHIPPED_POTENTIAL
