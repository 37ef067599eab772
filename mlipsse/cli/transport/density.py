"""`mlipsse transport density`: where the mobile ions are, and how they cross the crystal."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mlipsse.cli.options import Json, OutFolder, above_zero
from mlipsse.cli.transport.options import (
    Cache,
    Cell,
    Framework,
    Mobile,
    Source,
    Species,
    Temperature,
    Topology,
    assigned,
    print_notes,
    read_options,
)

console = Console(highlight=False, markup=False)


def density(
    trajectory: Source,
    mobile: Mobile,
    out: OutFolder,
    temperature_K: Temperature = None,
    spacing_A: Annotated[
        float, typer.Option("--spacing", help="Edge of a voxel in Å.", callback=above_zero)
    ] = 0.2,
    per_ion: Annotated[
        bool,
        typer.Option(
            "--per-ion", help="Normalise the density to one mobile ion instead of to all."
        ),
    ] = False,
    level: Annotated[
        float,
        typer.Option(
            help="Density of the isosurface in 1/Å³, in the chosen normalisation.",
            callback=above_zero,
        ),
    ] = 1e-4,
    min_counts: Annotated[
        int,
        typer.Option(
            min=1,
            help="Minimum number of visits of a voxel on a path. Voxels with fewer count as empty.",
        ),
    ] = 1,
    framework: Framework = None,
    topology: Topology = None,
    species: Species = None,
    cell: Cell = None,
    cache: Cache = None,
    as_json: Json = False,
) -> None:
    """Write the density of the mobile ions, and their lowest-barrier paths along a, b and c.

    The run must have a constant cell; framework drift is removed. DIR gets CHGCAR and density.cube,
    density.png and .svg, density.html (rotatable in a browser) and, with a temperature,
    path.csv.
    """
    from mlipsse.transport import read_frames_of
    from mlipsse.transport.density.crystal import crystal_density
    from mlipsse.transport.density.percolation import percolating_paths
    from mlipsse.transport.ions.mobile import mobile_ions
    from mlipsse.transport.reading.plausibility import of_cell

    # Times do not matter here, so files without times need no option.
    options = read_options(
        topology=topology,
        species=species,
        cell=cell,
        cache=cache,
        temperature_K=temperature_K,
        timeless=True,
    )
    frames = read_frames_of(trajectory, options)
    roles = assigned(frames, mobile, framework)
    ions, mobile, known = mobile_ions(frames, roles), roles.mobile, frames.temperature_K
    found, around = crystal_density(ions, spacing_A=spacing_A, per_ion=per_ion)
    paths = {} if known is None else percolating_paths(found, known, min_counts=min_counts)
    cautions = _cautions(found, level, paths, known, bool(roles.framework))
    cautions += _crossing(ions, paths)
    cautions += of_cell(frames)
    files = _write(out, found, around, level, mobile, paths)
    answer = _answer(found, level, paths, known, files, cautions)
    answer["notes"] = list(frames.notes)
    if as_json:
        typer.echo(json.dumps(answer, indent=1, allow_nan=False))
    else:
        _print(answer, mobile, out)


def _cautions(
    found: Any, level: float, paths: dict[str, Any], temperature_K: float | None, framework: bool
) -> list[str]:
    from mlipsse.transport.density.percolation import FEW_COUNTS

    notes = []
    if level < found.one_count_per_A3:
        notes.append(
            f"The level {level:.3g} Å⁻³ is below the density of a single visit "
            f"({found.one_count_per_A3:.3g} Å⁻³), so the isosurface encloses every visited voxel. "
            "Run longer, or choose a larger spacing or a higher level."
        )
    if temperature_K is None:
        notes.append(
            "No barriers: the trajectory does not state its temperature. Give it in K by "
            "--temperature."
        )
    if not framework:
        notes.append("No CHGCAR, and no drift removal: there are no atoms except the mobile ions.")
    notes += [
        f"Along {path.direction} the bottleneck was visited only {path.bottleneck_counts} times. "
        "The barrier is less certain than its ±, which assumes independent visits."
        for path in paths.values()
        if path.direction != "any"
        and path.bottleneck_counts is not None
        and path.bottleneck_counts < FEW_COUNTS
    ]
    return notes


def _crossing(ions: Any, paths: dict[str, Any]) -> list[str]:
    """Where no path is found: whether ions cross the cell between frames, or not at all."""
    if not paths or paths["any"].reason is None:
        return []
    import numpy as np

    from mlipsse.transport.diffusion.caging import reach_A

    reach = reach_A(ions.resting, ions.trajectory.cell)
    if np.isinf(reach):
        return [
            "No path, although ions cross the cell between frames: the frames are too far apart "
            "in time. Choose a larger spacing, or write frames more often."
        ]
    return [
        f"No path: connected places reach at most {reach:.2g} Å, not across the cell. The ions "
        "are caged, or the run is too short."
    ]


def _write(
    out: Path, found: Any, framework: Any, level: float, mobile: str, paths: dict[str, Any]
) -> list[Path]:
    """All files of the command; nothing when the level makes no picture."""
    from mlipsse.files import write_text
    from mlipsse.report.cell_scene.picture import scene_figure
    from mlipsse.report.cell_scene.view import scene_view, view_page
    from mlipsse.report.figures.style import save_figure
    from mlipsse.report.transport_figures.density import density_scene
    from mlipsse.transport.density.files import write_chgcar, write_density_cube

    shown: dict[str, Any] = {"level_per_A3": level, "mobile": mobile, "framework": framework}
    drawn = density_scene(found, **shown, paths=[paths["any"]] if "any" in paths else [])
    turned = density_scene(found, **shown, paths=[paths[name] for name in "abc" if name in paths])
    figure, view = scene_figure(drawn), scene_view(turned, identifier="density-view")
    written = []
    if len(framework):
        write_chgcar(out / "CHGCAR", found, framework)
        written.append(out / "CHGCAR")
    write_density_cube(out / "density.cube", found, framework)
    write_text(out / "density.html", view_page([view], title=f"Density of {mobile}"))
    written += [out / "density.cube", out / "density.html", *save_figure(figure, out / "density")]
    if paths:
        write_text(out / "path.csv", _path_table(paths, found.cell))
        written.append(out / "path.csv")
    return written


def _path_table(paths: dict[str, Any], cell: Any) -> str:
    """Points of each path: fractional and Cartesian, unwrapped."""
    import numpy as np

    lines = ["direction,point,a,b,c,x_A,y_A,z_A,distance_A,free_energy_eV"]
    for path in paths.values():
        if path.path is None:
            continue
        places = path.path @ cell
        steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
        columns = np.column_stack(
            [path.path, places, np.concatenate([[0], steps.cumsum()]), path.free_energy_eV]
        )
        for number, row in enumerate(columns):
            values = ",".join(f"{value:.6f}" for value in row)
            lines.append(f"{path.direction},{number},{values}")
    return "\n".join(lines) + "\n"


def _answer(
    found: Any,
    level: float,
    paths: dict[str, Any],
    temperature_K: float | None,
    files: list[Path],
    cautions: list[str],
) -> dict[str, Any]:
    inside = found.values >= level
    return {
        "grid": list(found.shape),
        "cell_A": found.cell.tolist(),
        "n_ions": found.n_ions,
        "frames": found.n_frames,
        "normalised_to": "one ion" if found.per_ion else "all ions",
        "integral": found.integral,
        "level_per_A3": level,
        "one_count_per_A3": found.one_count_per_A3,
        "ions_inside": float(found.values[inside].sum() / found.values.sum()),
        "volume_inside": float(inside.mean()),
        "temperature_K": temperature_K,
        "directions": {
            name: {
                "barrier_eV": path.barrier_eV,
                "barrier_std_eV": path.barrier_std_eV,
                "winding": path.winding,
                "length_A": path.length_A,
                "bottleneck": None if path.bottleneck is None else path.bottleneck.tolist(),
                "bottleneck_counts": path.bottleneck_counts,
                "reason": path.reason,
            }
            for name, path in paths.items()
        },
        "files": [str(path) for path in files],
        "cautions": cautions,
    }


def _print(answer: dict[str, Any], mobile: str, out: Path) -> None:
    ions = f"one {mobile}" if answer["integral"] == 1 else f"all {answer['n_ions']} {mobile}"
    console.print(
        f"{answer['frames']} frames on {' x '.join(map(str, answer['grid']))} voxels, normalised "
        f"to {ions}",
        soft_wrap=True,
    )
    console.print(
        f"isosurface at {answer['level_per_A3']:.3g} Å⁻³: {answer['ions_inside']:.2%} of the ions "
        f"in {answer['volume_inside']:.2%} of the cell",
        soft_wrap=True,
    )
    if answer["directions"]:
        table = Table()
        table.add_column("along")
        for column in ("barrier, eV", "winding", "length, Å", "bottleneck at", "visits"):
            table.add_column(column, justify="right")
        for name, path in answer["directions"].items():
            if path["reason"] is not None:
                table.add_row(name, "none")
                continue
            table.add_row(
                name,
                f"{path['barrier_eV']:.3f} ± {path['barrier_std_eV']:.3f}",
                " ".join(map(str, path["winding"])),
                f"{path['length_A']:.1f}",
                " ".join(f"{value:.3f}" for value in path["bottleneck"]),
                str(path["bottleneck_counts"]),
            )
        console.print(table)
        for name, path in answer["directions"].items():
            if path["reason"] is not None:
                console.print(f"{name}: {path['reason']}", soft_wrap=True)
    for caution in answer["cautions"]:
        console.print(caution, soft_wrap=True)
    print_notes(console, answer["notes"])
    console.print(
        f"{', '.join(Path(path).name for path in answer['files'])} in {out}", soft_wrap=True
    )
