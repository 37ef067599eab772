"""Arguments and options that several commands share, and how options are written.

Names carry no unit; every help text names it (`--timestep`: «Time step of the run in fs.»).
"""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from mlipsse.errors import MlipsseError

CampaignFolder = Annotated[
    Path, typer.Argument(metavar="DIR", help="Campaign folder, which contains campaign.yaml.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of the random numbers.")]
Threads = Annotated[int, typer.Option("--threads", min=1, help="Number of OpenMP threads.")]
Device = Annotated[
    Literal["cpu", "cuda"], typer.Option("--device", help="Device that runs the potential.")
]
Dtype = Annotated[
    Literal["float32", "float64"] | None,
    typer.Option("--dtype", help="Number type of the exported potential."),
]

_FOLDER = typer.Option("--out", metavar="DIR", help="Folder to write to.")
BundleFolder = Annotated[
    Path, typer.Argument(metavar="BUNDLE", help="Bundle folder, which contains card.yaml.")
]
OutFolder = Annotated[Path, _FOLDER]
OptionalOutFolder = Annotated[Path | None, _FOLDER]
OutFile = Annotated[Path, typer.Option("--out", metavar="FILE", help="File to write.")]

Transport = Annotated[
    bool,
    typer.Option(
        "--transport",
        help="Also run the campaign's production MD with every model, and compare D, conductivity "
        "and activation energy.",
    ),
]
Temperatures = Annotated[
    str | None,
    typer.Option(
        "--temperatures",
        metavar="T,T,...",
        help="Temperatures in K of the production runs with --transport. The default is all of "
        "the campaign.",
    ),
]
Compositions = Annotated[
    str | None,
    typer.Option(
        "--compositions",
        metavar="A,B,...",
        help="Compositions of the production runs with --transport. The default is all of the "
        "campaign.",
    ),
]

RENAMED: Mapping[str, str] = {
    "--bin-a": "--bin",
    "--duration-ps": "--duration",
    "--frame-spacing-ps": "--frame-spacing",
    "--lags-ps": "--lags",
    "--reach-a": "--reach",
    "--repeats": "--runs",
    "--spacing-a": "--spacing",
    "--timestep-fs": "--timestep",
    "--us-per-atom-step": "--cost",
    "--window-ps": "--window",
}
"""Old name of an option -> its name. Old names keep working and are in no help."""


class CommandGroup(TyperGroup):
    """A group of commands whose options also go by their old names."""

    def invoke(self, ctx: Any) -> Any:
        """Run what is called; a wrong value is reported without typer's «Value error»."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = error.message.removeprefix("Value error, ")
            raise

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Name, command and arguments of what is called, options under their present names."""
        name, command, rest = super().resolve_command(ctx, args)
        params = () if command is None else command.params
        known = {option for param in params for option in param.opts}
        return name, command, _by_present_names(rest, known)


def _by_present_names(args: Sequence[str], known: set[str]) -> list[str]:
    """Arguments of a command that has the options `known`, old names replaced."""
    options = args[: args.index("--")] if "--" in args else args
    renamed = []
    for word in options:
        name, equals, value = word.partition("=")
        present = RENAMED.get(name)
        taken = present is not None and present in known and name not in known
        renamed.append(f"{present}{equals}{value}" if taken else word)
    return [*renamed, *args[len(options) :]]


def above_zero(param: typer.CallbackParam, value: float | None) -> float | None:
    """Refuse an option that is not a finite number above 0; typer's `min` lets NaN pass."""
    return _checked(param, value, value is None or value > 0, "above 0")


def not_negative(param: typer.CallbackParam, value: float | None) -> float | None:
    """Refuse an option that is not a finite number, 0 or more."""
    return _checked(param, value, value is None or value >= 0, "0 or more")


def between_0_and_1(param: typer.CallbackParam, value: float | None) -> float | None:
    """Refuse an option that is not above 0 and below 1."""
    return _checked(param, value, value is None or 0 < value < 1, "above 0 and below 1")


def _checked(
    param: typer.CallbackParam, value: float | None, allowed: bool, wanted: str
) -> float | None:
    if value is not None and not (allowed and math.isfinite(value)):
        raise MlipsseError(f"{param.opts[-1]} {value:g}: give a finite number {wanted}.")
    return value


def words(text: str) -> list[str]:
    """The words between commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


def chosen_runs(
    transport: bool, temperatures: str | None, compositions: str | None
) -> tuple[list[float] | None, list[str] | None]:
    """Temperatures in K and compositions of the production runs; None for all.

    Raises
    ------
    MlipsseError
        for runs that are chosen without `--transport`, and temperatures that are no numbers.
    """
    if not transport and (temperatures or compositions):
        raise MlipsseError(
            "--temperatures and --compositions require --transport. Add --transport, or remove "
            "them."
        )
    try:
        kelvins = None if temperatures is None else [float(word) for word in words(temperatures)]
    except ValueError as error:
        raise MlipsseError(
            f"--temperatures {temperatures!r} is not a list of temperatures; write e.g. "
            "--temperatures 600,800."
        ) from error
    return kelvins, None if compositions is None else words(compositions)


def whole_numbers(text: str, *, option: str, example: str) -> list[int]:
    """The whole numbers above 0 between commas.

    Raises
    ------
    MlipsseError
        naming the option, and how it is written.
    """
    wrong = (
        f"{option} {text!r} is not a list of whole numbers above 0; write e.g. {option} {example}."
    )
    try:
        found = [int(word) for word in words(text)]
    except ValueError as error:
        raise MlipsseError(wrong) from error
    if not found or min(found) < 1:
        raise MlipsseError(wrong)
    return found


def cell_factors(text: str, *, option: str) -> list[int]:
    """The three factors of a supercell, `2x2x2`; `2,2,2` is read as well.

    Raises
    ------
    MlipsseError
        naming the option, and how it is written.
    """
    if not re.fullmatch(r"[1-9]\d*([x×,])[1-9]\d*\1[1-9]\d*", text):
        raise MlipsseError(
            f"{option} {text!r} is not three whole numbers above 0; write e.g. {option} 2x2x2."
        )
    return [int(factor) for factor in re.split("[x×,]", text)]
