"""Kinds of processors: what this one runs, and which library of native code is for it."""

import platform
from collections.abc import Mapping
from pathlib import Path

from mlipsse.errors import MlipsseError

_FLAGS = {"sse4_2", "avx", "avx2", "fma", "f16c", "bmi1", "bmi2"}
_FLAG_FAMILIES = ("avx512", "amx", "avx_vnni", "avx10")

LEVELS: Mapping[str, tuple[tuple[str, ...], frozenset[str]]] = {
    "x86-64-v4": (
        ("-march=x86-64-v4", "-mprefer-vector-width=512"),
        frozenset({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
    ),
    "x86-64-v3": (
        ("-march=x86-64-v3",),
        frozenset({"avx", "avx2", "bmi1", "bmi2", "f16c", "fma"}),
    ),
}
"""Levels of x86-64, the fastest first: the compiler's options, and what a processor must have."""


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


def targets() -> tuple[str, ...]:
    """What native code is compiled for on this machine, the fastest first."""
    machine = platform.machine()
    return tuple(LEVELS) if machine in ("x86_64", "AMD64") else (machine,)


def runs_here(target: str) -> bool:
    """Whether this processor has what code for a target uses."""
    return target not in LEVELS or LEVELS[target][1] <= set(cpu_flags())


def library_file(weights: Path, target: str) -> Path:
    """The library of a target, beside its weights."""
    return weights.with_suffix(f".{target}.so")


def library_for_here(weights: Path) -> Path:
    """The fastest library beside `weights` that this processor runs.

    Raises
    ------
    MlipsseError
        when there is none.
    """
    for target in targets():
        library = library_file(weights, target)
        if library.is_file() and runs_here(target):
            return library
    raise MlipsseError(
        f"{weights.parent} has no native code for this processor ({platform.machine()}) beside "
        f"{weights.name}. Compile it here: mlipsse potential compile {weights.parent}."
    )
