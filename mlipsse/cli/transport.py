"""`mlipsse transport`: displacements, diffusivity and conductivity of anybody's trajectory."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mlipsse.cli.options import Json, words
from mlipsse.errors import MlipsseError

app = typer.Typer(
    help="From trajectories, ours or anybody's, to diffusivity and conductivity.",
    no_args_is_help=True,
)
console = Console(highlight=False)

NOT_DIFFUSIVE = 3
"""Exit code of a trajectory whose ions do not diffuse."""

_CHARGES = {"Li": 1.0, "Na": 1.0}

Source = Annotated[
    Path,
    typer.Argument(
        metavar="TRAJECTORY",
        help="LAMMPS text dump (.gz too), extxyz, .traj, XDATCAR, vasprun.xml, DCD or XTC with "
        "--topology, or the folder of one of our runs.",
    ),
]
Mobile = Annotated[str, typer.Option(help="Symbol of the mobile ion, e.g. Li.")]
Topology = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Elements for DCD, XTC and TRR.")
]
Species = Annotated[
    str | None, typer.Option(help="Elements of LAMMPS types 1, 2, ..., e.g. Li,In,Cl.")
]
Spacing = Annotated[float | None, typer.Option(help="Time between frames, ps.")]
Timestep = Annotated[float | None, typer.Option(help="Of the run, fs; for text dumps.")]


@app.command()
def msd(
    trajectory: Source,
    mobile: Mobile,
    out: Annotated[Path, typer.Option(metavar="FILE", help="CSV to write.")],
    topology: Topology = None,
    species: Species = None,
    frame_spacing_ps: Spacing = None,
    timestep_fs: Timestep = None,
) -> None:
    """Write the MSD tensor of the mobile ions, framework drift removed, at every lag."""
    import numpy as np

    from mlipsse.files import write_text
    from mlipsse.transport import mean_squared_displacement
    from mlipsse.transport.msd import remove_drift

    frames = _read(trajectory, topology, species, frame_spacing_ps, timestep_fs)
    ions, others = _split(frames, mobile)
    found = mean_squared_displacement(
        remove_drift(frames.positions, others)[:, ions], frame_spacing_ps=frames.frame_spacing_ps
    )
    table = np.column_stack([found.lag_ps, found.total_A2, found.tensor_A2])
    rows = (",".join(f"{value:.8g}" for value in row) for row in table)
    header = "lag_ps,msd_A2,xx_A2,yy_A2,zz_A2,xy_A2,xz_A2,yz_A2"
    write_text(out, "\n".join([header, *rows]) + "\n")
    console.print(f"{len(table)} lags of {len(ions)} {mobile} in {out}", soft_wrap=True)


@app.command()
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
    window_ps: Annotated[
        str | None, typer.Option(help="First and last lag of the fit, e.g. 5,50; by rule if not.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Fit the tracer diffusivity, with its error, or say why there is none (exit code 3)."""
    from mlipsse.transport import WindowSettings, analyse_trajectory, directional_diffusivity

    frames = _read(trajectory, topology, species, frame_spacing_ps, timestep_fs)
    _split(frames, mobile)
    if charge is None:
        charge = _CHARGES.get(mobile)
    run = analyse_trajectory(
        frames.trajectory(temperature),
        mobile=mobile,
        charge_e=charge or 0.0,
        settings=WindowSettings(window_ps=_window(window_ps)),
        name=str(trajectory),
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
        "cautions": _cautions(run.framework.reason, all_mobile=run.framework_msd is None),
    }
    if as_json:
        typer.echo(json.dumps(answer, indent=1, allow_nan=False))
    else:
        _tell(answer)
    if not fit.diffusive:
        sys.exit(NOT_DIFFUSIVE)


