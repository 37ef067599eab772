"""Train `halide-small` on the frames of `make_frames.py`, and write the bundle that is shipped.

    python make_model.py WORK_FOLDER

Killed and run again, the training goes on from its last checkpoint. Fifteen minutes on a core.
"""

import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import numpy as np
from ase import Atoms

from mlipsse import keys
from mlipsse.dataset.extxyz import read_frames, write_frames
from mlipsse.energetics.calculators import make_calculator
from mlipsse.files import sha256, write_aside
from mlipsse.potential.bundle import (
    CARD_FILE,
    TrainingData,
    read_card,
    write_bundle,
    write_card,
)

HERE = Path(__file__).resolve().parent
NAME = HERE.name
N_REPLAY = 200
SEED = 7
SETTINGS = {
    "model": "MACE",
    "r_max": 5.0,
    "num_channels": 32,
    "max_L": 0,
    "max_ell": 2,
    "correlation": 2,
    "num_interactions": 2,
    "E0s": "average",
    "loss": "universal",
    "energy_weight": 1,
    "forces_weight": 10,
    "stress_weight": 100,
    "compute_stress": True,
    "error_table": "PerAtomRMSEstressvirials",
    "batch_size": 4,
    "valid_batch_size": 8,
    "max_num_epochs": 90,
    "lr": 0.01,
    "scheduler_patience": 6,
    "ema_decay": 0.99,
    "default_dtype": "float32",
    "device": "cpu",
    "seed": SEED,
    "energy_key": keys.ENERGY,
    "forces_key": keys.FORCES,
    "stress_key": keys.STRESS,
}


def train(folder: Path) -> Path:
    """Run mace_run_train; the model of the best epoch."""
    argv = [str(Path(sysconfig.get_path("scripts")) / "mace_run_train"), f"--name={NAME}"]
    argv += [f"--{part}_file={folder / part}.extxyz" for part in ("train", "valid", "test")]
    argv += [f"--{key}={value}" for key, value in SETTINGS.items()]
    argv += ["--ema", "--amsgrad", "--restart_latest", f"--work_dir={folder / 'training'}"]
    subprocess.run(argv, check=True)
    return folder / "training" / f"{NAME}.model"


def errors(model: Path, test: Sequence[Atoms]) -> dict[str, float]:
    """RMSE on the held-out trajectories."""
    calculator = make_calculator(str(model))
    energy, forces, stress = [], [], []
    for frame in test:
        atoms = frame.copy()
        atoms.calc = calculator
        energy.append((atoms.get_potential_energy() - frame.info[keys.ENERGY]) / len(atoms))
        forces.append((atoms.get_forces() - frame.arrays[keys.FORCES]).ravel())
        stress.append(atoms.get_stress() - frame.info[keys.STRESS])

    def rmse_milli(values: list) -> float:
        return round(1000 * float(np.sqrt(np.mean(np.square(np.concatenate(values))))), 3)

    return {
        "energy_rmse_meV_atom": rmse_milli([np.array(energy)]),
        "force_rmse_meV_A": rmse_milli(forces),
        "stress_rmse_meV_A3": rmse_milli(stress),
    }


def hand_on(
    model: Path, *, replay: Path, frames: dict[str, int], test_errors: dict[str, float]
) -> None:
    """Write the bundle around `model` and copy it here."""
    settings = {key: value for key, value in SETTINGS.items() if key != "device"}
    with tempfile.TemporaryDirectory() as folder:
        bundle = write_bundle(
            Path(folder),
            model=model,
            name=NAME,
            head="Default",
            dtype="float32",
            label_source="teacher: chgnet (CHGNet 0.3.0, PBE level; teacher labels, not DFT)",
            licence="MIT; CHGNet, the teacher, is BSD-3-Clause",
            training=TrainingData(
                frames=frames["train"],
                temperature_range_K=(600, 1400),
                compositions=["Li3In(x)Y(1-x)Br(6y)Cl(6-6y)"],
                errors={"Default": test_errors},
            ),
            extra={
                "what": "Small MACE model for tests and demonstrations of fine-tuning; not for "
                "research.",
                "limits": "Like ions closer than 2 Å are not described: below that the Li-Li "
                "energy falls again (barrier above 2 eV). Keep to crystals of this family, below "
                "about 1200 K.",
                "structures": "C2/m orderings, 40 atoms, NVT MD at 600, 1000 and 1400 K, random "
                "strain up to 5 %; rattled 20-atom cells of 0.86 to 1.20 times the relaxed volume",
                "frames": frames,
                "replay": f"replay.extxyz: {N_REPLAY} of the training frames, drawn at random",
                "training": settings,
                "made_by": ["make_frames.py", "make_model.py"],
                "teacher_version": f"chgnet {metadata.version('chgnet')}",
            },
            example=min(read_frames(replay, labelled=True), key=len),
        )
        for file in bundle.folder.iterdir():
            with write_aside(HERE / file.name) as aside:
                aside.write_bytes(file.read_bytes())
    card = read_card(HERE / CARD_FILE)
    card["sha256"][replay.name] = sha256(replay)
    write_card(HERE, card)


def main(folder: Path) -> None:
    """Train, then write what is shipped."""
    best = train(folder)
    frames = {
        part: read_frames(folder / f"{part}.extxyz", labelled=True)
        for part in ("train", "valid", "test")
    }
    chosen = np.random.default_rng(SEED).choice(len(frames["train"]), N_REPLAY, replace=False)
    replay = HERE / "replay.extxyz"
    write_frames(replay, [frames["train"][index] for index in sorted(chosen)])
    hand_on(
        best,
        replay=replay,
        frames={part: len(some) for part, some in frames.items()},
        test_errors=errors(best, frames["test"]),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
