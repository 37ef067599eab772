"""Native code compiled: for the processors of this machine's kind, and the one that runs here."""

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mlipsse.errors import MlipsseError
from mlipsse.files import write_aside
from mlipsse.potential.export.package import cpu_flags
from mlipsse.potential.export.target import Dtype

_LEVELS: Mapping[str, tuple[tuple[str, ...], frozenset[str]]] = {
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

_OPTIONS = (
    "-std=c++17",
    "-O3",
    "-fopenmp",
    "-fno-math-errno",
    "-ffp-contract=fast",
    "-shared",
    "-fPIC",
    "-w",
)
_REALS: Mapping[Dtype, str] = {"float32": "float", "float64": "double"}


def find_compiler() -> str:
    """The C++ compiler: that of CXX, or c++, g++ or clang++.

    Raises
    ------
    MlipsseError
        when there is none.
    """
    for name in compilers():
        if found := shutil.which(name):
            return found
    raise MlipsseError(
        f"No C++ compiler was found ({', '.join(compilers())}), and the pair style and native "
        "potentials must be compiled. Install one, e.g. apt-get install g++ make."
    )


def compilers() -> list[str]:
    """Programs that compile C++, in the order in which they are looked for."""
    return [name for name in (os.environ.get("CXX"), "c++", "g++", "clang++") if name]


def targets() -> tuple[str, ...]:
    """What native code is compiled for on this machine, the fastest first."""
    machine = platform.machine()
    return tuple(_LEVELS) if machine in ("x86_64", "AMD64") else (machine,)


def library_file(weights: Path, target: str) -> Path:
    """The library of a target, beside its weights."""
    return weights.with_suffix(f".{target}.so")


def source_file(weights: Path) -> Path:
    """The source, beside its weights."""
    return weights.with_suffix(".cpp")


def library_for_here(weights: Path) -> Path:
    """The fastest library beside `weights` that this processor runs.

    Raises
    ------
    MlipsseError
        when there is none.
    """
    here = set(cpu_flags())
    for target in targets():
        library = library_file(weights, target)
        needs = _LEVELS[target][1] if target in _LEVELS else frozenset()
        if library.is_file() and needs <= here:
            return library
    raise MlipsseError(
        f"{weights.parent} has no native code for this processor ({platform.machine()}) beside "
        f"{weights.name}. Compile it here: mlipsse potential compile {weights.parent}."
    )


def compile_native(weights: Path, dtype: Dtype) -> list[Path]:
    """Compile the source beside `weights` for every target that the compiler knows.

    Returns
    -------
    list
        the libraries, the fastest first.

    Raises
    ------
    MlipsseError
        when there is no compiler, or it takes none of the targets.
    """
    compiler, source = find_compiler(), source_file(weights)

    def build(target: str) -> tuple[Path, str]:
        library = library_file(weights, target)
        with write_aside(library) as aside:
            done = subprocess.run(
                [compiler, *_flags(target, dtype), "-o", str(aside), str(source)],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode != 0:
                aside.unlink(missing_ok=True)
                return library, done.stderr.strip() or f"status {done.returncode}"
        return library, ""

    with ThreadPoolExecutor(len(targets())) as pool:
        built = list(pool.map(build, targets()))
    made = [library for library, trouble in built if not trouble]
    if not made:
        trouble = "\n  ".join(built[-1][1].splitlines()[:5])
        raise MlipsseError(f"{compiler} does not compile {source}:\n  {trouble}")
    return made


def command_line(name: str, dtype: Dtype) -> str:
    """How a person compiles the source of that name."""
    target = targets()[0]
    return " ".join(["c++", *_flags(target, dtype), "-o", f"{name}.{target}.so", f"{name}.cpp"])


def _flags(target: str, dtype: Dtype) -> Sequence[str]:
    level = _LEVELS[target][0] if target in _LEVELS else ("-mcpu=native",)
    return [*_OPTIONS, *level, f"-DREAL={_REALS[dtype]}"]
