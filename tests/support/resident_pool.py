"""One Parsl for all campaigns of a process of pytest: its worker imports torch and MACE once."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from mlipsse.campaign.config.execution import ExecutionConfig
from mlipsse.campaign.engine.parsl import start_parsl

ROOT = Path(__file__).parents[2]
KEPT = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "PYTHONPATH")
"""Of the worker, not of the campaign."""


class ResidentPool:
    """A kernel that starts with the first unit and stays when a campaign ends."""

    def __init__(self, folder: Path) -> None:
        self.executors: dict[str, Any] = {}  # a test that loses the pool has one of its own
        self._folder = folder
        self._kernel: Any = None

    def submit(self, function: Any, *, app_args: Sequence[Any], **options: Any) -> Any:
        """Call the function in the worker, with the environment and folder that the test has."""
        if self._kernel is None:
            with pytest.MonkeyPatch.context() as patch:
                # Workers import this module, before the `tests` that MACE installs. Parsl starts
                # them from a thread, after its constructor: the variable waits for the first call.
                patch.setenv("PYTHONPATH", str(ROOT))
                config = ExecutionConfig(workers=1, threads_per_worker=1)
                self._kernel = start_parsl(config, self._folder)
                self._kernel.submit(os.getpid, app_args=(), **options).result()
        here = os.getcwd(), dict(os.environ)
        return self._kernel.submit(perform_there, app_args=(*here, function, app_args), **options)

    def cleanup(self) -> None:
        """Leave the worker to the next campaign."""

    def end(self) -> None:
        if self._kernel is not None:
            self._kernel.cleanup()


def perform_there(
    folder: str, environment: Mapping[str, str], function: Any, arguments: Sequence[Any]
) -> None:
    """Call the function as a worker would that the test had started."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    os.environ.clear()
    os.environ.update({**environment, **kept})
    os.chdir(folder)
    function(*arguments)
