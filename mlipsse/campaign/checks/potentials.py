"""The potentials that a campaign names: whether they are there, know its elements, and have a head.

Each is loaded once, on the CPU; none is downloaded.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlipsse.campaign.engine.folder import Campaign
from mlipsse.energetics.potentials.catalogue import Potential
from mlipsse.errors import MlipsseError


@dataclass(frozen=True)
class Use:
    """A potential in a role.

    Attributes
    ----------
    stage : that loads it first
    field, head_field : where the config names it and its head
    name : as the config writes it
    compared : whether a model from scratch is compared with it alone, where it knows all elements
    """

    stage: str
    field: str
    name: str
    head_field: str
    head: str | None
    compared: bool = False


@dataclass(frozen=True)
class Facts:
    """Facts of a potential's file.

    Attributes
    ----------
    elements : symbols; None where it must be downloaded first
    heads : names; empty for a potential without, and where it must be downloaded first
    refusal : why no exported file can hold what is fine-tuned from it; None where one can
    symmetrix_refusal : why symmetrix-xl cannot; None where it can
    stress : whether it computes stresses
    """

    elements: frozenset[str] | None
    heads: tuple[str, ...] = ()
    refusal: str | None = None
    symmetrix_refusal: str | None = None
    stress: bool = True


@dataclass(frozen=True)
class PotentialReader:
    """Facts of potentials, each file read once."""

    _known: dict[str, Facts | MlipsseError] = field(default_factory=dict)

    def facts(self, name: str) -> Facts:
        """Facts of a potential by name or path.

        Raises
        ------
        MlipsseError
            when there is no such potential, or its file cannot be read.
        """
        if name not in self._known:
            try:
                self._known[name] = _facts(name)
            except MlipsseError as error:
                self._known[name] = error
        found = self._known[name]
        if isinstance(found, MlipsseError):
            raise found
        return found


def uses(campaign: Campaign) -> list[Use]:
    """All potentials of a campaign, in the order of its stages.

    Raises
    ------
    MlipsseError
        for an unknown label source.
    """
    from mlipsse.dataset.labels.sources import teacher_name

    config = campaign.config
    found = [Use("rank", "rank.foundation", config.rank.foundation, "rank.head", config.rank.head)]
    if not campaign.trains:
        return found
    if config.label.given_file is None:
        sample = config.sample
        found.append(
            Use("sample", "sample.foundation", sample.foundation, "sample.head", sample.head)
        )
    teacher = teacher_name(config.label.source)
    if teacher is not None:
        found.append(Use("label", "label.source", teacher, "label.head", config.label.head))
    tuned = config.finetune
    if tuned.foundation is not None:
        found.append(
            Use(
                "finetune",
                "finetune.foundation",
                tuned.foundation,
                "finetune.foundation_head",
                tuned.foundation_head,
                compared=tuned.strategy == "scratch" and tuned.architecture != "foundation",
            )
        )
    return found


def potential_problems(campaign: Campaign, stage: str, reader: PotentialReader) -> Iterator[str]:
    """Sentences about the potentials that a stage loads."""
    from mlipsse.energetics.potentials.calculators import require_species

    for use in uses(campaign):
        if use.stage != stage:
            continue
        name = campaign.potential(use.name)
        try:
            facts = reader.facts(name)
        except MlipsseError as error:
            yield f"{use.field}: {error}"
            continue
        if not facts.stress and _needs_stress(campaign, stage):
            yield (
                f"{use.field}: {use.name} computes no stress, which {stage} requires. Name a "
                "potential with stress."
            )
        if facts.elements is not None:
            try:
                require_species(name, facts.elements, campaign.config.enumerate.elements)
            except MlipsseError as error:
                if use.compared:
                    continue
                yield f"{use.field}: {error}"
            yield from _head_problems(use, facts.heads)


def export_problems(campaign: Campaign, reader: PotentialReader) -> Iterator[str]:
    """A sentence where no model fine-tuned from the foundation could be exported for LAMMPS."""
    for use in uses(campaign):
        if use.stage != "finetune" or campaign.config.finetune.strategy == "scratch":
            continue
        try:
            refusal = reader.facts(campaign.potential(use.name)).refusal
        except MlipsseError:
            return  # another check names it
        if refusal is not None:
            yield f"{use.field}: {refusal}"


def given_problems(campaign: Campaign) -> Iterator[str]:
    """Sentences about a given potential: not there, damaged, without a head or an element."""
    from mlipsse.energetics.potentials.calculators import require_species
    from mlipsse.potential.bundle.folder import read_bundle
    from mlipsse.potential.export.source_model import model_summary

    field_name, config = "export.potential", campaign.config.export
    given = campaign.given_potential
    if given is None:
        return
    try:
        bundle = read_bundle(given, model_only=True) if given.is_dir() else None
        summary = model_summary(bundle.model if bundle else given)
    except MlipsseError as error:
        yield f"{field_name}: {error}"
        return
    try:
        require_species(
            str(config.potential), frozenset(summary.elements), campaign.config.enumerate.elements
        )
    except MlipsseError as error:
        yield f"{field_name}: {error}"
    head = config.head or (bundle.head if bundle else None)
    use = Use("export", field_name, str(config.potential), "export.head", head)
    yield from _head_problems(use, summary.heads)


def _needs_stress(campaign: Campaign, stage: str) -> bool:
    return stage == "label" or (stage == "rank" and campaign.config.rank.relaxation == "cell")


def _head_problems(use: Use, heads: tuple[str, ...]) -> Iterator[str]:
    if use.head is None and len(heads) > 1:
        yield (
            f"{use.head_field}: {use.name} has several heads ({', '.join(heads)}), and none is "
            f"named. Set {use.head_field} to one of them."
        )
    if use.head is not None and not heads:
        yield (
            f"{use.head_field}: {use.name} has no heads, but {use.head!r} is named. Remove "
            f"{use.head_field}."
        )
    elif use.head is not None and use.head not in heads:
        yield (
            f"{use.head_field}: {use.name} has no head {use.head!r}; it has {', '.join(heads)}. "
            "Take one of these."
        )


def _facts(name: str) -> Facts:
    from mlipsse.energetics.potentials.calculators import known_species, make_calculator
    from mlipsse.energetics.potentials.catalogue import find_potential
    from mlipsse.energetics.potentials.loaded_mace import downloaded_file, elements
    from mlipsse.energetics.potentials.mace_model import head_names, load_mace_model
    from mlipsse.potential.export.model_family import require_exportable
    from mlipsse.potential.export.other_engines.symmetrix import require_holds

    potential: Potential = find_potential(name)
    if potential.kind == "environment":
        calculator = make_calculator(name)
        stress = "stress" in calculator.implemented_properties
        return Facts(known_species(name), stress=stress)
    if potential.kind == "chgnet":
        return Facts(known_species(name))
    path = downloaded_file(potential)
    if path is None:
        return Facts(None)
    model = load_mace_model(path)
    return Facts(
        elements(model),
        head_names(model),
        refusal=_refusal(require_exportable, model, path),
        symmetrix_refusal=_refusal(require_holds, model, path),
    )


def _refusal(require: Callable[[Any, Path], None], model: Any, path: Path) -> str | None:
    try:
        require(model, path)
    except MlipsseError as error:
        return str(error)
    return None
