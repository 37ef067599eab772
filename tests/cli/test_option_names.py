"""One convention for options: names without units, units in the help, shared ones alike."""

import json
import re
from typing import get_args

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from mlipsse.cli import app
from mlipsse.cli.options import RENAMED, CommandGroup

UNITS = {
    "A", "K", "eV", "meV", "fs", "ps", "ns", "us", "s", "h", "GPa", "kB", "GB", "THz", "e", "cm2",
    "A2", "A3", "step", "atom",
}  # fmt: skip
NAMED = {"fs": "fs", "ps": "ps", "A": "Å", "K": "K", "us_per_atom_step": "µs"}
"""End of a parameter's name -> the unit in its help."""


def tree(command, path=()):
    """Every command and group, with the words that call it."""
    yield path, command
    for name, below in getattr(command, "commands", {}).items():
        yield from tree(below, (*path, name))


TREE = list(tree(typer.main.get_command(app)))
OPTIONS = [
    (path, param)
    for path, command in TREE
    for param in command.params
    if param.param_type_name == "option"
]
OLD = [
    (path, old, new) for old, new in RENAMED.items() for path, param in OPTIONS if new in param.opts
]


def shown(path, *words):
    return CliRunner().invoke(app, [*path, *words], env={"COLUMNS": "200"}, terminal_width=200)


def test_the_tree_is_whole():
    assert ("transport", "jumps") in dict(TREE)
    assert {new for _, _, new in OLD} == set(RENAMED.values())
    groups = [command for _, command in TREE if hasattr(command, "commands")]
    assert len(groups) == 9
    assert all(isinstance(group, CommandGroup) for group in groups)


def test_names_carry_no_unit():
    units = {unit.lower() for unit in UNITS}
    assert ["--timestep", "fs"][1] in units
    for path, param in OPTIONS:
        for name in (*param.opts, *param.secondary_opts):
            assert name.rsplit("-", 1)[1] not in units, (path, name)


def test_help_names_the_unit():
    seen = set()
    for path, param in OPTIONS:
        for end, unit in NAMED.items():
            if re.search(rf"(^|_){end}$", param.name):
                assert re.search(rf"(^|\W){unit}\b", param.help), (path, param.opts)
                seen.add(param.opts[0])
    assert set(RENAMED.values()) - {"--runs"} <= seen  # a number of runs has no unit
    assert {"--temperature", "--cutoff", "--radius"} <= seen


@pytest.mark.parametrize(
    ("path", "name"),
    [(path, param.opts[0]) for path, param in OPTIONS if param.type_descriptor.choices],
)
def test_a_wrong_choice_is_reported_with_the_choices(path, name):
    result = shown(path, name, "no-such-word")
    assert result.exit_code == 2
    assert f"Invalid value for '{name}': 'no-such-word' is not one of" in result.output
    assert "Value error" not in result.output


@pytest.mark.parametrize(("path", "old", "new"), OLD)
def test_old_names_work_and_are_hidden(path, old, new):
    text = shown(path, "--help").output
    assert re.search(rf"{new}\s", text)
    assert old not in text
    for words in ([f"{old}=nan"], [old, "nan"]):
        result = shown(path, *words)
        assert result.exit_code != 0
        assert "No such option" not in result.output
        assert (
            str(result.exception).startswith(f"{new} nan")
            or "Missing" in result.output
            or f"Invalid value for '{new}'" in result.output
        )


