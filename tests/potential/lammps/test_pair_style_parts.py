"""Reasons, devices, scratch folders and masses of pair_style mace, without torch or a GPU."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from ase.data import atomic_masses_iupac2016, chemical_symbols

from mlipsse.resources import resource_dir

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of `pair_style_parts.cpp`, and beside it a libcuda that is none."""
    folder = tmp_path_factory.mktemp("parts")
    cmake = resource_dir("cmake")
    sources = [cmake / f"{name}.cpp" for name in ("reason", "gpu_driver", "scratch")]
    compiler = shutil.which("c++") or shutil.which("g++")
    assert compiler
    program = folder / "parts"
    flags = ["-std=c++20", "-O0", f"-I{cmake}", "-o", program]
    subprocess.run(
        [compiler, *map(str, flags), HERE / "pair_style_parts.cpp", *sources, "-ldl"], check=True
    )
    fake = [HERE / "fake_libcuda.c", "-o", folder / "libcuda.so.1"]
    subprocess.run([compiler, "-x", "c", "-shared", "-fPIC", *map(str, fake)], check=True)
    return program


def call(
    parts: Path, *words: object, given: str = "", status: int = 0, **variables: str
) -> list[str]:
    """Lines that one call prints."""
    launchers = ("OMPI_", "MPI_", "SLURM_", "PALS_", "MV2_", "TMPDIR")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(launchers)}
    done = subprocess.run(
        [parts, *map(str, words)],
        input=given,
        capture_output=True,
        text=True,
        env=clean | variables,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout.splitlines()


INTERPRETER = """The following operation failed in the TorchScript interpreter.
Traceback of TorchScript, serialized code (most recent call last):
  File "code/__torch__/x.py", line 3, in forward
        ops.prim.RaiseException(_7, "builtins.ValueError")
        ~~~~~~~~~~~~~~~~~~~~~~~ <--- HERE
{last}
"""
MESSAGES = {
    "memory of a GPU": (
        "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79 GiB\n"
        "Exception raised from malloc at ../c10/cuda/CUDACachingAllocator.cpp:1",
        ("CUDA out of memory. Tried to allocate 2.00 GiB", "fewer ranks share it"),
    ),
    "memory of a node": (
        "[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate memory: "
        "you tried to allocate 8 bytes.",
        ("can't allocate memory", "memory of this node is full"),
    ),
    "no driver": (
        "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU",
        ("Found no NVIDIA driver", "device cpu"),
    ),
    "old driver": (
        "The NVIDIA driver on your system is too old (found version 11040).",
        ("too old (found version 11040)", "update it"),
    ),
    "another GPU": (
        "CUDA error: no kernel image is available for execution on the device\nCUDA kernel errors "
        "might be asynchronously reported at some other API call",
        ("no kernel image is available", "another kind of GPU"),
    ),
    "newer file": (
        "Attempted to read a PyTorch file with version 11, but the maximum supported version for "
        "reading is 10. Your PyTorch installation may be too old.",
        ("with version 11", "written by a newer torch"),
    ),
    "a pickle": (
        "PytorchStreamReader failed locating file constants.pkl: file not found. This is an "
        "internal miniz error. If you are seeing this error, there is a high likelihood",
        ("constants.pkl: file not found. It is a Python pickle", ".mliap.pt"),
    ),
    "unknown operator": (
        "\nUnknown builtin op: aten::newest.\nCould not find any similar ops to aten::newest.",
        ("Unknown builtin op: aten::newest", "torch of this machine"),
    ),
    "error of TorchScript": (
        INTERPRETER.format(last="RuntimeError: The size of tensor a (3) must match"),
        ("The size of tensor a (3) must match. OTHERWISE",),
    ),
    "another exception": (
        INTERPRETER.format(last="builtins.ValueError: Input 1 has shape [12, 4, 9]."),
        ("builtins.ValueError: Input 1 has shape [12, 4, 9]. OTHERWISE",),
    ),
    "assertion": (INTERPRETER.format(last="AssertionError: "), ("AssertionError:. OTHERWISE",)),
    "exception of a name of its own": (
        INTERPRETER.format(last="torch.jit.Error: no energy"),
        ("torch.jit.Error: no energy. OTHERWISE",),
    ),
    "memory in TorchScript": (
        INTERPRETER.format(last="RuntimeError: CUDA out of memory. Tried to allocate 1 GiB"),
        ("CUDA out of memory. Tried", "fewer ranks"),
    ),
    "nothing": ("", ("no reason given. OTHERWISE",)),
}


@pytest.mark.parametrize("kind", MESSAGES)
def test_reason_and_what_to_do(parts, kind):
    message, expected = MESSAGES[kind]
    lines = call(parts, "explain", given=message)
    assert len(lines) == 1, "one line for LAMMPS"
    for words in expected:
        assert words in lines[0]
    assert "Exception raised from" not in lines[0]


def test_device(parts):
    assert call(parts, "choose", "any", "CUDA", 4, "", 6) == ["2", ""]
    assert call(parts, "choose", "gpu", "ROCm", 4, "", 3) == ["3", ""]
    assert call(parts, "choose", "cpu", "CUDA", 4, "", 3) == ["-1", ""]
    assert call(parts, "choose", "any", "", 0, "", 0) == ["-1", ""], "a torch for CPUs alone"
    _, remark = call(parts, "choose", "any", "CUDA", 0, "Found no NVIDIA driver\nmore", 0)
    for words in ("on the CPU", "built for CUDA", "(Found no NVIDIA driver)", "device cpu"):
        assert words in remark
    [error] = call(parts, "choose", "gpu", "CUDA", 0, "CUDA unknown error - x", 0, status=2)
    for words in ("device cuda", "CUDA unknown error", "nvidia-smi"):
        assert words in error
    [error] = call(parts, "choose", "gpu", "", 0, "", 0, status=2)
    assert "torch for CPUs alone" in error


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, 5),
        ({"OMPI_COMM_WORLD_LOCAL_RANK": "1"}, 1),
        ({"MPI_LOCALRANKID": "2"}, 2),
        ({"MPI_LOCALRANKID": "none"}, 5),
        ({"SLURM_PROCID": "5", "SLURM_LOCALID": "3"}, 3),
        ({"SLURM_PROCID": "0", "SLURM_LOCALID": "0"}, 5),  # of the batch script
    ],
)
def test_rank_in_partitions(parts, variables, expected):
    assert call(parts, "rank", 5, **variables) == [str(expected)]


