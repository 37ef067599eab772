from collections.abc import Iterator
from pathlib import Path

import pytest

from mlipsse.resources import resource_dir
from tests.support.resident_pool import ResidentPool
from tests.support.tiny_campaign import make_tiny_campaign, mlipsse_apart

HERE = Path(__file__).parent
SHIPPED_POTENTIAL = "mace-sse-small"
"""A potential in `potentials/` that knows Li, In and Cl; the one place that names it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fail-on-skip", action="store_true", help="Exit with status 1 when a test is skipped."
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process does all tests of a file, which share fixtures, unless they name a group.

    The tests of the pair style are one group: they share the models that they export.
    """
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            shared = HERE / "potential"
            room = shared if shared in item.path.parents else item.path
            item.add_marker(pytest.mark.xdist_group(str(room.relative_to(HERE))))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    if config.getoption("--fail-on-skip") and skipped:
        terminalreporter.section(f"{len(skipped)} skipped, which --fail-on-skip does not allow")


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if session.config.getoption("--fail-on-skip") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test asks a server whether a file is there; those about downloads state its answer."""
    monkeypatch.setattr("mlipsse.campaign.checks.downloads.unreachable", lambda url: None)


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ResidentPool]:
    """The Parsl that campaigns of the tests share."""
    made = ResidentPool(tmp_path_factory.mktemp("pool"))
    yield made
    made.end()


@pytest.fixture(autouse=True)
def resident_pool(pool: ResidentPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Campaigns run in one pool, which the first one starts; tests of Parsl override this."""
    monkeypatch.setattr("mlipsse.campaign.engine.parsl.start_parsl", lambda config, folder: pool)


@pytest.fixture(scope="session")
def shipped_bundle() -> Path:
    """The folder of the shipped potential, not to be changed."""
    return resource_dir("potentials") / SHIPPED_POTENTIAL


@pytest.fixture(scope="session")
def finished_campaign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny campaign, run undisturbed; not to be changed; its tests are of group campaign.

    It is run as a user would, in a process of its own with a pool of its own.
    """
    folder = make_tiny_campaign(tmp_path_factory.mktemp("undisturbed") / "tiny")
    done = mlipsse_apart("run", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder
