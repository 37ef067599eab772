"""Writes the pages that follow from the code: `config.md` and `files.md`.

python docs/reference.py           # writes both
python docs/reference.py --check   # exit code 1 when one is stale
"""

import json
import re
import sys
import types
import typing
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from mlipsse.campaign.config.campaign import CampaignConfig
from mlipsse.campaign.engine import paths

HERE = Path(__file__).parent
GENERATED = "<!-- Written by docs/reference.py: change the code, then run it again. -->"

UNITS = {
    "meV_atom": "meV/atom",
    "per_ps": "1/ps",
    "eV_A": "eV/Å",
    "1_A": "1/Å",
    "A3": "Å³",
    "bar": "bar",
    "eV": "eV",
    "fs": "fs",
    "GB": "GB",
    "ps": "ps",
    "Ry": "Ry",
    "A": "Å",
    "K": "K",
}
"""Units by the suffix of a field's name; a longer suffix comes first."""

CONFIG_HEAD = """# campaign.yaml

{generated}

Every field of `campaign.yaml`, with its unit, its default and what it does. Fields without a
default are required. A field whose default is «not given» follows a rule, which its description
states. `mlipsse schema` prints all of it as a JSON schema, with limits. Unknown fields are refused.
`mlipsse validate` checks a file.
"""

FILES_HEAD = """# Files of a campaign

{generated}

A campaign is a folder. `mlipsse run` writes one folder per stage; every file is named here once.
Parts in braces vary. Figures come as PNG and as SVG.
"""

FILES_TAIL = """## The folder of a run

`08-simulate` and a folder of `mlipsse md render` also hold `run.sh`, `array.sbatch`, `runs.txt`
(the runs of the array), `macepair.so` (the pair style) and `macetorch.so` (its part that needs
libtorch). The folder of one run holds:

| file | holds |
|---|---|
| `run.json` | Composition, temperature, lengths and seed of the run. |
| `structure.data`, `relaxed.data` | The cell as given, and as relaxed with the potential. |
| `in.lammps` | The deck, commented. |
| `traj.{step}.dcd` | Frames of the part that began at this step, unwrapped. |
| `velocities.{step}.lammpstrj` | Sparse frames with velocities. |
| `segments.json` | Checksums of the parts of the trajectory. |
| `restart.a`, `restart.b` | The two newest restarts; `.inc` beside them: their steps. |
| `log.{part}.lammps`, `log.relax.lammps` | Logs of LAMMPS. |
| `lammps.out` | What LAMMPS printed. |
| `outcome.json`, `finished.txt` | How the run ended. |

## A bundle

[Potentials for LAMMPS](potentials.md#the-bundle) lists the files of a potential's folder.
"""


def sections(model: type[BaseModel], name: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """Every block of the config with its dotted name, outermost first."""
    yield name, model
    for key, field in model.model_fields.items():
        for inner in models_in(field.annotation):
            yield from sections(inner, f"{name}.{key}".lstrip("."))


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """Blocks that a field holds, also as values of a mapping or where it may be left out."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in typing.get_args(annotation) for model in models_in(inner)]


def unit(name: str) -> str:
    """Unit that a field's name ends in; empty where it has none."""
    return next((shown for suffix, shown in UNITS.items() if name.endswith("_" + suffix)), "")


def default(field: FieldInfo) -> str:
    """Default value as it stands in YAML."""
    value = field.default
    if field.default_factory is not None:
        value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "required"
    if value is None:
        return "not given"
    if isinstance(value, str):
        return f"`{value}`"
    return f"`{json.dumps(value)}`"


def choices(annotation: Any) -> list[str]:
    """Words that a field may hold, where they are few."""
    if typing.get_origin(annotation) is Literal:
        return [f"`{word}`" for word in typing.get_args(annotation)]
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return [word for inner in typing.get_args(annotation) for word in choices(inner)]
    return []


def sentence(text: str, *, values: Sequence[str] = ()) -> str:
    """On one line, safe in a table, with a full stop and, where no value comes first, a capital."""
    text = " ".join(text.split())
    first = text.split(" ")[0].strip(",;:")
    if first.replace("-", "").isalpha() and f"`{first}`" not in values:
        text = text[:1].upper() + text[1:]
    text = re.sub(r"([|*])", r"\\\1", text)
    return text if text.endswith(".") else text + "."


def config_page() -> str:
    """A table per block of the config."""
    parts = [CONFIG_HEAD.format(generated=GENERATED)]
    for name, model in sections(CampaignConfig):
        rows = []
        for key, field in model.model_fields.items():
            if any(issubclass(inner, BaseModel) for inner in models_in(field.annotation)) and (
                field.description is None
            ):
                continue
            words = choices(field.annotation)
            about = sentence(field.description or "", values=words)
            if words:
                about += f" One of {', '.join(words)}."
            rows.append(f"| `{key}` | {unit(key)} | {default_of(field)} | {about} |")
        about = (model.__doc__ or "").strip().splitlines()[0]
        parts += [
            f"## {name or 'The campaign itself'}\n\n{about}\n",
            "| field | unit | default | description |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    return "\n".join(parts).rstrip() + "\n"


def default_of(field: FieldInfo) -> str:
    """Default of a field; blocks have a table of their own."""
    if models_in(field.annotation) and field.default is not None:
        return "see below"
    return default(field)


def files_page() -> str:
    """A table per stage."""
    parts = [FILES_HEAD.format(generated=GENERATED)]
    for group in (paths.Root, paths.EveryStage, *paths.OF_STAGES, paths.LearningCurve):
        folder = vars(group).get("folder")
        title = f"`{folder.path}`: {folder.holds}" if folder else group.__doc__.rstrip(".")
        parts += [f"## {title}\n", "| file | holds |", "|---|---|"]
        for value in vars(group).values():
            if isinstance(value, paths.Place) and value is not folder:
                names = ", ".join([f"`{value.path}`", *(f"`{suffix}`" for suffix in value.also)])
                parts.append(f"| {names} | {sentence(value.holds)} |")
        parts.append("")
    return "\n".join([*parts, FILES_TAIL])


PAGES = {"config.md": config_page, "files.md": files_page}


def stale() -> list[str]:
    """Names of the pages that are not as the code would write them."""
    return [
        name
        for name, page in PAGES.items()
        if not (HERE / name).is_file() or (HERE / name).read_text(encoding="utf-8") != page()
    ]


def main() -> None:
    """Write the pages, or compare them."""
    if "--check" in sys.argv:
        if old := stale():
            sys.exit(f"docs/{', docs/'.join(old)} is stale: run `python docs/reference.py`.")
        return
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
