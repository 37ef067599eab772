"""What a potential's name stands for, without loading it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlipsse.energetics.environments.calculator_file import SUFFIXES
from mlipsse.energetics.environments.recipe import RECIPES
from mlipsse.energetics.environments.spec import find_calculator, is_calculator_name
from mlipsse.energetics.potentials.mace_model import import_mace
from mlipsse.errors import MlipsseError
from mlipsse.resources import resource_dir

CHGNET = {
    "chgnet": ("0.3.0", "PBE, with +U where MPtrj has it (CHGNet 0.3.0)"),
    "chgnet-r2scan": ("r2scan", "r2SCAN (CHGNet, transfer-learned on MP-r2SCAN)"),
}
"""Name -> model name of the chgnet package, whose weights lie in it, and level of theory.

Deng et al., Nat. Mach. Intell. 5, 1031 (2023), doi 10.1038/s42256-023-00716-3; the r2SCAN model:
Huang et al., «Cross-functional transferability in foundation machine learning interatomic
potentials», npj Comput. Mater. (2025).
"""

DEFAULT_FOUNDATION = "mace-sse-small"
"""What relaxes, ranks and samples where a campaign names nothing: shipped, twelve elements."""

DEFAULT_TEACHER = "sevennet: 7net-l3i5"
"""What labels where a campaign names nothing."""

NATIVE_SUFFIX = ".safetensors"
"""Of native code's weights, beside which its libraries lie."""

_MODEL_SUFFIX = ".model"


@dataclass(frozen=True)
class Potential:
    """A potential by name.

    Attributes
    ----------
    name : as the user wrote it
    kind : who evaluates it; `mace-mp` models are downloaded by mace-torch at first use, those of
        `environment` run in another Python (see `mlipsse.energetics.environments`)
    source : model name inside the chgnet package or of mace-torch, path of a MACE file, of native
        weights or of a calculator file, or model of a recipe
    functional : level of theory, in words
    """

    name: str
    kind: Literal["chgnet", "mace-mp", "mace", "native", "environment"]
    source: str
    functional: str

    @property
    def file(self) -> Path | None:
        """The file that defines it here; None for one that comes with a package."""
        own = self.kind in ("mace", "native") or (
            self.kind == "environment" and Path(self.source).suffix in SUFFIXES
        )
        return Path(self.source) if own else None

    @property
    def in_batches(self) -> bool:
        """Whether several structures are evaluated at a time, which MACE is."""
        return self.kind in ("mace", "mace-mp")


def find_potential(name: str) -> Potential:
    """Look a potential's name up.

    Known are a name shipped in `potentials/`, the path of a MACE file or of native weights
    (`.safetensors`), the names of mace-torch's
    own models, with or without `mace-mp:` before them, potentials of an environment that mlipsse
    makes, e.g. `sevennet: 7net-0`, the path of a calculator file (`.yaml`), which describes a
    calculator of any environment, and `chgnet` and `chgnet-r2scan`, which require the package
    chgnet.

    Raises
    ------
    MlipsseError
        for any other name, listing what there is.
    """
    if name in CHGNET:
        source, functional = CHGNET[name]
        return Potential(name, "chgnet", source, functional)
    if is_calculator_name(name):
        if Path(name).suffix in SUFFIXES and not Path(name).is_file():
            raise MlipsseError(
                f"There is no calculator file {name} (looked for in {Path.cwd()}). Give the path "
                "of a file that exists."
            )
        spec = find_calculator(name)
        source = name if spec.environment is None else spec.name.partition(": ")[2]
        return Potential(spec.name, "environment", source, spec.functional)
    if name in (shipped := shipped_potentials()):
        return Potential(name, "mace", str(shipped[name]), f"that of {name} (see its card)")
    if Path(name).is_file() and Path(name).suffix == NATIVE_SUFFIX:
        return Potential(name, "native", name, f"that of {Path(name).stem}'s labels")
    if Path(name).is_file():
        return Potential(name, "mace", name, f"that of {Path(name).name}'s labels")
    if Path(name).suffix in {_MODEL_SUFFIX, NATIVE_SUFFIX, ".pt", ".pth"} or "/" in name:
        raise MlipsseError(
            f"There is no MACE file {name} (looked for in {Path.cwd()}). Give the path of a file "
            f"that exists, or a name: {_choices()}."
        )
    model = name.removeprefix("mace-mp:")
    if model in mace_mp_models():
        return Potential(name, "mace-mp", model, f"that of mace-torch's {model}")
    raise MlipsseError(
        f"There is no potential {name!r}. Name one of {_choices()} or a mace-torch model "
        f"({', '.join(mace_mp_models())}), or give the path of a MACE file."
    )


def shipped_potentials() -> dict[str, Path]:
    """Name -> MACE file of every potential in `potentials/`: the folder's one `*.model`."""
    found = {}
    for folder in sorted(resource_dir("potentials").iterdir()):
        models = sorted(folder.glob(f"*{_MODEL_SUFFIX}"))
        if len(models) > 1:
            raise MlipsseError(
                f"{folder} holds {len(models)} files *{_MODEL_SUFFIX} "
                f"({', '.join(path.name for path in models)}); a shipped potential has one."
            )
        if models:
            found[folder.name] = models[0]
    return found


def mace_mp_models() -> tuple[str, ...]:
    """Names of the foundation models that mace-torch downloads (this imports mace-torch)."""
    import_mace()
    from mace.calculators.foundations_models import mace_mp_urls

    return tuple(mace_mp_urls)


def _choices() -> str:
    apart = [name for recipe in RECIPES.values() for name in recipe.potentials]
    return ", ".join([*shipped_potentials(), *apart, *CHGNET])
