"""Stage 8: LAMMPS decks rendered and run, one folder per run."""

from pathlib import Path

from mlipsse.campaign.crystals.runs import runs
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.stage import Stage, Work
from mlipsse.campaign.stages.simulate.accepted import require_accepted
from mlipsse.campaign.stages.simulate.production import production_units, require_ended_elsewhere
from mlipsse.campaign.stages.simulate.rendering import (
    RunFiles,
    bring_plugin,
    cautions,
    write_scripts,
)
from mlipsse.md.files.folder import DATA_FILE, DECK_FILE
from mlipsse.md.files.record import OUTCOME_FILE, RECORD_FILE
from mlipsse.md.files.segments import SEGMENTS_FILE
from mlipsse.potential.bundle.folder import read_card
from mlipsse.potential.lammps.plugin import build_plugin


def inputs(campaign: Campaign) -> list[Path]:
    """The orderings, the potential and its card, and the host for the ion's charge."""
    lowest = campaign.config.simulate.orderings == "lowest"
    return [
        campaign.path(paths.Export.lowest if lowest else paths.Select.selected),
        *map(campaign.path, campaign.config.simulate.structures),
        campaign.model_file,
        campaign.card_file,
        campaign.path(campaign.config.structure.host),
    ]


def perform(work: Work) -> list[Path]:
    """Render every run's folder, then run them; killed runs go on from their restarts."""
    campaign = work.campaign
    require_accepted(campaign)
    files = RunFiles(
        root=work.folder,
        # Beside the runs, where decks find it whatever it was built for.
        plugin=bring_plugin(build_plugin(), work.folder),
        model=campaign.model_file,
        engine=campaign.config.simulate.engine,
    )
    card = read_card(campaign.card_file)
    wanted = runs(campaign)
    units = production_units(
        campaign,
        files,
        wanted=wanted,
        elements=card["elements"],
        threads=work.execution.threads,
        progress=work.progress,
    )
    write_scripts(campaign, files, wanted)
    require_ended_elsewhere(files, [unit.output.parent for unit in units])
    work.notes += cautions(campaign, wanted, cutoff_A=card["cutoff_A"])
    work.run_units(units)
    work.commands.append("lmp -log none -in in.lammps  (in every run's folder)")
    return [
        path
        for unit in units
        for name in (RECORD_FILE, OUTCOME_FILE, DECK_FILE, DATA_FILE, SEGMENTS_FILE)
        if (path := unit.output.parent / name).is_file()
    ]


STAGE = Stage(
    paths.Simulate.folder, ("seed", "structure", "enumerate", "export", "simulate"), inputs, perform
)
