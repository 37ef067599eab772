"""A real SLURM of one node, from Debian's packages, for the tests of this folder."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


@pytest.fixture(autouse=True)
def resident_pool() -> None:
    """These tests start Parsl themselves."""


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Its folder; clients find it by SLURM_CONF, which is set while it runs."""
    absent = [name for name in ("slurmctld", "slurmd", "munged") if shutil.which(name) is None]
    if absent:
        pytest.skip(f"no {', '.join(absent)} here: apt-get install slurm-wlm munge")
    if os.geteuid() != 0:
        pytest.skip("slurmd starts the jobs of other users: it takes root")
    folder = tmp_path_factory.mktemp("slurm")
    ports = {name: str(_free_port()) for name in ("SLURMCTLD_PORT", "SLURMD_PORT")}
    subprocess.run(
        ["bash", HERE / "start.sh", folder, "2"], check=True, env=os.environ | ports, timeout=60
    )
    before = os.environ.get("SLURM_CONF")
    os.environ["SLURM_CONF"] = str(folder / "slurm.conf")
    try:
        yield folder
    finally:
        subprocess.run(["scancel", "--user=root"], check=False)
        subprocess.run(["bash", HERE / "stop.sh", folder], check=False)
        os.environ.pop("SLURM_CONF")
        if before is not None:
            os.environ["SLURM_CONF"] = before


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
