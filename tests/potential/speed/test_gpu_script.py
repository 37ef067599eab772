"""`benchmarks/gpu.sh` where there is no GPU: it tries itself and keeps nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def run(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "benchmarks" / "gpu.sh", folder],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="there is a GPU")
def test_a_dry_run_writes_no_table(tmp_path):
    done = run(tmp_path / "results", PYTHON=sys.executable)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "There is no GPU here" in done.stdout
    for engine in ("torchscript", "aotinductor", "ase"):
        assert f"| {engine} |" in done.stdout
    assert "no table is written" in done.stdout
    assert not (tmp_path / "results").exists()


def test_an_environment_without_mlipsse(tmp_path):
    bare = tmp_path / "python"
    bare.write_text("#!/bin/sh\nexit 1\n")
    bare.chmod(0o755)
    done = run(tmp_path / "results", PYTHON=str(bare))
    assert done.returncode == 2
    assert f"{bare} lacks mlipsse" in done.stderr
