"""The campaign's folder: its config and where each stage keeps its files."""

from dataclasses import dataclass
from pathlib import Path

from mlipsse.campaign.config.campaign import CampaignConfig
from mlipsse.campaign.config.file import parse_config
from mlipsse.errors import MlipsseError

CONFIG_NAME = "campaign.yaml"


@dataclass(frozen=True)
class Campaign:
    """A campaign read from its folder."""

    folder: Path
    config: CampaignConfig

    def path(self, relative: Path | str) -> Path:
        """A path given in the config, taken from the campaign's folder when relative."""
        return self.folder / relative

    def potential(self, name: str) -> str:
        """A potential's name, or the path of the model file of that name in the campaign."""
        return str(self.path(name)) if self.path(name).is_file() else name

    def potential_files(self, *names: str) -> list[Path]:
        """Model files behind these potentials, as far as they are files of ours or the user's."""
        from mlipsse.energetics.potentials.catalogue import find_potential

        found = [find_potential(self.potential(name)) for name in names]
        return [Path(potential.source) for potential in found if potential.kind == "mace"]


def read_campaign(folder: Path) -> Campaign:
    """Read `folder/campaign.yaml`.

    Raises
    ------
    MlipsseError
        when there is no such folder or file, or the config is not valid.
    """
    folder = Path(folder).resolve()
    path = folder / CONFIG_NAME
    if not path.is_file():
        raise MlipsseError(
            f"{folder} is not a campaign: it contains no {CONFIG_NAME}. Make a campaign with "
            "`mlipsse init DIR`, or name its folder."
        )
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MlipsseError(f"{path} cannot be read: {error}.") from error
    return Campaign(folder=folder, config=parse_config(text, source=str(path)))
