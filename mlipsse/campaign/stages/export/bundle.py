"""The bundle of a model that a campaign trained, or starts from: made once of one model."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ase import Atoms

from mlipsse import keys
from mlipsse.campaign.config.campaign import CampaignConfig
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.record import digest
from mlipsse.campaign.engine.stage import Work
from mlipsse.dataset.frames.extxyz import read_frames
from mlipsse.errors import MlipsseError
from mlipsse.files import write_text
from mlipsse.potential.bundle.folder import CARD_FILE, Bundle, add_export, read_bundle, read_card

if TYPE_CHECKING:
    from mlipsse.potential.bundle.provenance import Provenance
    from mlipsse.potential.export.target import ExportSettings


@dataclass(frozen=True)
class Trained:
    """A trained model, and the files that describe it.

    Attributes
    ----------
    model : `.model` file
    metrics : JSON of what the training came to
    frames : its training set, extxyz
    """

    model: Path
    metrics: Path
    frames: Path

    @property
    def files(self) -> list[Path]:
        """All of them."""
        return [self.model, self.metrics, self.frames]


def trained(campaign: Campaign) -> Trained:
    """The campaign's fine-tuned model."""
    return Trained(
        campaign.path(paths.Finetune.model),
        campaign.path(paths.Finetune.metrics),
        campaign.labelled_sets["train"],
    )


def provide_bundle(work: Work, model: Trained) -> Bundle:
    """The bundle of a trained model in the folder of `work`, made unless it is there."""
    config = work.campaign.config
    made_from = {
        "sampling_temperatures_K": config.sample.temperatures_K,
        "compositions": config.enumerate.compositions,
        "foundation": config.finetune.foundation,
    }
    return _provide(work, model.files, made_from, lambda: _write_bundle(work, model))


def provide_model_bundle(work: Work, model: Path, head: str | None) -> Bundle:
    """The bundle of a model as it is, e.g. of the foundation model, made unless it is there."""
    made_from = {"head": head}
    return _provide(work, [model], made_from, lambda: _write_model_bundle(work, model, head))


def given_files(potential: Path) -> list[Path]:
    """The model of a given potential, and the card of a bundle."""
    if potential.is_dir():
        return [read_bundle(potential, model_only=True).model, potential / CARD_FILE]
    return [potential]


def provide_given_bundle(work: Work, potential: Path) -> Bundle:
    """The bundle of a given potential: a bundle's folder, or a MACE file."""
    head = work.campaign.config.export.head
    files = given_files(potential)
    made_from = {"head": head}
    return _provide(work, files, made_from, lambda: _write_given_bundle(work, potential, head))


def _provide(
    work: Work, files: list[Path], made_from: dict[str, Any], make: Callable[[], Bundle]
) -> Bundle:
    """The existing bundle of this model and target, if it is whole; else a new one.

    Code compiled twice has other bytes the second time: runs made with the first one stay valid
    when nothing but the trials changed.
    """
    config = work.campaign.config
    identity = {
        "files": [digest(path) for path in files],
        "export": config.export.model_dump(mode="json", exclude={"acceptance", "format"}),
        "formats": config.export_formats,
        **({"engine": config.engine_format} if config.engine_format else {}),
        "torch": metadata.version("torch"),
        **made_from,
    }
    # Its presence marks the bundle as made from this.
    mark = work.unit_path("bundle", identity, ".json")
    if mark.is_file():
        try:
            return read_bundle(work.folder / config.export.name)
        except MlipsseError:
            pass
    bundle = make()
    if config.engine_format and config.engine_format not in bundle.exports:
        bundle = add_export(bundle.folder, config.engine_format)
    write_text(mark, "{}\n")
    return bundle


def _write_bundle(work: Work, model: Trained) -> Bundle:
    from mlipsse.potential.bundle.folder import write_bundle
    from mlipsse.potential.bundle.provenance import Provenance, TrainingData

    config = work.campaign.config
    metrics = json.loads(model.metrics.read_text(encoding="utf-8"))
    frames = read_frames(model.frames, labelled=True)
    given = config.label.given_file is not None
    temperatures_K = _stated_temperatures(frames) if given else config.sample.temperatures_K
    return write_bundle(
        work.folder,
        model=model.model,
        name=config.export.name,
        export=_export_settings(config, metrics["head"]),
        provenance=Provenance(
            label_source=frames[0].info[keys.LABEL_SOURCE],
            licence=config.export.licence,
            training=TrainingData(
                frames=len(frames),
                temperature_range_K=(
                    (min(temperatures_K), max(temperatures_K)) if temperatures_K else None
                ),
                compositions=config.enumerate.compositions,
                errors=_errors(metrics),
                softening=metrics.get("softening") or {},
            ),
            extra={
                "sampling_temperatures_K": temperatures_K,
                "foundation": (
                    None if config.finetune.strategy == "scratch" else config.finetune.foundation
                ),
            },
        ),
        example=_example(frames),
    )


def _write_model_bundle(work: Work, model: Path, head: str | None) -> Bundle:
    from mlipsse.potential.bundle.provenance import Provenance

    beside = model.parent / CARD_FILE
    card = read_card(beside) if beside.is_file() else {}
    provenance = Provenance(card.get("label_source"), card.get("licence"))
    return _write_bundle_of(work, model, head, provenance)


def _write_given_bundle(work: Work, potential: Path, head: str | None) -> Bundle:
    from mlipsse.potential.bundle.provenance import Provenance, TrainingData

    card = read_card(potential / CARD_FILE) if potential.is_dir() else {}
    learned = ("frames", "temperature_range_K", "compositions", "errors")
    provenance = Provenance(
        label_source=card.get("label_source"),
        licence=card.get("licence"),
        training=TrainingData(**{name: card[name] for name in learned if card.get(name)}),
        extra={"given": work.campaign.config.export.potential, "of_its_card": card.get("extra")},
    )
    return _write_bundle_of(work, potential, head, provenance)


def _write_bundle_of(work: Work, model: Path, head: str | None, provenance: "Provenance") -> Bundle:
    from mlipsse.potential.bundle.making import export_bundle

    config = work.campaign.config
    folder = work.folder / config.export.name
    if folder.exists():  # of another model, or of other settings
        shutil.rmtree(folder)
    bundle, _ = export_bundle(
        model, out=folder, export=_export_settings(config, head), provenance=provenance
    )
    return bundle


def _export_settings(config: CampaignConfig, head: str | None) -> "ExportSettings":
    from mlipsse.potential.export.target import ExportSettings, Target

    first, *others = config.export_formats
    device = config.export.device if first == "aotinductor" else "cpu"
    return ExportSettings(
        first,
        head,
        config.export.dtype,
        Target(device, serial=config.export.serial),
        or_torchscript="torchscript" in others,
    )


def _stated_temperatures(frames: list[Atoms]) -> list[float]:
    """Temperatures, K, that the frames of given labels state; empty when they state none."""
    stated = {frame.info["temperature_K"] for frame in frames if "temperature_K" in frame.info}
    return sorted(float(temperature_K) for temperature_K in stated)


def _errors(metrics: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Errors of every head, on frames that its training did not use."""
    errors = {metrics["head"]: metrics["errors"]["test"]}
    if metrics["replay_head"] is not None:
        errors[metrics["replay_head"]] = metrics["replay_errors"]
    return errors


def _example(frames: list[Atoms]) -> Atoms:
    """A frame of ordinary dynamics; the frames of close contacts are no place to start from."""
    dynamics = [frame for frame in frames if frame.info.get(keys.ORIGIN) != "contact"]
    return (dynamics or frames)[0]
