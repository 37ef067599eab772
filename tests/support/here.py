"""Units of work done in the test's own process."""

import pickle
from collections.abc import Callable, Sequence
from typing import Any

from mlipsse.campaign.engine.execution import Unit


class Here:
    """Does units one after the other, some of them at most, with arguments as a worker gets them.

    Attributes
    ----------
    done : what `stated` returns for every finished unit
    """

    def __init__(
        self, at_most: int = 100, *, stated: Callable[[Unit], Any] = lambda unit: unit.name
    ) -> None:
        self.done: list[Any] = []
        self._at_most = at_most
        self._told = stated

    def run(self, units: Sequence[Unit], progress: object) -> None:
        """Stop with KeyboardInterrupt at a unit too many."""
        for unit in units:
            if unit.done:
                continue
            if len(self.done) == self._at_most:
                raise KeyboardInterrupt
            unit.output.parent.mkdir(parents=True, exist_ok=True)
            unit.function(unit.output, **pickle.loads(pickle.dumps(unit.arguments)))
            self.done.append(self._told(unit))


class HereExecution(Here):
    """In the place of `mlipsse.campaign.engine.execution.Execution`."""

    def __init__(self, *_: object) -> None:
        super().__init__()

    def __enter__(self) -> "HereExecution":
        return self

    def __exit__(self, *_: object) -> None:
        pass
