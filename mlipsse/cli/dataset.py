"""`mlipsse dataset`: labelled sets of anybody's, checked and brought under our keys."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from mlipsse.cli.options import Json

app = typer.Typer(help="Labelled sets: check them before training, bring them under our keys.")

EnergyKey = Annotated[
    str | None, typer.Option("--energy-key", help="Name of the energies; else the usual ones.")
]
ForcesKey = Annotated[
    str | None, typer.Option("--forces-key", help="Name of the forces; else the usual ones.")
]
StressKey = Annotated[
    str | None, typer.Option("--stress-key", help="Name of the stresses; else the usual ones.")
]
VirialKey = Annotated[
    str | None,
    typer.Option(
        "--virial-key", help="Name of virials (eV, minus stress times volume) to take instead."
    ),
]
EnergyUnit = Annotated[
    str, typer.Option("--energy-unit", help="eV, eV/atom, Ha, Ry, kcal/mol or kJ/mol.")
]
ForceUnit = Annotated[
    str,
    typer.Option("--force-unit", help="eV/A, Ha/bohr, Ry/bohr, kcal/mol/A or kJ/mol/A."),
]
StressUnit = Annotated[
    str | None,
    typer.Option(
        "--stress-unit",
        help="eV/A3, GPa or kB.",
        show_default="eV/A3 for REF_stress and stress; else to be given",
    ),
]
StressSign = Annotated[
    str,
    typer.Option(
        "--stress-sign", help="What is positive: tension (ASE) or compression (VASP's output)."
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
        Path | None, typer.Option(metavar="FILE", help="Validation set, to compare with.")
    ] = None,
    test: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Test set, to compare with.")
    ] = None,
    potential: Annotated[
        str | None,
        typer.Option(
            help="Foundation potential that labels are compared with: a name or a MACE file. "
            "Loading a file runs the pickle code in it: name only files you trust."
        ),
    ] = None,
    head: Annotated[str | None, typer.Option(help="Head of that potential.")] = None,
    every_frame: Annotated[
        bool, typer.Option("--all", help="Ask the potential for every frame, not for 200.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the frames the potential is asked for.")] = 0,
    energy_key: EnergyKey = None,
    forces_key: ForcesKey = None,
    stress_key: StressKey = None,
    virial_key: VirialKey = None,
    energy_unit: EnergyUnit = "eV",
    force_unit: ForceUnit = "eV/A",
    stress_unit: StressUnit = None,
    stress_sign: StressSign = "tension",
    as_json: Json = False,
) -> None:
    """Check keys, units, signs, duplicates, outliers, leakage; compare with a potential.

    Exit code 0 when no check fails, 1 when one does.
    """
    from mlipsse.dataset.check.checklist import ModelChoice, check_set
    from mlipsse.dataset.check.labelled_set import read_labelled_set
    from mlipsse.dataset.label_names import LabelNames

    names = LabelNames(
        energy=energy_key,
        forces=forces_key,
        stress=stress_key,
        virial=virial_key,
        energy_unit=energy_unit,
        force_unit=force_unit,
        stress_unit=stress_unit,
        stress_sign=stress_sign,
    )
    paths = {"train": files, "valid": [valid] if valid else [], "test": [test] if test else []}
    labelled = read_labelled_set(paths, names=names)
    model = None
    if potential is not None:
        model = ModelChoice(potential, head, every_frame, seed)
    checks = check_set(labelled, model=model)
    passed = all(one.verdict != "fail" for one in checks)
    if as_json:
        result = {
            "passed": passed,
            "frames": len(labelled.frames),
            "labels": labelled.taken_from,
            "checks": [asdict(one) for one in checks],
        }
        typer.echo(json.dumps(result, indent=1, ensure_ascii=False))
        raise typer.Exit(0 if passed else 1)
    for file, taken_from in labelled.taken_from.items():
        _tell(file, taken_from)
    table = Table()
    for column in ("check", "verdict", "what"):
        table.add_column(column, overflow="fold")
    for one in checks:
        style = {"fail": "red", "warn": "yellow"}.get(one.verdict)
        table.add_row(one.name, one.verdict, one.sentence, style=style)
    Console(highlight=False, markup=False).print(table)
    typer.echo("Passed." if passed else "Not passed.")
    raise typer.Exit(0 if passed else 1)


@app.command("normalise")
def normalise(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Extended XYZ file.")],
    out: Annotated[Path, typer.Option("--out", metavar="OUT", help="File to write.")],
    energy_key: EnergyKey = None,
    forces_key: ForcesKey = None,
    stress_key: StressKey = None,
    virial_key: VirialKey = None,
    energy_unit: EnergyUnit = "eV",
    force_unit: ForceUnit = "eV/A",
    stress_unit: StressUnit = None,
    stress_sign: StressSign = "tension",
    as_json: Json = False,
) -> None:
    """Write labels of any names under REF_energy, REF_forces, REF_stress: eV, eV/Å, eV/Å³."""
    from mlipsse.dataset.label_names import LabelNames
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
    )
    result = write_normalised(source, out, names=names)
    if as_json:
        typer.echo(json.dumps(asdict(result), indent=1))
        return
    _tell(str(source), result.taken_from)
    typer.echo(f"{out}: {result.frames} frames, {result.without_stress} of them without stress.")


def _tell(file: str, taken_from: Mapping[str, str]) -> None:
    """What labels were taken from: nothing about units is to happen unseen."""
    for kind, where in taken_from.items():
        typer.echo(f"{file}: {kind} from {where}")
