"""The pair style with README's torch for GPUs, on a machine without one and without CUDA's toolkit.

It is downloaded when it is asked for: set MLIPSSE_CUDA_TORCH to a folder, which keeps it.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mlipsse.potential.lammps.plugin import PLUGIN_FILE, TORCH_FILE
from mlipsse.resources import resource_dir
from tests.support.potential.lammps_deck import BRICK, Deck, refused

ROOT = Path(__file__).parents[3]
FOLDER = os.environ.get("MLIPSSE_CUDA_TORCH")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not FOLDER,
        reason="downloads a torch of 4.5 GB: set MLIPSSE_CUDA_TORCH to a folder for it",
    ),
]
without_gpu = pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="there is a GPU")


def torch_of_readme() -> list[str]:
    """What README's line for a GPU has pip install, from the index that pip takes by itself: the
    torch there is a CUDA build."""
    text = (ROOT / "README.md").read_text()
    found = re.search(r"make demo TORCH='(torch==\S+) --index-url", text)
    assert found
    return [found[1]]


@pytest.fixture(scope="module")
def cuda_torch() -> Path:
    """The folder of the torch package."""
    folder = Path(str(FOLDER))
    if not (folder / "torch").is_dir():
        other = ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_CONSTRAINT")
        environment = {key: value for key, value in os.environ.items() if key not in other}
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--target", folder, *torch_of_readme()],
            env=environment | {"PIP_CONFIG_FILE": os.devnull},
            check=True,
        )
    return folder / "torch"


@pytest.fixture(scope="module")
def built(cuda_torch: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plugin, by the commands of cmake/CMakeLists.txt."""
    build = tmp_path_factory.mktemp("cuda") / "build"
    cmake = Path(sys.prefix) / "bin" / "cmake"
    words = [f"-DTORCH_DIR={cuda_torch}", f"-DPython3_EXECUTABLE={sys.executable}"]
    subprocess.run([cmake, "-S", resource_dir("cmake"), "-B", build, *words], check=True)
    subprocess.run([cmake, "--build", build], check=True)
    return build


@pytest.fixture
def with_cuda_torch(tmp_path: Path, torchscript: Path, built: Path) -> Deck:
    folder = tmp_path / "cuda"
    folder.mkdir()
    deck = Deck(folder, torchscript)
    deck.load = f'plugin load "{built / PLUGIN_FILE}"'
    return deck


def test_it_is_a_build_for_gpus(cuda_torch, built):
    """The toolkit is that of torch, and the libraries that register kernels are linked."""
    line = re.search(r"^cuda: .*'([\d.]+)'", (cuda_torch / "version.py").read_text(), re.MULTILINE)
    assert line, "README's line installs a torch for CPUs alone"
    library = (built / TORCH_FILE).read_bytes()
    assert f"CUDA {line[1]}".encode() in library
    assert b"libtorch_cuda.so" in library


def test_it_runs_on_a_cpu(with_cuda_torch, deck):
    expected = deck.run(BRICK)
    for ours, theirs in zip(with_cuda_torch.run(BRICK, words="device cpu"), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


@without_gpu
def test_it_states_that_it_runs_on_the_cpu(with_cuda_torch):
    status, screen, _ = with_cuda_torch.attempt(BRICK)
    assert status == 0, screen
    assert "this torch was built for CUDA, and there is no usable GPU" in screen


@without_gpu
def test_a_gpu_that_is_asked_for(with_cuda_torch):
    status, screen, _ = with_cuda_torch.attempt(BRICK, words="device cuda")
    refused((status, screen), "asks for a GPU, and there is no usable one")


@pytest.mark.parametrize("ranks", [1, 3])
def test_ranks_take_the_gpus_in_turn(with_cuda_torch, cuda_torch, tmp_path, ranks):
    fake = tmp_path / "fake_gpus.so"
    source = Path(__file__).parent / "fake_gpus.cpp"
    flags = ["-std=c++20", "-shared", "-fPIC", f"-I{cuda_torch / 'include'}"]
    subprocess.run(["c++", *flags, source, "-o", fake], check=True)
    with_cuda_torch.environment = {"LD_PRELOAD": str(fake)}
    status, screen, _ = with_cuda_torch.attempt(BRICK, ranks=ranks)
    refused((status, screen), "no such GPU")
    taken = [int(device) for device in re.findall(r"loaded on cuda:(\d)", screen)]
    assert sorted(taken) == sorted(rank % 2 for rank in range(ranks))
