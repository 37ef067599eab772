"""What a campaign would download, and whether the network is there for it."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from mlipsse.campaign.checks.potentials import uses
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.errors import MlipsseError

PATIENCE_S = 5.0
"""How long a server may take to answer."""


@dataclass(frozen=True)
class Download:
    """A file that is not here yet.

    Attributes
    ----------
    stage : that downloads it
    field : of the config
    what : in words
    target : where it would be kept
    """

    stage: str
    field: str
    what: str
    url: str
    target: Path

    @property
    def note(self) -> str:
        """A sentence for the user."""
        return f"{self.field}: {self.what} is downloaded from {urlsplit(self.url).hostname}."


def wanted_downloads(campaign: Campaign) -> list[Download]:
    """Files that the stages would download; a file of two stages counts for the first.

    Raises
    ------
    MlipsseError
        for an unknown potential or label source.
    """
    from mlipsse.campaign.stages.finetune.foundation import MP_REPLAY
    from mlipsse.energetics.potentials.catalogue import find_potential
    from mlipsse.energetics.potentials.loaded_mace import (
        download_target,
        download_url,
        downloaded_file,
    )

    found: dict[str, Download] = {}
    for use in uses(campaign):
        potential = find_potential(campaign.potential(use.name))
        if potential.kind != "mace-mp" or downloaded_file(potential) is not None or use.compared:
            continue  # what is only compared with is not downloaded
        url = download_url(potential)
        what = f"mace-torch's model {potential.source}"
        found.setdefault(url, Download(use.stage, use.field, what, url, download_target(potential)))
    if campaign.trains and campaign.config.finetune.replay == MP_REPLAY:
        from mlipsse.training.replay_set.filtering import MP_REPLAY_URL, mp_replay_path

        target = mp_replay_path()
        if not target.is_file():
            what = "the replay set mp (MPtrj, 600 MB)"
            found[MP_REPLAY_URL] = Download(
                "finetune", "finetune.replay", what, MP_REPLAY_URL, target
            )
    return list(found.values())


def download_problems(campaign: Campaign, stage: str) -> Iterator[str]:
    """Downloads of a stage that would fail."""
    try:
        wanted = wanted_downloads(campaign)
    except MlipsseError:
        return  # another check names it
    for one in wanted:
        if one.stage != stage:
            continue
        reason = unreachable(one.url)
        if reason is not None:
            yield (
                f"{one.field}: {one.what} is not on this machine, and {one.url} cannot be reached "
                f"({reason}). Connect this machine to the internet, or fetch the file elsewhere "
                f"and put it at {one.target}."
            )


def unreachable(url: str) -> str | None:
    """Why a file cannot be downloaded, asked of its server within `PATIENCE_S`; None when it can.

    Proxies are those of the environment, as for the download itself.
    """
    request = urllib.request.Request(url, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S):
            return None
    except urllib.error.HTTPError as error:
        return f"the server answers {error.code} {error.reason}"
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        return str(reason)
