"""What the production runs of a campaign will cost."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from mlipsse.campaign.crystals.runs import protocol, runs, simulated_cell
from mlipsse.campaign.crystals.selected import require_known
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.errors import MlipsseError
from mlipsse.files import write_text
from mlipsse.md.plan.estimate import run_cost


@dataclass(frozen=True)
class TemperatureCost:
    """Cost of all runs at one temperature.

    Attributes
    ----------
    temperature_K : of the thermostat, K
    runs : how many
    atoms_per_run : mean number
    ns_per_run : from the first step to the last, ns
    hours : of all runs on their device, h
    disk_GB : of all runs, GB
    """

    temperature_K: float
    runs: int
    atoms_per_run: float
    ns_per_run: float
    hours: float
    disk_GB: float


def estimate_campaign(
    campaign: Campaign,
    *,
    us_per_atom_step: float | None = None,
    report: Callable[[str], None] = lambda text: None,
) -> list[TemperatureCost]:
    """Hours and disk of the runs that the config asks for, by temperature.

    The cost of an atom's step is kept in `estimate.json`, with which `mlipsse status` compares the
    runs.

    Parameters
    ----------
    us_per_atom_step : µs; measured here when not given: the exported potential in LAMMPS, on one
        thread, for a cell of the runs' mean size
    report : called with what was measured

    Raises
    ------
    MlipsseError
        before orderings are selected; without a given cost also before a potential is exported.
    """
    require_known(campaign)
    if us_per_atom_step is not None and not us_per_atom_step > 0:
        raise MlipsseError(
            f"The cost of an atom's step is {us_per_atom_step:g} µs; it must be above 0. Take the "
            "value that `mlipsse potential bench` prints."
        )
    config = campaign.config.simulate
    wanted = runs(campaign)
    atoms = [len(simulated_cell(config, run.start)) for run in wanted]
    if us_per_atom_step is None:
        us_per_atom_step = _measure(campaign, round(sum(atoms) / len(atoms)), report)
    kept = {"us_per_atom_step": us_per_atom_step}
    write_text(campaign.path(paths.Root.estimate), json.dumps(kept) + "\n")
    rows = []
    for temperature_K in config.temperatures_K:
        settings = protocol(config, temperature_K, seed=1)
        here = [
            n for n, run in zip(atoms, wanted, strict=True) if run.temperature_K == temperature_K
        ]
        costs = [run_cost(settings, n_atoms=n, us_per_atom_step=us_per_atom_step) for n in here]
        rows.append(
            TemperatureCost(
                temperature_K,
                runs=len(here),
                atoms_per_run=sum(here) / len(here),
                ns_per_run=settings.last_frame_step * settings.timestep_fs * 1e-6,
                hours=sum(cost.hours for cost in costs),
                disk_GB=sum(cost.disk_GB for cost in costs),
            )
        )
    return rows


def _measure(campaign: Campaign, n_atoms: int, report: Callable[[str], None]) -> float:
    from mlipsse.potential.bundle.folder import read_bundle
    from mlipsse.potential.speed.benchmark import benchmark

    card = campaign.card_file
    if not card.is_file():
        raise MlipsseError(
            f"There is no exported potential to measure. Run mlipsse run {campaign.folder} "
            "--until export, or give --cost."
        )
    form = read_bundle(card.parent).first_of(campaign.config.export_formats)
    (row,) = benchmark(card.parent, atoms=[n_atoms], backends=[form], repeats=1)
    report(
        f"{row.backend}, {row.atoms} atoms, one thread: {row.us_per_atom_step:.0f} µs per atom "
        "and step"
    )
    return row.us_per_atom_step


def estimated_us_per_atom_step(campaign: Campaign) -> float | None:
    """What the last estimate took for the cost of an atom's step, µs; None without one."""
    try:
        content = json.loads(campaign.path(paths.Root.estimate).read_text(encoding="utf-8"))
        return float(content["us_per_atom_step"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
