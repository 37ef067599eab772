"""Stage 7: the fine-tuned head as a bundle that LAMMPS loads."""

import json
from pathlib import Path

from ase import Atoms

from mlipsse import keys
from mlipsse.campaign.folder import Campaign
from mlipsse.campaign.stage import Stage, Work
from mlipsse.campaign.stages import finetune, label
from mlipsse.dataset.extxyz import read_frames
from mlipsse.potential.bundle import CARD_FILE, SUFFIXES

FOLDER = "07-export"


def card_file(campaign: Campaign) -> Path:
    """The bundle's card."""
    return campaign.path(FOLDER) / campaign.config.export.name / CARD_FILE


def model_file(campaign: Campaign) -> Path:
    """The exported model that `pair_style mace` loads."""
    export = campaign.config.export
    return campaign.path(FOLDER) / export.name / f"{export.name}{SUFFIXES[export.format]}"


def inputs(campaign: Campaign) -> list[Path]:
    """The fine-tuned model, its metrics, and the frames it was trained on."""
    return [
        campaign.path(finetune.MODEL),
        campaign.path(finetune.METRICS),
        label.part_files(campaign)["train"],
    ]


def perform(work: Work) -> list[Path]:
    """Write the bundle `07-export/<name>/`."""
    from mlipsse.potential.bundle import TrainingData, write_bundle
    from mlipsse.potential.export import Target

    campaign, config = work.campaign, work.campaign.config
    metrics = json.loads(campaign.path(finetune.METRICS).read_text(encoding="utf-8"))
    frames = read_frames(label.part_files(campaign)["train"], labelled=True)
    given = config.label.given_file is not None
    temperatures_K = _told_temperatures(frames) if given else config.sample.temperatures_K
    bundle = write_bundle(
        work.folder,
        model=campaign.path(finetune.MODEL),
        name=config.export.name,
        head=metrics["head"],
        dtype=config.export.dtype,
        label_source=frames[0].info[keys.LABEL_SOURCE],
        licence=config.export.licence,
        training=TrainingData(
            frames=len(frames),
            temperature_range_K=(
                (min(temperatures_K), max(temperatures_K)) if temperatures_K else None
            ),
            compositions=config.enumerate.compositions,
            errors={
                metrics["head"]: metrics["errors"]["test"],
                metrics["replay_head"]: metrics["replay_errors"],
            },
        ),
        extra={
            "sampling_temperatures_K": temperatures_K,
            "foundation": config.finetune.foundation,
        },
        example=_example(frames),
        formats=(config.export.format,),
        target=Target(serial=config.export.serial),
    )
    return sorted(path for path in bundle.folder.iterdir() if path.is_file())


def _told_temperatures(frames: list[Atoms]) -> list[float]:
    """Temperatures, K, that frames of labels that were given tell; none when they tell none."""
    told = {frame.info["temperature_K"] for frame in frames if "temperature_K" in frame.info}
    return sorted(float(temperature_K) for temperature_K in told)


def _example(frames: list[Atoms]) -> Atoms:
    """A frame of ordinary dynamics; the frames of close contacts are no place to start from."""
    dynamics = [frame for frame in frames if frame.info.get(keys.ORIGIN) != "contact"]
    return (dynamics or frames)[0]


STAGE = Stage(7, "export", ("enumerate", "sample", "label", "finetune", "export"), inputs, perform)
