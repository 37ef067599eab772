"""Orderings of a large cell at a temperature, from the energies that a campaign's ranking gave."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlipsse.campaign.crystals.orderings import campaign_host
from mlipsse.campaign.crystals.store import ranked_store, row_labels, row_supercell, stored_values
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.table import write_csv
from mlipsse.campaign.stages.rank.ranking import relaxation_settings
from mlipsse.energetics.relaxation.energies import relax_all
from mlipsse.errors import MlipsseError
from mlipsse.files import write_text
from mlipsse.md.files.formats import check_formats, write_structures
from mlipsse.orderings import Composition, Host, Supercell, parse_composition
from mlipsse.orderings.counting.ordering import decorated_atoms, ordering_name
from mlipsse.orderings.thermal import (
    MonteCarloRun,
    MonteCarloSettings,
    PairModel,
    fit_best_pair_model,
    fit_pair_model,
    run_monte_carlo,
    save_pair_model,
)
from mlipsse.potential.native.copy import fastest


@dataclass(frozen=True)
class ThermalSettings:
    """What is sampled, and on what model.

    Attributes
    ----------
    composition, supercell : of the samples
    temperature_K : of the ensemble
    hottest_K : of the parallel tempering; None for the default of `MonteCarloSettings`
    samples, chains : in all, and from how many independent starts
    cutoff_A : of the model's pairs; None for the best in cross-validation (`fit_best_pair_model`)
    ewald : whether the model has an electrostatic term
    typical : orderings that the first model takes for typical at the temperature; their energies
        are computed with the foundation potential and the model is fitted again with them; 0 for
        none
    seed : of everything random
    """

    composition: str
    supercell: str
    temperature_K: float
    hottest_K: float | None
    samples: int
    chains: int
    cutoff_A: float | None
    ewald: bool
    typical: int
    seed: int


@dataclass(frozen=True, eq=False)
class Training:
    """Orderings of small cells and their energies.

    Attributes
    ----------
    structures : supercell and labels, (n_sites,) int8, of each
    energies_eV : of the whole cells, eV
    """

    structures: list[tuple[Supercell, np.ndarray]]
    energies_eV: list[float]


def sample_orderings(
    campaign: Campaign,
    settings: ThermalSettings,
    out: Path,
    *,
    formats: Sequence[str],
    report: Callable[[str], None],
) -> dict[str, Any]:
    """Fit a pair model to the ranking, sample a large cell with it, and write both.

    Cross-validation on the orderings of the ranking does not measure the error on those typical at
    a temperature, so the model's error on `settings.typical` of these is measured with the
    foundation potential, and they are added to the fit. What was computed is kept in `out`, and the
    same command goes on from there.

    Returns
    -------
    dict
        what `sampling.json` holds.

    Raises
    ------
    MlipsseError
        when nothing was ranked yet, the fit is not determined, or the sampling is not at
        equilibrium.
    """
    check_formats(formats)  # before hours are spent on what they are to hold
    plan = _plan(settings, samples=settings.samples, seed=settings.seed, chains=settings.chains)
    host = campaign_host(campaign)
    composition = parse_composition(settings.composition, host)
    large = Supercell(host, settings.supercell)
    counts = composition.site_counts(large)
    training = ranked_energies(campaign, host)
    units = float(composition.units_per_cell)
    model = _fit(host, training, settings, units)
    report(f"Fit to {len(training.energies_eV)} ranked orderings: {_words(model)}")
    result: dict[str, Any] = {"settings": asdict(settings), "ranked_fit": _words(model)}
    if settings.typical:
        found, left_out = _typical_orderings(campaign, model, training, composition, settings, out)
        error_meV = _prediction_error(model, found, units)
        result |= {"typical_error_meV": error_meV, "typical_left_out": left_out}
        report(
            f"{len(found.energies_eV)} orderings typical at {settings.temperature_K:g} K "
            f"({left_out} left out): the model was off by {error_meV:.3g} meV per formula unit."
        )
        training = Training(
            [*training.structures, *found.structures], [*training.energies_eV, *found.energies_eV]
        )
        model = _fit(host, training, settings, units)
        report(f"Fit with these orderings: {_words(model)}")
    result["fit"] = _words(model)
    save_pair_model(model, out / "model.json")
    run = run_monte_carlo(
        model,
        large,
        plan,
        counts=counts,
        folder=out / "chains",
        report=report,
    )
    report(run.sentence())
    names = _write_samples(run, settings, out, formats)
    result |= {
        "sampling": run.sentence(),
        "samples": names,
        "mean_energy_eV": run.mean_energy_eV,
        "mean_energy_error_eV": run.mean_energy_error_eV,
        "acceptance": run.acceptance,
        "autocorrelation_times_sweeps": run.taus_sweeps,
        "exchange_rates": run.exchange_rates.tolist(),
        "effective_samples": run.effective_samples,
        "independent": run.independent,
    }
    write_text(out / "sampling.json", json.dumps(result, indent=1) + "\n")
    return result


def _plan(
    settings: ThermalSettings, *, samples: int, seed: int, chains: int = 2
) -> MonteCarloSettings:
    """How a cell is sampled; refuses temperatures that make no sense."""
    return MonteCarloSettings(
        temperature_K=settings.temperature_K,
        hottest_K=settings.hottest_K,
        samples=samples,
        seed=seed,
        chains=chains,
    )


def ranked_energies(campaign: Campaign, host: Host) -> Training:
    """Orderings of a campaign's ranking, each with the energy of its cell.

    Raises
    ------
    MlipsseError
        when the campaign has no ranking yet.
    """
    cells: dict[str, Supercell] = {}
    training = Training([], [])
    for values in stored_values(ranked_store(campaign)):
        cell = cells.setdefault(str(values["supercell"]), row_supercell(host, values))
        training.structures.append((cell, row_labels(cell, values)))
        training.energies_eV.append(float(values["energy_eV"]))
    return training


def _fit(host: Host, training: Training, settings: ThermalSettings, units: float) -> PairModel:
    facts: dict[str, Any] = {
        "ewald": settings.ewald,
        "formula_units_per_cell": units,
        "seed": settings.seed,
    }
    if settings.cutoff_A is None:
        return fit_best_pair_model(host, training.structures, training.energies_eV, **facts)
    return fit_pair_model(
        host, training.structures, training.energies_eV, cutoff_A=settings.cutoff_A, **facts
    )


def _typical_orderings(
    campaign: Campaign,
    model: PairModel,
    training: Training,
    composition: Composition,
    settings: ThermalSettings,
    out: Path,
) -> tuple[Training, int]:
    """Small-cell orderings that the model takes for typical, with the potential's energies."""
    known = {id(cell): cell for cell, _ in training.structures}
    cells = [cell for cell in known.values() if composition.fits(cell)]
    if not cells:
        raise MlipsseError(
            f"No ranked supercell holds {composition.formula}, so no typical ordering can be "
            "computed. Rank a supercell that does, or give `--typical 0`."
        )
    cell = max(cells, key=lambda supercell: supercell.n_cells)
    run = run_monte_carlo(
        model,
        cell,
        _plan(settings, samples=settings.typical, seed=settings.seed + 1),
        counts=composition.site_counts(cell),
        folder=out / "typical",
    )
    labels = np.unique(run.labels, axis=0)
    cache = out / "typical" / "energies.json"
    energies = json.loads(cache.read_text()) if cache.is_file() else {}
    missing = [row for row in labels if row.tobytes().hex() not in energies]
    rank = campaign.config.rank
    potential = campaign.potential(rank.foundation)
    name, head = fastest(potential, device=rank.device, head=rank.head)
    results = relax_all(
        [decorated_atoms(cell, row) for row in missing],
        name,
        relaxation_settings(rank, mobile=campaign.config.structure.mobile),
        device=rank.device,
        head=head,
    )
    for row, result in zip(missing, results, strict=True):
        energies[row.tobytes().hex()] = result.energy_eV if result.converged else None
    write_text(cache, json.dumps(energies, indent=1) + "\n")
    good = [row for row in labels if energies[row.tobytes().hex()] is not None]
    return (
        Training([(cell, row) for row in good], [energies[row.tobytes().hex()] for row in good]),
        len(labels) - len(good),
    )


