"""Stage 7: the fine-tuned head as a bundle that LAMMPS loads, tried before it is used."""

from pathlib import Path

from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.stage import Stage, Work
from mlipsse.campaign.stages.export import acceptance
from mlipsse.campaign.stages.export.bundle import provide_bundle, trained
from mlipsse.potential.bundle.folder import CARD_FILE, SUFFIXES

FOLDER = "07-export"


def card_file(campaign: Campaign) -> Path:
    """The bundle's card."""
    return campaign.path(FOLDER) / campaign.config.export.name / CARD_FILE


def model_file(campaign: Campaign) -> Path:
    """The exported model that `pair_style mace` loads."""
    export = campaign.config.export
    return campaign.path(FOLDER) / export.name / f"{export.name}{SUFFIXES[export.format]}"


def inputs(campaign: Campaign) -> list[Path]:
    """The fine-tuned model, its metrics, the frames it was trained on, and what it is tried on."""
    return [*trained(campaign).files, *acceptance.inputs(campaign)]


def perform(work: Work) -> list[Path]:
    """Write the bundle `07-export/<name>/`, try it, and write into its card how it did."""
    bundle = provide_bundle(work, trained(work.campaign))
    exported = bundle.exports[work.campaign.config.export.format]
    tried = acceptance.try_exported(work, exported=exported, bundle=bundle.folder)
    return [*sorted(path for path in bundle.folder.iterdir() if path.is_file()), *tried]


STAGE = Stage(
    7,
    "export",
    ("seed", "structure", "enumerate", "rank", "sample", "label", "finetune", "export", "simulate"),
    inputs,
    perform,
)
