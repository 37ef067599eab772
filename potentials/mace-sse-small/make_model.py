"""Train `mace-sse-small` on the frames of `make_frames.py`, and write the bundle that is shipped.

    python make_model.py WORK_FOLDER
    python make_model.py --trials    # the last part alone: try the model that is there

Killed and run again, the training goes on from its last epoch. An hour and a half on two cores.
"""

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from ase import Atoms
from compiled_training import TrainingSettings, train
from make_frames import TEACHER
from systems import HERE, TEMPERATURES_K, systems

from mlipsse import keys
from mlipsse.dataset.frames.evaluation import predict
from mlipsse.dataset.frames.extxyz import read_frames
from mlipsse.dataset.frames.predictions import Errors, Predictions, errors_by
from mlipsse.energetics.environments.recipe import SEVENNET
from mlipsse.energetics.potentials.catalogue import find_potential
from mlipsse.energetics.potentials.loaded_mace import load_mace
from mlipsse.files import write_aside
from mlipsse.potential.acceptance import AcceptanceSettings
from mlipsse.potential.acceptance.model import try_model
from mlipsse.potential.acceptance.report import acceptance_record, write_acceptance
from mlipsse.potential.bundle.folder import write_bundle
from mlipsse.potential.bundle.provenance import Provenance, TrainingData
from mlipsse.potential.export.target import ExportSettings

NAME = HERE.name
TRAJECTORIES = HERE.parent.parent / "labels" / NAME / "trajectories"
TRIED_K = {
    "Li3InCl6": 1000,
    "Li3In0.5Y0.5Br3Cl3": 1000,
    "Na2Zr2SiP2O12": 1100,
    "Li3PS4-Pnma": 900,
    "Li3.5P0.5Ge0.5S2O2-Pnma": 900,
}
"""System -> highest temperature of its example, at which the model is tried."""

PROCESSES = 2
GROUPS = {"family": "family", "system": "system", "temperature_K": "temperature_K"}
SETTINGS = TrainingSettings()


def predictions(model: Path, test: Sequence[Atoms]) -> Predictions:
    """Of the model, on the held-out trajectories."""
    return predict(test, load_mace(find_potential(str(model))))


def errors(test: Sequence[Atoms], found: Predictions) -> dict[str, dict[str, dict[str, float]]]:
    """RMSE on the held-out trajectories by family, system, temperature."""
    for frame in test:
        frame.info["system"] = frame.info[keys.TRAJECTORY].rpartition("_")[0]
    return {
        name: {value: _rounded(some) for value, some in errors_by(test, found, key).items()}
        for name, key in GROUPS.items()
    }


def slopes(test: Sequence[Atoms], found: Predictions) -> dict[str, str]:
    """Slope of predicted on labelled forces, by family."""
    families = np.array([frame.info["family"] for frame in test])
    return {
        str(one): str(found.of(families == one).softening.forces) for one in np.unique(families)
    }


def _rounded(some: Errors) -> dict[str, float]:
    return {
        name: round(value, 2)
        for name, value in asdict(some).items()
        if name.split("_")[1:2] == ["rmse"]
    }


def hand_on(model: Path, frames: Mapping[str, Sequence[Atoms]]) -> None:
    """Write the bundle around `model` and copy it here."""
    test = frames["test"]
    found = predictions(model, test)
    formulas = list(dict.fromkeys(system.formula for system in systems()))
    provenance = Provenance(
        label_source=f"teacher: {TEACHER} (PBE level; teacher labels, not DFT)",
        licence="MIT; SevenNet, the teacher, is MIT",
        training=TrainingData(
            frames=len(frames["train"]),
            temperature_range_K=(TEMPERATURES_K[0], TEMPERATURES_K[-1]),
            compositions=formulas,
            errors={"Default": _rounded(found.errors)},
            softening=asdict(found.softening),
        ),
        extra={
            "what": "Small foundation model for the published solid electrolytes "
            "(Li-In-Y-Br-Cl halides, NaSICON, Li-P-Ge-S-O), to be fine-tuned.",
            "limits": "It knows what 7net-l3i5 knows of these crystals, which is no DFT, "
            "and no other crystals of these elements. Pairs closer than 0.45 of the sum of "
            "their covalent radii it has not seen (Li-Li: 1.15 Å; near 0.5 Å it has a hole).",
            "structures": "orderings of 30 to 50 atoms; NVT MD at 300, 600, 900, 1200 and "
            "1500 K, every other frame strained by up to 5 %; rattled cells of 0.85 to 1.20 "
            "times the relaxed volume; mobile ions pushed at others",
            "frames": {part: len(some) for part, some in frames.items()},
            "held_out": errors(test, found),
            "force_slope_by_family": slopes(test, found),
            "training": asdict(SETTINGS) | {"radial_MLP": list(SETTINGS.radial_MLP)},
            "made_by": [
                "systems.py",
                "make_frames.py",
                "graphs.py",
                "compiled_training.py",
                "make_model.py",
                "make_replay.py",
            ],
            "teacher_version": f"{SEVENNET.package} {SEVENNET.version}",
        },
    )
    with tempfile.TemporaryDirectory() as folder:
        bundle = write_bundle(
            Path(folder),
            model=model,
            name=NAME,
            export=ExportSettings(head="Default", dtype="float32"),
            provenance=provenance,
            example=min(frames["train"], key=len),
        )
        for file in bundle.folder.iterdir():
            with write_aside(HERE / file.name) as aside:
                aside.write_bytes(file.read_bytes())


def accept() -> None:
    """Try the model on the crystals of the examples and put the result into its card.

    g(r) is compared with frames of the labels' own source at 900 K.
    """
    reports = []
    for system, temperature_K in TRIED_K.items():
        frames = read_frames(TRAJECTORIES / f"{system}_T0900.extxyz", labelled=True)
        mobile = "Na" if "Na" in frames[0].symbols else "Li"
        reports += try_model(
            HERE / f"{NAME}.model",
            [frames[0]],
            AcceptanceSettings(temperature_K=temperature_K, mobile=mobile),
            frames=frames,
        )
    write_acceptance(HERE, acceptance_record(reports))


def main(folder: Path) -> None:
    """Train, then write what is shipped."""
    frames = {
        part: read_frames(folder / f"{part}.extxyz", labelled=True)
        for part in ("train", "valid", "test")
    }
    best = train(frames, SETTINGS, folder=folder / "training", processes=PROCESSES)
    hand_on(best, frames)
    accept()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path, nargs="?", help="Folder of the frames.")
    parser.add_argument("--trials", action="store_true", help="Try the model that is there again.")
    arguments = parser.parse_args()
    if arguments.trials:
        accept()
    elif arguments.work is None:
        parser.error("name the folder of the frames, or give --trials")
    else:
        main(arguments.work)
