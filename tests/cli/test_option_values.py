"""Numbers that no option can have: a sentence, in every command, before any work."""

import math
from typing import Annotated, get_args, get_origin, get_type_hints

import pytest
from typer.models import OptionInfo, TyperInfo
from typer.testing import CliRunner

from mlipsse.cli import app
from mlipsse.cli.options import cell_factors, whole_numbers
from mlipsse.errors import MlipsseError


def commands(typer_app, path=()):
    """Every command with the words that call it."""
    for command in typer_app.registered_commands:
        yield (*path, command.name or command.callback.__name__.replace("_", "-")), command.callback
    for group in typer_app.registered_groups:
        assert isinstance(group, TyperInfo)
        yield from commands(group.typer_instance, (*path, group.name))


def numeric_options():
    """(words of the command, option, kind) of every option that takes one number."""
    for path, callback in commands(app):
        for name, hint in get_type_hints(callback, include_extras=True).items():
            if get_origin(hint) is not Annotated:
                continue
            kinds = set(get_args(get_args(hint)[0])) or {get_args(hint)[0]}
            (option,) = get_args(hint)[1:]
            if not isinstance(option, OptionInfo) or not kinds & {int, float}:
                continue
            named = (option.default, *(option.param_decls or ()))
            flags = [flag for flag in named if isinstance(flag, str) and flag.startswith("--")]
            flag = flags[0] if flags else "--" + name.replace("_", "-")
            yield path, flag, float if float in kinds else int


OPTIONS = list(numeric_options())
SIGNED = {"--charge"}
ZERO_ALLOWED = {
    "--seed", "--typical", "--interstitial-occupancy", "--least-occupancy", "--views",
    "--max-above-hull",
}  # fmt: skip


def answer(path, flag, value):
    result = CliRunner().invoke(app, [*path, f"{flag}={value}"])
    if isinstance(result.exception, MlipsseError):
        return str(result.exception)
    assert result.exit_code == 2
    assert "No such option" not in result.output
    return result.output


def test_the_options_are_found():
    found = {(path[-1], flag) for path, flag, _ in OPTIONS}
    assert {
        ("diffusivity", "--charge"), ("diffusivity", "--temperature"), ("msd", "--timestep"),
        ("fit-msd", "--ions"), ("estimate", "--cost"), ("jumps", "--radius"),
        ("jumps", "--frame-spacing"), ("rdf", "--bin"), ("accept", "--timestep"),
    } <= found  # fmt: skip


@pytest.mark.parametrize(
    ("path", "flag", "kind"), OPTIONS, ids=[f"{path[-1]}{flag}" for path, flag, _ in OPTIONS]
)
def test_impossible_numbers_are_refused(path, flag, kind):
    wrong = ["-1", "0"] if kind is int else ["nan", "inf", "-inf", "-1", "0"]
    if flag in SIGNED:
        wrong.remove("-1")
    if flag in ZERO_ALLOWED:
        wrong.remove("0")
    for value in wrong:
        assert flag in answer(path, flag, value), value


@pytest.mark.parametrize("value", ["0", "1e-3", "1.602e-19", "9", "-20", "nan"])
def test_charges_of_no_ion_are_refused(value):
    assert "is no charge of an ion" in answer(("transport", "diffusivity"), "--charge", value)


@pytest.mark.parametrize(
    ("command", "flag", "value"),
    [
        ("msd", "--lags", "nan"), ("msd", "--lags", "1,0"), ("msd", "--lags", "1,inf"),
        ("msd", "--lags", ","),
    ],
)  # fmt: skip
def test_lists_of_numbers(command, flag, value):
    from mlipsse.cli.transport.msd import _lags

    with pytest.raises(MlipsseError, match="not a list of lags above 0 ps"):
        _lags(value, [0.0, 1.0])


@pytest.mark.parametrize("value", ["0,1,1", "-1", "", "1.5", "nan"])
def test_lists_of_whole_numbers(value):
    with pytest.raises(MlipsseError, match=r"--sizes .* whole numbers above 0; write e\.g\."):
        whole_numbers(value, option="--sizes", example="25,50")


@pytest.mark.parametrize("text", ["2x1x3", "2×1×3", "2,1,3"])
def test_supercells(text):
    assert cell_factors(text, option="--repeats") == [2, 1, 3]


@pytest.mark.parametrize(
    "text", ["2x2", "2x2x2x2", "0x1x1", "-1x1x1", "1.5x1x1", "2x2,2", "2 2 2", ""]
)
def test_impossible_supercells(text):
    with pytest.raises(MlipsseError, match=r"--repeats .* above 0; write e\.g\. --repeats 2x2x2"):
        cell_factors(text, option="--repeats")


def test_conductivity_needs_a_charge():
    from mlipsse.transport import nernst_einstein_conductivity

    for charge in (0.0, math.nan, math.inf, 1.602e-19, 12.0):
        with pytest.raises(MlipsseError, match="charge of the mobile ion"):
            nernst_einstein_conductivity(
                1e-6, n_ions=8, volume_A3=1e3, charge_e=charge, temperature_K=300.0
            )
