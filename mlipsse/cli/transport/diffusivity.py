"""`mlipsse transport diffusivity`: D of one trajectory with its error, or why there is none."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from mlipsse.cli.options import Json, OptionalOutFolder, words
from mlipsse.cli.transport.options import (
    CHARGES,
    NOT_DIFFUSIVE,
    Cache,
    Cell,
    Drift,
    Framework,
    MassWeighted,
    Mobile,
    Source,
    Spacing,
    Species,
    Temperature,
    Timestep,
    Topology,
    Window,
    assigned,
    ion_charge,
    named,
    print_notes,
    read_options,
    resting_ions,
    window,
)
from mlipsse.errors import MlipsseError

console = Console(highlight=False, markup=False)


def diffusivity(
    trajectory: Source,
    mobile: Mobile,
    temperature_K: Temperature = None,
    charge: Annotated[
        float | None,
        typer.Option(
            help="Charge of the mobile ion in e, for the conductivity.",
            show_default="Li, Na: 1",
            callback=ion_charge,
        ),
    ] = None,
    framework: Framework = None,
    topology: Topology = None,
    species: Species = None,
    frame_spacing_ps: Spacing = None,
    timestep_fs: Timestep = None,
    cell: Cell = None,
    cache: Cache = None,
    window_ps: Window = None,
    drift: Drift = None,
    mass_weighted: MassWeighted = False,
    pymatgen: Annotated[
        bool, typer.Option("--pymatgen", help="Print pymatgen's D and error as well.")
    ] = False,
    kinisi: Annotated[
        bool, typer.Option("--kinisi", help="Print kinisi's D and error as well (slow).")
    ] = False,
    out: OptionalOutFolder = None,
    as_json: Json = False,
) -> None:
    """Fit the tracer diffusivity, with its error, or print why there is none (exit code 3).

    It also prints the error by He et al.'s counting of hops and the spread of four blocks of the
    run. Several mobile elements are analysed one by one. With --out, DIR gets msd.csv and msd as
    .png and .svg.
    """
    from mlipsse.transport import WindowSettings, read_frames_of
    from mlipsse.transport.runs.analysis import analyse_ions

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
    symbols = words(mobile)
    if charge is not None and len(symbols) > 1:
        raise MlipsseError(
            f"--charge {charge:g} applies to one ion, but --mobile names {', '.join(symbols)}. "
            "Name one mobile ion, and the framework by --framework."
        )
    settings = WindowSettings(window_ps=window(window_ps))
    answers = []
    for symbol in symbols:
        others = [other for other in symbols if other != symbol]
        roles = assigned(frames, ",".join([symbol, *others]), framework)
        ions = resting_ions(frames, roles, drift, mass_weighted)
        own_charge = CHARGES.get(symbol) if charge is None else charge
        run = analyse_ions(ions, charge_e=own_charge, settings=settings, name=named(trajectory))
        answer = _answer(ions, run, own_charge, settings)
        answer["also_mobile"] = list(roles.also_mobile)
        answer["framework"] = list(roles.framework)
        if pymatgen or kinisi:
            fitted_ps = run.diffusivity.window_ps
            start_ps = fitted_ps[0] if fitted_ps else 0.1 * run.duration_ps
            answer |= _peers(ions, start_ps, pymatgen, kinisi)
        answers.append(answer)
        if out is not None:
            _write(out if len(symbols) == 1 else out / symbol, run)
    if as_json:
        shown: Any = answers[0] if len(answers) == 1 else answers
        typer.echo(json.dumps(shown, indent=1, allow_nan=False))
    else:
        for answer in answers:
            if len(answers) > 1:
                console.print(f"{answer['mobile']}:")
            _print(answer)
    if not all(answer["status"] == "usable" for answer in answers):
        sys.exit(NOT_DIFFUSIVE)


def _answer(ions: Any, run: Any, charge: float | None, settings: Any) -> dict[str, Any]:
    """Numbers of one mobile ion; what a refused run does not have is None."""
    from mlipsse.transport.diffusion.blocks import block_spread
    from mlipsse.transport.diffusion.counting import counting_error
    from mlipsse.transport.reading.plausibility import doubts

    fit, usable, frames = run.diffusivity, run.status.usable, ions.trajectory
    counted = counting_error(run.msd, hop_length_A=settings.hop_length_A)
    blocks = None
    if usable:
        blocks = block_spread(
            ions.resting, fit, frame_spacing_ps=frames.frame_spacing_ps, settings=settings
        )
    known = charge is not None
    whole = run.charge
    return {
        "status": run.status.kind.value,
        "reason": run.status.reason,
        "diffusive": fit.diffusive,
        "diffusivity_cm2_s": fit.diffusivity_cm2_s if usable else None,
        "diffusivity_std_cm2_s": fit.diffusivity_std_cm2_s if usable else None,
        "melt_diffusivity_cm2_s": fit.diffusivity_cm2_s if run.framework.melted else None,
        "window_ps": list(fit.window_ps) if usable and fit.window_ps else None,
        "exponent": fit.exponent,
        "hop_length_A": fit.hop_length_A,
        "counting_std_cm2_s": fit.diffusivity_cm2_s * counted.relative_std if usable else None,
        "effective_hops": counted.effective_hops,
        "block_std_cm2_s": None if blocks is None else blocks.std_cm2_s,
        "blocks_cm2_s": None if blocks is None else list(blocks.values_cm2_s),
        "ion_correlation": fit.ion_correlation,
        "ions_differ": fit.evenness.ions_differ,
        "rates_change": fit.evenness.rates_change,
        "late_to_early": fit.evenness.late_to_early,
        "tensor_cm2_s": fit.tensor_cm2_s.tolist() if usable else None,
        "directions": _directions(run.directions) if usable else None,
        "conductivity_mS_cm": run.conductivity_mS_cm if known else None,
        "conductivity_std_mS_cm": run.conductivity_std_mS_cm if known else None,
        "charge_diffusivity_cm2_s": whole.diffusivity.diffusivity_cm2_s if usable else None,
        "charge_diffusivity_std_cm2_s": whole.diffusivity.diffusivity_std_cm2_s if usable else None,
        "haven_ratio": whole.haven_ratio if usable else None,
        "haven_ratio_std": whole.haven_ratio_std if usable else None,
        "einstein_conductivity_mS_cm": run.einstein_mS_cm if known else None,
        "einstein_conductivity_std_mS_cm": run.einstein_std_mS_cm if known else None,
        "mobile": run.mobile,
        "charge_e": charge,
        "n_ions": run.n_mobile,
        "temperature_K": run.temperature_K,
        "volume_A3": run.volume_A3,
        "frames": len(frames.positions),
        "frame_spacing_ps": frames.frame_spacing_ps,
        "duration_ps": run.duration_ps,
        "framework_melted": run.framework.melted,
        "framework_displaced": run.framework.displaced,
        "framework_msd_A2": run.framework.msd_A2,
        "cautions": [
            *(run.cautions if usable else ()),
            *_alone(all_mobile=run.framework_msd is None),
            *doubts(frames),
        ],
        "notes": list(frames.notes),
    }


def _directions(found: Any) -> dict[str, dict[str, float]]:
    return {
        name: {"diffusivity_cm2_s": value, "diffusivity_std_cm2_s": errors[name]}
        for values, errors in (
            (found.along_cm2_s, found.along_std_cm2_s),
            (found.plane_cm2_s, found.plane_std_cm2_s),
        )
        for name, value in values.items()
    }


def _peers(ions: Any, start_ps: float, pymatgen: bool, kinisi: bool) -> dict[str, float]:
    from mlipsse.transport.diffusion.peers import kinisi_diffusivity, pymatgen_diffusivity

    found: dict[str, float] = {}
    positions, spacing_ps = ions.resting.all(), ions.trajectory.frame_spacing_ps
    if pymatgen:
        value, error = pymatgen_diffusivity(positions, frame_spacing_ps=spacing_ps)
        found |= {"pymatgen_diffusivity_cm2_s": value, "pymatgen_diffusivity_std_cm2_s": error}
    if kinisi:
        value, error = kinisi_diffusivity(positions, frame_spacing_ps=spacing_ps, start_ps=start_ps)
        found |= {"kinisi_diffusivity_cm2_s": value, "kinisi_diffusivity_std_cm2_s": error}
    return found


def _write(out: Path, run: Any) -> None:
    from mlipsse.report.figures.style import new_figure, save_figure
    from mlipsse.report.transport_figures.msd import msd_plot
    from mlipsse.transport.runs.analysis import write_msd_csv

    out.mkdir(parents=True, exist_ok=True)
    figure, (axes,) = new_figure()
    msd_plot(axes, [run])
    save_figure(figure, out / "msd")
    write_msd_csv(run, out / "msd.csv")


def _alone(*, all_mobile: bool) -> list[str]:
    if not all_mobile:
        return []
    return ["every atom is mobile, so drift cannot be separated from diffusion and was not removed"]


def _print(answer: dict[str, Any]) -> None:
    if answer["status"] == "usable":
        first, last = answer["window_ps"]
        console.print(
            f"D = {answer['diffusivity_cm2_s']:.3g} ± {answer['diffusivity_std_cm2_s']:.1g} cm²/s "
            f"at {answer['temperature_K']:g} K, lags {first:.3g} to {last:.3g} ps"
        )
        if answer["block_std_cm2_s"] is not None:
            mean = sum(answer["blocks_cm2_s"]) / len(answer["blocks_cm2_s"])
            console.print(
                f"  by {len(answer['blocks_cm2_s'])} blocks: {mean:.3g} ± "
                f"{answer['block_std_cm2_s']:.1g}; by counting {answer['effective_hops']:.3g} "
                f"hops: ± {answer['counting_std_cm2_s']:.1g}"
            )
        else:
            console.print(
                f"  by counting {answer['effective_hops']:.3g} hops: ± "
                f"{answer['counting_std_cm2_s']:.1g}; too short for blocks"
            )
        _print_peers(answer)
        for name, some in answer["directions"].items():
            what = f"along {name}" if len(name) == 1 else f"in the {name} plane"
            console.print(
                f"  {what}: {some['diffusivity_cm2_s']:.3g} ± {some['diffusivity_std_cm2_s']:.1g}"
            )
        if answer["conductivity_mS_cm"] is not None:
            console.print(
                f"Nernst-Einstein conductivity {answer['conductivity_mS_cm']:.3g} ± "
                f"{answer['conductivity_std_mS_cm']:.1g} mS/cm"
            )
        if answer["haven_ratio"] is not None:
            console.print(
                f"Haven ratio {answer['haven_ratio']:.2g} ± {answer['haven_ratio_std']:.1g} "
                "(tracer over charge)"
            )
    else:
        console.print(f"No diffusivity: {answer['reason']}", soft_wrap=True)
        if answer["melt_diffusivity_cm2_s"] is not None:
            console.print(
                f"Among such a moving framework, {answer['mobile']} has D = "
                f"{answer['melt_diffusivity_cm2_s']:.3g} cm²/s.",
                soft_wrap=True,
            )
        _print_peers(answer)
    for caution in answer["cautions"]:
        console.print(f"Caution: {caution}", soft_wrap=True)
    print_notes(console, answer["notes"])


def _print_peers(answer: dict[str, Any]) -> None:
    for name in ("pymatgen", "kinisi"):
        if f"{name}_diffusivity_cm2_s" in answer:
            console.print(
                f"  {name}: {answer[f'{name}_diffusivity_cm2_s']:.3g} ± "
                f"{answer[f'{name}_diffusivity_std_cm2_s']:.1g}"
            )
