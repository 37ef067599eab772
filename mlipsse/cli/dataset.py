"""`mlipsse dataset`: labelled sets, checked and brought under our keys."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from mlipsse.cli.options import CommandGroup, Json, OutFile, Seed

app = typer.Typer(
    cls=CommandGroup, help="Check labelled sets before training, and rename their labels."
)

EnergyKey = Annotated[
    str | None,
    typer.Option(
        "--energy-key", help="Key of the energies. The usual names are recognised by default."
    ),
]
ForcesKey = Annotated[
    str | None,
    typer.Option(
        "--forces-key", help="Key of the forces. The usual names are recognised by default."
    ),
]
StressKey = Annotated[
    str | None,
    typer.Option(
        "--stress-key", help="Key of the stresses. The usual names are recognised by default."
    ),
]
VirialKey = Annotated[
    str | None,
    typer.Option(
        "--virial-key",
        help="Key of virials to use instead of stresses, in eV (minus stress times volume).",
    ),
]
EnergyUnit = Annotated[
    Literal["eV", "eV/atom", "Ha", "Ry", "kcal/mol", "kJ/mol"] | None,
    typer.Option(
        "--energy-unit",
        help="Unit of the energies.",
        show_default="what the file states, else eV",
    ),
]
ForceUnit = Annotated[
    Literal["eV/A", "Ha/bohr", "Ry/bohr", "kcal/mol/A", "kJ/mol/A"] | None,
    typer.Option(
        "--force-unit",
        help="Unit of the forces.",
        show_default="what the file states, else eV/A",
    ),
]
StressUnit = Annotated[
    Literal["eV/A3", "GPa", "kB"] | None,
    typer.Option(
        "--stress-unit",
        help="Unit of the stresses.",
        show_default="what the file states, else eV/A3 for REF_stress and stress; required for "
        "other keys",
    ),
]
StressSign = Annotated[
    Literal["tension", "compression"],
    typer.Option(
        "--stress-sign",
        help="Sign convention of the stresses: tension (ASE) or compression "
        "(VASP output) is positive.",
    ),
]
StressOrder = Annotated[
    Literal["voigt", "vasp"],
    typer.Option(
        "--stress-order",
        help="Order of six stress components: voigt (xx yy zz yz xz xy, ASE) or vasp (xx yy zz xy "
        "yz zx).",
    ),
]


@app.callback()
def dataset() -> None:
    """Group the commands."""


@app.command("check")
def check(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Extended XYZ files to train on.")
    ],
    valid: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Extended XYZ file of the validation set, checked together with the training set.",
        ),
    ] = None,
    test: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Extended XYZ file of the test set, checked together with the training set.",
        ),
    ] = None,
    potential: Annotated[
        str | None,
        typer.Option(
            help="Foundation potential to compare the labels with: a name or a MACE file. Loading "
            "a file runs the pickle code in it; name only files you trust."
        ),
    ] = None,
    head: Annotated[
        str | None,
        typer.Option(
            help="Head of the foundation potential. Required for a MACE model with several heads."
        ),
    ] = None,
    every_frame: Annotated[
        bool,
        typer.Option(
            "--all", help="Compute every frame with the potential instead of 200 random ones."
        ),
    ] = False,
    seed: Seed = 0,
    energy_key: EnergyKey = None,
    forces_key: ForcesKey = None,
    stress_key: StressKey = None,
    virial_key: VirialKey = None,
    energy_unit: EnergyUnit = None,
    force_unit: ForceUnit = None,
    stress_unit: StressUnit = None,
    stress_sign: StressSign = "tension",
    stress_order: StressOrder = "voigt",
    as_json: Json = False,
) -> None:
    """Check keys, units, signs, duplicates, outliers, leakage; compare with a potential.

    Exit code 0 when no check fails, 1 otherwise. The command lists skipped checks.
    """
    from mlipsse.dataset.check.checklist import ModelChoice, check_set
    from mlipsse.dataset.check.measures.labelled_set import read_labelled_set
    from mlipsse.dataset.frames.label_names import LabelNames

    names = LabelNames(
        energy=energy_key,
        forces=forces_key,
        stress=stress_key,
        virial=virial_key,
        energy_unit=energy_unit,
        force_unit=force_unit,
        stress_unit=stress_unit,
        stress_sign=stress_sign,
        stress_order=stress_order,
    )
    paths = {"train": files, "valid": [valid] if valid else [], "test": [test] if test else []}
    labelled = read_labelled_set(paths, names=names)
    model = None
    if potential is not None:
        model = ModelChoice(potential, head, every_frame, seed)
    checks = check_set(labelled, model=model)
    failed = [one for one in checks if one.verdict == "fail"]
    skipped = [one for one in checks if one.verdict == "skip"]
    if as_json:
        result = {
            "passed": not failed and not skipped,
            "outcome": "failed" if failed else "incomplete" if skipped else "passed",
            "failed": [one.name for one in failed],
            "skipped": {one.name: one.sentence for one in skipped},
            "frames": len(labelled.frames),
            "labels": labelled.taken_from,
            "checks": [asdict(one) for one in checks],
        }
        typer.echo(json.dumps(result, indent=1, ensure_ascii=False))
        raise typer.Exit(1 if failed else 0)
    for file, taken_from in labelled.taken_from.items():
        _print(file, taken_from)
    table = Table()
    for column in ("check", "verdict", "what"):
        table.add_column(column, overflow="fold")
    for one in checks:
        style = {"fail": "red", "warn": "yellow"}.get(one.verdict)
        table.add_row(one.name, one.verdict, one.sentence, style=style)
    Console(highlight=False, markup=False).print(table)
    for one in skipped:
        typer.echo(f"Not checked: {one.name}. {one.sentence}")
    if failed:
        typer.echo(f"Not passed: {', '.join(one.name for one in failed)}.")
    elif skipped:
        typer.echo(f"No check failed; {len(skipped)} of {len(checks)} could not be made.")
    else:
        typer.echo("Passed.")
    raise typer.Exit(1 if failed else 0)


@app.command("normalise")
def normalise(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Extended XYZ file.")],
    out: OutFile,
    energy_key: EnergyKey = None,
    forces_key: ForcesKey = None,
    stress_key: StressKey = None,
    virial_key: VirialKey = None,
    energy_unit: EnergyUnit = None,
    force_unit: ForceUnit = None,
    stress_unit: StressUnit = None,
    stress_sign: StressSign = "tension",
    stress_order: StressOrder = "voigt",
    as_json: Json = False,
) -> None:
    """Write labels of any names under REF_energy, REF_forces, REF_stress: eV, eV/Å, eV/Å³."""
    from mlipsse.dataset.frames.label_names import LabelNames
    from mlipsse.dataset.normalise import normalise as write_normalised

    names = LabelNames(
        energy=energy_key,
        forces=forces_key,
        stress=stress_key,
        virial=virial_key,
        energy_unit=energy_unit,
        force_unit=force_unit,
        stress_unit=stress_unit,
        stress_sign=stress_sign,
        stress_order=stress_order,
    )
    result = write_normalised(source, out, names=names)
    if as_json:
        typer.echo(json.dumps(asdict(result), indent=1))
        return
    _print(str(source), result.taken_from)
    typer.echo(f"{out}: {result.frames} frames, {result.without_stress} without stress.")


def _print(file: str, taken_from: Mapping[str, str]) -> None:
    """What labels were taken from: nothing about units is to happen unseen."""
    for kind, where in taken_from.items():
        typer.echo(f"{file}: {kind} from {where}")
