"""A gradient step of training from scratch: compiled as a whole, and as mace-torch takes it.

    OMP_NUM_THREADS=1 python benchmarks/training_step.py        # some minutes, most to compile

The architecture and the frames are those of `potentials/mace-sse-small`; both
start from the same weights, and their forces are compared first. CPU time of one thread, medians.
"""

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from relaxations import versions

from mlipsse.dataset.frames.extxyz import read_frames
from mlipsse.energetics.memory import kept_memory
from mlipsse.resources import resource_dir

SHIPPED = resource_dir("potentials") / "mace-sse-small"
sys.path.insert(0, str(SHIPPED))
BATCH = 4
STEPS = 10


def main() -> None:
    """Print both."""
    import compiled_training as ours
    import torch
    from graphs import collate, elements, graph

    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float32)
    frames = [frame for frame in read_frames(SHIPPED / "replay.extxyz", labelled=True)]
    settings = ours.TrainingSettings()
    mace, compiled = (ours.build_model(frames, settings).float() for _ in range(2))
    compiled.load_state_dict(mace.state_dict())
    numbers = elements(frames)
    function = ours.edge_function(compiled)
    rng = np.random.default_rng(1)
    picks = [rng.choice(len(frames), BATCH, replace=False) for _ in range(STEPS + 2)]
    times: dict[str, list[float]] = {"mace-torch": [], "compiled": []}
    with kept_memory():
        for pick in picks:
            chosen = [frames[index] for index in pick]
            began = time.process_time()
            theirs = mace_step(mace, chosen, numbers, settings.r_max_A)
            times["mace-torch"].append(time.process_time() - began)
            batch = collate([graph(one, numbers, settings.r_max_A) for one in chosen])
            began = time.process_time()
            energies, slopes = function(batch)
            ours.loss(settings, batch, energies, slopes).backward()
            times["compiled"].append(time.process_time() - began)
            _, errors, _ = ours.residuals(batch, energies, slopes)
            assert torch.allclose(errors + batch.forces_eV_A, theirs, atol=1e-4)
    atoms = np.array([sum(len(frames[index]) for index in pick) for pick in picks])
    print(versions(), "\n")
    print("| | CPU µs per atom and step |")
    print("|---|---:|")
    medians = {name: np.median((1e6 * np.array(some) / atoms)[2:]) for name, some in times.items()}
    for name, median in medians.items():
        print(f"| {name} | {median:.0f} |")
    print(f"| ratio | {medians['mace-torch'] / medians['compiled']:.2f} |")


def mace_step(model: Any, frames: Any, numbers: list[int], r_max_A: float) -> Any:
    """Loss and gradient by mace-torch; its forces."""
    from mace.data import AtomicData, KeySpecification, config_from_atoms
    from mace.modules.loss import UniversalLoss
    from mace.tools import AtomicNumberTable, torch_geometric

    from mlipsse import keys

    table = AtomicNumberTable(numbers)
    names = KeySpecification(
        info_keys={"energy": keys.ENERGY, "stress": keys.STRESS},
        arrays_keys={"forces": keys.FORCES},
    )
    data = [
        AtomicData.from_config(config_from_atoms(one, names), z_table=table, cutoff=r_max_A)
        for one in frames
    ]
    (batch,) = torch_geometric.dataloader.DataLoader(data, batch_size=len(data))
    model.zero_grad(set_to_none=True)
    found = model(batch.to_dict(), training=True, compute_force=True, compute_stress=True)
    UniversalLoss()(pred=found, ref=batch).backward()
    return found["forces"].detach()


if __name__ == "__main__":
    if "--help" in sys.argv:
        print(__doc__)
    else:
        assert Path(SHIPPED / "replay.extxyz").is_file(), SHIPPED
        main()
