"""The worker process of a calculator: started, fed through its pipes, replaced when it dies."""

import atexit
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlipsse.energetics.environments import worker
from mlipsse.energetics.environments.spec import CalculatorSpec
from mlipsse.energetics.memory import KEPT_FROM_THE_START
from mlipsse.errors import MlipsseError

_PATIENCE_S = 5.0
_LAST_WORDS = 400
"""Characters of standard error that an error quotes."""


class WorkerDied(Exception):
    """The worker ended without an answer; the text has its last words."""


@dataclass(frozen=True)
class Offer:
    """What a worker's calculator states of itself.

    Attributes
    ----------
    properties : that it computes, by ASE's names
    elements : symbols that it knows; None where it lists none
    version : of its package; None where none is named
    """

    properties: frozenset[str]
    elements: frozenset[str] | None
    version: str | None


class Worker:
    """A calculator in a process of its own, which lives until this one ends.

    Not shared between processes: after a fork, `calculator_worker` starts another one.
    """

    def __init__(self, spec: CalculatorSpec, *, device: str, threads: int) -> None:
        spec.require()
        self._spec = spec
        self._arguments = spec.arguments_on(device)
        self._threads = threads
        self._turn = threading.Lock()
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the worker
        self._process: subprocess.Popen[bytes]
        self.offer = self._start()

    def compute(
        self, arrays: dict[str, np.ndarray], properties: Sequence[str]
    ) -> dict[str, np.ndarray]:
        """Results of one structure.

        A worker that dies is started again once, and the structure computed again.

        Parameters
        ----------
        arrays : numbers, positions, cell and pbc (see `mlipsse.energetics.environments.worker`)

        Raises
        ------
        RuntimeError
            when the calculator fails on this structure.
        MlipsseError
            when the worker dies twice.
        """
        with self._turn:
            try:
                return self._ask(arrays, properties)
            except WorkerDied as first:
                try:
                    self._stop()
                    self.offer = self._start()
                    return self._ask(arrays, properties)
                except WorkerDied as second:
                    raise MlipsseError(
                        f"The process of {self._spec.name} ended twice while it computed one "
                        f"structure: {first}; then {second}. Look for a lack of memory, or try "
                        "the calculator in its own environment."
                    ) from second

    def close(self) -> None:
        """End the worker."""
        self._stop()
        self._stderr.close()

    def _start(self) -> Offer:
        spec = self._spec
        self._stderr.seek(0)
        self._stderr.truncate()
        try:
            self._process = subprocess.Popen(
                [str(spec.python), "-u", "-W", "ignore", str(Path(worker.__file__).resolve())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                env=_surroundings(self._threads),
            )
        except OSError as error:
            raise MlipsseError(
                f"{spec.name}: {spec.python} cannot be started ({error.strerror}). Name the Python "
                "of an environment on this machine."
            ) from error
        order = {
            "protocol": worker.PROTOCOL,
            "calculator": spec.calculator,
            "arguments": self._arguments,
            "package": spec.package,
        }
        try:
            message, _ = self._exchange(order, {})
        except WorkerDied as died:
            raise MlipsseError(
                f"{spec.name}: {spec.python} does not run the calculator: {died}. The environment "
                "needs numpy and ase beside the package of the potential."
            ) from died
        if "error" in message:
            self._stop()
            raise MlipsseError(
                f"{spec.name}: the calculator {spec.calculator} cannot be made with "
                f"{self._arguments} in {spec.python}: {message['error']}."
            )
        if spec.version is not None and message["version"] != spec.version:
            self._stop()
            raise MlipsseError(
                f"{spec.name} requires {spec.package} {spec.version}; {spec.python} has "
                f"{message['version']}. Install that version there."
            )
        known = message["elements"] if spec.elements is None else spec.elements
        return Offer(
            frozenset(message["properties"]),
            None if known is None else frozenset(known),
            message["version"],
        )

    def _ask(
        self, arrays: dict[str, np.ndarray], properties: Sequence[str]
    ) -> dict[str, np.ndarray]:
        message, results = self._exchange({"properties": list(properties)}, arrays)
        if "error" in message:
            raise RuntimeError(message["error"])
        return results

    def _exchange(
        self, message: dict[str, Any], arrays: dict[str, np.ndarray]
    ) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        into, out = self._process.stdin, self._process.stdout
        if into is None or out is None:
            raise ValueError("a worker is started with pipes")
        try:
            worker.send(into, message, arrays)
            answer, results = worker.receive(out)
        except OSError as error:
            raise WorkerDied(self._last_words()) from error
        if answer is None:
            raise WorkerDied(self._last_words())
        return answer, results

    def _last_words(self) -> str:
        """How the worker ended, and the end of what it printed."""
        try:
            status = self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        how = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
        self._stderr.seek(0)
        printed = " ".join(self._stderr.read().decode(errors="replace").split())
        return f"{how}, last words: {printed[-_LAST_WORDS:] or 'none'}"

    def _stop(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what was left to write finds nobody
                    pipe.close()
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


_workers: dict[tuple[Any, ...], Worker] = {}


def calculator_worker(spec: CalculatorSpec, *, device: str) -> Worker:
    """The worker of a calculator in this process, started at the first call.

    Raises
    ------
    MlipsseError
        when the environment is not there, or the calculator cannot be made in it.
    """
    threads = _threads()
    key = (os.getpid(), repr(spec), device, threads)
    if key not in _workers:
        _workers[key] = Worker(spec, device=device, threads=threads)
    return _workers[key]


@atexit.register
def _close_all() -> None:
    for key, one in _workers.items():
        if key[0] == os.getpid():
            one.close()


def _threads() -> int:
    """Threads of this process: those of torch where it is loaded, or of OpenMP."""
    torch = sys.modules.get("torch")
    if torch is not None:
        return int(torch.get_num_threads())
    return int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)


def _surroundings(threads: int) -> dict[str, str]:
    """Environment variables of a worker: ours, without those that lead to our own packages."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    number = str(threads)
    return {
        **kept,
        **KEPT_FROM_THE_START,
        "OMP_NUM_THREADS": number,
        "MKL_NUM_THREADS": number,
    }
