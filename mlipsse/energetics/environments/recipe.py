"""Environments that mlipsse knows how to make, and the potentials in their packages."""

from collections.abc import Mapping
from dataclasses import dataclass

from mlipsse.errors import MlipsseError


@dataclass(frozen=True)
class Recipe:
    """A package of potentials that cannot be installed beside mace-torch.

    Attributes
    ----------
    name : of the environment, and of its potentials before the colon
    package : distribution whose version is checked
    requirements : pinned; all else is that of the main environment, torch too
    calculator : import path of the ASE calculator, `module:attribute`
    models : name of a checkpoint in the package -> channels -> level of theory; the channel is ""
        for a model of one
    reference : publication of the models
    why : in words, why the package requires an environment of its own
    """

    name: str
    package: str
    requirements: tuple[str, ...]
    calculator: str
    models: Mapping[str, Mapping[str, str]]
    reference: str
    why: str

    @property
    def version(self) -> str:
        """Of the package."""
        pinned = dict(line.split("==") for line in self.requirements)
        return pinned[self.package]

    @property
    def potentials(self) -> tuple[str, ...]:
        """Names of all potentials, e.g. `sevennet: 7net-mf-0/PBE`."""
        return tuple(
            f"{self.name}: {model}" + (f"/{channel}" if channel else "")
            for model, channels in self.models.items()
            for channel in channels
        )

    def arguments(self, model: str) -> tuple[dict[str, str], str]:
        """Keyword arguments of the calculator, and level of theory, of `MODEL` or `MODEL/CHANNEL`.

        Raises
        ------
        MlipsseError
            for a model or channel that the package does not hold.
        """
        name, _, channel = model.partition("/")
        theory = self.models.get(name, {}).get(channel)
        if theory is None:
            raise MlipsseError(
                f"{self.package} {self.version} holds no potential {model!r}. Name one of "
                f"{', '.join(self.potentials)}. For a checkpoint in a file of yours write a "
                "calculator file (see docs/environments.md)."
            )
        arguments = {"model": name} | ({"modal": channel} if channel else {})
        return arguments, theory


_PBE = "PBE, with +U where MPtrj has it"

SEVENNET = Recipe(
    name="sevennet",
    package="sevenn",
    requirements=(
        "aiohappyeyeballs==2.7.1",
        "aiohttp==3.14.5",
        "aiosignal==1.4.0",
        "attrs==26.1.0",
        "braceexpand==0.1.7",
        "e3nn==0.6.0",
        "frozenlist==1.8.0",
        "multidict==7.2.1",
        "ninja==1.13.2",
        "propcache==0.5.4",
        "sevenn==0.13.0",
        "torch_geometric==2.8.1",
        "xxhash==4.1.0",
        "yarl==1.25.1",
    ),
    calculator="sevenn.calculator:SevenNetCalculator",
    models={
        "7net-0": {"": f"{_PBE} (SevenNet-0 of 11 July 2024)"},
        "7net-l3i5": {"": f"{_PBE} (SevenNet-l3i5)"},
        "7net-mf-0": {
            "PBE": f"{_PBE} (SevenNet-MF-0, channel PBE)",
            "R2SCAN": "r2SCAN (SevenNet-MF-0, channel R2SCAN)",
        },
    },
    reference="Park et al., J. Chem. Theory Comput. 20, 4857 (2024), doi 10.1021/acs.jctc.4c00190",
    why="sevenn requires e3nn 0.5 or newer, mace-torch requires e3nn 0.4.4",
)

RECIPES = {SEVENNET.name: SEVENNET}


def find_recipe(name: str) -> Recipe:
    """A recipe by the name of its environment.

    Raises
    ------
    MlipsseError
        for an unknown name.
    """
    if name not in RECIPES:
        raise MlipsseError(
            f"There is no recipe for an environment {name!r}. mlipsse makes {', '.join(RECIPES)}. "
            "Potentials of any other environment are named by a calculator file (see "
            "docs/environments.md)."
        )
    return RECIPES[name]
