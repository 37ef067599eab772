"""What a stage is, and what it is given to work with."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlipsse.campaign.engine.execution import Execution, Unit
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.paths import EveryStage, StageFolder
from mlipsse.campaign.engine.record import digest, fingerprint
from mlipsse.files import write_text

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Stage:
    """One of the ten stages.

    Attributes
    ----------
    place : number, name and folder
    sections : top-level keys of the config that the stage reads; a change in them re-runs it
    inputs : files whose contents the stage reads
    perform : does the work and returns the files it made, under their final names
    """

    place: StageFolder
    sections: tuple[str, ...]
    inputs: Callable[[Campaign], list[Path]]
    perform: Callable[[Work], list[Path]]

    @property
    def name(self) -> str:
        """Name of the stage, e.g. `enumerate`."""
        return self.place.name

    @property
    def folder_name(self) -> str:
        """Name of the stage's folder, e.g. `01-enumerate`."""
        return self.place.path

    def folder(self, campaign: Campaign) -> Path:
        """The stage's folder in a campaign."""
        return campaign.path(self.place)

    def config(self, campaign: Campaign) -> dict[str, Any]:
        """The part of the config that the stage reads, as JSON-able values."""
        everything = campaign.config.model_dump(mode="json")
        everything["export"]["format"] = "/".join(campaign.config.export_formats)
        # Where work is done changes none of its results.
        for block in ("rank", "sample", "label", "finetune"):
            del everything[block]["device"]
        del everything["export"]["acceptance"]["device"]
        return {section: everything[section] for section in self.sections}


@dataclass
class Work:
    """What a stage works with: its campaign, its folder, and hands for its units.

    Attributes
    ----------
    commands, results, notes : what the stage wants in its record; results are a few JSON-able
        numbers, notes sentences for the user
    """

    campaign: Campaign
    folder: Path
    execution: Execution
    progress: Progress
    commands: list[str] = field(default_factory=list)
    results: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _used: set[Path] = field(default_factory=set)

    def unit_path(self, name: str, inputs: Any, suffix: str) -> Path:
        """Where the result of the unit `name` made from `inputs` (JSON-able) is kept.

        The name carries a digest of the inputs: a unit is done again exactly when they change.
        """
        path = self.folder / EveryStage.units.name / f"{name}-{fingerprint(inputs)[:12]}{suffix}"
        self._used.add(path)
        return path

    def potential_identity(self, name: str) -> list[str]:
        """The identity of a potential: its name, and the digest of its file where it is one."""
        return [name, *(digest(path) for path in self.campaign.potential_files(name))]

    def run_units(self, units: Sequence[Unit]) -> None:
        """Do the units that are not done; `plan.json` lists them for `mlipsse status`."""
        names = [unit.output.relative_to(self.folder).as_posix() for unit in units]
        write_text(self.folder / EveryStage.plan.name, json.dumps(names, indent=1) + "\n")
        self.execution.run(units, self.progress)

    def remove_stale_units(self) -> None:
        """Remove results of units that the finished stage did not ask for."""
        for path in (self.folder / EveryStage.units.name).glob("*"):
            if path.is_file() and path not in self._used:
                path.unlink()
