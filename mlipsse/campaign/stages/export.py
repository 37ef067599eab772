"""Stage 7: the fine-tuned head as a bundle that LAMMPS loads."""

import json
from pathlib import Path

from mlipsse import keys
from mlipsse.campaign.folder import Campaign
from mlipsse.campaign.stage import Stage, Work
from mlipsse.campaign.stages import finetune, label
from mlipsse.dataset.extxyz import read_frames
from mlipsse.potential.bundle import CARD_FILE

FOLDER = "07-export"


def card_file(campaign: Campaign) -> Path:
    """The bundle's card."""
    return campaign.path(FOLDER) / campaign.config.export.name / CARD_FILE


def model_file(campaign: Campaign) -> Path:
    """The exported model that `pair_style mace` loads."""
    name = campaign.config.export.name
    return campaign.path(FOLDER) / name / f"{name}.pt"


def inputs(campaign: Campaign) -> list[Path]:
    """The fine-tuned model, its metrics, and the frames it was trained on."""
    return [
        campaign.path(finetune.MODEL),
        campaign.path(finetune.METRICS),
        label.part_files(campaign)["train"],
    ]


def perform(work: Work) -> list[Path]:
    """Write the bundle `07-export/<name>/`."""
    from mlipsse.potential.bundle import write_bundle

    campaign, config = work.campaign, work.campaign.config
    metrics = json.loads(campaign.path(finetune.METRICS).read_text(encoding="utf-8"))
    frames = read_frames(label.part_files(campaign)["train"], labelled=True)
    bundle = write_bundle(
        work.folder,
        model=campaign.path(finetune.MODEL),
        name=config.export.name,
        head=metrics["head"],
        dtype=config.export.dtype,
        label_source=frames[0].info[keys.LABEL_SOURCE],
        licence=config.export.licence,
        extra={
            "training_frames": len(frames),
            "compositions": config.enumerate.compositions,
            "sampling_temperatures_K": config.sample.temperatures_K,
            "foundation": config.finetune.foundation,
            "test_errors": metrics["errors"]["test"],
        },
    )
    return sorted(path for path in bundle.folder.iterdir() if path.is_file())


STAGE = Stage(7, "export", ("enumerate", "sample", "finetune", "export"), inputs, perform)
