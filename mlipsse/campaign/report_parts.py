"""What the report shows and says: figures with their captions, and what all rests on."""

from pathlib import Path
from typing import Any

from mlipsse.campaign import acceptance
from mlipsse.campaign.folder import Campaign
from mlipsse.campaign.record import read_record, versions
from mlipsse.campaign.sampling import sampling_summary
from mlipsse.campaign.stages import export, finetune, label, rank, sample, transport
from mlipsse.campaign.table import read_csv

CAPTIONS = {
    "09-transport/arrhenius.png": "Tracer diffusivity and Nernst-Einstein conductivity against "
    "inverse temperature. Bars: one standard error.",
    "06-finetune/parity.png": "Predictions of the fine-tuned head against the labels of the test "
    "trajectories, which the training never saw.",
    "06-finetune/learning.png": "Errors on the validation trajectories, and of the replay head on "
    "replay frames that are not trained on, during fine-tuning.",
}
REPLAY_CAPTION = (
    "Predictions of the replay head against the labels of replay frames that are not trained on: "
    "what the fine-tuned model still knows of what its foundation had learned."
)
HULL_CAPTIONS = {
    "hull": "Energy above hull of every relaxed ordering; the lowest of each composition is "
    "marked.",
    "formation": "Formation energy of every relaxed ordering against the end members, over their "
    "formula units, and the convex hull of the stable compositions.",
    "ternary": "Stable and metastable compositions (numbers: energy above hull of the lowest "
    "ordering, meV/atom) and the tie lines of the hull. Numbers along an edge: mole fraction of "
    "the formula unit at the corner towards which they rise.",
}


def narrow_figures(campaign: Campaign) -> list[tuple[Path, str]]:
    """Figures that there are, each with what it shows."""
    tried = acceptance.figures(campaign, campaign.path(export.FOLDER))
    replay = (campaign.path(finetune.REPLAY_PARITY), REPLAY_CAPTION)
    replayed = [replay] if replay[0].is_file() else []  # there is none without a replay set
    return [*_msd_figures(campaign), *tried, *replayed, *_hull_figures(campaign)]


def _msd_figures(campaign: Campaign) -> list[tuple[Path, str]]:
    caption = "{}: mean squared displacement of the mobile ion; bold: the window of the fit."
    found = []
    for formula in campaign.config.enumerate.compositions:
        path = campaign.path(transport.FIGURES) / f"msd-{formula}.png"
        if path.is_file():  # there is none when every run of the composition exploded
            found.append((path, caption.format(formula)))
    return found


def _hull_figures(campaign: Campaign) -> list[tuple[Path, str]]:
    folder = campaign.path(rank.HULL).parent
    found = [(folder / f"{name}.png", caption) for name, caption in HULL_CAPTIONS.items()]
    return [(path, caption) for path, caption in found if path.is_file()]


def _sampling(campaign: Campaign) -> dict[str, str]:
    if campaign.config.label.given_file is not None:
        record = read_record(label.STAGE.folder(campaign))
        told = {"given labels": "; ".join(record.notes)} if record and record.notes else {}
        return {"sampling potential": "none: the labels were given", **told}
    trajectories = read_csv(campaign.path(sample.TRAJECTORIES))
    return {
        "sampling potential": campaign.config.sample.foundation,
        "sampled frames": sampling_summary(trajectories),
    }


def provenance(campaign: Campaign, card: dict[str, Any]) -> dict[str, Any]:
    """What the numbers rest on; `card` is the exported bundle's."""
    return {
        "label source": card["label_source"],
        **_sampling(campaign),
        "fine-tuned from": campaign.config.finetune.foundation,
        "potential (sha256)": card["sha256"][f"{campaign.config.export.name}.pt"],
        "seed": campaign.config.seed,
        **versions(),
    }
