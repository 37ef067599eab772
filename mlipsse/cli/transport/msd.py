"""`mlipsse transport msd`: displacements at every lag, and how they are distributed."""

import json
import math
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from mlipsse.cli.options import Json, OutFolder, words
from mlipsse.cli.transport.options import (
    Cache,
    Cell,
    Drift,
    Framework,
    MassWeighted,
    Mobile,
    Source,
    Spacing,
    Species,
    Timestep,
    Topology,
    assigned,
    print_notes,
    read_options,
    resting_ions,
)
from mlipsse.errors import MlipsseError

console = Console(highlight=False, markup=False)


def msd(
    trajectory: Source,
    mobile: Mobile,
    out: OutFolder,
    framework: Framework = None,
    topology: Topology = None,
    species: Species = None,
    frame_spacing_ps: Spacing = None,
    timestep_fs: Timestep = None,
    cell: Cell = None,
    cache: Cache = None,
    drift: Drift = None,
    mass_weighted: MassWeighted = False,
    lags_ps: Annotated[
        str | None,
        typer.Option(
            "--lags",
            metavar="LAG,...",
            help="Lag times of the van Hove functions in ps, e.g. 1,10. The default is three lags "
            "over the run.",
        ),
    ] = None,
    per_ion: Annotated[
        bool,
        typer.Option("--per-ion", help="Also write ions.csv, with the displacement of every ion."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Write mean squared displacements at every lag, and van Hove functions at some.

    DIR gets msd.csv (tensor of the mobile ion, its collective MSD, and the MSD of every other
    element), moments.csv (non-Gaussian parameter, and how far ions move together), van-hove.csv,
    and msd and van-hove as .png and .svg. Framework drift is removed.
    """
    import numpy as np

    from mlipsse.files import write_columns
    from mlipsse.transport import fit_diffusivity, mean_squared_displacement, read_frames_of
    from mlipsse.transport.diffusion.collective import charge_diffusivity
    from mlipsse.transport.diffusion.displacement.msd import ion_mean_squared_displacements
    from mlipsse.transport.structure.van_hove import van_hove

    options = read_options(
        topology=topology,
        species=species,
        frame_spacing_ps=frame_spacing_ps,
        timestep_fs=timestep_fs,
        cell=cell,
        cache=cache,
    )
    frames = read_frames_of(trajectory, options)
    roles = assigned(frames, mobile, framework)
    found = resting_ions(frames, roles, drift, mass_weighted)
    mobile, ions, drift_A = roles.mobile, found.indices, found.drift_A
    positions, spacing = frames.positions, frames.frame_spacing_ps
    symbols = np.array(frames.species)
    curves = {
        symbol: mean_squared_displacement(
            positions,
            frame_spacing_ps=spacing,
            ions=np.flatnonzero(symbols == symbol),
            drift_A=drift_A,
        )
        for symbol in [mobile, *(s for s in dict.fromkeys(frames.species) if s != mobile)]
    }
    own = curves[mobile]
    charge = charge_diffusivity(found.resting, fit_diffusivity(own), frame_spacing_ps=spacing)
    hops = van_hove(
        found.resting,
        frames.cell,
        frame_spacing_ps=spacing,
        lags_ps=_lags(lags_ps, own.lag_ps),
    )
    columns = {
        "lag_ps": own.lag_ps,
        "msd_A2": own.total_A2,
        **{
            f"{name}_A2": own.tensor_A2[:, k]
            for k, name in enumerate(("xx", "yy", "zz", "xy", "xz", "yz"))
        },
        "collective_msd_A2": charge.msd.total_A2,
        **{f"msd_{symbol}_A2": curve.total_A2 for symbol, curve in curves.items()},
    }
    out.mkdir(parents=True, exist_ok=True)
    write_columns(out / "msd.csv", columns)
    moments = {
        "lag_ps": own.lag_ps[own.excess_lags],
        "non_gaussian": own.non_gaussian,
        "ion_correlation": own.ion_correlation,
    }
    write_columns(out / "moments.csv", moments)
    write_columns(out / "van-hove.csv", _van_hove_columns(hops))
    written = ["msd.csv", "moments.csv", "van-hove.csv"]
    if per_ion:
        single = ion_mean_squared_displacements(positions, ions=ions, drift_A=drift_A)
        named = {f"atom_{index}_A2": line for index, line in zip(ions, single, strict=True)}
        write_columns(out / "ions.csv", {"lag_ps": own.lag_ps, **named})
        written.append("ions.csv")
    written += _draw(out, mobile, curves, charge.msd, hops)
    answer = {
        "mobile": mobile,
        "n_ions": len(ions),
        "frames": len(own.lag_ps),
        "frame_spacing_ps": spacing,
        "largest_non_gaussian": float(own.non_gaussian.max()),
        "van_hove_lags_ps": hops.lag_ps.tolist(),
        "files": [str(out / name) for name in written],
        "notes": list(frames.notes),
    }
    if as_json:
        typer.echo(json.dumps(answer, indent=1, allow_nan=False))
        return
    console.print(f"{len(own.lag_ps)} lags of {len(ions)} {mobile}", soft_wrap=True)
    for name in written:
        console.print(f"  {out / name}", soft_wrap=True)
    print_notes(console, frames.notes)


def _lags(text: str | None, lag_ps: Any) -> list[float]:
    """Those that are asked for, or a hundredth, a tenth and a half of the run."""
    if text is None:
        n = len(lag_ps)
        return sorted({float(lag_ps[max(1, n // part)]) for part in (100, 10, 2)})
    wrong = f"--lags {text!r} is not a list of lags above 0 ps; write e.g. --lags 1,10."
    try:
        found = [float(word) for word in words(text)]
    except ValueError as error:
        raise MlipsseError(wrong) from error
    if not found or not all(0 < lag < math.inf for lag in found):
        raise MlipsseError(wrong)
    return found


def _van_hove_columns(hops: Any) -> dict[str, Any]:
    columns = {"r_A": hops.radii_A}
    for k, lag in enumerate(hops.lag_ps):
        columns[f"self_{lag:g}_ps_per_A"] = hops.self_per_A[k]
        if hops.distinct is not None:
            columns[f"distinct_{lag:g}_ps"] = hops.distinct[k]
    return columns


def _draw(out: Path, mobile: str, curves: Any, together: Any, hops: Any) -> list[str]:
    from mlipsse.report.figures.style import new_figure, save_figure
    from mlipsse.report.transport_figures.displacement import displacement_plot
    from mlipsse.report.transport_figures.van_hove import van_hove_plot

    figure, (axes,) = new_figure()
    displacement_plot(axes, curves, mobile=mobile, collective=together)
    paths = save_figure(figure, out / "msd")
    columns = 1 if hops.distinct is None else 2
    figure, panels = new_figure(width_in=3.4 * columns, columns=columns)
    van_hove_plot(panels[0], hops, part="self", mobile=mobile)
    if hops.distinct is not None:
        van_hove_plot(panels[1], hops, part="distinct", mobile=mobile)
    return [path.name for path in [*paths, *save_figure(figure, out / "van-hove")]]
