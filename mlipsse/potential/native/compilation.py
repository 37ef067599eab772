"""Native code compiled, for the processors of this machine's kind."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mlipsse.energetics.native.processor import LEVELS, library_file, runs_here, targets
from mlipsse.errors import MlipsseError
from mlipsse.files import write_aside
from mlipsse.potential.export.target import Dtype

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


def source_file(weights: Path) -> Path:
    """The source, beside its weights."""
    return weights.with_suffix(".cpp")


def compile_native(weights: Path, dtype: Dtype, *, here_only: bool = False) -> list[Path]:
    """Compile the source beside `weights` for every target that the compiler knows.

    Parameters
    ----------
    here_only : for the fastest target of this processor alone, in half the time

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

    wanted = [target for target in targets() if runs_here(target)][:1] if here_only else targets()
    with ThreadPoolExecutor(len(wanted)) as pool:
        built = list(pool.map(build, wanted))
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
    level = LEVELS[target][0] if target in LEVELS else ("-mcpu=native",)
    return [*_OPTIONS, *level, f"-DREAL={_REALS[dtype]}"]
