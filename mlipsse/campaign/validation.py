"""Find what would stop a campaign, before it costs time."""

from collections.abc import Callable

from mlipsse.campaign.folder import Campaign
from mlipsse.errors import MlipsseError


def problems(campaign: Campaign) -> list[str]:
    """Everything that is wrong with a campaign, one sentence each; an empty list when nothing is.

    Checks host, compositions, end members, supercells, potentials, their species, the label source
    (its command and pseudopotentials where it is a program) and the protocol of every temperature.
    Loads no potential but MACE files, for their elements, downloads none, and runs nothing.
    """
    checks: list[Callable[[Campaign], None]] = [
        *(_composition_check(formula) for formula in campaign.config.enumerate.formulas),
        _check_end_members,
        _check_rank,
        _check_sample,
        _check_label,
        _check_finetune,
        _check_protocols,
        _check_lammps,
        _check_execution,
    ]
    found: list[str] = []
    for check in checks:
        try:
            check(campaign)
        except MlipsseError as error:
            if str(error) not in found:
                found.append(str(error))
    return found


def host_notes(campaign: Campaign) -> list[str]:
    """Charges of the host with their source, and what was noted of it; empty when it is refused."""
    from mlipsse.campaign.orderings import campaign_host, host_lines

    try:
        return host_lines(campaign_host(campaign))
    except MlipsseError:
        return []  # `problems` reports why


def _composition_check(formula: str) -> Callable[[Campaign], None]:
    def check(campaign: Campaign) -> None:
        from mlipsse.campaign.orderings import (
            campaign_host,
            campaign_supercells,
            realisable_composition,
        )

        host = campaign_host(campaign)
        realisable_composition(formula, host, campaign_supercells(campaign, host))

    return check


def _check_end_members(campaign: Campaign) -> None:
    from mlipsse.campaign.phases import system_of

    system_of(campaign.config.enumerate)


def _check_potential(campaign: Campaign, field: str, name: str) -> None:
    from mlipsse.energetics.calculators import check_species

    try:
        check_species(campaign.potential(name), campaign.config.enumerate.elements)
    except MlipsseError as error:
        raise MlipsseError(f"{field}: {error}") from error


def _check_rank(campaign: Campaign) -> None:
    _check_potential(campaign, "rank.foundation", campaign.config.rank.foundation)


def _check_sample(campaign: Campaign) -> None:
    from mlipsse.campaign.sampling import sampling_settings

    if campaign.config.label.given_file is not None:
        return  # nothing is sampled
    config = campaign.config.sample
    _check_potential(campaign, "sample.foundation", config.foundation)
    for temperature_K in config.temperatures_K:
        sampling_settings(config, temperature_K)


def _check_label(campaign: Campaign) -> None:
    from mlipsse.dataset.labels import teacher_name

    config = campaign.config.label
    if config.given_file is not None:
        try:
            _split_given(campaign)
        except MlipsseError as error:
            raise MlipsseError(f"label.source: {error}") from error
    name = teacher_name(config.source)
    if name is not None:
        _check_potential(campaign, "label.source", name)
    if config.program is not None:
        try:
            config.program.runs.check()
            config.program.program.check(campaign.config.enumerate.elements)
        except MlipsseError as error:
            raise MlipsseError(f"label.{config.program.name}: {error}") from error


def _split_given(campaign: Campaign) -> None:
    from mlipsse.campaign.given_labels import read_given

    config = campaign.config.label
    read_given(campaign).split(
        valid_fraction=config.valid_fraction,
        test_fraction=config.test_fraction,
        seed=campaign.config.seed,
    )


def _check_finetune(campaign: Campaign) -> None:
    from mlipsse.campaign.foundation import find_foundation
    from mlipsse.training.command import check_options

    config = campaign.config.finetune
    find_foundation(campaign)
    _check_potential(campaign, "finetune.foundation", config.foundation)
    try:
        check_options(config.options)
    except MlipsseError as error:
        raise MlipsseError(f"finetune.options: {error}") from error
    if not isinstance(config.e0s, str):
        missing = sorted(campaign.config.enumerate.elements - set(config.e0s))
        if missing:
            raise MlipsseError(
                f"finetune.e0s gives no energy of {', '.join(missing)}. Add it, or let e0s be "
                "estimated."
            )


def _check_protocols(campaign: Campaign) -> None:
    from mlipsse.campaign.runs import given_structures, protocol

    for temperature_K in campaign.config.simulate.temperatures_K:
        protocol(campaign.config.simulate, temperature_K, seed=1)
    given_structures(campaign)


def _check_lammps(campaign: Campaign) -> None:
    from mlipsse.lammps import find_lammps

    find_lammps()


def _check_execution(campaign: Campaign) -> None:
    from mlipsse.campaign.parsl_kernel import check_execution

    check_execution(campaign.config.execution)
