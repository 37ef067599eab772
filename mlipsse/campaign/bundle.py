"""The bundle of a campaign's model, made once of one model."""

import json
from importlib import metadata
from pathlib import Path
from typing import Any

from ase import Atoms

from mlipsse import keys
from mlipsse.campaign.folder import Campaign
from mlipsse.campaign.record import digest
from mlipsse.campaign.stage import Work
from mlipsse.campaign.stages import finetune, label
from mlipsse.dataset.extxyz import read_frames
from mlipsse.errors import MlipsseError
from mlipsse.files import write_text
from mlipsse.potential.bundle import Bundle, read_bundle


def sources(campaign: Campaign) -> list[Path]:
    """The fine-tuned model, its metrics, and the frames it was trained on."""
    files = (campaign.path(finetune.MODEL), campaign.path(finetune.METRICS))
    return [*files, label.part_files(campaign)["train"]]


def provide_bundle(work: Work) -> Bundle:
    """The bundle in the stage's folder, made unless it is there."""
    return _bundle_there(work) or _write_bundle(work)


def _mark(work: Work) -> Path:
    """File whose presence says that the bundle was made from this; see `_bundle_there`."""
    config = work.campaign.config
    made_from = {
        "files": [digest(path) for path in sources(work.campaign)],
        "export": config.export.model_dump(mode="json", exclude={"acceptance"}),
        "sampling_temperatures_K": config.sample.temperatures_K,
        "compositions": config.enumerate.compositions,
        "foundation": config.finetune.foundation,
        "torch": metadata.version("torch"),
    }
    return work.unit_path("bundle", made_from, ".json")


def _bundle_there(work: Work) -> Bundle | None:
    """The bundle made before from the very same, if it is whole.

    Code compiled twice has other bytes the second time: runs made with the first one stay valid
    when nothing but the trials changed.
    """
    if not _mark(work).is_file():
        return None
    try:
        return read_bundle(work.folder / work.campaign.config.export.name)
    except MlipsseError:
        return None


def _write_bundle(work: Work) -> Bundle:
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
            errors=_errors(metrics),
        ),
        extra={
            "sampling_temperatures_K": temperatures_K,
            "foundation": config.finetune.foundation,
        },
        example=_example(frames),
        formats=(config.export.format,),
        target=Target(serial=config.export.serial),
    )
    write_text(_mark(work), "{}\n")
    return bundle


def _told_temperatures(frames: list[Atoms]) -> list[float]:
    """Temperatures, K, that frames of labels that were given tell; none when they tell none."""
    told = {frame.info["temperature_K"] for frame in frames if "temperature_K" in frame.info}
    return sorted(float(temperature_K) for temperature_K in told)


def _errors(metrics: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Of every head, on frames it was not trained on."""
    errors = {metrics["head"]: metrics["errors"]["test"]}
    if metrics["replay_head"] is not None:
        errors[metrics["replay_head"]] = metrics["replay_errors"]
    return errors


def _example(frames: list[Atoms]) -> Atoms:
    """A frame of ordinary dynamics; the frames of close contacts are no place to start from."""
    dynamics = [frame for frame in frames if frame.info.get(keys.ORIGIN) != "contact"]
    return (dynamics or frames)[0]
