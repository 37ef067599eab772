"""`mlipsse transport diffusivity`: D of one trajectory with its error, or why there is none."""

import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console

from mlipsse.cli.options import Json
from mlipsse.cli.transport.options import (
    CHARGES,
    NOT_DIFFUSIVE,
    Cache,
    Mobile,
    Source,
    Spacing,
    Species,
    Timestep,
    Topology,
    named,
    read_frames,
    split_atoms,
    window,
)

console = Console(highlight=False)


def diffusivity(
    trajectory: Source,
    mobile: Mobile,
    temperature: Annotated[
        float | None, typer.Option(help="K; where the trajectory's record does not say it.")
    ] = None,
    charge: Annotated[
        float | None,
        typer.Option(help="Of the mobile ion, e; for the conductivity.", show_default="Li, Na: 1"),
    ] = None,
    topology: Topology = None,
    species: Species = None,
    frame_spacing_ps: Spacing = None,
    timestep_fs: Timestep = None,
    cache: Cache = None,
    window_ps: Annotated[
        str | None, typer.Option(help="First and last lag of the fit, e.g. 5,50; by rule if not.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Fit the tracer diffusivity, with its error, or say why there is none (exit code 3)."""
    from mlipsse.transport import WindowSettings, analyse_trajectory, directional_diffusivity
    from mlipsse.transport.plausibility import doubts

    frames = read_frames(trajectory, topology, species, frame_spacing_ps, timestep_fs, cache)
    split_atoms(frames, mobile)
    if charge is None:
        charge = CHARGES.get(mobile)
    run = analyse_trajectory(
        frames.trajectory(temperature),
        mobile=mobile,
        charge_e=charge or 0.0,
        settings=WindowSettings(window_ps=window(window_ps)),
        name=named(trajectory),
    )
    fit = run.diffusivity
    directions: dict[str, Any] | None = None
    if fit.diffusive:
        found = directional_diffusivity(fit, frames.lattice @ frames.cell)
        directions = {
            name: {"diffusivity_cm2_s": value, "diffusivity_std_cm2_s": error}
            for values, errors in (
                (found.along_cm2_s, found.along_std_cm2_s),
                (found.plane_cm2_s, found.plane_std_cm2_s),
            )
            for (name, value), error in zip(values.items(), errors.values(), strict=True)
        }
    answer: dict[str, Any] = {
        "diffusive": fit.diffusive,
        "reason": fit.reason,
        "diffusivity_cm2_s": fit.diffusivity_cm2_s,
        "diffusivity_std_cm2_s": fit.diffusivity_std_cm2_s,
        "window_ps": list(fit.window_ps) if fit.diffusive and fit.window_ps else None,
        "exponent": fit.exponent,
        "tensor_cm2_s": None if fit.tensor_cm2_s is None else fit.tensor_cm2_s.tolist(),
        "directions": directions,
        "conductivity_mS_cm": run.conductivity_mS_cm if charge is not None else None,
        "conductivity_std_mS_cm": run.conductivity_std_mS_cm if charge is not None else None,
        "charge_diffusivity_cm2_s": run.charge.diffusivity.diffusivity_cm2_s,
        "charge_diffusivity_std_cm2_s": run.charge.diffusivity.diffusivity_std_cm2_s,
        "haven_ratio": run.charge.haven_ratio,
        "haven_ratio_std": run.charge.haven_ratio_std,
        "einstein_conductivity_mS_cm": run.einstein_mS_cm if charge is not None else None,
        "einstein_conductivity_std_mS_cm": run.einstein_std_mS_cm if charge is not None else None,
        "mobile": mobile,
        "charge_e": charge,
        "n_ions": run.n_mobile,
        "temperature_K": run.temperature_K,
        "volume_A3": run.volume_A3,
        "frames": len(frames.positions),
        "frame_spacing_ps": frames.frame_spacing_ps,
        "duration_ps": run.duration_ps,
        "framework_melted": run.framework.melted,
        "framework_msd_A2": run.framework.msd_A2,
        "cautions": [
            *_cautions(run.framework.reason, all_mobile=run.framework_msd is None),
            *doubts(frames, temperature_K=run.temperature_K),
        ],
    }
    if as_json:
        typer.echo(json.dumps(answer, indent=1, allow_nan=False))
    else:
        _tell(answer)
    if not fit.diffusive:
        sys.exit(NOT_DIFFUSIVE)


def _cautions(melted: str | None, *, all_mobile: bool) -> list[str]:
    found = [melted] if melted else []
    if all_mobile:
        found.append(
            "every atom is mobile: nothing tells drift from diffusion, and none was removed"
        )
    return found


def _tell(answer: dict[str, Any]) -> None:
    if answer["diffusive"]:
        first, last = answer["window_ps"]
        console.print(
            f"D = {answer['diffusivity_cm2_s']:.3g} ± {answer['diffusivity_std_cm2_s']:.1g} cm²/s "
            f"at {answer['temperature_K']:g} K, lags {first:.3g} to {last:.3g} ps"
        )
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
    for caution in answer["cautions"]:
        console.print(f"Caution: {caution}", soft_wrap=True)
