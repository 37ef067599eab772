"""The folders of a campaign's production runs, in the campaign or as a folder of their own."""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ase import Atoms

from mlipsse import keys
from mlipsse.campaign.config.campaign import CampaignConfig
from mlipsse.campaign.config.execution import SlurmConfig
from mlipsse.campaign.crystals.orderings import campaign_host
from mlipsse.campaign.crystals.runs import Run, protocol, simulated_cell
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.record import digest
from mlipsse.campaign.engine.seeds import derived_seed
from mlipsse.engines import EngineName
from mlipsse.errors import MlipsseError
from mlipsse.files import write_aside
from mlipsse.md.calculator import RunCalculator
from mlipsse.md.files.array_job import ArrayJob, write_array_job
from mlipsse.md.files.data_file import species_by_type
from mlipsse.md.files.deck import calculator_commands, mace_commands
from mlipsse.md.files.folder import render_folder
from mlipsse.md.files.record import RECORD_FILE, RunSubject, read_record, record_of
from mlipsse.md.plan.protocol import timestep_caution
from mlipsse.potential.lammps.plugin import PLUGIN_FILE, TORCH_FILE
from mlipsse.structures.geometry import widths_A


@dataclass(frozen=True)
class RunFiles:
    """What all decks load.

    Attributes
    ----------
    root : folder below which the runs lie
    plugin, model : files in or beside `root`; decks name them relative to their own folder, so
        that everything can be moved together
    engine : what evaluates the model
    """

    root: Path
    plugin: Path
    model: Path
    engine: EngineName = "mlipsse"

    @property
    def name(self) -> str:
        """Of the potential, in messages."""
        return str(self.model)

    def commands(
        self, folder: Path, species: Sequence[str], config: CampaignConfig
    ) -> tuple[str, ...]:
        """Interactions of the deck in a folder, of elements in the order of their types."""
        return mace_commands(
            plugin=Path(os.path.relpath(self.plugin, folder)),
            model=Path(os.path.relpath(self.model, folder)),
            species=species,
            engine=self.engine,
            dtype=config.export.dtype,
            device=config.simulate.device,
        )

    def extra(self) -> dict[str, Any]:
        """What the records of the runs state."""
        return {"potential_sha256": digest(self.model)}


@dataclass(frozen=True)
class CalculatorRuns:
    """Runs whose forces come from a calculator in Python.

    Attributes
    ----------
    root : folder below which the runs lie
    calculator : the potential
    """

    root: Path
    calculator: RunCalculator
    engine: EngineName = "mlipsse"

    @property
    def name(self) -> str:
        """Of the potential, in messages."""
        return self.calculator.potential

    def commands(
        self, folder: Path, species: Sequence[str], config: CampaignConfig
    ) -> tuple[str, ...]:
        """Interactions of the deck in a folder, the same for all."""
        return calculator_commands()

    def extra(self) -> dict[str, Any]:
        """What the records of the runs state."""
        return self.calculator.extra()


def render_runs(
    campaign: Campaign,
    files: RunFiles | CalculatorRuns,
    *,
    wanted: Sequence[Run],
    elements: Sequence[str],
    replace: bool,
    progress: Callable[[int, int, str], None] = lambda done, total, text: None,
) -> list[tuple[Run, Path]]:
    """Write the folder of every wanted run.

    Folders that are there already keep what they have recorded (see `render_folder`); a run that
    was lengthened by the rule `until` keeps its length.

    Parameters
    ----------
    wanted : runs of the campaign
    elements : that the potential knows
    replace : remove what runs with other settings left, instead of refusing

    Returns
    -------
    list
        each run with its folder.

    Raises
    ------
    MlipsseError
        when the potential lacks an element of a structure, and as `render_folder`.
    """
    config = campaign.config
    charge = campaign_host(campaign).charges[config.structure.mobile]
    mobile_charge_e = charge if isinstance(charge, int) else float(charge)
    extra = files.extra()
    cells: dict[str, Atoms] = {}
    rendered = []
    for done, run in enumerate(wanted):
        progress(done, len(wanted), run.name)
        info = run.start.info
        if info[keys.ORDERING] not in cells:
            cells[info[keys.ORDERING]] = simulated_cell(config.simulate, run.start)
        atoms = cells[info[keys.ORDERING]]
        species = species_by_type(atoms)
        unknown = [symbol for symbol in species if symbol not in elements]
        if unknown:
            raise MlipsseError(
                f"The potential {files.name} does not know {', '.join(unknown)} of "
                f"{run.composition}; it knows {', '.join(elements)}."
            )
        folder = files.root / run.path
        settings = protocol(
            config.simulate,
            run.temperature_K,
            seed=derived_seed(config.seed, run.name),
            at_least_ps=_lengthened_ps(folder) if config.simulate.until else 0.0,
        )
        subject = RunSubject(
            formula=run.composition,
            composition=run.composition,
            ordering=info[keys.ORDERING],
            replica=run.replica,
            mobile=config.structure.mobile,
            mobile_charge_e=mobile_charge_e,
        )
        render_folder(
            folder,
            atoms,
            record_of(atoms, subject, settings, extra=extra),
            pair_commands=files.commands(folder, species, config),
            engine=files.engine,
            template_dir=template_dir(campaign),
            replace=replace,
        )
        rendered.append((run, folder))
    return rendered


