"""What would stop production or its analysis: protocols, crystals, templates, disk, windows."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from ase import Atoms

from mlipsse import keys
from mlipsse.campaign.crystals.orderings import HostReader
from mlipsse.campaign.crystals.runs import (
    Run,
    protocol,
    runs,
    simulated_cell,
    structures_of,
)
from mlipsse.campaign.crystals.selected import are_known
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.stages.simulate.rendering import template_dir
from mlipsse.errors import MlipsseError
from mlipsse.orderings import Composition, Supercell, parse_composition
from mlipsse.orderings.host.model import VACANCY

_CHECKED = "check"
_SPACING_A = 4.0
"""Between the atoms of a crystal of all elements, far enough for any deck."""


def protocol_problems(campaign: Campaign) -> Iterator[str]:
    """Sentences about the protocol of each temperature, and of the longest run by `until`."""
    config = campaign.config.simulate
    for temperature_K in config.temperatures_K:
        try:
            settings = protocol(config, temperature_K, seed=1)
        except MlipsseError as error:
            yield f"simulate, {temperature_K:g} K: {error}"
            continue
        if config.until is None:
            continue
        try:
            settings.replaced(production_ps=config.until.max_production_ps)
        except MlipsseError as error:
            yield f"simulate.until.max_production_ps, {temperature_K:g} K: {error}"


def structure_problems(campaign: Campaign) -> Iterator[str]:
    """Sentences about the crystals that `simulate.structures` names, file by file."""
    from mlipsse.md.files.deck import checked_name

    config = campaign.config
    named: Counter[str] = Counter()
    for path in config.simulate.structures:
        try:
            given = structures_of(campaign, path)
        except MlipsseError as error:
            yield str(error)
            continue
        for atoms in given:
            ordering = str(atoms.info[keys.ORDERING])
            named[ordering] += 1
            try:
                checked_name(
                    Run(atoms, config.simulate.temperatures_K[0], 0).name, what="name of the run"
                )
            except MlipsseError as error:
                yield f"simulate.structures: {path}: {error}"
            if not atoms.pbc.all() or atoms.cell.rank < 3:
                yield (
                    f"simulate.structures: {path} ({ordering}) is not periodic in three "
                    "directions. Add a cell."
                )
            if config.structure.mobile not in atoms.get_chemical_symbols():
                yield (
                    f"simulate.structures: {path} ({ordering}) contains no "
                    f"{config.structure.mobile}, the mobile ion. Remove it."
                )
    twice = sorted(name for name, count in named.items() if count > 1)
    if twice:
        yield (
            f"simulate.structures: {', '.join(twice)} contains several crystals whose runs would "
            "share a folder. Rename the files."
        )


def template_problems(campaign: Campaign) -> Iterator[str]:
    """Sentences about the user's own templates, rendered for a crystal of all elements."""
    templates = template_dir(campaign)
    if templates is None:
        return
    from mlipsse.md.files.array_job import ArrayJob, write_array_job
    from mlipsse.md.files.deck import render_deck
    from mlipsse.md.files.record import RunSubject, record_of

    config = campaign.config
    symbols = sorted({*config.enumerate.elements, config.structure.mobile})
    places = np.arange(len(symbols))[:, None] * [_SPACING_A, 0.0, 0.0]
    cell = [_SPACING_A * len(symbols), _SPACING_A, _SPACING_A]
    atoms = Atoms(symbols, places, cell=cell, pbc=True)
    try:
        settings = protocol(config.simulate, config.simulate.temperatures_K[0], seed=1)
    except MlipsseError:
        return  # another check names it
    try:
        subject = RunSubject(
            formula=_CHECKED,
            composition=_CHECKED,
            ordering=_CHECKED,
            replica=0,
            mobile=config.structure.mobile,
            mobile_charge_e=1.0,
        )
        record = record_of(atoms, subject, settings)
        render_deck(
            record, title=_CHECKED, pair_commands=["pair_style zero 5.0"], template_dir=templates
        )
        with tempfile.TemporaryDirectory(prefix="mlipsse-") as folder:
            job = ArrayJob(name=config.name)
            write_array_job(Path(folder), [Path(_CHECKED)], job, template_dir=templates)
    except MlipsseError as error:
        yield f"simulate.templates: {error}"


def bundle_problems(campaign: Campaign) -> Iterator[str]:
    """Sentences about the exported potential, where no stage before production is to be done."""
    from mlipsse.campaign.runner import stages_to_do
    from mlipsse.campaign.stages.simulate.accepted import require_accepted
    from mlipsse.potential.bundle.folder import read_bundle

    if stages_to_do(campaign, last=paths.Export.folder.name):
        return
    try:
        bundle = read_bundle(campaign.card_file.parent)
    except MlipsseError as error:
        yield f"export: {error}"
        return
    unknown = sorted(campaign.config.enumerate.elements - set(bundle.elements))
    if unknown:
        yield (
            f"export: the potential {campaign.config.export.name} does not know "
            f"{', '.join(unknown)}; it knows {', '.join(bundle.elements)}. Train it on frames of "
            "these elements: mlipsse run DIR --from sample."
        )
    try:
        require_accepted(campaign)
    except MlipsseError as error:
        yield str(error)


