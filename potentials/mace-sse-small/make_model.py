"""Train `mace-sse-small` on the frames of `make_frames.py`, and write the bundle that is shipped.

    python make_model.py WORK_FOLDER

Killed and run again, the training goes on from its last epoch. An hour and a half on two cores.
"""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

from ase import Atoms
from compiled_training import TrainingSettings, train
from systems import HERE, TEMPERATURES_K, systems

from mlipsse import keys
from mlipsse.dataset.frames.evaluation import predict
from mlipsse.dataset.frames.extxyz import read_frames
from mlipsse.dataset.frames.predictions import Errors, errors_by
from mlipsse.energetics.potentials.catalogue import find_potential
from mlipsse.energetics.potentials.loaded_mace import load_mace
from mlipsse.files import write_aside
from mlipsse.potential.bundle.folder import write_bundle
from mlipsse.potential.bundle.provenance import Provenance, TrainingData
from mlipsse.potential.export.target import ExportSettings

NAME = HERE.name
PROCESSES = 2
GROUPS = {"family": "family", "system": "system", "temperature_K": "temperature_K"}
SETTINGS = TrainingSettings()


def errors(model: Path, test: Sequence[Atoms]) -> dict[str, dict[str, dict[str, float]]]:
    """RMSE on the held-out trajectories: of all, and by family, system and temperature."""
    for frame in test:
        frame.info["system"] = frame.info[keys.TRAJECTORY].rpartition("_")[0]
    found = predict(test, load_mace(find_potential(str(model))))
    grouped = {
        name: {value: _told(some) for value, some in errors_by(test, found, key).items()}
        for name, key in GROUPS.items()
    }
    return {"all": {"all": _told(found.errors)}, **grouped}


def _told(some: Errors) -> dict[str, float]:
    return {
        name: round(value, 2)
        for name, value in asdict(some).items()
        if name.split("_")[1:2] == ["rmse"]
    }


def hand_on(
    model: Path, *, example: Atoms, frames: dict[str, int], test: dict[str, dict[str, dict]]
) -> None:
    """Write the bundle around `model` and copy it here."""
    formulas = list(dict.fromkeys(system.formula for system in systems()))
    provenance = Provenance(
        label_source="teacher: chgnet (CHGNet 0.3.0, PBE level; teacher labels, not DFT)",
        licence="MIT; CHGNet, the teacher, is BSD-3-Clause",
        training=TrainingData(
            frames=frames["train"],
            temperature_range_K=(TEMPERATURES_K[0], TEMPERATURES_K[-1]),
            compositions=formulas,
            errors={"Default": test["all"]["all"]},
        ),
        extra={
            "what": "Small foundation model for the published solid electrolytes "
            "(Li-In-Y-Br-Cl halides, NaSICON, Li-P-Ge-S-O), to be fine-tuned.",
            "limits": "It knows what CHGNet 0.3.0 knows of these crystals, which is no DFT, "
            "and no other crystals of these elements. Pairs closer than 0.45 of the sum of "
            "their covalent radii it has not seen (Li-Li: 1.15 Å; near 0.5 Å it has a hole).",
            "structures": "orderings of 30 to 50 atoms; NVT MD at 300, 600, 900, 1200 and "
            "1500 K, every other frame strained by up to 5 %; rattled cells of 0.85 to 1.20 "
            "times the relaxed volume; mobile ions pushed at others",
            "frames": frames,
            "held_out": {name: some for name, some in test.items() if name != "all"},
            "training": asdict(SETTINGS) | {"radial_MLP": list(SETTINGS.radial_MLP)},
            "made_by": [
                "systems.py",
                "make_frames.py",
                "graphs.py",
                "compiled_training.py",
                "make_model.py",
                "make_replay.py",
            ],
            "teacher_version": f"chgnet {metadata.version('chgnet')}",
        },
    )
    with tempfile.TemporaryDirectory() as folder:
        bundle = write_bundle(
            Path(folder),
            model=model,
            name=NAME,
            export=ExportSettings(head="Default", dtype="float32"),
            provenance=provenance,
            example=example,
        )
        for file in bundle.folder.iterdir():
            with write_aside(HERE / file.name) as aside:
                aside.write_bytes(file.read_bytes())


def main(folder: Path) -> None:
    """Train, then write what is shipped."""
    frames = {
        part: read_frames(folder / f"{part}.extxyz", labelled=True)
        for part in ("train", "valid", "test")
    }
    best = train(frames, SETTINGS, folder=folder / "training", processes=PROCESSES)
    hand_on(
        best,
        example=min(frames["train"], key=len),
        frames={part: len(some) for part, some in frames.items()},
        test=errors(best, frames["test"]),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
