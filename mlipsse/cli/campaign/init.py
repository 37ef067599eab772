"""`mlipsse init`: start a campaign from an example."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from mlipsse.campaign.engine.paths import Root
from mlipsse.errors import MlipsseError
from mlipsse.files import write_aside
from mlipsse.resources import resource_dir

CONFIG_NAME = Root.config.name
DOCUMENTATION = (".md", ".png", ".json")
"""What an example shows of itself, and a campaign does not need."""


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to make.")],
    example: Annotated[str, typer.Option(help="Example to start from.")] = "li3incl6",
) -> None:
    """Make a campaign folder with the config and host structure of an example."""
    examples = resource_dir("examples")
    names = sorted(path.parent.name for path in examples.glob(f"*/{CONFIG_NAME}"))
    if example not in names:
        raise MlipsseError(f"There is no example {example!r}; there are: {', '.join(names)}.")
    if (folder / CONFIG_NAME).exists():
        raise MlipsseError(
            f"{folder} is a campaign already. Edit its {CONFIG_NAME}, or name another folder."
        )
    if folder.exists() and not folder.is_dir():
        raise MlipsseError(f"{folder} is a file, not a folder: name another one.")
    folder.mkdir(parents=True, exist_ok=True)
    # The config comes last: a folder is a campaign only when everything it names is there.
    files = sorted((examples / example).iterdir(), key=lambda path: path.name == CONFIG_NAME)
    for path in files:
        if path.suffix in DOCUMENTATION:
            continue
        with write_aside(folder / path.name) as aside:
            shutil.copyfile(path, aside)
    typer.echo(f"Made {folder} from the example {example}. Next: mlipsse run {folder}")
