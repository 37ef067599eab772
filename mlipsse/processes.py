"""Start programs that never outlive who started them.

A killed driver (`kill -9`, a lost terminal, a wall-time limit) must not leave a second writer
behind, so every child asks the kernel to be killed when its parent dies (Linux `prctl`).
`python -m mlipsse.processes COMMAND ...` does the same for a command that another program starts;
with `--while PID` before the command, for one that shall end with process PID, not its parent.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


_IN_SHELL = (
    """trap "trap '' TERM; kill -TERM 0; sleep 1; kill -KILL 0" TERM; """  # 0: the process group
    """bash -c "$1" & wait $!"""
)


def die_with_parent(parent: int, how: signal.Signals = signal.SIGKILL) -> None:
    """Ask the kernel to send this process `how` when its parent, process `parent`, dies."""
    _libc.prctl(_PR_SET_PDEATHSIG, how)
    if os.getppid() != parent:  # it died before we could ask
        os.kill(os.getpid(), signal.SIGKILL)


def start_child(
    argv: Sequence[str | Path],
    *,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    output: IO[bytes] | int = subprocess.DEVNULL,
    keep_open: Sequence[int] = (),
    at_our_death: signal.Signals = signal.SIGKILL,
) -> subprocess.Popen[bytes]:
    """Start `argv` in `folder`, in a process group of its own, to die with this process.

    Parameters
    ----------
    at_our_death : the signal that it, without its own children, gets then
    output : where standard output and error go
    keep_open : file descriptors the child inherits, e.g. of a lock it shall hold while it lives
    """
    parent = os.getpid()
    return subprocess.Popen(
        [str(word) for word in argv],
        cwd=folder,
        env=dict(environment) if environment is not None else None,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        pass_fds=tuple(keep_open),
        process_group=0,
        preexec_fn=lambda: die_with_parent(parent, at_our_death),
    )


def start_command(
    command: str, *, folder: Path, output: IO[bytes] | int, keep_open: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Start a command of the shell (see `start_child`); all that it starts here dies with us.

    Its processes are asked to end first, so that `srun` and `mpirun` end what they run elsewhere.
    """
    return start_child(
        ["bash", "-c", _IN_SHELL, "bash", command],
        folder=folder,
        output=output,
        keep_open=keep_open,
        at_our_death=signal.SIGTERM,
    )


def wait_for_child(child: "subprocess.Popen[bytes]") -> int:
    """Wait for the child's exit status; kill its process group when interrupted."""
    try:
        return child.wait()
    except BaseException:
        stop_group(child)
        raise


def end_command(child: "subprocess.Popen[bytes]", *, patience_s: float = 5.0) -> None:
    """End what `start_command` started: ask first, so that `ninja` ends the compilers it started,
    which have process groups of their own; kill what is left."""
    child.terminate()
    with suppress(subprocess.TimeoutExpired):
        child.wait(patience_s)
    stop_group(child)


def stop_group(child: "subprocess.Popen[bytes]") -> None:
    """Kill the child's process group, if anything of it still runs, and reap the child."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def run_while(process: int, argv: Sequence[str]) -> int:
    """Run `argv` for as long as `process` of this machine lives; its exit status.

    At the end, also when asked to end (SIGTERM), all of the command's process group is killed: what
    the command has started need not notice that it is gone (the server process of
    `multiprocessing.Manager` waits for ever).
    """
    child = start_child(argv, folder=Path.cwd(), output=sys.stdout.fileno())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        while child.poll() is None:
            os.kill(process, 0)
            time.sleep(0.5)
    except ProcessLookupError:
        pass
    finally:
        stop_group(child)
    return child.returncode


if __name__ == "__main__":
    if sys.argv[1] == "--while":
        sys.exit(run_while(int(sys.argv[2]), sys.argv[3:]))
    die_with_parent(os.getppid())
    os.execvp(sys.argv[1], sys.argv[1:])
