"""A trained network with what it needs to be used again."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch

from mlipsse.errors import MlipsseError
from mlipsse.files import write_aside
from mlipsse.screening.accelerations.displaced import Displaced
from mlipsse.screening.accelerations.learning import (
    KnownCrystal,
    LearningSettings,
    require_spread,
)
from mlipsse.screening.accelerations.network import (
    AccelerationNetwork,
    NetworkShape,
    graph,
    together,
)

_AT_A_TIME = 16
_CONTENT = "content"


@dataclass(frozen=True, eq=False)
class Predictor:
    """Slopes of the MSD from displaced crystals.

    Attributes
    ----------
    network : trained
    mean, spread : of the targets that it learned, by which its answers are scaled
    facts : potential, displacement, temperature, validation: what a user must know
    """

    network: AccelerationNetwork
    mean: float
    spread: float
    facts: dict[str, Any]

    def predict(self, displacements: Sequence[Displaced]) -> tuple[float, float]:
        """log10 of the slope in Å²/ps, averaged over displacements, and its standard deviation."""
        answers = []
        with torch.no_grad():
            for first in range(0, len(displacements), _AT_A_TIME):
                some = displacements[first : first + _AT_A_TIME]
                made = together([graph(one, self.network.shape) for one in some])
                answers.append(self.network(made).numpy())
        values = self.mean + self.spread * np.concatenate(answers)
        return float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else 0.0


def train(
    crystals: Sequence[KnownCrystal],
    shape: NetworkShape = NetworkShape(),  # noqa: B008
    settings: LearningSettings = LearningSettings(),  # noqa: B008
    *,
    facts: dict[str, Any] | None = None,
    progress: Callable[[int, int, str], None] = lambda done, total, text: None,
) -> Predictor:
    """Train a network from random weights; the same input gives the same one with one thread.

    Raises
    ------
    MlipsseError
        for slopes that are all the same.
    """
    require_spread(crystals)
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    targets = np.array([one.target for one in crystals])
    mean, spread = float(targets.mean()), float(targets.std())
    network = AccelerationNetwork(shape)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    made = [[graph(one, shape) for one in crystal.displacements] for crystal in crystals]
    steps = math.ceil(len(crystals) / settings.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.epochs * steps)
    for epoch in range(settings.epochs):
        progress(epoch, settings.epochs, "training")
        order = rng.permutation(len(crystals))
        for first in range(0, len(crystals), settings.batch_size):
            chosen = order[first : first + settings.batch_size]
            batch = together([made[k][rng.integers(len(made[k]))] for k in chosen])
            wanted = torch.tensor((targets[chosen] - mean) / spread, dtype=torch.float32)
            optimizer.zero_grad()
            torch.nn.functional.huber_loss(network(batch), wanted).backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    return Predictor(network, mean, spread, dict(facts or {}))


def save_predictor(predictor: Predictor, path: Path) -> None:
    """Write weights and facts as one `.npz` file, which holds arrays and text alone."""
    content = {
        "shape": asdict(predictor.network.shape),
        "mean": predictor.mean,
        "spread": predictor.spread,
        "facts": predictor.facts,
    }
    weights = {name: value.numpy() for name, value in predictor.network.state_dict().items()}
    with write_aside(path) as aside, aside.open("wb") as stream:
        arrays = weights | {_CONTENT: np.array(json.dumps(content))}
        np.savez(stream, **arrays)


def load_predictor(path: Path) -> Predictor:
    """What `save_predictor` wrote; runs no code of the file.

    Raises
    ------
    MlipsseError
        when the file is missing or is no such predictor.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            content = json.loads(str(arrays[_CONTENT]))
            weights = {name: torch.tensor(arrays[name]) for name in arrays if name != _CONTENT}
        network = AccelerationNetwork(NetworkShape(**content["shape"]))
        network.load_state_dict(weights)
        return Predictor(network, content["mean"], content["spread"], content["facts"])
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, BadZipFile) as error:
        raise MlipsseError(
            f"{path} is not a predictor of `mlipsse screen learn`: {str(error).splitlines()[0]}"
        ) from error
