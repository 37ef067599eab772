"""`mlipsse transport diffusivity`: D of one trajectory with its error, or why there is none."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from mlipsse.cli.options import Json
from mlipsse.cli.transport.options import (
    CHARGES,
    NOT_DIFFUSIVE,
    Cache,
    Cell,
    Drift,
    MassWeighted,
    Mobile,
    Source,
    Spacing,
    Species,
    Timestep,
    Topology,
    drift_reference,
    named,
    print_notes,
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
    cell: Cell = None,
    cache: Cache = None,
    window_ps: Annotated[
        str | None, typer.Option(help="First and last lag of the fit, e.g. 5,50; by rule if not.")
    ] = None,
    drift: Drift = None,
    mass_weighted: MassWeighted = False,
    pymatgen: Annotated[
        bool, typer.Option("--pymatgen", help="Also print pymatgen's D and error.")
    ] = False,
    kinisi: Annotated[
        bool, typer.Option("--kinisi", help="Also print kinisi's D and error; slow.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write msd.png, .svg and .csv there.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Fit the tracer diffusivity, with its error, or say why there is none (exit code 3).

    Beside the error by default stand that by He et al.'s counting of hops and the spread of four
    blocks of the run.
    """
    import numpy as np

    from mlipsse.transport import WindowSettings, analyse_trajectory, directional_diffusivity
    from mlipsse.transport.blocks import block_spread
    from mlipsse.transport.counting import counting_error
    from mlipsse.transport.drift import framework_drift
    from mlipsse.transport.plausibility import doubts

    frames = read_frames(
        trajectory, topology, species, frame_spacing_ps, timestep_fs, cache, cell=cell
    )
    ions, _ = split_atoms(frames, mobile)
    still, masses = drift_reference(frames, mobile, drift, mass_weighted)
    settings = WindowSettings(window_ps=window(window_ps))
    if charge is None:
        charge = CHARGES.get(mobile)
    run = analyse_trajectory(
        frames.trajectory(temperature),
        mobile=mobile,
        charge_e=charge or 0.0,
        settings=settings,
        drift_atoms=still,
        masses_u=masses,
        name=named(trajectory),
    )
    fit = run.diffusivity
    drift_A = framework_drift(frames.positions, still, masses_u=masses)
    blocks = block_spread(
        frames.positions,
        fit,
        frame_spacing_ps=frames.frame_spacing_ps,
        ions=ions,
        drift_A=drift_A,
        settings=settings,
    )
    counted = counting_error(run.msd, hop_length_A=settings.hop_length_A)
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
        "counting_std_cm2_s": fit.diffusivity_cm2_s * counted.relative_std
        if fit.diffusivity_cm2_s is not None
        else None,
        "effective_hops": counted.effective_hops,
        "block_std_cm2_s": None if blocks is None else blocks.std_cm2_s,
        "blocks_cm2_s": None if blocks is None else list(blocks.values_cm2_s),
        "ion_correlation": fit.ion_correlation,
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
            *_cautions(run.framework.caution, all_mobile=run.framework_msd is None),
            *doubts(frames, temperature_K=run.temperature_K),
        ],
        "notes": list(frames.notes),
    }
    if pymatgen or kinisi:
        positions = np.asarray(frames.positions[:, ions]) - drift_A[:, None]
        start_ps = fit.window_ps[0] if fit.window_ps else 0.1 * run.duration_ps
        answer |= _peers(positions, frames.frame_spacing_ps, start_ps, pymatgen, kinisi)
    if out is not None:
        _write(out, run)
    if as_json:
        typer.echo(json.dumps(answer, indent=1, allow_nan=False))
    else:
        _tell(answer)
    if not fit.diffusive:
        sys.exit(NOT_DIFFUSIVE)


def _peers(
    positions: Any, spacing_ps: float, start_ps: float, pymatgen: bool, kinisi: bool
) -> dict[str, float]:
    from mlipsse.transport.peers import kinisi_diffusivity, pymatgen_diffusivity

    found: dict[str, float] = {}
    if pymatgen:
        value, error = pymatgen_diffusivity(positions, frame_spacing_ps=spacing_ps)
        found |= {"pymatgen_diffusivity_cm2_s": value, "pymatgen_diffusivity_std_cm2_s": error}
    if kinisi:
        value, error = kinisi_diffusivity(positions, frame_spacing_ps=spacing_ps, start_ps=start_ps)
        found |= {"kinisi_diffusivity_cm2_s": value, "kinisi_diffusivity_std_cm2_s": error}
    return found


def _write(out: Path, run: Any) -> None:
    from mlipsse.report.msd_plot import msd_plot
    from mlipsse.report.style import new_figure, save_figure
    from mlipsse.transport.run_analysis import write_msd_csv

    out.mkdir(parents=True, exist_ok=True)
    figure, (axes,) = new_figure()
    msd_plot(axes, [run])
    save_figure(figure, out / "msd")
    write_msd_csv(run, out / "msd.csv")


def _cautions(of_framework: str | None, *, all_mobile: bool) -> list[str]:
    found = [of_framework] if of_framework else []
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
        _tell_peers(answer)
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
        _tell_peers(answer)
    for caution in answer["cautions"]:
        console.print(f"Caution: {caution}", soft_wrap=True)
    print_notes(console, answer["notes"])


def _tell_peers(answer: dict[str, Any]) -> None:
    for name in ("pymatgen", "kinisi"):
        if f"{name}_diffusivity_cm2_s" in answer:
            console.print(
                f"  {name}: {answer[f'{name}_diffusivity_cm2_s']:.3g} ± "
                f"{answer[f'{name}_diffusivity_std_cm2_s']:.1g}"
            )
