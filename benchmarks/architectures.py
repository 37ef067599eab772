"""Error and speed of small MACE architectures, by short trainings on the foundation's frames.

    python benchmarks/architectures.py FRAMES_FOLDER WORK --epochs 8      # some 15 min for each

FRAMES_FOLDER holds train.extxyz, valid.extxyz and test.extxyz of
`potentials/mace-sse-small/make_frames.py`. Every architecture is trained from scratch for as many
epochs, its learning rate down to zero, which shows how they compare and not how far they get.
Errors are on trajectories that were held out; the slope is of predicted on labelled forces. The
speed is that of native code, one thread, in 640 atoms of Li3InCl6.
"""

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from native import median_step_s, walk
from relaxations import versions

from mlipsse.dataset.frames.extxyz import read_frames
from mlipsse.energetics.native.calculator import NativeCalculator
from mlipsse.potential.native.export import export_native
from mlipsse.potential.speed.frames import li3incl6, repeat_to
from mlipsse.resources import resource_dir

SHIPPED = resource_dir("potentials") / "mace-sse-small"
sys.path.insert(0, str(SHIPPED))
FAMILIES = ("halides", "nasicon", "lpsgo")
N_ATOMS = 640
SHAPES: dict[str, dict[str, int | float]] = {
    "48x0e, 2, 5 Å": {},
    "32x0e, 2, 5 Å": {"channels": 32},
    "64x0e, 2, 5 Å": {"channels": 64},
    "48x0e, 3, 5 Å": {"max_ell": 3},
    "48x0e, 2, 6 Å": {"r_max_A": 6.0},
    "32x0e+32x1o, 2, 5 Å": {"channels": 32, "max_L": 1},
    "64x0e, 3, 5 Å": {"channels": 64, "max_ell": 3},
}


def main() -> None:
    """Train one after another and print a row each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("frames", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--only", nargs="*", default=list(SHAPES), help="Names, quoted.")
    arguments = parser.parse_args()
    print(versions(), "\n")
    print("| channels, max_ell, cutoff | " + " | ".join(FAMILIES) + " | meV/atom | slope |", end="")
    print(" s per epoch | µs per atom and step |")
    print("|---|" + 7 * "---:|", flush=True)
    for name in arguments.only:
        print(row(name, arguments.frames, arguments.work, arguments.epochs), flush=True)


def row(name: str, frames: Path, work: Path, epochs: int) -> str:
    """Train one architecture; its row of the table."""
    from compiled_training import TrainingSettings, train
    from make_model import PROCESSES, predictions

    sets = {
        part: read_frames(frames / f"{part}.extxyz", labelled=True)
        for part in ("train", "valid", "test")
    }
    settings = replace(TrainingSettings(), epochs=epochs, **SHAPES[name])
    folder = work / name.replace(" ", "").replace(",", "-")
    clock = time.perf_counter()
    model = train(sets, settings, folder=folder, processes=PROCESSES)
    seconds = (time.perf_counter() - clock) / epochs
    found = predictions(model, sets["test"])
    family = np.array([frame.info["family"] for frame in sets["test"]])
    errors = [found.of(family == one).errors.force_rmse_meV_A for one in FAMILIES]
    return (
        f"| {name} | "
        + " | ".join(f"{error:.0f}" for error in errors)
        + f" | {found.errors.energy_rmse_meV_atom:.1f} | {found.softening.forces} | {seconds:.0f} |"
        + f" {speed_us(model):.1f} |"
    )


def speed_us(model: Path) -> float:
    """Wall time of native code, µs per atom and step."""
    weights = model.with_suffix(".safetensors")
    export_native(model, head="Default", dtype="float32", out=weights, here_only=True)
    crystal = repeat_to(li3incl6(), N_ATOMS)
    return 1e6 * median_step_s(NativeCalculator(weights), crystal, walk(crystal, 20)) / len(crystal)


if __name__ == "__main__":
    main()
