"""Stage 8: LAMMPS decks rendered and run, one folder per run."""

import shutil
from functools import partial
from pathlib import Path

from mlipsse import keys
from mlipsse.campaign.acceptance import require_accepted
from mlipsse.campaign.execution import Unit
from mlipsse.campaign.folder import Campaign
from mlipsse.campaign.record import digest
from mlipsse.campaign.runs import Run, protocol, runs
from mlipsse.campaign.seeds import derived_seed
from mlipsse.campaign.stage import Stage, Work
from mlipsse.campaign.stages import enumerate as enumerate_stage
from mlipsse.campaign.stages import export, select
from mlipsse.files import write_aside
from mlipsse.md.protocol import Protocol
from mlipsse.md.record import OUTCOME_FILE, RECORD_FILE
from mlipsse.potential.plugin import PLUGIN_FILE, build_plugin


def inputs(campaign: Campaign) -> list[Path]:
    """The selected orderings, the potential and its card, and the host for the ion's charge."""
    return [
        campaign.path(select.SELECTED),
        export.model_file(campaign),
        export.card_file(campaign),
        *enumerate_stage.inputs(campaign),
    ]


def perform(work: Work) -> list[Path]:
    """Render every run's folder, then run them; killed runs go on from their restarts."""
    require_accepted(work.campaign, export.card_file(work.campaign))
    _bring_plugin(work.folder / PLUGIN_FILE)
    charges = enumerate_stage.campaign_host(work.campaign).charges
    mobile_charge_e = charges[work.campaign.config.structure.mobile]
    units = [_unit(work, run, mobile_charge_e) for run in runs(work.campaign)]
    work.run_units(units)
    work.commands.append("lmp -log none -in in.lammps  (in every run's folder)")
    return [
        path
        for unit in units
        for pattern in (RECORD_FILE, OUTCOME_FILE, "in.lammps", "structure.data", "traj.*.dcd")
        for path in sorted(unit.output.parent.glob(pattern))
    ]


def run_lammps(output: Path, *, threads: int) -> None:
    """Unit of work: one LAMMPS run to its end."""
    from mlipsse.md.run import run_folder

    run_folder(output.parent, threads=threads)


def _unit(work: Work, run: Run, mobile_charge_e: float) -> Unit:
    from mlipsse.geometry import supercell
    from mlipsse.md.data_file import species_by_type
    from mlipsse.md.deck import mace_commands
    from mlipsse.md.folder import render_folder
    from mlipsse.md.record import record_of

    campaign, config = work.campaign, work.campaign.config
    folder = work.folder / run.path
    atoms = supercell(
        run.start,
        min_atoms=config.simulate.min_atoms,
        min_width_A=config.simulate.min_length_A,
    )
    seed = derived_seed(config.seed, run.title)
    settings = protocol(config.simulate, run.temperature_K, seed=seed)
    model = export.model_file(campaign)
    # Relative, so that the campaign's folder can be moved or copied.
    up = Path(*[".."] * len(run.path.parts))
    pair_commands = mace_commands(
        plugin=up / PLUGIN_FILE,
        model=up / ".." / model.relative_to(campaign.folder),
        species=species_by_type(atoms),
    )
    render_folder(
        folder,
        atoms,
        title=run.title,
        protocol=settings,
        record=record_of(
            protocol=settings,
            formula=run.start.info[keys.COMPOSITION],
            composition=run.start.info[keys.COMPOSITION],
            ordering=run.start.info[keys.ORDERING],
            replica=run.replica,
            species=atoms.get_chemical_symbols(),
            mobile=config.structure.mobile,
            mobile_charge_e=mobile_charge_e,
            extra={"potential_sha256": digest(model)},
        ),
        pair_commands=pair_commands,
        template_dir=config.simulate.templates and campaign.path(config.simulate.templates),
        replace=True,
    )
    return Unit(
        run.title,
        folder / OUTCOME_FILE,
        run_lammps,
        {"threads": work.execution.threads},
        describe=partial(_describe, folder, run.title, settings),
    )


def _bring_plugin(path: Path) -> None:
    """Put the pair style beside the runs, where decks find it whatever it was built for."""
    built = build_plugin()
    if not path.is_file() or digest(path) != digest(built):
        with write_aside(path) as aside:
            shutil.copyfile(built, aside)


def _describe(folder: Path, title: str, settings: Protocol) -> str:
    from mlipsse.md.health import read_thermo

    steps = read_thermo(folder).step
    total = settings.equilibration_steps + settings.production_steps
    return f"{title} step {steps[-1]} of {total}" if len(steps) else ""


STAGE = Stage(
    8, "simulate", ("seed", "structure", "enumerate", "export", "simulate"), inputs, perform
)
