"""`mlipsse study`: what a force field needs, knows and costs."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from mlipsse.cli.options import (
    BundleFolder,
    CommandGroup,
    Compositions,
    Device,
    Json,
    OutFolder,
    Seed,
    Temperatures,
    Threads,
    Transport,
    above_zero,
    chosen_runs,
    whole_numbers,
    words,
)
from mlipsse.cli.progress import progress_line
from mlipsse.cli.tables import print_rows, show_speed
from mlipsse.cli.transport_table import transport_table
from mlipsse.errors import MlipsseError

if TYPE_CHECKING:
    from mlipsse.campaign.engine.folder import Campaign

app = typer.Typer(
    cls=CommandGroup,
    help="What a force field needs, knows and costs: size, labels, models, locality, speed.",
)


@app.callback()
def study() -> None:
    """Group the commands."""


@app.command("locality")
def locality(
    crystal: Annotated[
        Path, typer.Argument(metavar="CRYSTAL", help="CIF, POSCAR or extxyz of an ordered crystal.")
    ],
    potential: Annotated[str, typer.Option(help="Potential that moves the atoms.")],
    radii: Annotated[
        str, typer.Option(help="Radii up to which all atoms are fixed in Å, comma-separated.")
    ],
    out: OutFolder,
    head: Annotated[
        str | None, typer.Option(help="Head of a MACE model with several heads.")
    ] = None,
    repeat: Annotated[str | None, typer.Option(help="Repetitions of the cell, e.g. 2x2x2.")] = None,
    per_element: Annotated[
        int, typer.Option(min=1, help="Number of central atoms per element.")
    ] = 2,
    temperature: Annotated[
        float, typer.Option(callback=above_zero, help="Temperature in K.")
    ] = 600.0,
    samples: Annotated[
        int, typer.Option(min=2, help="Number of configurations per atom and radius.")
    ] = 20,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="extxyz of the study's frames.extxyz with labels, whose spread is reported too."
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Number of units at a time.")] = 2,
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """Report how far the force on an atom depends on its surroundings.

    All atoms within a radius of a central atom are fixed, the others move by MD, and the spread of
    the force on the central atom is reported. No model that sees less far can know it. Frames are
    written, and may be labelled with DFT. An interrupted command continues when run again.
    """
    from ase.build import make_supercell

    from mlipsse.campaign.config.execution import ExecutionConfig
    from mlipsse.campaign.studies.locality import study_locality
    from mlipsse.orderings.cell.repeats import parse_repeats
    from mlipsse.potential.locality.measure import LocalitySettings
    from mlipsse.structures.files import read_structures

    atoms, *others = read_structures(crystal)
    if others:
        raise MlipsseError(
            f"{crystal} contains {1 + len(others)} structures. Give a file with one crystal."
        )
    if repeat:
        atoms = make_supercell(atoms, parse_repeats(repeat).matrix)
    with progress_line(Console(stderr=True, markup=False)) as progress:
        found = study_locality(
            atoms,
            potential,
            _numbers(radii),
            out=out,
            settings=LocalitySettings(temperature_K=temperature, samples=samples),
            head=head,
            per_element=per_element,
            labels=labels,
            seed=seed,
            execution=ExecutionConfig(workers=workers),
            progress=progress,
        )
    if as_json:
        typer.echo((out / "locality.json").read_text(encoding="utf-8"))
        return
    columns = {
        "forces of": "forces_of",
        "atom": "centre",
        "element": "element",
        "radius (Å)": "radius_A",
        "free": "free_atoms",
        "spread (eV/Å)": "spread_eV_A",
        "std": "spread_std_eV_A",
    }
    print_rows(found.rows, columns, texts=("forces of", "element"))
    if found.reach_A is not None:
        typer.echo(
            f"Forces of this model depend on atoms within {found.reach_A:g} Å (twice its layers "
            "times its cutoff)."
        )
    typer.echo(f"Table: {found.table}")


@app.command("speed")
def speed(
    bundle: BundleFolder,
    out: OutFolder,
    atoms: Annotated[
        str, typer.Option(help="Numbers of atoms to measure, separated by commas.")
    ] = "160,640,2560",
    threads: Threads = 1,
    device: Device = "cpu",
    runs: Annotated[int, typer.Option(min=1, help="Number of runs; the median is kept.")] = 3,
    dft_labels: Annotated[
        Path | None,
        typer.Option(
            help="extxyz of labels that state their CPU time (cpu_min), for the cost of AIMD."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure a step of dynamics in every engine, beside published times and AIMD.

    Sizes that are measured are kept; an interrupted command continues when run again.
    """
    from mlipsse.campaign.studies.speed import study_speed

    with progress_line(Console(stderr=True, markup=False)) as progress:
        found = study_speed(
            bundle,
            whole_numbers(atoms, option="--atoms", example="160,640"),
            out=out,
            threads=threads,
            device=device,
            runs=runs,
            dft_labels=dft_labels,
            progress=progress,
        )
    if as_json:
        typer.echo((out / "speed.json").read_text(encoding="utf-8"))
        return
    show_speed(found.rows)
    for one in found.aimd:
        typer.echo(
            f"AIMD ({one.source}, {one.atoms:.0f} atoms): {one.core_hours_per_ps:.3g} core-hours "
            f"per ps, from {one.frames} single points"
        )
    typer.echo(f"Table: {found.table}; figure: {out / 'speed.png'}")


