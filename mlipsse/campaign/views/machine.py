"""What of the chain works on this machine, found by trying it."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

from mlipsse.energetics.environments.environment import Environment, environments
from mlipsse.errors import MlipsseError

State = Literal["ok", "absent", "broken"]

_SYSTEMS = ("Li", "Na", "Zr", "Si", "P", "O", "S", "Ge", "In", "Y", "Br", "Cl")
"""Elements of the published systems."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for.

    Attributes
    ----------
    needed : whether the main chain (demo, tests) needs it
    """

    what: str
    state: State
    detail: str
    needed: bool


def examine(device: str = "cpu") -> list[Finding]:
    """Look for everything that a campaign may need; never raises.

    Parameters
    ----------
    device : `cuda` when a GPU is needed too
    """
    needed: list[tuple[str, Callable[[], str]]] = [
        ("torch", _torch),
        ("mace-torch", lambda: metadata.version("mace-torch")),
        ("LAMMPS", _lammps),
        ("MPI library", _mpi),
        ("C++ compiler", _compiler),
        ("pair style mace", _pair_style),
        ("foundation: shipped", _shipped),
    ]
    findings = [_try(what, check, needed=True) for what, check in needed]
    findings.append(_try("GPU", _gpu, needed=device == "cuda"))
    for engine, package in (("symmetrix", "symmetrix-xl"), ("mliap", "cuequivariance-torch")):
        export = f"export for {engine}"
        findings.append(_try(export, lambda package=package: _package(package), needed=False))  # type: ignore[misc]
    findings.append(_try("foundation: chgnet", _chgnet, needed=False))
    findings.append(_try("foundation: MACE-MP", _mace_mp, needed=False))
    for environment in environments():
        name = environment.recipe.name
        findings.append(
            _try(f"env: {name}", lambda one=environment: _environment(one), needed=False)  # type: ignore[misc]
        )
    findings.append(_try("cp2k", _cp2k, needed=False))
    for program in ("vasp", "sbatch"):
        findings.append(_try(program, lambda program=program: _program(program), needed=False))  # type: ignore[misc]
    return findings


def _try(what: str, check: Callable[[], str], *, needed: bool) -> Finding:
    try:
        return Finding(what, "ok", check(), needed)
    except (LookupError, ImportError) as error:
        return Finding(what, "absent", str(error), needed)
    except (MlipsseError, OSError) as error:
        return Finding(what, "broken", str(error), needed)


def _torch() -> str:
    import torch

    return f"{torch.__version__}, {torch.get_num_threads()} threads"


def _lammps() -> str:
    from mlipsse.lammps import find_lammps

    found = find_lammps()
    return f"{found.version}, {found.binary}"


def _mpi() -> str:
    from mlipsse.lammps import mpirun

    return str(mpirun())


def _compiler() -> str:
    """What compiles the pair style: compiler, CMake, and make or ninja."""
    from mlipsse.potential.lammps.plugin import missing_tools
    from mlipsse.potential.native.compilation import find_compiler

    missing = missing_tools()
    if missing:
        raise LookupError(" ".join(missing))
    return find_compiler()


def _pair_style() -> str:
    from mlipsse.potential.lammps.plugin import check_plugin, plugin_path

    path = plugin_path()
    if path is None:
        raise LookupError("not built for this LAMMPS and torch: run `mlipsse potential build`")
    check_plugin(path)
    return str(path)


def _chgnet() -> str:
    from mlipsse.energetics.potentials.calculators import make_calculator

    if importlib.util.find_spec("chgnet") is None:
        raise LookupError("not installed: pip install 'mlipsse[chgnet]'")
    make_calculator("chgnet")
    return f"chgnet {metadata.version('chgnet')}, weights in the package"


def _shipped() -> str:
    from mlipsse.resources import resource_dir

    names = sorted(path.parent.name for path in resource_dir("potentials").glob("*/*.model"))
    if not names:
        raise LookupError("potentials/ holds no model: the installation is broken")
    return ", ".join(names)


def _environment(environment: Environment) -> str:
    """The potentials of an environment, one of which computes."""
    from ase.build import bulk

    from mlipsse.energetics.potentials.calculators import make_calculator

    if not environment.made:
        raise LookupError(environment.state)
    names = environment.recipe.potentials
    atoms = bulk("LiCl", "rocksalt", a=5.1)
    atoms.calc = make_calculator(names[0])
    atoms.get_potential_energy()
    return f"{environment.state}, {', '.join(names)}"


def _gpu() -> str:
    import torch

    from mlipsse.gpus import usable_gpus

    if not torch.cuda.is_available():
        raise LookupError("torch sees none: everything runs on the CPU")
    return f"{torch.cuda.get_device_name(0)}, {usable_gpus()} in all, each computes"


def _package(name: str) -> str:
    try:
        return f"{name} {metadata.version(name)}"
    except metadata.PackageNotFoundError as error:
        raise LookupError(f"{name} is not installed: pip install {name}") from error


def _mace_mp() -> str:
    from pathlib import Path

    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "mace"
    models = sorted(path.name for path in cache.glob("*")) if cache.is_dir() else []
    if not models:
        raise LookupError("none downloaded yet; mace-torch fetches one when a campaign names it")
    return ", ".join(models)


def _cp2k() -> str:
    """CP2K, its data, and whether they have SCAN for the elements of the three systems."""
    from mlipsse.dataset.labels.cp2k.data import find_data_dir
    from mlipsse.dataset.labels.cp2k.program import PROGRAMS
    from mlipsse.dataset.labels.cp2k.settings import Cp2kSettings

    path, settings = _first_on_path(PROGRAMS), Cp2kSettings()
    folder = find_data_dir(settings.data_dir)
    lacking = []
    for element in _SYSTEMS:
        try:
            settings.kind(element)
        except MlipsseError:
            lacking.append(element)
    kinds = f"{settings.basis_kind} and {settings.potential_kind}"
    if lacking:
        raise MlipsseError(f"{path}; {folder} lacks {kinds} of {', '.join(lacking)}")
    return f"{path}; {folder} has {kinds} of {', '.join(_SYSTEMS)}"


def _program(name: str) -> str:
    return _first_on_path({"vasp": ("vasp_std", "vasp")}.get(name, (name,)))


def _first_on_path(commands: Iterable[str]) -> str:
    for command in commands:
        path = shutil.which(command)
        if path is not None:
            return path
    raise LookupError("not on the PATH")
