"""The campaign's folder: its config, and the files that several stages read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlipsse.campaign.engine import paths
from mlipsse.errors import MlipsseError

if TYPE_CHECKING:
    from mlipsse.campaign.config.campaign import CampaignConfig


@dataclass(frozen=True)
class Campaign:
    """A campaign read from its folder."""

    folder: Path
    config: CampaignConfig

    def path(self, relative: str | os.PathLike[str]) -> Path:
        """A place, or a path given in the config, which is relative to the campaign's folder."""
        return self.folder / relative

    def potential(self, name: str) -> str:
        """A potential's name, or the path of the model file of that name in the campaign."""
        return str(self.path(name)) if self.path(name).is_file() else name

    def potential_files(self, *names: str) -> list[Path]:
        """Model files behind these potentials, as far as they are files of ours or the user's."""
        from mlipsse.energetics.potentials.catalogue import find_potential

        found = [find_potential(self.potential(name)) for name in names]
        return [potential.file for potential in found if potential.file is not None]

    @property
    def given_labels(self) -> dict[str, Path]:
        """Part -> file of the label source `extxyz: FILE`; empty for another source."""
        config = self.config.label
        if config.given_file is None:
            return {}
        files = {"train": self.path(config.given_file)}
        for part, path in (("valid", config.extxyz.valid), ("test", config.extxyz.test)):
            if path is not None:
                files[part] = self.path(path)
        return files

    @property
    def given_potential(self) -> Path | None:
        """The bundle or MACE file of `export.potential`; None where a potential is trained.

        Raises
        ------
        MlipsseError
            when there is none of that name.
        """
        name = self.config.export.potential
        if name is None:
            return None
        if self.path(name).exists():
            return self.path(name)
        from mlipsse.energetics.potentials.catalogue import shipped_potentials

        shipped = shipped_potentials()
        if name not in shipped:
            raise MlipsseError(
                f"export.potential: there is no potential {name}: it is neither a bundle's folder, "
                f"nor a MACE file, nor one of {', '.join(shipped)}. Give one of these."
            )
        return shipped[name].parent

    @property
    def trains(self) -> bool:
        """Whether the campaign trains its potential."""
        return self.config.export.potential is None

    @property
    def labelled_sets(self) -> dict[str, Path]:
        """Train, valid and test set that the stage `label` writes."""
        sets = paths.Label.train, paths.Label.valid, paths.Label.test
        return {Path(part).stem: self.path(part) for part in sets}

    @property
    def card_file(self) -> Path:
        """Card of the exported potential."""
        from mlipsse.potential.bundle.folder import CARD_FILE

        return self._bundle / CARD_FILE

    @property
    def model_file(self) -> Path:
        """Exported model that the engine of production loads, of the first format that there is."""
        from mlipsse.potential.export.target import SUFFIXES

        named = self._bundle / self.config.export.name
        engine = self.config.engine_format
        formats = (engine,) if engine else self.config.export_formats
        files = [named.with_name(named.name + SUFFIXES[form]) for form in formats]
        return next((file for file in files if file.is_file()), files[0])

    @property
    def _bundle(self) -> Path:
        return self.path(paths.Export.bundle.of(name=self.config.export.name))


def read_campaign(folder: Path) -> Campaign:
    """Read `folder/campaign.yaml`.

    Raises
    ------
    MlipsseError
        when there is no such folder or file, or the config is not valid.
    """
    from mlipsse.campaign.config.file import parse_config

    folder = Path(folder).resolve()
    path = folder / paths.Root.config
    if not path.is_file():
        raise MlipsseError(
            f"{folder} is not a campaign: it contains no {path.name}. Make a campaign with "
            "`mlipsse init DIR`, or name its folder."
        )
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MlipsseError(f"{path} cannot be read: {error}.") from error
    return Campaign(folder=folder, config=parse_config(text, source=str(path)))
