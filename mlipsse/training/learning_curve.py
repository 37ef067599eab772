"""Errors on a validation set, epoch by epoch, from mace-torch's results file."""

import json
from dataclasses import dataclass
from pathlib import Path

from mlipsse.training.settings import HEAD


@dataclass(frozen=True)
class LearningCurve:
    """Errors of one head on its validation set, one entry per epoch.

    Attributes
    ----------
    epoch : ascending, from 0
    loss : mace-torch's
    energy_rmse_meV_atom, force_rmse_meV_A, stress_rmse_meV_A3 : per atom, and of any component
    """

    epoch: list[int]
    loss: list[float]
    energy_rmse_meV_atom: list[float]
    force_rmse_meV_A: list[float]
    stress_rmse_meV_A3: list[float]


def read_learning_curve(results: Path, *, head: str = HEAD) -> LearningCurve:
    """Read `*_train.txt` (one JSON object a line); epochs done again after a kill count once.

    Of the epochs from which a resumed training went on, only the new ones count.

    A torn last line is left out; a file that is not there gives an empty curve.
    """
    rows: dict[int, dict[str, float]] = {}
    lines = results.read_text(errors="replace").splitlines() if results.is_file() else []
    for line in lines:
        if '"eval"' not in line:  # nearly all lines are of single batches
            continue
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if row.get("mode") == "eval" and row.get("head") == head and row["epoch"] is not None:
            epoch = int(row["epoch"])
            rows = {earlier: rows[earlier] for earlier in rows if earlier < epoch} | {epoch: row}
    ordered = sorted(rows)
    return LearningCurve(
        epoch=ordered,
        loss=[rows[epoch]["loss"] for epoch in ordered],
        energy_rmse_meV_atom=[1000 * rows[epoch]["rmse_e_per_atom"] for epoch in ordered],
        force_rmse_meV_A=[1000 * rows[epoch]["rmse_f"] for epoch in ordered],
        stress_rmse_meV_A3=[1000 * rows[epoch]["rmse_stress"] for epoch in ordered],
    )
