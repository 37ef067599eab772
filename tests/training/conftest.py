from pathlib import Path

import pytest

from tests.support.labels.tiny_sets import write_foundation, write_sets


@pytest.fixture(scope="session")
def foundation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny one-head MACE of random weights."""
    return write_foundation(tmp_path_factory.mktemp("foundation") / "tiny.model")


@pytest.fixture
def sets(tmp_path: Path) -> dict[str, Path]:
    """Files that a test may spoil."""
    return write_sets(tmp_path)


@pytest.fixture(scope="module")
def module_sets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files that no test changes."""
    return write_sets(tmp_path_factory.mktemp("sets"))
