"""Render LAMMPS decks from Jinja templates.

A template `in.lammps.j2` in the user's own folder takes the place of the shipped one. Whatever
comes from outside (names, paths, interaction commands) is checked before it enters a deck, and a
deck that would start a shell is refused.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from mlipsse.engines import (
    ENGINES,
    SYMMETRIX_OPTIONS,
    EngineName,
    pair_lines,
    require_loadable,
)
from mlipsse.errors import MlipsseError
from mlipsse.md.files.data_file import types_of
from mlipsse.md.files.record import RunRecord
from mlipsse.md.plan.limits import (
    AVERAGE_SAMPLES,
    MAX_TEMPERATURE_RATIO,
    RunLimits,
    average_steps,
)
from mlipsse.md.plan.protocol import Protocol
from mlipsse.md.plan.settling import deck_settling
from mlipsse.resources import resource_dir
from mlipsse.structures.framework import MAX_DISPLACED

DECK_TEMPLATE = "in.lammps.j2"
RELAX_MAX_STEPS = 500
RELAX_MAX_GROWTH_PERCENT = 25
"""No crystal of use changes its volume by so much between two sane potentials."""

_STEPS = (
    *("npt_steps", "first_frame_step", "last_frame_step", "production_steps"),
    *("dump_every_steps", "thermo_every_steps", "restart_every_steps"),
    *("momentum_every_steps", "velocities_every_steps"),
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+=()-]{0,119}")
_ELEMENT = re.compile(r"[A-Z][a-z]?")
_PATH_PUNCTUATION = frozenset(" /._+=,@%~:()[]-")
_PATH_LETTERS = frozenset({"Lu", "Ll", "Lo", "Nd"})
_PAIR_COMMANDS = frozenset({"plugin", "variable", "pair_style", "pair_coeff", "pair_modify"})
_NEWTON_ON = re.compile(r"^[ \t]*newton[ \t]+on\b", re.MULTILINE)
CALCULATOR_FIX = "calculator"
"""Name of the fix by which forces of a Python calculator enter a run."""
_NEIGHBOURS_A = 5.0
"""Cutoff of the neighbour list without a pair style: beyond every limit of a close pair."""
_SHELL = re.compile(r"""(?:^|["'])[ \t]*shell\b""", re.MULTILINE)


def mace_commands(
    *,
    plugin: Path,
    model: Path,
    species: Sequence[str],
    engine: EngineName = "mlipsse",
    dtype: str = "float32",
    device: str | None = None,
) -> tuple[str, ...]:
    """Commands that load a pair style and give it a model.

    Parameters
    ----------
    plugin : shared object of mlipsse's pair style, for its own engine
    model : exported model that the engine loads
    species : elements in the order of the LAMMPS types (`data_file.species_by_type`)
    engine : what evaluates the model
    dtype, device : see `mlipsse.engines.pair_lines`

    Raises
    ------
    MlipsseError
        for a path or an element that cannot stand in a deck, or a file of another engine.
    """
    require_loadable(ENGINES[engine], model)
    for element in species:
        if not _ELEMENT.fullmatch(element):
            raise MlipsseError(f"{element!r} is not the symbol of an element.")
    return pair_lines(
        ENGINES[engine],
        model=quoted_path(model),
        species=species,
        plugin=quoted_path(plugin),
        dtype=dtype,
        device=device,
    )


def calculator_commands() -> tuple[str, ...]:
    """Commands by which forces come from an ASE calculator, see `mlipsse.md.calculator`."""
    return (
        f"pair_style      zero {_NEIGHBOURS_A}",
        "pair_coeff      * *",
        f"fix             {CALCULATOR_FIX} all external pf/callback 1 1",
    )


def render_deck(
    record: RunRecord,
    *,
    title: str,
    pair_commands: Sequence[str],
    atom_style: str = "atomic",
    engine: EngineName = "mlipsse",
    template_dir: Path | None = None,
) -> str:
    """Text of `in.lammps` for one run; the data file beside it is `structure.data`.

    A template sees `title`, `pair_commands`, `of_calculator` (whether forces come from Python),
    `relax_max_steps`, `relax_max_growth_percent`, the
    fields of `Protocol` and its lengths in steps, `timestep_ps`; of the crystal `atom_style`,
    `species` (by type), `mobile_type`, `framework_types`; and the limits `max_temperature_K`,
    `melting` (see `deck_melting`), `closest` (type, species, distance from the mobile ion in Å),
    `most_near` (names of what counts ions closer than that), `settling` (numbers of
    `md.settling` for the NPT part) and `engine` (see `mlipsse.engines`).

    Parameters
    ----------
    record : of the run, as `record_of` makes it
    title : names the run in the deck's first line, e.g. `Li3InCl6-o003-T0800-r0`
    pair_commands : lines that define the interactions, e.g. from `mace_commands`
    atom_style : of the data file (`data_file.atom_style`)
    engine : what evaluates the potential
    template_dir : folder whose templates come before the shipped ones

    Raises
    ------
    MlipsseError
        for a name or command that may not enter a deck, for a faulty template, and for one without
        `newton on` where the engine requires it.
    """
    species = types_of(record.species)
    types = {symbol: number for number, symbol in enumerate(species, start=1)}
    protocol, limits = record.protocol, record.limits
    context: dict[str, Any] = {
        **protocol.model_dump(),
        **{name: getattr(protocol, name) for name in _STEPS},
        "title": checked_name(title, what="title"),
        "of_calculator": calculator_commands()[-1] in pair_commands,
        "pair_commands": [_checked_pair_command(command) for command in pair_commands],
        "relax_max_steps": RELAX_MAX_STEPS,
        "relax_max_growth_percent": RELAX_MAX_GROWTH_PERCENT,
        "timestep_ps": protocol.timestep_fs / 1000,
        "atom_style": atom_style,
        "engine": ENGINES[engine],
        "species": species,
        "mobile_type": types[record.mobile],
        "framework_types": [types[symbol] for symbol in species if symbol != record.mobile],
        "max_temperature_K": MAX_TEMPERATURE_RATIO * protocol.temperature_K,
        "melting": deck_melting(limits, protocol),
        "closest": [(types[symbol], symbol, far) for symbol, far in limits.closest_A.items()],
        "settling": deck_settling(protocol.npt_steps),
        "most_near": [f"c_most{types[symbol]}" for symbol in limits.closest_A],
    }
    text = render_template(DECK_TEMPLATE, context, template_dir=template_dir)
    if _SHELL.search(text):
        raise MlipsseError(
            f"The deck rendered from {DECK_TEMPLATE} uses the LAMMPS command `shell`, which can "
            "run any program on the machine. Remove the command from the template."
        )
    if ENGINES[engine].kokkos and not _NEWTON_ON.search(text):
        raise MlipsseError(
            f"The deck rendered from {DECK_TEMPLATE} has no line `newton on`, which the engine "
            f"{engine} requires. Add it to the template, before the box is made."
        )
    return text


def deck_melting(limits: RunLimits, protocol: Protocol) -> dict[str, Any]:
    """What a deck needs to judge whether the framework has melted.

    Returns
    -------
    dict
        `groups` (name -> ids of centres), `displaced_A`, `max_displaced`, `average_steps` (length
        of an average), `every_steps` (between its samples) and `samples` (their number).
    """
    return {
        "groups": limits.centres,
        "displaced_A": limits.displaced_A,
        "max_displaced": MAX_DISPLACED,
        "average_steps": average_steps(protocol.timestep_fs),
        "every_steps": average_steps(protocol.timestep_fs) // AVERAGE_SAMPLES,
        "samples": AVERAGE_SAMPLES,
    }


def render_template(name: str, context: Mapping[str, Any], *, template_dir: Path | None) -> str:
    """Render a template of `lammps_templates/`, or the user's own of the same name.

    Raises
    ------
    MlipsseError
        naming the template and, where known, the line, when it uses an unknown variable, is not
        valid Jinja, or is missing.
    """
    folders = [folder for folder in (template_dir, resource_dir("lammps_templates")) if folder]
    if template_dir is not None and not template_dir.is_dir():
        raise MlipsseError(f"The folder of templates {template_dir} does not exist.")
    try:
        return _environment(tuple(folders)).get_template(name).render(context)
    except jinja2.UndefinedError as error:
        raise MlipsseError(
            f"The template {name} uses an unknown variable: {error.message}. Known variables: "
            f"{', '.join(sorted(context))}."
        ) from error
    except jinja2.TemplateNotFound as error:
        raise MlipsseError(
            f"The template {error.name} was not found in {' or '.join(map(str, folders))}."
        ) from error
    except jinja2.TemplateSyntaxError as error:
        raise MlipsseError(
            f"The template {error.filename or name}, line {error.lineno}, is not valid Jinja: "
            f"{error.message}"
        ) from error
    except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError) as error:
        raise MlipsseError(f"The template {name} cannot be rendered: {error}") from error