@app.command()
def analyse(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder with our runs in it, at any depth.")
    ],
    window_ps: Annotated[
        str | None, typer.Option(help="First and last lag of the fits, ps; by rule if not.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Tell D, conductivity and activation energy of a tree of runs, also of runs that still go."""
    from mlipsse.transport import WindowSettings, analyse_tree

    tree = analyse_tree(folder, settings=WindowSettings(window_ps=_window(window_ps)))
    if as_json:
        typer.echo(json.dumps(_tree_answer(tree, folder), indent=1, allow_nan=False))
        return
    table = Table()
    table.add_column("run", overflow="fold")
    for column in ("T, K", "ps", "D, cm²/s", "mS/cm", "Haven"):
        table.add_column(column, justify="right")
    for path, run in tree.runs:
        fit = run.diffusivity
        going = " …" if path in tree.unfinished else ""
        table.add_row(
            f"{path.relative_to(folder)}{going}",
            f"{run.temperature_K:g}",
            f"{run.duration_ps:.4g}",
            _pair(fit.diffusivity_cm2_s, fit.diffusivity_std_cm2_s),
            _pair(run.conductivity_mS_cm, run.conductivity_std_mS_cm),
            _pair(run.charge.haven_ratio, run.charge.haven_ratio_std),
        )
    console.print(table)
    for item in tree.compositions:
        energy = _pair(item.arrhenius.activation_energy_eV, item.arrhenius.activation_energy_std_eV)
        console.print(f"{item.formula}: Ea {f'{energy} eV' if energy else 'not known yet'}")
        for left_out in item.excluded:
            console.print(f"  {left_out.name}: {left_out.reason}", soft_wrap=True)
    if tree.unfinished:
        console.print(f"… {len(tree.unfinished)} runs have not ended.")


def _tree_answer(tree: Any, folder: Path) -> dict[str, Any]:
    return {
        "runs": [
            {
                "folder": str(path.relative_to(folder)),
                "ended": path not in tree.unfinished,
                "composition": run.composition,
                "ordering": run.ordering,
                "replica": run.replica,
                "temperature_K": run.temperature_K,
                "duration_ps": run.duration_ps,
                "diffusivity_cm2_s": run.diffusivity.diffusivity_cm2_s,
                "diffusivity_std_cm2_s": run.diffusivity.diffusivity_std_cm2_s,
                "window_ps": run.diffusivity.window_ps,
                "conductivity_mS_cm": run.conductivity_mS_cm,
                "conductivity_std_mS_cm": run.conductivity_std_mS_cm,
                "einstein_conductivity_mS_cm": run.einstein_mS_cm,
                "haven_ratio": run.charge.haven_ratio,
                "haven_ratio_std": run.charge.haven_ratio_std,
                "left_out": run.excluded,
            }
            for path, run in tree.runs
        ],
        "compositions": [
            {
                "formula": item.formula,
                "activation_energy_eV": item.arrhenius.activation_energy_eV,
                "activation_energy_std_eV": item.arrhenius.activation_energy_std_eV,
                "prefactor_cm2_s": item.arrhenius.prefactor_cm2_s,
                "temperatures": [asdict(point) for point in item.points],
                "left_out": [asdict(run) for run in item.excluded],
            }
            for item in tree.compositions
        ],
    }


def _pair(value: float | None, error: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.3g}" if error is None else f"{value:.3g} ± {error:.1g}"


def _read(
    trajectory: Path,
    topology: Path | None,
    species: str | None,
    frame_spacing_ps: float | None,
    timestep_fs: float | None,
) -> Any:
    from mlipsse.transport.frames import read_frames_of

    return read_frames_of(
        trajectory,
        topology=topology,
        species=None if species is None else words(species),
        frame_spacing_ps=frame_spacing_ps,
        timestep_fs=timestep_fs,
    )


def _split(frames: Any, mobile: str) -> tuple[Any, Any]:
    """Indices of the mobile ions and of all others."""
    import numpy as np

    is_mobile = np.array(frames.species) == mobile
    if not is_mobile.any():
        raise MlipsseError(
            f"No {mobile} in the trajectory, which holds "
            f"{', '.join(dict.fromkeys(frames.species))}: name a species that is there."
        )
    return np.flatnonzero(is_mobile), np.flatnonzero(~is_mobile)


def _window(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        first, last = (float(word) for word in words(text))
    except ValueError as error:
        raise MlipsseError(
            f"--window-ps {text!r} is not two lags in ps; write e.g. 5,50."
        ) from error
    return first, last


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
