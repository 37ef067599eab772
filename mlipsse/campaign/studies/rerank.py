"""The ranking of a campaign once more, with another potential."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.execution import Execution
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.stage import Work
from mlipsse.campaign.engine.table import read_csv
from mlipsse.campaign.stages.rank.rerank import RerankSettings, of_bundle, rerank
from mlipsse.energetics.potentials.catalogue import find_potential
from mlipsse.files import exclusive_lock
from mlipsse.potential.bundle.folder import CARD_FILE


def rerank_campaign(
    campaign: Campaign,
    potential: str,
    *,
    head: str | None,
    lowest: int,
    out: Path,
    report: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Relax the lowest orderings with a potential and write the tables into `out`.

    Parameters
    ----------
    potential : folder of a bundle, or a name as in `rank.foundation`
    head : of the potential; None for the exported head of a bundle

    Returns
    -------
    list of dict
        rows of `reranked-compositions.csv`; None for what is not known.

    Raises
    ------
    MlipsseError
        as `rerank`; for a potential that does not exist, and while the campaign runs.
    """
    if (Path(potential) / CARD_FILE).is_file():
        settings = of_bundle(Path(potential).resolve(), lowest=lowest)
        settings = replace(settings, head=head or settings.head)
    else:
        find_potential(campaign.potential(potential))
        settings = RerankSettings(potential, head, lowest)
    out.mkdir(parents=True, exist_ok=True)
    with (
        exclusive_lock(campaign.path(paths.Root.lock), holder="mlipsse run"),
        Execution(campaign.config.execution, campaign.folder) as execution,
    ):
        work = Work(campaign, out, execution, lambda done, total, text: None)
        rerank(work, settings)
        work.remove_stale_units()
    for note in work.notes:
        report(note)
    rows = read_csv(out / paths.Export.reranked_compositions.name)
    return [{name: _value(name, text) for name, text in row.items()} for row in rows]


def _value(name: str, text: str) -> str | float | None:
    if name.endswith("_eV_atom") or name in ("kendall_tau", "orderings", "left_out"):
        return float(text) if text else None
    return text
