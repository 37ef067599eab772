"""What code compiled for this machine may use: names that identify a kind of machine."""

import platform
from pathlib import Path

_FLAGS = {"sse4_2", "avx", "avx2", "fma", "f16c", "bmi1", "bmi2"}
_FLAG_FAMILIES = ("avx512", "amx", "avx_vnni", "avx10")


def cpu_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> tuple[str, ...]:
    """Instruction sets of this processor that compiled code may use, sorted.

    As `/proc/cpuinfo` of Linux names them; empty on processors that are not x86.
    """
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ()
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() == "flags":
            return tuple(
                sorted(
                    flag
                    for flag in set(value.split())
                    if flag in _FLAGS or flag.startswith(_FLAG_FAMILIES)
                )
            )
    return ()


def cpu_machine() -> str:
    """The processor's family, e.g. `x86_64` or `aarch64`."""
    return platform.machine()


def gpu_name() -> str:
    """Name and architecture of the first GPU, e.g. `NVIDIA H200 sm_90`; empty without one."""
    import torch

    if not torch.cuda.is_available():
        return ""
    name = torch.cuda.get_device_name(0)
    if torch.version.hip:
        return f"{name} {torch.cuda.get_device_properties(0).gcnArchName.partition(':')[0]}"
    major, minor = torch.cuda.get_device_capability(0)
    return f"{name} sm_{major}{minor}"


def gpu_toolkit() -> str:
    """What this torch was built for, e.g. `CUDA 13.0` or `ROCm 6.4`; empty for CPUs alone."""
    import torch

    if torch.version.hip:
        return f"ROCm {torch.version.hip}"
    return f"CUDA {torch.version.cuda}" if torch.version.cuda else ""
