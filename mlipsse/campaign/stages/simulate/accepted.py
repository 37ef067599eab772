"""Whether production may run with a campaign's potential."""

from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.errors import MlipsseError

_MOST_NAMED = 3


def require_accepted(campaign: Campaign) -> None:
    """Stop where production would run with a model that its card records as refused.

    Raises
    ------
    MlipsseError
        with what refused it and what to do.
    """
    from mlipsse.potential.acceptance.report import CARD_KEY, refusals
    from mlipsse.potential.bundle.folder import read_card

    config = campaign.config.export
    record = read_card(campaign.card_file).get(CARD_KEY)
    if not (config.acceptance.run and config.acceptance.require and record):
        return
    if record["accepted"]:
        return
    found = refusals(record)
    reasons = " ".join(found[:_MOST_NAMED])
    more = f" And {len(found) - _MOST_NAMED} more." if len(found) > _MOST_NAMED else ""
    raise MlipsseError(
        f"The potential {config.name} was not accepted. {reasons}{more} "
        f"{campaign.path(paths.Export.acceptance)} lists all criteria. Train with more frames of "
        "what fails (temperatures, contact_frames, epochs) and run again, or set "
        "export.acceptance.require: false to simulate with this potential."
    )
