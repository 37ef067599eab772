from pathlib import Path

import pytest

from mlipsse.orderings import Host, HostSettings, read_host

DATA = Path(__file__).parent / "data"
HALIDE_SUBSTITUTIONS = {"In": ["In", "Y"], "Cl": ["Cl", "Br"]}


@pytest.fixture(scope="session")
def halide() -> Host:
    return read_host(
        DATA / "Li3InCl6_C2m.cif", HostSettings(mobile="Li", substitutions=HALIDE_SUBSTITUTIONS)
    )


@pytest.fixture(scope="session")
def nasicon() -> Host:
    return read_host(DATA / "NaSICON_R-3c.cif", HostSettings(mobile="Na"))


@pytest.fixture(scope="session")
def structures() -> Path:
    return DATA
