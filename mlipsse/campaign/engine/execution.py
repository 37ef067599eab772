"""Hand units of work to Parsl: independent, each done once, each leaving one whole file.

A unit's result appears under its final name only when complete, so its presence means that the
unit is done. A busy worker of this machine ends with the driver by a watch of its own.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from mlipsse.campaign.config.execution import ExecutionConfig
from mlipsse.errors import MlipsseError

LOST_POOLS = 3
"""So many pools in a row are replaced while no unit gets done."""

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
    describe : describes the progress of the unit, for the progress line
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
        from mlipsse.campaign.engine.parsl import end_pool, is_lost, is_pool_lost

        waiting: dict[Future[None], Unit] = {self._submit(unit): unit for unit in pending}
        failures: list[tuple[Unit, BaseException]] = []
        lost_pools = 0
        while waiting:
            finished, _ = wait(waiting, timeout=1.0, return_when=FIRST_COMPLETED)
            lost: list[tuple[Unit, BaseException]] = []
            for future in finished:
                unit, error = waiting.pop(future), future.exception()
                if error is None:
                    done, lost_pools = done + 1, 0
                elif is_pool_lost(error) and self._config.slurm is None:
                    lost.append((unit, error))
                else:
                    failures.append((unit, error))
            if lost:
                lost_pools += 1
                if lost_pools > LOST_POOLS:
                    failures = [*lost, *failures]
                    break
                # Units that wait for the lost pool would wait forever.
                end_pool(self._kernel)
                self._kernel = None
                again = [*(unit for unit, _ in lost), *waiting.values()]
                done += sum(unit.done for unit in again)
                waiting = {self._submit(unit): unit for unit in again if not unit.done}
            progress(done, len(units), _describe(waiting.values()))
        if failures:
            unit, error = failures[0]
            more = f" ({len(failures)} of {len(units)} units failed)" if len(failures) > 1 else ""
            if isinstance(error, MlipsseError):
                raise MlipsseError(f"{unit.name}: {error}{more}") from error
            if is_lost(error):
                raise MlipsseError(
                    f"The worker of {unit.name} was lost{more}: it was killed, e.g. for memory, or "
                    "stopped for longer than it may be silent, as when a machine sleeps. Finished "
                    "work is kept: run the same command again, and it goes on where it stopped; if "
                    "that repeats, take fewer workers (execution.workers)."
                ) from error
            raise RuntimeError(f"{unit.name} failed{more}: {error!r}") from error

    def _submit(self, unit: Unit) -> Future[None]:
        if self._kernel is None:
            from mlipsse.campaign.engine.parsl import start_parsl

            self._kernel = start_parsl(self._config, self._folder)
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
