"""Run a command of another package that converts a model, in a process of its own."""

import sys
from collections.abc import Sequence
from pathlib import Path

from mlipsse.potential.export.target import FormatRefused
from mlipsse.processes import start_child, wait_for_child

_LOG = "log"


def run_command(module_and_options: Sequence[str], *, folder: Path, name: str, model: Path) -> str:
    """Run `python -m MODULE OPTIONS` in a folder; what it printed.

    Parameters
    ----------
    name : of the command, for the error
    model : that it converts, for the error

    Raises
    ------
    FormatRefused
        when it fails, with its last line.
    """
    with (folder / _LOG).open("wb") as log:
        status = wait_for_child(
            start_child([sys.executable, "-m", *module_and_options], folder=folder, output=log)
        )
    printed = (folder / _LOG).read_text(encoding="utf-8", errors="replace")
    if status:
        lines = [line.strip() for line in printed.splitlines() if line.strip()]
        raise FormatRefused(
            f"{name} cannot convert {model} (status {status}): "
            f"{lines[-1].rstrip('.') if lines else 'no output'}. Export it as torchscript."
        )
    return printed
