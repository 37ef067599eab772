"""Find everything that would stop a campaign, before it costs time."""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlipsse.campaign.engine.folder import Campaign
from mlipsse.errors import MlipsseError

if TYPE_CHECKING:
    from mlipsse.campaign.crystals.orderings import HostReader

Check = Callable[[Campaign], Iterable[str] | None]
"""Gives a sentence for each thing that is wrong, or raises `MlipsseError` with the only one."""


@dataclass(frozen=True)
class Validation:
    """What was found.

    Attributes
    ----------
    problems : what would stop the campaign, one sentence each
    notes : what it would do that a user may want to know before, e.g. download a model
    """

    problems: Sequence[str]
    notes: Sequence[str]


def validate(campaign: Campaign, stages: Collection[str] | None = None) -> Validation:
    """Look for everything that is wrong with a campaign.

    Each stage's config, files and resources are checked: host and compositions; potentials, their
    elements, heads and downloads; GPUs, programs, compiler, folders and disk; labels, replay and
    options of the training; protocols, crystals and templates of production; windows and weights of
    the analysis. Loads MACE files for their elements and heads, downloads none, and runs nothing
    but a first sum on the GPUs that are asked for.

    Parameters
    ----------
    stages : to look at; all when not given
    """
    from mlipsse.campaign.crystals.orderings import HostReader

    crystals = HostReader(campaign)
    idle = () if campaign.trains else ("sample", "label", "finetune")
    wanted = [
        check
        for stage, check in _checks(crystals, stages or ())
        if stage not in idle and (stages is None or stage in stages or (not stage and stages))
    ]
    found: list[str] = []
    for check in wanted:
        found += [sentence for sentence in _sentences(check, campaign) if sentence not in found]
    return Validation(found, _notes(campaign, crystals, stages, found))


def problems(campaign: Campaign, stages: Collection[str] | None = None) -> list[str]:
    """Everything that is wrong with a campaign, one sentence each (see `validate`)."""
    return list(validate(campaign, stages).problems)


def _checks(crystals: "HostReader", stages: Collection[str]) -> list[tuple[str, Check]]:
    """Stage («» for every stage) and check, in the order of the stages.

    Parameters
    ----------
    stages : that are to be done; none where that is not known
    """
    from mlipsse.campaign.checks import production, resources, training
    from mlipsse.campaign.checks.downloads import download_problems
    from mlipsse.campaign.checks.engines import engine_problems
    from mlipsse.campaign.checks.potentials import (
        PotentialReader,
        export_problems,
        given_problems,
        potential_problems,
    )

    reader = PotentialReader()

    def of(stage: str) -> list[tuple[str, Check]]:
        """What the stages that load a potential have in common."""
        return [
            (stage, lambda campaign: potential_problems(campaign, stage, reader)),
            (stage, lambda campaign: download_problems(campaign, stage)),
            (stage, lambda campaign: resources.gpu_problems(campaign, stage)),
        ]

    return [
        ("", resources.folder_problems),
        ("", resources.execution_problems),
        ("", lambda campaign: resources.gpu_problems(campaign, "execution")),
        ("enumerate", lambda campaign: _composition_problems(campaign, crystals)),
        ("enumerate", _check_end_members),
        *of("rank"),
        *of("sample"),
        ("sample", _sample_problems),
        ("sample", training.size_problems),
        ("label", _check_given_labels),
        ("label", resources.program_problems),
        *of("label"),
        ("finetune", training.foundation_problems),
        *of("finetune"),
        ("finetune", training.option_problems),
        ("export", lambda campaign: export_problems(campaign, reader)),
        ("export", given_problems),
        ("export", lambda campaign: engine_problems(campaign, reader)),
        ("export", resources.device_problems),
        ("export", lambda campaign: resources.gpu_problems(campaign, "export")),
        ("export", resources.compiler_problems),
        ("export", resources.build_problems),
        ("simulate", resources.build_problems),
        ("simulate", lambda campaign: resources.gpu_problems(campaign, "simulate")),
        ("simulate", production.protocol_problems),
        ("simulate", production.structure_problems),
        # A potential that is to be exported and tried again is not judged by its last trials.
        *([] if "export" in stages else [("simulate", production.bundle_problems)]),
        ("simulate", production.template_problems),
        ("simulate", lambda campaign: production.disk_problems(campaign, crystals)),
        ("transport", production.window_problems),
        ("transport", lambda campaign: production.weight_problems(campaign, crystals)),
    ]


def _sentences(check: Check, campaign: Campaign) -> list[str]:
    found = []
    try:
        for sentence in check(campaign) or ():
            found.append(sentence)
    except MlipsseError as error:
        found.append(str(error))
    return found


def _notes(
    campaign: Campaign,
    crystals: "HostReader",
    stages: Collection[str] | None,
    problems: Sequence[str],
) -> list[str]:
    from mlipsse.campaign.checks.downloads import wanted_downloads
    from mlipsse.campaign.checks.engines import engine_notes
    from mlipsse.campaign.checks.resources import device_notes, format_notes, program_notes
    from mlipsse.campaign.crystals.orderings import host_lines

    notes: list[str] = []
    if stages is None or "export" in stages:
        notes += format_notes(campaign)
    notes += device_notes(campaign)
    if stages is None or "simulate" in stages:
        notes += engine_notes(campaign)
    # What is refused here is among the problems.
    if stages is None or "label" in stages:
        with suppress(MlipsseError):
            notes += program_notes(campaign)
    with suppress(MlipsseError):
        notes += host_lines(crystals.host)
    with suppress(MlipsseError):
        wanted = wanted_downloads(campaign)
        notes += [
            one.note
            for one in wanted
            if (stages is None or one.stage in stages)
            # What cannot be downloaded is among the problems.
            and not any(text.startswith(f"{one.field}: {one.what} is not") for text in problems)
        ]
    return notes


def _composition_problems(campaign: Campaign, crystals: "HostReader") -> Iterable[str]:
    from mlipsse.campaign.crystals.orderings import realisable_composition
    from mlipsse.orderings import count_orderings

    host, cells = crystals.host, crystals.supercells
    limit = campaign.config.enumerate.max_orderings
    for formula in campaign.config.enumerate.formulas:
        try:
            composition = realisable_composition(formula, host, cells)
            counts = [count_orderings(composition, cell, max_orderings=limit) for cell in cells]
        except MlipsseError as error:
            yield str(error)
            continue
        if all(count.route == "impossible" for count in counts):
            yield next(
                count.reason
                for cell, count in zip(cells, counts, strict=True)
                if composition.fits(cell)
            )


def _check_end_members(campaign: Campaign) -> None:
    from mlipsse.campaign.crystals.system import system_of

    system_of(campaign.config.enumerate)


def _sample_problems(campaign: Campaign) -> Iterable[str]:
    if campaign.config.label.given_file is not None:
        return  # nothing is sampled
    config = campaign.config.sample
    for temperature_K in config.temperatures_K:
        try:
            config.trajectory(temperature_K)
        except MlipsseError as error:
            yield f"sample, {temperature_K:g} K: {error}"


def _check_given_labels(campaign: Campaign) -> None:
    from mlipsse.campaign.stages.label.given_labels import check_given, read_given

    if campaign.config.label.given_file is None:
        return
    try:
        check_given(campaign, read_given(campaign))
    except MlipsseError as error:
        raise MlipsseError(f"label.source: {error}") from error
