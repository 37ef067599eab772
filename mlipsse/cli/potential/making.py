"""`mlipsse potential build|export|compile`: the pair style and the bundles it runs."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from mlipsse.cli.options import (
    BundleFolder,
    Device,
    Dtype,
    Json,
    OutFolder,
)
from mlipsse.structures.files import read_structures


def build(
    rebuild: Annotated[
        bool, typer.Option(help="Build again even if the pair style exists.")
    ] = False,
    lammps: Annotated[
        Path | None,
        typer.Option(
            "--lammps",
            metavar="DIR",
            help="Build for the LAMMPS in DIR instead of this environment's: a source tree or "
            "installation of 23 Jun 2022 or newer, built with PLUGIN. The command detects "
            "its version and MPI, or refuses to build.",
        ),
    ] = None,
    mpi: Annotated[
        Path | None,
        typer.Option(
            "--mpi",
            metavar="DIR",
            help="Folder of the mpi.h that the LAMMPS of --lammps was built with.",
            show_default="detected from the library",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compile `pair_style mace` for the LAMMPS and torch of this environment; print its path."""
    from mlipsse.potential.lammps.plugin import build_plugin

    plugin = build_plugin(rebuild=rebuild, lammps=lammps, mpi=mpi)
    typer.echo(json.dumps({"plugin": str(plugin)}) if as_json else plugin)


def export(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL",
            help="MACE .model file, or a bundle that contains one. Loading a .model file runs the "
            "pickle code in it; name only files you trust.",
        ),
    ],
    out: OutFolder,
    head: Annotated[
        str | None,
        typer.Option(
            help="Head to export. Required for a MACE model with several heads.",
            show_default="the only one",
        ),
    ] = None,
    formats: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORMAT,...",
            help="Export formats: torchscript, aotinductor, native, mliap, symmetrix, upstream, "
            "several of them separated by commas, or all.",
        ),
    ] = "torchscript",
    dtype: Dtype = None,
    device: Device = "cpu",
    serial: Annotated[
        bool,
        typer.Option(
            "--serial",
            help="Compile aotinductor code for one CPU thread. It is slightly faster and gains "
            "nothing from more threads.",
        ),
    ] = False,
    expected_sha256: Annotated[
        str | None,
        typer.Option(
            "--sha256", help="Expected SHA-256 of the model file, compared before loading."
        ),
    ] = None,
    structure: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Structure of the example deck in.example: any file that ASE reads.",
        ),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(help="Functional or teacher of the training labels, printed on the card."),
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="Licence of the potential, printed on the card.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Export one head of a model for LAMMPS, as a self-contained folder: a bundle.

    The folder of --out is new, or a bundle of this model, which gets more formats. With all, a
    format that the model or the machine does not allow is left out, with the reason; a format that
    was named and cannot be made ends the command with exit code 1, after the others are made.
    """
    from mlipsse.potential.bundle.making import export_formats
    from mlipsse.potential.bundle.provenance import Provenance
    from mlipsse.potential.export.target import ALL, ExportSettings, Target, parse_formats

    wanted = parse_formats(formats)
    exported = export_formats(
        model,
        wanted,
        out=out,
        export=ExportSettings(head=head, dtype=dtype, target=Target(device, serial)),
        announce=lambda form: (
            print(f"{form} ...", file=sys.stderr, flush=True)
            if len(wanted) > 1 and not as_json
            else None
        ),
        expected_sha256=expected_sha256,
        example=None if structure is None else read_structures(structure)[-1],
        provenance=Provenance(labels, licence),
    )
    if as_json:
        files = {form: str(file) for form, file in exported.files.items()}
        facts = {
            "bundle": str(exported.bundle.folder),
            "files": files,
            "refused": dict(exported.refused),
            "head": exported.bundle.head,
            "dtype": exported.bundle.dtype,
        }
        typer.echo(json.dumps(facts, indent=1, ensure_ascii=False))
    else:
        for file in exported.files.values():
            typer.echo(file)
        for form, reason in exported.refused.items():
            print(f"No {form} file: {reason}", file=sys.stderr)
    if exported.refused and formats.strip() != ALL:
        raise typer.Exit(1)


def compile_(bundle: BundleFolder, as_json: Json = False) -> None:
    """Compile the native code of a bundle again, for the processors of this machine's kind.

    A bundle from another machine may need it. The files and their checksums in the card are
    replaced.
    """
    from mlipsse.potential.bundle.making import compile_bundle

    made = [str(library) for library in compile_bundle(bundle)]
    typer.echo(json.dumps(made, indent=1) if as_json else "\n".join(made))
