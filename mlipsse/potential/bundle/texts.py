"""The texts of a bundle: `README.md` and `in.example`, with the lines of every engine."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from mlipsse.engines import (
    ENGINES,
    SYMMETRIX_OPTIONS,
    Engine,
    EngineName,
    file_end,
    pair_lines,
)
from mlipsse.potential.export.other_engines.symmetrix import require_orders
from mlipsse.potential.export.target import SUFFIXES, FormatRefused

README_FILE = "README.md"
DECK_FILE = "in.example"

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Way:
    """One way to run a bundle in LAMMPS, as its README states it.

    Attributes
    ----------
    title, needs, one_rank : of the engine
    file : that the engine loads
    lines : commands of LAMMPS
    command : that runs the example
    make : command that makes the file; None where it is always there
    note : what else a user has to do, or None
    """

    title: str
    needs: str
    one_rank: bool
    file: str
    lines: tuple[str, ...]
    command: str
    make: str | None
    note: str | None


def readme_text(
    card: Mapping[str, Any], *, head: str, file: str, formula: str, data_file: str
) -> str:
    """The README of a bundle.

    Parameters
    ----------
    card : entries of the card
    head : that was exported
    file : see `engine_files`
    formula, data_file : of the example
    """
    name, elements, dtype = str(card["name"]), card["elements"], str(card["dtype"])
    refusals = engine_refusals(card["max_ell"], card["layers"])
    files = engine_files(name, file, without=refusals)
    return _render(
        README_FILE,
        **{key: card[key] for key in ("name", "elements", "dtype", "cutoff_A", "layers")},
        **{key: card[key] for key in ("label_source", "licence")},
        head=head,
        torchscript=file_end(file) == SUFFIXES["torchscript"],
        formula=formula,
        data_file=data_file,
        ways=[
            _way(engine, engine_file, elements=elements, dtype=dtype)
            for engine, engine_file in files.items()
        ],
        missing=list(refusals.values()),
    )


def deck_text(
    *,
    name: str,
    file: str,
    formula: str,
    data_file: str,
    elements: Sequence[str],
    dtype: str,
    without: Collection[EngineName] = (),
) -> str:
    """The deck of a bundle's example, for every engine.

    Parameters
    ----------
    file : see `engine_files`
    elements : of the example, in the order of the atom types
    without : engines that do not hold the model
    """
    files = engine_files(name, file, without=without)
    default = next(engine for engine, named in files.items() if named == file)
    others = [engine for engine in files if engine is not default]
    return _render(
        DECK_FILE,
        name=name,
        formula=formula,
        data_file=data_file,
        default=default.name,
        engines=[engine.name for engine in files],
        example_engine=others[0].name,
        example_options=" ".join(others[0].options),
        pair_commands={
            engine.name: pair_lines(engine, model=engine_file, species=elements, dtype=dtype)
            for engine, engine_file in files.items()
        },
    )


def engine_refusals(max_ell: int, layers: int) -> dict[EngineName, str]:
    """Engine -> why it does not hold a model of these orders, a sentence."""
    try:
        require_orders(max_ell, layers, "this model")
    except FormatRefused as refused:
        return {"symmetrix": str(refused).partition(" Export")[0]}
    return {}


def engine_files(
    name: str, file: str, *, without: Collection[EngineName] = ()
) -> dict[Engine, str]:
    """Engine -> the file of the bundle that it loads, there or to be made.

    Parameters
    ----------
    name : of the bundle
    file : that LAMMPS loads: TorchScript, unless the model cannot be had in it; without it
        ACEsuit's fork has no file, and without one of its formats mlipsse's pair style has none
    without : engines that do not hold the model
    """
    files = {
        engine: f"{name}{engine.suffixes[0]}"
        for engine in ENGINES.values()
        if engine.name not in without
    }
    ours, fork = ENGINES["mlipsse"], ENGINES["upstream"]
    if file_end(file) in ours.suffixes:
        files[ours] = file
    else:
        del files[ours]
    if file_end(file) != SUFFIXES["torchscript"]:
        del files[fork]
    return files


def _way(engine: Engine, file: str, *, elements: Sequence[str], dtype: str) -> Way:
    ours = engine.name == "mlipsse"
    plugin = "/path/to/macepair.so   # the path that `mlipsse potential build` prints"
    lines = pair_lines(
        engine, model=file, species=elements, plugin=plugin if ours else None, dtype=dtype
    )
    if engine.one_rank:
        lines = ("atom_modify map yes", *lines)
    shortened = tuple(
        line if "macepair" in line else " ".join(line.partition("  #")[0].split()) for line in lines
    )
    options = ["-var plugin /path/to/macepair.so"] if ours else [*engine.options]
    if not ours:
        options.append(f"-var engine {engine.name}")
    form = next(form for form, suffix in SUFFIXES.items() if suffix == file_end(file))
    optional = form in ("mliap", "symmetrix")
    note = None
    if engine.name == "symmetrix":
        note = (
            "On a GPU it needs code for that GPU, prepared there:\n"
            f'`-var {SYMMETRIX_OPTIONS} "streamed_edges direct $(symmetrix_prepare_jit_device_'
            f'artifact --model {file} --precision {dtype} --lammps-arguments)"`.\n'
            "Without it general code runs, which is slower."
        )
    return Way(
        title=engine.title,
        needs=engine.needs,
        one_rank=engine.one_rank,
        file=file,
        lines=tuple(line.replace("plugin          load", "plugin load") for line in shortened),
        command=f"lmp {' '.join(options)} -in {DECK_FILE}",
        make=f"mlipsse potential export . --format {form} --out ." if optional else None,
        note=note,
    )


def _render(template: str, **values: object) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(f"{template}.j2").render(**values)
