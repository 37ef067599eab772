"""What a potential of another environment is: who makes its calculator, and from what."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlipsse.energetics.environments.calculator_file import SUFFIXES, read_calculator_file
from mlipsse.energetics.environments.environment import Environment, environment
from mlipsse.energetics.environments.recipe import RECIPES
from mlipsse.errors import MlipsseError


@dataclass(frozen=True)
class CalculatorSpec:
    """An ASE calculator that another Python makes.

    Attributes
    ----------
    name : as the user wrote the potential
    python : interpreter of the environment
    calculator : import path, `module:attribute`
    arguments : keyword arguments of the call, JSON-able
    functional : level of theory of the potential's labels, in words
    elements : symbols that the potential knows; None where only the calculator lists them
    package, version : distribution, and the version that it must have; None for any
    device_argument : keyword argument that takes `cpu` or `cuda`; None without one
    environment : that of a recipe; None for an environment of the user's
    """

    name: str
    python: Path
    calculator: str
    arguments: dict[str, Any]
    functional: str
    elements: frozenset[str] | None = None
    package: str | None = None
    version: str | None = None
    device_argument: str | None = None
    environment: Environment | None = None

    def require(self) -> None:
        """Refuse an environment that is not there; starts nothing.

        Raises
        ------
        MlipsseError
            with what to do.
        """
        if self.environment is not None:
            self.environment.require()
        elif not self.python.is_file():
            raise MlipsseError(
                f"{self.name} names the Python {self.python}, which does not exist. Give the path "
                "of an interpreter, e.g. /path/to/environment/bin/python."
            )

    def arguments_on(self, device: str) -> dict[str, Any]:
        """Keyword arguments of the call for a device.

        Raises
        ------
        MlipsseError
            for `cuda`, where the calculator takes no device.
        """
        if self.device_argument is not None:
            return {**self.arguments, self.device_argument: device}
        if device != "cpu":
            raise MlipsseError(
                f"{self.name} states no device_argument, but device {device} is requested. Name "
                "the keyword argument that takes the device, or request cpu."
            )
        return self.arguments


def is_calculator_name(name: str) -> bool:
    """Whether a potential's name means one of another environment."""
    return _recipe_name(name) in RECIPES or Path(name).suffix in SUFFIXES


def find_calculator(name: str) -> CalculatorSpec:
    """The calculator that a potential's name means; see `is_calculator_name`.

    Raises
    ------
    MlipsseError
        when the recipe holds no such model, or the calculator file cannot be read.
    """
    if _recipe_name(name) in RECIPES:
        there = environment(_recipe_name(name))
        model = name.partition(":")[2].strip()
        arguments, functional = there.recipe.arguments(model)
        return CalculatorSpec(
            name=f"{there.recipe.name}: {model}",
            python=there.python,
            calculator=there.recipe.calculator,
            arguments=arguments,
            functional=functional,
            package=there.recipe.package,
            version=there.recipe.version,
            device_argument="device",
            environment=there,
        )
    described = read_calculator_file(Path(name))
    return CalculatorSpec(
        name=name,
        python=described.python,
        calculator=described.calculator,
        arguments=described.arguments,
        functional=described.functional,
        elements=None if described.elements is None else frozenset(described.elements),
        package=described.package,
        version=described.version,
        device_argument=described.device_argument,
    )


def _recipe_name(name: str) -> str:
    return name.partition(":")[0].strip() if ":" in name else ""