@app.command("models")
def models(
    labels: Annotated[
        Path,
        typer.Argument(
            metavar="LABELS", help="extxyz of labelled frames, or a campaign, whose test set it is."
        ),
    ],
    potentials: Annotated[
        str,
        typer.Option(
            help="Potentials, comma-separated. NAME@HEAD names a head, e.g. "
            "'mace-sse-small,sevennet: 7net-0,my.model@Default'."
        ),
    ],
    out: OutFolder,
    workers: Annotated[
        int, typer.Option(min=1, help="Number of potentials at a time. Times are of 1.")
    ] = 1,
    transport: Transport = False,
    temperatures: Temperatures = None,
    compositions: Compositions = None,
    as_json: Json = False,
) -> None:
    """Compare potentials on one set of labels: errors, slope of forces, time.

    Energies are compared after the best constant per element. Relative errors are divided by the
    standard deviation of the labels. Potentials and runs that are done are kept. With --transport
    JSON contains two tables: errors and transport.
    """
    from mlipsse.campaign.config.execution import ExecutionConfig
    from mlipsse.campaign.studies.models import compare_models, parse_choice

    runs = chosen_runs(transport, temperatures, compositions)
    file, campaign = _test_set(labels, transport=transport, runs=runs)
    choices = [parse_choice(text) for text in words(potentials)]
    with progress_line(Console(stderr=True, markup=False)) as progress:
        found = compare_models(
            file,
            choices,
            out=out,
            execution=ExecutionConfig(workers=workers),
            progress=progress,
        )
        moved = None
        if campaign is not None:
            from mlipsse.campaign.studies.transport.by_model import transport_by_model

            moved = transport_by_model(
                campaign, choices, found, out=out, runs=runs, progress=progress
            )
    if as_json:
        _echo_json(out / "models.json", moved)
        return
    columns = {
        "potential": "potential",
        "meV/atom": "energy_rmse_meV_atom",
        "relative": "energy_relative",
        "meV/Å": "force_rmse_meV_A",
        "relative ": "force_relative",
        "slope": "force_slope",
        "µs/atom": "us_per_atom",
    }
    print_rows(found.rows, columns, texts=("potential",))
    typer.echo(f"Table: {found.table}")
    if moved is not None:
        _show_transport(moved, ["potential"], out)


@app.command("labels")
def labels(
    labelled: Annotated[
        Path,
        typer.Argument(
            metavar="LABELS", help="extxyz of labelled frames, or a campaign, whose test set it is."
        ),
    ],
    against: Annotated[
        str,
        typer.Option(
            help="extxyz of the same frames with other labels, or 'teacher: NAME', a potential "
            "that labels them here."
        ),
    ],
    out: OutFolder,
    transport: Transport = False,
    temperatures: Temperatures = None,
    compositions: Compositions = None,
    as_json: Json = False,
) -> None:
    """Compare two label sources on the same frames: forces by element and temperature, slope.

    Frames are matched by cell and positions, in any order. With --transport two models are
    fine-tuned, one on each source's labels of all three sets of a campaign, and JSON contains two
    tables: errors and transport.
    """
    from mlipsse.campaign.studies.labels import compare_labels

    runs = chosen_runs(transport, temperatures, compositions)
    file, campaign = _test_set(labelled, transport=transport, runs=runs)
    with progress_line(Console(stderr=True, markup=False)) as progress:
        found = compare_labels(file, against, out=out, progress=progress)
        moved = None
        if campaign is not None:
            from mlipsse.campaign.studies.transport.by_labels import transport_by_labels

            moved = transport_by_labels(
                campaign, against, found, out=out, runs=runs, progress=progress
            )
    if as_json:
        _echo_json(out / "labels.json", moved)
        return
    columns = {
        "of": "of",
        "frames": "frames",
        "meV/Å": "force_rmse_meV_A",
        "slope": "force_slope",
        "std": "force_slope_std",
    }
    print_rows(found.rows, columns, texts=("of",))
    typer.echo(f"{found.pairs} frames have both labels, {found.missing} have only the first.")
    typer.echo(f"Table: {found.table}")
    if moved is not None:
        _show_transport(moved, ["labels"], out)


def _test_set(
    labels: Path, *, transport: bool, runs: tuple[list[float] | None, list[str] | None]
) -> tuple[Path, "Campaign | None"]:
    """File of labelled frames; the campaign whose production MD runs, if it is to."""
    from mlipsse.campaign.engine.folder import read_campaign

    if not labels.is_dir():
        if transport:
            raise MlipsseError(
                f"--transport runs the production MD of a campaign, and {labels} is a file. Name "
                "a campaign's folder, or remove --transport."
            )
        return labels, None
    campaign = read_campaign(labels)
    if not transport:
        return campaign.labelled_sets["test"], None
    from mlipsse.campaign.studies.transport.runs import check_runs

    check_runs(campaign, *runs)  # before hours are spent on errors alone
    return campaign.labelled_sets["test"], campaign


def _echo_json(path: Path, moved: list[dict[str, Any]] | None) -> None:
    """The study's JSON, or with transport two tables."""
    content = json.loads(path.read_text(encoding="utf-8"))
    if moved is not None:
        content = {"errors": content, "transport": moved}
    typer.echo(json.dumps(content, indent=1, ensure_ascii=False))


def _show_transport(moved: list[dict[str, Any]], models: list[str], out: Path) -> None:
    console = Console(highlight=False, markup=False)
    console.print(transport_table(moved, models))
    console.print(f"Table with all excluded runs and the reasons: {out / 'transport.csv'}")


def _numbers(text: str) -> list[float]:
    try:
        return [float(word) for word in text.split(",")]
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is not a list of numbers. Write e.g. 3,4,5,6.", param_hint="'--radii'"
        ) from error
