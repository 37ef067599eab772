"""A calculator of any Python environment, described in a file of the user."""

from pathlib import Path
from typing import Any

import yaml
from ase.data import chemical_symbols
from pydantic import Field, ValidationError, field_validator

from mlipsse.errors import MlipsseError
from mlipsse.settings import Settings

SUFFIXES = (".yaml", ".yml")


class CalculatorFile(Settings):
    """An ASE calculator that another Python makes.

    Raises
    ------
    MlipsseError
        as `Settings`.
    """

    python: Path
    """Interpreter of the environment. A relative path starts at the folder of this file."""
    calculator: str = Field(pattern=r"^[\w.]+:[\w.]+$")
    """Import path of the calculator's class, or of a function that returns one:
    module:attribute."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments of the call."""
    functional: str = Field(min_length=1)
    """Level of theory of the potential's labels, in words."""
    package: str | None = None
    """Distribution whose version the results state."""
    version: str | None = None
    """Required version of the package. The default is any."""
    elements: tuple[str, ...] | None = None
    """Elements that the potential knows. The default is the list of the calculator, where it has
    one."""
    device_argument: str | None = None
    """Keyword argument for the device, cpu or cuda. Without it the calculator runs where its own
    default is."""

    @field_validator("elements")
    @classmethod
    def _are_symbols(cls, elements: tuple[str, ...] | None) -> tuple[str, ...] | None:
        unknown = [symbol for symbol in elements or () if symbol not in chemical_symbols[1:]]
        if unknown:
            raise ValueError(f"no element has the symbol {', '.join(unknown)}")
        return elements


def read_calculator_file(path: Path) -> CalculatorFile:
    """Read a calculator file; `python` becomes absolute.

    Raises
    ------
    MlipsseError
        when it cannot be read or does not describe a calculator, naming the field at fault.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise MlipsseError(f"The calculator file {path} cannot be read: {reason}.") from error
    if not isinstance(content, dict):
        raise MlipsseError(
            f"The calculator file {path} is not a table of settings. It requires python, "
            "calculator and functional (see docs/environments.md)."
        )
    try:
        described = CalculatorFile(**content)
    except (MlipsseError, ValidationError) as error:
        raise MlipsseError(f"The calculator file {path}: {error}") from error
    return described.replaced(python=path.parent.absolute() / described.python.expanduser())
