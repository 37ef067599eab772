"""A model whose production runs are compared with those of others, and what runs it."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlipsse.campaign.crystals.runs import Run
from mlipsse.campaign.engine.record import fingerprint
from mlipsse.campaign.engine.stage import Work
from mlipsse.campaign.stages.export.bundle import provide_model_bundle
from mlipsse.campaign.stages.simulate.rendering import CalculatorRuns, RunFiles
from mlipsse.campaign.studies.models import ModelChoice
from mlipsse.energetics.potentials.calculators import known_species
from mlipsse.energetics.potentials.catalogue import find_potential
from mlipsse.energetics.potentials.loaded_mace import mace_file
from mlipsse.md.calculator import RunCalculator
from mlipsse.potential.bundle.folder import Bundle

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._+-]+")


@dataclass(frozen=True)
class Subject:
    """A model that is run.

    Attributes
    ----------
    name : in figures and on pages
    identity : first columns of its rows, JSON-able
    files : where its runs lie, and what gives their forces
    elements : that it knows; None for one that lists none
    notes : last columns of its rows
    """

    name: str
    identity: Mapping[str, Any]
    files: RunFiles | CalculatorRuns
    elements: Collection[str] | None
    notes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        """Folder below which its runs lie."""
        return self.files.root

    def unknown(self, run: Run) -> list[str]:
        """Elements of the run's crystal that the potential has not learned."""
        if self.elements is None:
            return []
        return sorted(set(run.start.get_chemical_symbols()) - set(self.elements))


def run_files(work: Work, root: Path, plugin: Path, bundle: Bundle) -> RunFiles:
    """Runs of a bundle below `root`, in the first of the campaign's formats that it has."""
    forms = work.campaign.config.export_formats
    return RunFiles(root, plugin, bundle.exports[bundle.first_of(forms)])


def in_own_folder(work: Work, folder: Path) -> Work:
    """The same work in another folder, e.g. of a model's bundle."""
    return Work(work.campaign, folder, work.execution, work.progress, notes=work.notes)


def chosen_subject(work: Work, choice: ModelChoice, *, root: Path, plugin: Path) -> Subject:
    """The subject of a potential by name.

    A MACE model is exported and runs by the pair style, everything else by its calculator.

    Parameters
    ----------
    root : folder of all subjects; each has one of its own
    plugin : of the pair style, in `root`

    Raises
    ------
    MlipsseError
        for a potential that cannot be had, and an export that fails.
    """
    identity = {"potential": choice.name}
    folder = root / folder_name(choice)
    potential = find_potential(choice.potential)
    if potential.kind == "native":
        native = RunFiles(folder, plugin, Path(potential.source).resolve())
        return Subject(choice.name, identity, native, known_species(choice.potential))
    if not potential.in_batches:
        file = potential.file
        name = str(file.resolve()) if file else choice.potential
        device = work.campaign.config.simulate.device or "cpu"
        called = CalculatorRuns(folder, RunCalculator(name, choice.head, device))
        return Subject(choice.name, identity, called, known_species(choice.potential))
    own = in_own_folder(work, folder / "potential")
    bundle = provide_model_bundle(own, mace_file(potential), choice.head)
    own.remove_stale_units()
    files = run_files(work, folder, plugin, bundle)
    return Subject(choice.name, identity, files, bundle.elements)


def folder_name(choice: ModelChoice) -> str:
    """Name of the folder of a potential's runs; no two potentials share one."""
    readable = _NOT_IN_NAMES.sub("-", Path(choice.name).name).strip("-.")
    return f"{readable}-{fingerprint([choice.potential, choice.head])[:6]}"