def write_scripts(campaign: Campaign, files: RunFiles, wanted: Sequence[Run]) -> list[Path]:
    """The SLURM array that does these runs, by the block `execution.slurm`."""
    config = campaign.config
    slurm = config.execution.slurm or SlurmConfig()
    gpu = slurm.gpus_per_node > 0
    job = ArrayJob(
        name=config.name,
        walltime=slurm.walltime,
        runs_per_task=slurm.runs_per_gpu if gpu else 1,
        threads=config.execution.threads_per_worker,
        gpu=gpu,
        partition=slurm.partition,
        account=slurm.account,
        memory_GB=slurm.memory_GB,
        modules=slurm.modules,
        setup=slurm.setup,
        options=slurm.options,
        engine=files.engine,
        model=os.path.relpath(files.model, files.root),
        dtype=config.export.dtype,
    )
    return write_array_job(
        files.root, [run.path for run in wanted], job, template_dir=template_dir(campaign)
    )


def template_dir(campaign: Campaign) -> Path | None:
    """The user's own templates."""
    templates = campaign.config.simulate.templates
    return None if templates is None else campaign.path(templates)


def bring(source: Path, target: Path) -> Path:
    """Copy a file that decks load beside the runs, unless the same is there; returns `target`."""
    if not target.is_file() or digest(target) != digest(source):
        with write_aside(target) as aside:
            shutil.copyfile(source, aside)
    return target


def bring_plugin(plugin: Path, folder: Path) -> Path:
    """Bring the pair style and its library for torch into a folder; returns the plugin's path."""
    beside = plugin.with_name(TORCH_FILE)
    if beside.is_file():  # not in a runtime for native code alone
        bring(beside, folder / TORCH_FILE)
    return bring(plugin, folder / PLUGIN_FILE)


def cautions(campaign: Campaign, wanted: Sequence[Run], *, cutoff_A: float) -> list[str]:
    """Sentences about protocols and cells that will run, but not well; each once.

    Parameters
    ----------
    wanted : runs of the campaign
    cutoff_A : of the potential
    """
    from ase.data import atomic_masses, atomic_numbers

    config = campaign.config
    masses_u = [atomic_masses[atomic_numbers[symbol]] for symbol in config.enumerate.elements]
    found = (
        timestep_caution(
            timestep_fs=config.simulate.rung(temperature_K)["timestep_fs"], masses_u=masses_u
        )
        for temperature_K in config.simulate.temperatures_K
    )
    cells = {run.start.info[keys.ORDERING]: run.start for run in wanted}
    narrow = [
        f"{name}: the cell is {width_A:.1f} Å wide, less than the potential's cutoff of "
        f"{cutoff_A:g} Å: atoms interact with their own images. Raise simulate.min_length_A."
        for name, start in cells.items()
        if (width_A := min(widths_A(simulated_cell(config.simulate, start)))) < cutoff_A
    ]
    return [*dict.fromkeys(sentence for sentence in found if sentence), *narrow]


def _lengthened_ps(folder: Path) -> float:
    there = (folder / RECORD_FILE).is_file()
    return read_record(folder).protocol.production_ps if there else 0.0