def test_old_names_mean_the_new_ones(tmp_path):
    lags = np.arange(1, 41)
    table = tmp_path / "msd.csv"
    rows = [f"{lag},{0.5 + 0.06 * lag}" for lag in lags]
    table.write_text("\n".join(["step,msd (A^2)", *rows]) + "\n")
    new = {"--timestep": "100", "--duration": "40", "--window": "1,3", "--ions": "8"}
    old = {{now: name for name, now in RENAMED.items()}.get(name, name): new[name] for name in new}
    assert len(set(old) - set(new)) == 3
    answers = []
    for options in (new, old):
        words = [word for pair in options.items() for word in pair]
        result = shown(
            ("transport", "fit-msd"), str(table), "--temperature", "700", *words, "--json"
        )
        assert result.exit_code == 0, result.output
        answers.append(json.loads(result.output))
    assert answers[0] == answers[1]
    assert answers[0]["window_ps"] == pytest.approx([1, 3])
    assert answers[0]["diffusivity_cm2_s"] == pytest.approx(0.6 / 6 * 1e-4, rel=1e-6)
    assert answers[0]["diffusivity_std_cm2_s"] > 0


def test_old_names_of_other_commands_are_refused():
    result = shown(("transport", "density"), "--timestep-fs=1")
    assert "No such option: --timestep-fs" in result.output


def test_words_behind_two_dashes_are_no_options():
    result = shown(("transport", "fit-msd"), "--temperature", "700", "--", "--timestep-fs")
    assert "--timestep-fs" in str(result.exception)


@pytest.mark.parametrize("name", ["--json", "--seed", "--threads", "--device", "--dtype", "--out"])
def test_shared_options_mean_the_same(name):
    found = {
        (param.metavar, param.help, str(param.type_descriptor.choices))
        for path, param in OPTIONS
        if name in param.opts and path != ("dataset", "normalise")  # which writes one file
    }
    assert len(found) == 1


def test_choices_are_those_of_the_package():
    from mlipsse.dataset.frames.label_names import COMPRESSION, TENSION, TENSOR_ORDERS
    from mlipsse.dataset.frames.label_units import KNOWN
    from mlipsse.potential.export import target
    from mlipsse.potential.export.target import Format
    from mlipsse.transport.diffusion.table.reading import LENGTH_A, TIME_PS

    def of(*path):
        command = dict(TREE)[path[:-1]]
        (param,) = (param for param in command.params if path[-1] in param.opts)
        return set(param.type_descriptor.choices)

    for command in ("check", "normalise"):
        assert of("dataset", command, "--energy-unit") == set(KNOWN["energy"])
        assert of("dataset", command, "--force-unit") == set(KNOWN["force"])
        assert of("dataset", command, "--stress-unit") == set(KNOWN["stress"])
        assert of("dataset", command, "--stress-sign") == {TENSION, COMPRESSION}
        assert of("dataset", command, "--stress-order") == set(TENSOR_ORDERS)
    export = dict(TREE)["potential", "export"]
    (formats,) = (param for param in export.params if "--format" in param.opts)
    assert formats.help is not None
    assert all(f" {form}," in formats.help for form in get_args(Format))
    for command in ("export", "check"):
        assert of("potential", command, "--dtype") == set(get_args(target.Dtype))
    for command in ("export", "bench"):
        assert of("potential", command, "--device") == set(get_args(target.Device))
    times = {TIME_PS[unit] for unit in of("transport", "fit-msd", "--time-unit")}
    lengths = {LENGTH_A[unit.lower()] for unit in of("transport", "fit-msd", "--length-unit")}
    assert (times, lengths) == (set(TIME_PS.values()), set(LENGTH_A.values()))


@pytest.mark.parametrize(
    ("words", "allowed"),
    [
        (("dataset", "check", "x", "--energy-unit", "erg"), "'kcal/mol'"),
        (("dataset", "check", "x", "--stress-sign", "up"), "'tension', 'compression'"),
        (("potential", "bench", "x", "--device", "tpu"), "'cpu', 'cuda'"),
        (("potential", "check", "x", "--dtype", "float16"), "'float32', 'float64'"),
        (("transport", "fit-msd", "x", "--temperature", "1", "--time-unit", "d"), "'fs', 'ps'"),
    ],
)
def test_unknown_choices_are_refused_with_the_known_ones(words, allowed):
    result = shown(words)
    assert result.exit_code == 2
    assert f"'{words[-1]}' is not one of" in result.output
    assert allowed in result.output
