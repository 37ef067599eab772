"""Whether production may run with a campaign's potential."""

from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.errors import MlipsseError

_MOST_TOLD = 3


def require_accepted(campaign: Campaign) -> None:
    """Stop where production would run with a model that its card says was refused.

    Raises
    ------
    MlipsseError
        with what refused it and what to do.
    """
    from mlipsse.potential.acceptance.record import CARD_KEY, refusals
    from mlipsse.potential.bundle.folder import read_card

    config = campaign.config.export
    record = read_card(campaign.card_file).get(CARD_KEY)
    if not (config.acceptance.run and config.acceptance.require and record):
        return
    if record["accepted"]:
        return
    found = refusals(record)
    told = " ".join(found[:_MOST_TOLD])
    more = f" And {len(found) - _MOST_TOLD} more." if len(found) > _MOST_TOLD else ""
    raise MlipsseError(
        f"The potential {config.name} was not accepted. {told}{more} The table of all criteria is "
        f"{campaign.path(paths.Export.acceptance)}. Give it more frames of what fails "
        "(temperatures, contact_frames, epochs) and run again; to simulate with it all the same, "
        "set export.acceptance.require: false."
    )
