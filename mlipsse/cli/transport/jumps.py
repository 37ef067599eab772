"""`mlipsse transport jumps`: sites of the mobile ions, and the jumps between them."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mlipsse.cli.options import Json, OutFolder, above_zero, cell_factors, not_negative
from mlipsse.cli.transport.options import (
    Cache,
    Cell,
    Framework,
    Mobile,
    Source,
    Spacing,
    Species,
    Temperature,
    Timestep,
    Topology,
    Window,
    assigned,
    pair,
    print_notes,
    read_options,
    window,
)
from mlipsse.errors import MlipsseError

console = Console(highlight=False, markup=False)

SHOWN_KINDS, SHOWN_RATES = 20, 15
"""Rows of the tables on the terminal; the files and --json hold all."""


def jumps(
    trajectory: Source,
    mobile: Mobile,
    out: OutFolder,
    temperature_K: Temperature = None,
    sites: Annotated[
        Path | None,
        typer.Option(
            metavar="CIF",
            help="CIF of the crystal with the sites. The default is to find sites in the density.",
        ),
    ] = None,
    interstitials: Annotated[
        bool,
        typer.Option("--interstitials", help="Also search for sites that --sites does not list."),
    ] = False,
    repeats: Annotated[
        str | None,
        typer.Option(
            metavar="AxBxC",
            help="Unit cells per run cell, e.g. 2x2x2, superposed to find sites.",
        ),
    ] = None,
    interstitial_occupancy: Annotated[
        float,
        typer.Option(
            help="Mean number of ions below which a found site is interstitial.",
            callback=not_negative,
        ),
    ] = 0.2,
    least_occupancy: Annotated[
        float,
        typer.Option(
            help="Mean number of ions below which a found site is dropped.", callback=not_negative
        ),
    ] = 0.05,
    radius_A: Annotated[
        float | None,
        typer.Option(
            "--radius",
            help="Radius of the sites in Å. The default follows from the vibration.",
            callback=above_zero,
        ),
    ] = None,
    inner_fraction: Annotated[
        float,
        typer.Option(
            max=1.0,
            help="Fraction of the site radius that an ion must reach for a jump to count.",
            callback=above_zero,
        ),
    ] = 1.0,
    minimal_residence: Annotated[
        int, typer.Option(min=1, help="Number of frames that an ion must stay for a jump to count.")
    ] = 1,
    framework: Framework = None,
    topology: Topology = None,
    species: Species = None,
    frame_spacing_ps: Spacing = None,
    timestep_fs: Timestep = None,
    cell: Cell = None,
    window_ps: Window = None,
    cache: Cache = None,
    as_json: Json = False,
) -> None:
    """Print sites, occupancies, jump rates, jump diffusivity and correlation, without drift.

    Activation energies require a temperature. DIR gets sites.csv, jumps.csv, sites.extxyz and jumps
    as .png and .svg.
    """
    from mlipsse.report.figures.style import save_figure
    from mlipsse.report.transport_figures.jumps import jumps_figure
    from mlipsse.transport import WindowSettings, read_frames_of
    from mlipsse.transport.ions.mobile import mobile_ions
    from mlipsse.transport.jumps.analysis import analyse_jumps
    from mlipsse.transport.jumps.files import write_jumps, write_sites, write_sites_structure
    from mlipsse.transport.jumps.found_sites import SiteSearch
    from mlipsse.transport.jumps.settings import JumpSettings

    if interstitials and sites is None:
        raise MlipsseError("--interstitials requires --sites. Add --sites.")
    times = [1, 1, 1] if repeats is None else cell_factors(repeats, option="--repeats")
    options = read_options(
        topology=topology,
        species=species,
        frame_spacing_ps=frame_spacing_ps,
        timestep_fs=timestep_fs,
        cell=cell,
        cache=cache,
        temperature_K=temperature_K,
    )
    frames = read_frames_of(trajectory, options)
    ions = mobile_ions(frames, assigned(frames, mobile, framework))
    settings = JumpSettings(
        structure=sites,
        interstitials=interstitials,
        search=SiteSearch(
            repeats=times,
            interstitial_occupancy=interstitial_occupancy,
            least_occupancy=least_occupancy,
        ),
        radius_A=radius_A,
        inner_fraction=inner_fraction,
        minimal_residence_frames=minimal_residence,
        window=WindowSettings(window_ps=window(window_ps)),
    )
    run = analyse_jumps(ions, settings)
    files = [out / "sites.csv", out / "jumps.csv", out / "sites.extxyz"]
    write_sites(run, files[0])
    write_jumps(run, files[1])
    write_sites_structure(run, files[2])
    files += save_figure(jumps_figure(run), out / "jumps")
    answer = _answer(run, [str(path) for path in files]) | {"notes": list(frames.notes)}
    if as_json:
        typer.echo(json.dumps(answer, indent=1, allow_nan=False))
    else:
        _print(run, answer)


def _answer(run: Any, files: list[str]) -> dict[str, Any]:
    from dataclasses import asdict

    found, moved = run.jumps, run.diffusivity
    return {
        "mobile": run.mobile,
        "n_ions": found.n_ions,
        "temperature_K": run.temperature_K,
        "frames": found.n_frames,
        "frame_spacing_ps": found.frame_spacing_ps,
        "duration_ps": found.duration_ps,
        "vibration_amplitude_A": run.vibration.amplitude_A,
        "attempt_frequency_THz": run.vibration.frequency_THz,
        "attempt_frequency_std_THz": run.vibration.frequency_std_THz,
        "n_sites": len(found.sites),
        "site_radius_A": sorted({round(float(r), 6) for r in found.sites.radius_A}),
        "framework_misfit_A": run.misfit_A,
        "framework_shift_A": run.shift_A,
        "time_on_sites": found.on_sites,
        "minimal_residence_frames": found.minimal_residence_frames,
        "inner_fraction": found.inner_fraction,
        "occupancies": [asdict(one) for one in run.occupancies],
        "n_jumps": len(found),
        "rates": [asdict(one) for one in run.rates],
        "jump_diffusivity_cm2_s": moved.diffusivity_cm2_s,
        "jump_diffusivity_std_cm2_s": moved.diffusivity_std_cm2_s,
        "diffusivity_cm2_s": run.tracer.diffusivity_cm2_s,
        "diffusivity_std_cm2_s": run.tracer.diffusivity_std_cm2_s,
        "correlation_factor": moved.correlation_factor,
        "correlation_factor_std": moved.correlation_factor_std,
        "solo_fraction": run.together.solo_fraction,
        "together_within_ps": run.together.within_ps,
        "together_max_distance_A": run.together.max_distance_A,
        "cautions": list(run.cautions),
        "files": files,
    }


def _print(run: Any, answer: dict[str, Any]) -> None:
    table = Table("site", "number", "occupancy", "time, %", "residence, ps")
    for one in sorted(run.occupancies, key=lambda one: -one.share)[:SHOWN_KINDS]:
        table.add_row(
            one.label + (" (interstitial)" if one.interstitial else ""),
            str(one.n_sites),
            pair(one.occupancy, one.occupancy_std),
            f"{100 * one.share:.3g}",
            pair(one.residence_ps, one.residence_std_ps),
        )
    console.print(table)
    _more(len(run.occupancies), SHOWN_KINDS, "kinds of sites")
    table = Table("from", "to", "jumps", "rate per ion on the site, 1/ps", "Ea, eV")
    for one in run.rates[:SHOWN_RATES]:
        table.add_row(
            one.origin,
            one.destination,
            str(one.n_jumps),
            pair(one.rate_per_ps, one.rate_std_per_ps),
            pair(one.activation_energy_eV, one.activation_energy_std_eV),
        )
    console.print(table)
    _more(len(run.rates), SHOWN_RATES, "pairs")
    shaken, moved = run.vibration, run.diffusivity
    console.print(
        f"{answer['n_jumps']} jumps of {answer['n_ions']} {run.mobile} in "
        f"{answer['duration_ps']:.4g} ps; on sites for {100 * answer['time_on_sites']:.3g} % of "
        f"the time; radius {answer['site_radius_A'][0]:.2f} Å",
        soft_wrap=True,
    )
    console.print(
        f"vibration {shaken.amplitude_A:.2f} Å, attempt frequency {shaken.frequency_THz:.3g} THz"
    )
    if run.misfit_A is not None:
        console.print(
            f"framework {run.misfit_A:.2f} Å from the crystal, origin shifted by "
            f"{answer['framework_shift_A']:.2f} Å"
        )
    console.print(f"D_J = {moved.diffusivity_cm2_s:.3g} ± {moved.diffusivity_std_cm2_s:.1g} cm²/s")
    if moved.correlation_factor is not None:
        console.print(
            f"correlation factor D*/D_J = {moved.correlation_factor:.2g} ± "
            f"{moved.correlation_factor_std:.1g}"
        )
    if run.together.solo_fraction is not None:
        console.print(
            f"solo jumps: {100 * run.together.solo_fraction:.3g} % (the others share a site with a "
            f"jump within {run.together.within_ps:.2g} ps)"
        )
    for caution in run.cautions:
        console.print(f"Caution: {caution}", soft_wrap=True)
    print_notes(console, answer["notes"])
    console.print(f"In {Path(answer['files'][0]).parent}", soft_wrap=True)


def _more(count: int, shown: int, what: str) -> None:
    if count > shown:
        console.print(f"… and {count - shown} more {what}")