def disk_problems(campaign: Campaign, crystals: HostReader) -> Iterator[str]:
    """A sentence where the runs need more room than the disk of the campaign has.

    Before orderings are selected, the smallest cells that the runs can have are counted.
    """
    from mlipsse.md.plan.estimate import run_cost

    config = campaign.config.simulate
    try:
        sizes = _run_sizes(campaign, crystals)
        needed_GB = sum(
            run_cost(
                protocol(config, temperature_K, seed=1), n_atoms=n_atoms, us_per_atom_step=1.0
            ).disk_GB
            for n_atoms, temperature_K in sizes
        )
    except MlipsseError:
        return  # another check names it
    folder = campaign.path(paths.Simulate.folder)
    there_GB = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e9
    free_GB = shutil.disk_usage(campaign.folder).free / 1e9
    if needed_GB - there_GB > free_GB:
        yield (
            f"simulate: the {len(sizes)} runs require {needed_GB:.3g} GB for their trajectories, "
            f"of which {there_GB:.2g} are written, but the disk of {campaign.folder} has "
            f"{free_GB:.3g} GB free. Free disk space, raise simulate.dump_every_fs, or move the "
            "campaign."
        )


def window_problems(campaign: Campaign) -> Iterator[str]:
    """Sentences about how runs are analysed, which would come up when all of them have ended."""
    from mlipsse.transport import WindowSettings

    config = campaign.config
    window_ps = config.transport.window_ps
    try:
        WindowSettings(window_ps=window_ps)
    except MlipsseError as error:
        yield f"transport.window_ps: {error}"
        return
    if window_ps is None:
        return
    for temperature_K in config.simulate.temperatures_K:
        try:
            length_ps = protocol(config.simulate, temperature_K, seed=1).production_ps
        except MlipsseError:
            continue  # another check names it
        if config.simulate.until is not None:
            length_ps = max(length_ps, config.simulate.until.max_production_ps)
        if window_ps[1] > length_ps:
            yield (
                f"transport.window_ps: the window ends at {window_ps[1]:g} ps, but the production "
                f"at {temperature_K:g} K is {length_ps:g} ps long. End the window earlier, or "
                "raise simulate.production_ps."
            )


def weight_problems(campaign: Campaign, crystals: HostReader) -> Iterator[str]:
    """Sentences about Boltzmann weights per cell of orderings in cells of several sizes."""
    config = campaign.config
    if config.transport.orderings == "alike" or config.select.per != "cell":
        return
    for composition, cells in _cells_by_formula(campaign, crystals).items():
        sizes = sorted({supercell.n_cells for supercell in cells})
        if len(sizes) > 1:
            n_cells = ", ".join(map(str, sizes))
            yield (
                f"transport.orderings: boltzmann weighs the orderings of {composition.formula} "
                f"per cell (select.per), but its supercells contain {n_cells} cells of the host, "
                "and only cells of one size compare. Set select.per: formula_unit or atom, or "
                "transport.orderings: alike."
            )


def _cells_by_formula(
    campaign: Campaign, crystals: HostReader
) -> dict[Composition, list[Supercell]]:
    """Supercells that can hold each composition, of those that can be read: others are named by
    the check of compositions."""
    found = {}
    try:
        host, cells = crystals.host, crystals.supercells
    except MlipsseError:
        return {}
    for formula in campaign.config.enumerate.compositions:
        try:
            composition = parse_composition(formula, host)
            found[composition] = [cell for cell in cells if composition.fits(cell)]
        except MlipsseError:
            continue
    return found


def _run_sizes(campaign: Campaign, crystals: HostReader) -> list[tuple[int, float]]:
    """Atoms and temperature of every run, or of the fewest and smallest there can be."""
    config = campaign.config.simulate
    if are_known(campaign):
        sizes: dict[int, int] = {}
        found = []
        for run in runs(campaign):
            if id(run.start) not in sizes:
                sizes[id(run.start)] = len(simulated_cell(config, run.start))
            found.append((sizes[id(run.start)], run.temperature_K))
        return found
    smallest = []
    for composition, cells in _cells_by_formula(campaign, crystals).items():
        least = [len(simulated_cell(config, _stand_in(composition, cell))) for cell in cells]
        smallest += [min(least)] if least else []
    return [
        (n_atoms, temperature_K)
        for n_atoms in smallest
        for temperature_K in config.temperatures_K
        for _ in range(config.rung(temperature_K)["replicas"])
    ]


def _stand_in(composition: Composition, cell: Supercell) -> Atoms:
    """As many atoms, of whatever kind, in the cell that an ordering has."""
    n_atoms = sum(
        count
        for species, counts in zip(composition.species, composition.site_counts(cell), strict=True)
        for name, count in zip(species, counts, strict=True)
        if name != VACANCY
    )
    return Atoms(f"H{n_atoms}", cell=cell.cell, pbc=True)
