"""The model that is fine-tuned and the replay set that goes with it."""

from pathlib import Path

from mlipsse.campaign.folder import Campaign
from mlipsse.energetics.catalogue import find_potential
from mlipsse.errors import MlipsseError

REPLAY_NAME = "replay.extxyz"


def foundation_files(campaign: Campaign) -> tuple[Path, Path]:
    """The foundation model and the replay set that goes with it.

    Raises
    ------
    MlipsseError
        when either is missing, or the foundation is no MACE file.
    """
    config = campaign.config.finetune
    potential = find_potential(campaign.potential(config.foundation))
    if potential.kind != "mace":
        raise MlipsseError(
            f"finetune.foundation: {config.foundation} is no MACE file. Name one in potentials/ "
            "or give the path of a .model file."
        )
    model = Path(potential.source)
    replay = campaign.path(config.replay) if config.replay else model.parent / REPLAY_NAME
    if not replay.is_file():
        raise MlipsseError(
            f"finetune.replay: there is no replay set {replay}. Without replay a fine-tuning "
            "forgets what its foundation knew: give an extxyz file with the foundation's labels."
        )
    return model, replay