def test_gpu_by_its_driver(parts):
    folder = {"LD_LIBRARY_PATH": str(parts.parent)}
    assert call(parts, "gpu", 0, FAKE_GPU="NVIDIA H200", **folder) == ["NVIDIA H200 sm_90"]
    assert call(parts, "gpu", 0, FAKE_CAPABILITY="120", **folder) == ["NVIDIA Test sm_120"]
    assert call(parts, "gpu", 1, **folder) == [""]
    assert call(parts, "gpu", 0, FAKE_NO_DEVICE="1", **folder) == [""]


@pytest.mark.parametrize(
    ("recorded", "here", "same"),
    [
        ("NVIDIA H200 sm_90", "NVIDIA H100 80GB HBM3 sm_90", True),
        ("NVIDIA A100 sm_80", "NVIDIA A40 sm_86", False),
        ("NVIDIA H200 sm_90", "", True),
        ("", "NVIDIA H200 sm_90", True),
        ("AMD Instinct MI250X gfx90a", "AMD Instinct MI250X", True),
        ("AMD Instinct MI250X gfx90a", "AMD Instinct MI300A", False),
        ("NVIDIA H200 sm_90", "AMD Instinct MI300A", False),
    ],
)
def test_kinds_of_gpu(parts, recorded, here, same):
    assert call(parts, "same", recorded, here) == [str(int(same))]


def test_scratch_places(parts, tmp_path):
    assert call(parts, "places")[:2] == ["/tmp", "/dev/shm"]
    assert call(parts, "places", TMPDIR=str(tmp_path))[:3] == [str(tmp_path), "/tmp", "/dev/shm"]
    assert call(parts, "places")[-1] == os.getcwd()


def test_scratch_is_removed_also_after_a_kill(parts, tmp_path):
    [path] = call(parts, "scratch", tmp_path)
    assert Path(path).parent == tmp_path
    assert not list(tmp_path.iterdir()), "at its end"
    living, killed = (
        subprocess.Popen(
            [parts, "scratch", tmp_path, "60"], stdout=subprocess.PIPE, text=True, bufsize=1
        )
        for _ in range(2)
    )
    try:
        of_living, of_killed = (Path(one.stdout.readline().strip()) for one in (living, killed))
        assert of_killed.is_dir()
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert (of_killed / "unpacked").exists(), "nobody could remove it"
        (tmp_path / "mlipsse-pt2-unlocked").mkdir()  # as one that is just being made
        call(parts, "scratch", tmp_path)
        assert not of_killed.exists()
        assert (of_living / "unpacked").exists()
        assert (tmp_path / "mlipsse-pt2-unlocked").exists()
    finally:
        for one in (living, killed):
            one.kill()
            one.wait()
            one.stdout.close()


def test_scratch_that_cannot_be(parts, tmp_path):
    assert call(parts, "scratch", tmp_path / "nowhere", status=2) == ["No such file or directory"]
    (tmp_path / "file").touch()
    assert call(parts, "scratch", tmp_path / "file", status=2) == ["Not a directory"]


def test_masses_are_those_of_ase(parts):
    for number in (1, 3, 17, 39, 49, 92, 118):
        [mass] = call(parts, "mass", chemical_symbols[number])
        assert float(mass) == pytest.approx(atomic_masses_iupac2016[number], rel=1e-5)
    assert "no element Xx" in call(parts, "mass", "Xx", status=2)[0]
