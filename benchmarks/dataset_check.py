"""How long `mlipsse dataset check` takes without a model.

    python benchmarks/dataset_check.py                       # 2,500 frames of 80 atoms
    python benchmarks/dataset_check.py --frames 500 --atoms 320

Li3InCl6 as a harmonic crystal at 800 K and under strain, with its exact labels, in trajectories of
50 frames, in a temporary file; the command is run on it as a user does, in a process of its own.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress

from mlipsse import keys
from mlipsse.dataset.frames.extxyz import write_frames
from mlipsse.potential.speed.frames import li3incl6, repeat_to
from mlipsse.units import BOLTZMANN_EV_K

SPRING_EV_A2 = 1.5
MODULUS_EV_A3 = 0.2
TEMPERATURE_K = 800.0
PER_TRAJECTORY = 50


def main() -> None:
    """Write a set, check it, and print the seconds of either."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=2500)
    parser.add_argument("--atoms", type=int, default=80)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    crystal = repeat_to(li3incl6(), arguments.atoms)
    rng = np.random.default_rng(arguments.seed)
    frames = [harmonic(crystal, k, rng) for k in range(arguments.frames)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.extxyz"
        write_frames(path, frames)
        command = [sys.executable, "-c", "from mlipsse.cli import main; main()"]
        started = time.perf_counter()
        result = subprocess.run([*command, "dataset", "check", str(path)], check=False)
        seconds = time.perf_counter() - started
    print(
        f"{len(frames)} frames of {len(crystal)} atoms: {seconds:.1f} s, "
        f"exit code {result.returncode}"
    )


def harmonic(crystal: Atoms, number: int, rng: np.random.Generator) -> Atoms:
    """A frame of independent oscillators in a cell that is strained evenly by up to 3 %."""
    frame = crystal.copy()
    displaced_A = rng.normal(
        0, np.sqrt(BOLTZMANN_EV_K * TEMPERATURE_K / SPRING_EV_A2), (len(crystal), 3)
    )
    displaced_A -= displaced_A.mean(axis=0)
    frame.positions += displaced_A
    scale = 1 + rng.uniform(-0.03, 0.03)
    frame.set_cell(crystal.cell[:] * scale, scale_atoms=True)
    modulus_eV = 9 * MODULUS_EV_A3 * crystal.get_volume()
    energy_eV = SPRING_EV_A2 / 2 * np.sum(displaced_A**2) + modulus_eV / 2 * (scale - 1) ** 2
    stress_eV_A3 = modulus_eV * (scale - 1) * scale / (3 * frame.get_volume())
    frame.info = {
        keys.ENERGY: float(energy_eV),
        keys.STRESS: full_3x3_to_voigt_6_stress(stress_eV_A3 * np.eye(3)),
        keys.TRAJECTORY: f"t{number // PER_TRAJECTORY}",
        keys.LABEL_SOURCE: "harmonic crystal",
    }
    frame.arrays[keys.FORCES] = -SPRING_EV_A2 * displaced_A / scale
    return frame


if __name__ == "__main__":
    main()
