"""`mlipsse transport arrhenius`: activation energy, and the conductivity elsewhere."""

import json
import math
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from mlipsse.cli.options import Json, OptionalOutFolder, between_0_and_1, words
from mlipsse.cli.transport.options import NOT_DIFFUSIVE, pair
from mlipsse.errors import MlipsseError

console = Console(highlight=False, markup=False)


def arrhenius(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCE...",
            help="JSON files of `transport diffusivity --json`, one per run; or a CSV file with "
            "the columns temperature_K, diffusivity_cm2_s and diffusivity_std_cm2_s; or a "
            "folder of mlipsse runs.",
        ),
    ],
    at: Annotated[
        str, typer.Option("--at", metavar="K,K,...", help="Temperatures to extrapolate to in K.")
    ] = "300",
    level: Annotated[
        float,
        typer.Option(
            help="Confidence level of the intervals, e.g. 0.95.", callback=between_0_and_1
        ),
    ] = 0.6827,
    mobile: Annotated[
        str | None,
        typer.Option(help="Symbol of the mobile ion. Required for files of several ions."),
    ] = None,
    out: OptionalOutFolder = None,
    as_json: Json = False,
) -> None:
    """Fit ln D against 1/T by its errors, test it for curvature, and extrapolate with intervals.

    Exit code 3 when there is no activation energy. With --out, DIR gets arrhenius.csv and arrhenius
    as .png and .svg.
    """
    from mlipsse.transport import CompositionTransport, analyse_tree
    from mlipsse.transport.diffusion.arrhenius.extrapolation import extrapolate_conductivity
    from mlipsse.transport.runs.measured import read_measured, summarise_measured

    temperatures = _temperatures(at)
    found: list[CompositionTransport]
    if len(sources) == 1 and sources[0].is_dir():
        found = list(analyse_tree(sources[0]).compositions)
    elif any(path.is_dir() for path in sources):
        raise MlipsseError(
            "Several folders, or folders and files, cannot be read together. Give one folder of "
            "runs, or only files."
        )
    else:
        found = [summarise_measured(sources[0].stem, read_measured(sources, mobile=mobile))]
    answers = []
    for item in found:
        elsewhere = []
        for temperature in temperatures:
            beyond = extrapolate_conductivity(item.arrhenius, item.points, temperature, level=level)
            if beyond is not None:
                elsewhere.append(_finite(asdict(beyond)))
        answers.append(
            _finite(
                {
                    "formula": item.formula,
                    "activation_energy_eV": item.arrhenius.activation_energy_eV,
                    "activation_energy_std_eV": item.arrhenius.activation_energy_std_eV,
                    "activation_energy_interval_eV": item.arrhenius.energy_interval_eV(level=level),
                    "level": level,
                    "prefactor_cm2_s": item.arrhenius.prefactor_cm2_s,
                    "curvature_eV2": item.arrhenius.curvature_eV2,
                    "curvature_sigma": item.arrhenius.curvature_sigma,
                    "temperatures": [_finite(asdict(point)) for point in item.points],
                    "excluded": [run.row() for run in item.excluded],
                    "left_out": [asdict(run) for run in item.excluded],
                    "elsewhere": elsewhere,
                    "cautions": list(item.cautions),
                }
            )
        )
    if out is not None:
        _write(out, found)
    if as_json:
        typer.echo(json.dumps({"compositions": answers}, indent=1, allow_nan=False))
    else:
        for answer in answers:
            _print(answer, level)
        if out is not None:
            console.print(f"Figure and tables: {out}", soft_wrap=True)
    if all(answer["activation_energy_eV"] is None for answer in answers):
        sys.exit(NOT_DIFFUSIVE)


def _temperatures(text: str) -> list[float]:
    try:
        found = [float(word) for word in words(text)]
    except ValueError as error:
        raise MlipsseError(
            f"--at {text!r} is not a list of temperatures in K; write e.g. --at 300,400."
        ) from error
    wrong = [value for value in found if not (math.isfinite(value) and value > 0)]
    if wrong:
        raise MlipsseError(f"--at {wrong[0]:g}: temperatures must be above 0 K.")
    return found


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    """NaN, which JSON does not know, as null; what is not known stays not known."""

    def clean(value: Any) -> Any:
        if isinstance(value, tuple):
            return [clean(part) for part in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return {name: clean(value) for name, value in values.items()}


def _print(answer: dict[str, Any], level: float) -> None:
    energy = pair(answer["activation_energy_eV"], answer["activation_energy_std_eV"])
    line = f"{answer['formula']}: Ea {f'{energy} eV' if energy else 'not known'}"
    if answer["activation_energy_interval_eV"] is not None:
        low, high = answer["activation_energy_interval_eV"]
        line += f", {100 * level:.3g} % interval {low:.3g} to {high:.3g} eV"
    console.print(line, soft_wrap=True)
    for point in answer["temperatures"]:
        console.print(
            f"  {point['temperature_K']:g} K: D "
            f"{pair(point['diffusivity_cm2_s'], point['diffusivity_std_cm2_s'] or None)} cm²/s"
        )
    for beyond in answer["elsewhere"]:
        low_high = beyond["conductivity_interval_mS_cm"]
        diffusivity = beyond["diffusivity_interval_cm2_s"]
        line = f"  {beyond['temperature_K']:g} K, by the line: D "
        if beyond["diffusivity_cm2_s"] is None:
            console.print(f"{line}beyond all numbers", soft_wrap=True)
            continue
        line += f"{beyond['diffusivity_cm2_s']:.3g}"
        if diffusivity is not None and None not in diffusivity:
            line += f" ({diffusivity[0]:.3g} to {diffusivity[1]:.3g})"
        line += " cm²/s"
        if beyond["conductivity_mS_cm"] is not None:
            line += f", {beyond['conductivity_mS_cm']:.3g}"
            if low_high is not None and None not in low_high:
                line += f" ({low_high[0]:.3g} to {low_high[1]:.3g})"
            line += " mS/cm"
        if low_high is not None or diffusivity is not None:
            line += f", {100 * level:.3g} % interval"
        console.print(line, soft_wrap=True)
    for run in answer["excluded"]:
        console.print(f"  left out: {run['run']}: {run['reason']}", soft_wrap=True)
    for caution in answer["cautions"]:
        console.print(f"  Caution: {caution}", soft_wrap=True)


def _write(out: Path, found: Any) -> None:
    from mlipsse.files import write_text
    from mlipsse.report.figures.style import new_figure, save_figure
    from mlipsse.report.transport_figures.arrhenius import arrhenius_plot

    out.mkdir(parents=True, exist_ok=True)
    figure, (axes,) = new_figure()
    arrhenius_plot(axes, found)
    save_figure(figure, out / "arrhenius")
    rows = ["formula,temperature_K,diffusivity_cm2_s,diffusivity_std_cm2_s,line_cm2_s,runs"]
    for item in found:
        for point in item.points:
            line = item.arrhenius.diffusivity_cm2_s(point.temperature_K)
            rows.append(
                f"{item.formula},{point.temperature_K:g},{point.diffusivity_cm2_s:.6g},"
                f"{point.diffusivity_std_cm2_s:.6g},{'' if line is None else f'{line:.6g}'},"
                f"{point.n_runs}"
            )
    write_text(out / "arrhenius.csv", "\n".join(rows) + "\n")
