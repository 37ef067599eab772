"""`mlipsse potential check|accept|bench|info`: what a potential is worth."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mlipsse.cli.options import (
    BundleFolder,
    Device,
    Dtype,
    Json,
    Seed,
    Threads,
    above_zero,
    whole_numbers,
    words,
)
from mlipsse.cli.potential.tables import (
    draw_acceptance,
    show_acceptance,
    show_info,
    show_parity,
)
from mlipsse.cli.tables import show_speed
from mlipsse.structures.files import read_structures


def check(
    bundle: BundleFolder,
    structures: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Crystals to compare on: any file that ASE reads.",
        ),
    ] = None,
    dtype: Dtype = None,
    threads: Threads = 1,
    as_json: Json = False,
) -> None:
    """Compare ASE, Python and LAMMPS, then run 1 ps at constant energy. Takes a few minutes.

    The command compares the sha256 of the bundle's model with the card before unpickling the model.
    Exit code 0 when the check passes, 1 otherwise. A --dtype other than the bundle's makes and
    checks a file of this type instead.
    """
    from mlipsse.potential.parity.report import check_bundle

    report = check_bundle(
        bundle,
        structures=None if structures is None else read_structures(structures),
        dtype=dtype,
        threads=threads,
        announce=lambda text: (
            None if as_json else print(f"{text} ...", file=sys.stderr, flush=True)
        ),
    )
    if as_json:
        typer.echo(json.dumps(asdict(report), indent=1))
    else:
        show_parity(report)
    raise typer.Exit(0 if report.passed else 1)


def accept(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="BUNDLE",
            help="Bundle, whose exported file is tried, or a MACE .model file. Loading a .model "
            "file runs the pickle code in it; name only files you trust.",
        ),
    ],
    structure: Annotated[
        Path,
        typer.Option(metavar="FILE", help="Crystals to try the model on: any file that ASE reads."),
    ],
    temperature_K: Annotated[
        float | None,
        typer.Option(
            "--temperature",
            help="Highest temperature of use in K.",
            callback=above_zero,
            show_default="the highest of the training in the card, else 800",
        ),
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Reference dynamics (extxyz) of one structure for comparing g(r). Strained "
            "frames are mapped back into their mean cell.",
        ),
    ] = None,
    labelled: Annotated[
        Path | None,
        typer.Option(
            "--labels",
            metavar="FILE",
            help="Labelled frames (extxyz) of the source that the model learned from, for the "
            "slope of its forces.",
            show_default="the labels in the reference dynamics",
        ),
    ] = None,
    reference_potential: Annotated[
        str | None,
        typer.Option(
            help="Reference potential for comparing volumes: the one that made the labels."
        ),
    ] = None,
    mobile: Annotated[str | None, typer.Option(help="Symbol of the mobile ion.")] = None,
    duration_ps: Annotated[
        float,
        typer.Option(
            "--duration",
            help="Length of the runs at the highest temperature in ps.",
            callback=above_zero,
        ),
    ] = 5.0,
    constant_energy_ps: Annotated[
        float,
        typer.Option(
            "--constant-energy",
            help="Length of the run without thermostat in ps.",
            callback=above_zero,
        ),
    ] = 1.0,
    timestep_fs: Annotated[
        float, typer.Option("--timestep", help="Time step in fs.", callback=above_zero)
    ] = 1.0,
    min_atoms: Annotated[
        int,
        typer.Option(
            min=1, help="Minimum number of atoms of a trial crystal. Smaller crystals are repeated."
        ),
    ] = 80,
    head: Annotated[
        str | None, typer.Option(help="Head to try. Required for a MACE model with several heads.")
    ] = None,
    seed: Seed = 1,
    figures: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder to write figures to (PNG and SVG)."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Try a model on crystals before its release and record the result in the bundle's card.

    The trials take a few minutes per crystal: relaxation, equation of state, dynamics at the
    highest temperature, energy conservation, g(r) against a reference, and the repulsive wall of
    every pair of elements. Exit code 0 when accepted, 1 when refused.
    """
    from mlipsse.dataset.frames.extxyz import read_frames
    from mlipsse.potential.acceptance import AcceptanceSettings
    from mlipsse.potential.acceptance.model import highest_temperature_K, try_model
    from mlipsse.potential.acceptance.report import acceptance_record

    reports = try_model(
        model,
        read_structures(structure),
        AcceptanceSettings(
            temperature_K=temperature_K or highest_temperature_K(model),
            duration_ps=duration_ps,
            constant_energy_ps=constant_energy_ps,
            timestep_fs=timestep_fs,
            min_atoms=min_atoms,
            mobile=mobile,
            seed=seed,
        ),
        head=head,
        frames=[] if reference is None else read_structures(reference),
        labelled=None if labelled is None else read_frames(labelled, labelled=True),
        reference_potential=reference_potential,
        announce=lambda text: (
            None if as_json else print(f"{text} ...", file=sys.stderr, flush=True)
        ),
    )
    record = acceptance_record(reports)
    if figures is not None:
        draw_acceptance(reports, figures)
    if as_json:
        typer.echo(json.dumps(record, indent=1, ensure_ascii=False))
    else:
        show_acceptance(record)
    raise typer.Exit(0 if record["accepted"] else 1)


def bench(
    bundle: BundleFolder,
    atoms: Annotated[
        str, typer.Option(help="Numbers of atoms to measure, separated by commas.")
    ] = "160,640,2560",
    threads: Threads = 1,
    backends: Annotated[
        str | None,
        typer.Option(
            help="Backends to measure, separated by commas: ase, upstream, torchscript, "
            "aotinductor, native.",
            show_default="all there are",
        ),
    ] = None,
    structure: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Crystal to repeat to the measured sizes.", show_default="Li3InCl6"
        ),
    ] = None,
    device: Device = "cpu",
    steps: Annotated[
        int | None,
        typer.Option(min=1, help="Number of measured steps per run.", show_default="by the size"),
    ] = None,
    repeats: Annotated[
        int, typer.Option("--runs", min=1, help="Number of runs; the median is reported.")
    ] = 3,
    as_json: Json = False,
) -> None:
    """Measure ms per step, µs per atom and step, ns per day and memory of every backend."""
    from mlipsse.potential.speed.benchmark import benchmark

    rows = benchmark(
        bundle,
        atoms=whole_numbers(atoms, option="--atoms", example="160,640"),
        threads=threads,
        backends=None if backends is None else words(backends),
        structure=structure,
        device=device,
        steps=steps,
        repeats=repeats,
    )
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=1))
        return
    show_speed(rows)


def info(bundle: BundleFolder, as_json: Json = False) -> None:
    """Show a bundle's card and compare its files with the card, without running them.

    Exit code 0 when every file matches the card, 1 otherwise.
    """
    from mlipsse.potential.bundle.info import describe_bundle

    found = describe_bundle(bundle)
    if as_json:
        facts = asdict(found) | {"folder": str(found.folder)}
        typer.echo(json.dumps(facts, indent=1, ensure_ascii=False, default=str))
    else:
        show_info(found)
    raise typer.Exit(0 if found.whole else 1)