@cache  # templates are compiled once, and again only when their file changes
def _environment(folders: tuple[Path, ...]) -> jinja2.Environment:
    return ImmutableSandboxedEnvironment(
        loader=jinja2.FileSystemLoader(folders),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


def checked_name(name: str, *, what: str) -> str:
    """`name` itself, when it can stand in a deck and in a path.

    Raises
    ------
    MlipsseError
        unless it is 1 to 120 letters, digits and ._+=()- and starts with a letter or digit.
    """
    if not _NAME.fullmatch(name):
        raise MlipsseError(
            f"{what} = {name!r} is not allowed in a LAMMPS deck. Use at most 120 letters, digits "
            "and the characters . _ + = ( ) - and start with a letter or a digit."
        )
    return name


def quoted_path(path: Path) -> str:
    """`path` in double quotes, inside which LAMMPS keeps spaces and substitutes nothing.

    Raises
    ------
    MlipsseError
        for quotes, `$`, `&`, control characters and the like, which could end the argument.
    """
    text = str(path)
    for character in text:
        # Modifier letters are left out: LAMMPS turns some of them into quotes.
        if not (character in _PATH_PUNCTUATION or unicodedata.category(character) in _PATH_LETTERS):
            raise MlipsseError(
                f"The path {text!r} contains {character!r}, which a LAMMPS deck does not allow. "
                "Use only letters, digits, spaces and / . _ + = , @ % ~ : ( ) [ ] -"
            )
    return f'"{text}"'


def _checked_pair_command(command: str) -> str:
    if command in calculator_commands():
        return command
    word = command.split(maxsplit=1)[0] if command.strip() else ""
    if word not in _PAIR_COMMANDS:
        raise MlipsseError(
            f"The interaction command {command!r} must start with one of "
            f"{', '.join(sorted(_PAIR_COMMANDS))}."
        )
    plain = command.replace(f"${{{SYMMETRIX_OPTIONS}}}", "")
    if not plain.isprintable() or "$" in plain or "&" in plain:
        raise MlipsseError(
            f"The interaction command {command!r} must be one printable line without $ and &."
        )
    return command
