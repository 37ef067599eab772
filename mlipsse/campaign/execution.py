"""Hand units of work to Parsl: independent, each done once, each leaving one whole file.

A unit's result appears under its final name only when complete, so its presence means that the
unit is done. Parsl's processes end with the driver: the interchange by the kernel's parent-death
signal (it would wait forever otherwise, Parsl issue 3663), the pool of workers by a watch on the
driver (Parsl's own heartbeat left 2 of some 60 pools behind), a busy worker by one of its own.
"""

from __future__ import annotations

import os
import shlex
import socket
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from mlipsse.campaign.config import ExecutionConfig
from mlipsse.errors import MlipsseError

UnitFunction = Callable[..., None]


@dataclass(frozen=True)
class Unit:
    """One piece of work.

    Attributes
    ----------
    name : for messages
    output : file that exists exactly when the unit is done
    function : importable function, called as `function(output, **arguments)`; writes `output`
        in one step
    arguments : picklable keyword arguments
    describe : tells how far the unit has come, for the progress line
    """

    name: str
    output: Path
    function: UnitFunction
    arguments: dict[str, Any] = field(default_factory=dict)
    describe: Callable[[], str] | None = None

    @property
    def done(self) -> bool:
        """Whether the unit's output is there."""
        return self.output.is_file()


class Execution:
    """A Parsl that starts with the first unit and ends with the `with` block."""

    def __init__(self, config: ExecutionConfig, folder: Path) -> None:
        self._config = config
        self._folder = folder
        self._kernel: Any = None

    def __enter__(self) -> Execution:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._kernel is not None:
            self._kernel.cleanup()
            self._kernel = None

    @property
    def all_threads(self) -> int:
        """Threads for a unit that has the machine to itself."""
        return self._config.workers * self._config.threads_per_worker

    @property
    def threads(self) -> int:
        """Threads of one unit among others."""
        return self._config.threads_per_worker

    def run(
        self,
        units: Sequence[Unit],
        progress: Callable[[int, int, str], None] = lambda done, total, text: None,
    ) -> None:
        """Do the units that are not done yet.

        Parameters
        ----------
        progress : called with (units done, units in all, text)

        Raises
        ------
        MlipsseError
            after all units were tried, with the first failure and how many failed; units that
            are done stay done.
        """
        pending = [unit for unit in units if not unit.done]
        done = len(units) - len(pending)
        progress(done, len(units), "")
        if not pending:
            return
        futures: dict[Future[None], Unit] = {self._submit(unit): unit for unit in pending}
        failures: list[tuple[Unit, BaseException]] = []
        waiting = set(futures)
        while waiting:
            finished, waiting = wait(waiting, timeout=1.0, return_when=FIRST_COMPLETED)
            for future in finished:
                error = future.exception()
                if error is not None:
                    failures.append((futures[future], error))
                else:
                    done += 1
            progress(done, len(units), _describe(futures[future] for future in waiting))
        if failures:
            unit, error = failures[0]
            more = f" ({len(failures)} of {len(units)} units failed)" if len(failures) > 1 else ""
            if isinstance(error, MlipsseError):
                raise MlipsseError(f"{unit.name}: {error}{more}") from error
            raise RuntimeError(f"{unit.name} failed{more}: {error!r}") from error

    def _submit(self, unit: Unit) -> Future[None]:
        if self._kernel is None:
            self._kernel = _start_parsl(self._config, self._folder)
        future: Future[None] = self._kernel.submit(
            perform,
            app_args=(unit.function, unit.output, unit.arguments, _this_driver()),
            executors="all",
            cache=False,
            ignore_for_cache=(),
            app_kwargs={},
        )
        return future


def perform(
    function: UnitFunction, output: Path, arguments: dict[str, Any], driver: tuple[str, int]
) -> None:
    """Do one unit inside a worker process."""
    _end_with_driver(driver)
    if output.is_file():
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    function(output, **arguments)
    if not output.is_file():
        raise MlipsseError(f"the unit ended without its result {output}.")


def _describe(units: Any) -> str:
    texts = (unit.describe() for unit in units if unit.describe is not None)
    return next((text for text in texts if text), "")


def _this_driver() -> tuple[str, int]:
    return socket.gethostname(), os.getpid()


_watched: set[int] = set()


def _end_with_driver(driver: tuple[str, int]) -> None:
    host, process = driver
    if host != socket.gethostname() or process in _watched:
        return
    _watched.add(process)

    def watch() -> None:
        while True:
            try:
                os.kill(process, 0)
            except ProcessLookupError:
                os._exit(70)
            time.sleep(0.5)

    threading.Thread(target=watch, daemon=True).start()


def _start_parsl(config: ExecutionConfig, folder: Path) -> Any:
    from parsl import Config
    from parsl.dataflow.dflow import DataFlowKernel
    from parsl.executors import HighThroughputExecutor
    from parsl.executors.high_throughput.executor import DEFAULT_LAUNCH_CMD
    from parsl.providers import LocalProvider

    scripts = Path(sysconfig.get_path("scripts"))
    pool = f"{shlex.quote(sys.executable)} {shlex.quote(str(scripts / 'process_worker_pool.py'))}"
    tethered = [sys.executable, "-m", "mlipsse.processes"]
    pool = f"{shlex.join([*tethered, '--while', str(os.getpid())])} {pool}"
    threads = str(config.threads_per_worker)
    executor = HighThroughputExecutor(
        label="local",
        address="127.0.0.1",
        cores_per_worker=1e-3,  # the number of workers is ours to say, not Parsl's to infer
        max_workers_per_node=config.workers,
        heartbeat_period=3,
        heartbeat_threshold=15,
        encrypted=False,  # everything stays on the loopback interface
        launch_cmd=DEFAULT_LAUNCH_CMD.replace("process_worker_pool.py", pool, 1),
        interchange_launch_cmd=[*tethered, sys.executable, str(scripts / "interchange.py")],
        provider=LocalProvider(
            init_blocks=1,
            min_blocks=1,
            max_blocks=1,
            worker_init=f"export OMP_NUM_THREADS={threads} MKL_NUM_THREADS={threads}",
        ),
    )
    run_dir = folder / ".mlipsse" / "parsl"
    run_dir.mkdir(parents=True, exist_ok=True)
    return DataFlowKernel(
        Config(
            executors=[executor],
            run_dir=str(run_dir),
            strategy="none",
            retries=0,
            initialize_logging=False,
            usage_tracking=0,
        )
    )