def _prediction_error(model: PairModel, found: Training, units: float) -> float:
    """Root mean square error of energies that the model has not seen, meV per formula unit."""
    lattices = {id(cell): model.lay_on(cell) for cell, _ in found.structures}
    errors = [
        (model.energy_eV(lattices[id(cell)], labels) - energy) / (units * cell.n_cells)
        for (cell, labels), energy in zip(found.structures, found.energies_eV, strict=True)
    ]
    return 1e3 * float(np.sqrt(np.mean(np.square(errors)))) if errors else float("nan")


def _words(model: PairModel) -> str:
    report = model.report.sentence() if model.report else ""
    return f"pairs up to {model.clusters.cutoff_A:g} Å, {report}"


def _write_samples(
    run: MonteCarloRun, settings: ThermalSettings, out: Path, formats: Sequence[str]
) -> list[str]:
    n = len(run.energies_eV)
    names = [
        ordering_name(
            settings.composition, f"{settings.supercell}-T{settings.temperature_K:g}", k, n
        )
        for k in range(n)
    ]
    write_structures(
        [(name, run.atoms(k)) for k, name in enumerate(names)], out / "samples", formats=formats
    )
    rows = [
        {"ordering": name, "chain": int(chain), "model_energy_eV": float(energy)}
        for name, chain, energy in zip(names, run.chain_of, run.energies_eV, strict=True)
    ]
    write_csv(out / "samples.csv", rows)
    return names
