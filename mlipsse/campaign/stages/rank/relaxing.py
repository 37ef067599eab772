"""Relaxing orderings with a potential, in units of work."""

from collections.abc import Sequence
from pathlib import Path

from ase import Atoms

from mlipsse.campaign.config.campaign import RankConfig
from mlipsse.campaign.crystals.database import Row
from mlipsse.campaign.engine.execution import Unit
from mlipsse.campaign.engine.stage import Work
from mlipsse.campaign.engine.unit_json import decode, encode
from mlipsse.campaign.stages.rank.ranking import (
    Ranked,
    relaxation_settings,
    relaxed_row,
    units_of_work,
)
from mlipsse.energetics.relaxation.energies import relax_all
from mlipsse.files import write_text
from mlipsse.potential.native.copy import fastest


def relax_rows(
    work: Work, rows: Sequence[Row], settings: RankConfig, *, at_most: int | None = None
) -> list[Ranked]:
    """Relax the rows that are not done, in units of `at_most`, and read all.

    Parameters
    ----------
    settings : `foundation` and `head` name the potential
    """
    potential = work.campaign.potential(settings.foundation)
    batches = units_of_work(rows, settings, potential, at_most=at_most)
    units = [_unit(work, batch, settings) for batch in batches]
    work.run_units(units)
    answers = [answer for unit in units for answer in decode(unit.output.read_text())]
    return [relaxed_row(row, answer) for row, answer in zip(rows, answers, strict=True)]


def relax_batch(
    output: Path, *, structures: Sequence[Atoms], potential: str, mobile: str, settings: RankConfig
) -> None:
    """Unit of work: relax structures and keep what came of each."""
    name, head = fastest(potential, device=settings.device, head=settings.head)
    results = relax_all(
        structures,
        name,
        relaxation_settings(settings, mobile=mobile),
        device=settings.device,
        head=head,
    )
    answers = [
        {
            "atoms": result.atoms,
            "energy_eV": result.energy_eV if result.converged else None,
            "relaxed": settings.relaxation != "none",
            "steps": result.steps,
            "fault": result.fault,
            "reason": result.reason,
        }
        for result in results
    ]
    write_text(output, encode(answers))


def _unit(work: Work, batch: Sequence[Row], settings: RankConfig) -> Unit:
    mobile = work.campaign.config.structure.mobile
    arguments = {
        "structures": [row.atoms for row in batch],
        "potential": work.campaign.potential(settings.foundation),
        "mobile": mobile,
        "settings": settings,
    }
    identity = {
        "structures": [encode(row.atoms) for row in batch],
        "mobile": mobile,
        "settings": settings.model_dump(mode="json", exclude={"foundation", "batch", "search"}),
        "potential": work.potential_identity(settings.foundation),
    }
    output = work.unit_path(batch[0].name, identity, ".json")
    return Unit(f"energies of {batch[0].name} to {batch[-1].name}", output, relax_batch, arguments)
