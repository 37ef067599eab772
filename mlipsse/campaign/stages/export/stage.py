"""Stage 7: the fine-tuned head as a bundle that LAMMPS loads, tried before it is used."""

from pathlib import Path

from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.stage import Stage, Work
from mlipsse.campaign.stages.export import acceptance
from mlipsse.campaign.stages.export.bundle import (
    given_files,
    provide_bundle,
    provide_given_bundle,
    trained,
)
from mlipsse.campaign.stages.rank.rerank import of_bundle, rerank


def inputs(campaign: Campaign) -> list[Path]:
    """The fine-tuned model, its metrics, the frames it was trained on, and what it is tried on."""
    given = campaign.given_potential
    model = trained(campaign).files if given is None else given_files(given)
    ranked = [campaign.path(paths.Rank.database)] if campaign.config.export.rerank else []
    return [*model, *acceptance.inputs(campaign), *ranked]


def perform(work: Work) -> list[Path]:
    """Write the bundle `07-export/<name>/`, try it, and write into its card how it did."""
    given = work.campaign.given_potential
    bundle = (
        provide_bundle(work, trained(work.campaign))
        if given is None
        else provide_given_bundle(work, given)
    )
    form = bundle.first_of(work.campaign.config.export_formats)
    work.results["format"] = form
    if "native" in bundle.left_out:
        work.notes.append(f"LAMMPS runs {form}: {bundle.left_out['native']}")
    tried = acceptance.try_exported(work, exported=bundle.exports[form], bundle=bundle.folder)
    count = work.campaign.config.export.rerank
    again = rerank(work, of_bundle(bundle.folder, lowest=count)) if count else []
    return [*sorted(path for path in bundle.folder.iterdir() if path.is_file()), *tried, *again]


STAGE = Stage(
    paths.Export.folder,
    ("seed", "structure", "enumerate", "rank", "sample", "label", "finetune", "export", "simulate"),
    inputs,
    perform,
)
