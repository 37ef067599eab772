"""Python environments for potentials that cannot live beside mace-torch: made, found, removed."""

import json
import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

from mlipsse.energetics.environments.recipe import RECIPES, Recipe, find_recipe
from mlipsse.errors import MlipsseError
from mlipsse.files import exclusive_lock, write_text
from mlipsse.resources import cache_dir

_MARKER = "mlipsse.json"
_SHARED = "mlipsse-shared.pth"
_LOCK = ".making"


@dataclass(frozen=True)
class Environment:
    """The environment of a recipe, for the mlipsse that runs now.

    It holds the packages of the recipe. All others, torch among them, are those of the environment
    of mlipsse, whose folders come later on its path.

    Attributes
    ----------
    recipe : what it holds
    folder : where it is, or would be
    """

    recipe: Recipe
    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def made(self) -> bool:
        """Whether it is there, whole, with the packages that this mlipsse pins."""
        return self._marker.get("requirements") == list(self.recipe.requirements)

    @property
    def size_MB(self) -> float:
        """Size of its own files."""
        files = (
            path for path in self.folder.rglob("*") if path.is_file() and not path.is_symlink()
        )
        return sum(path.stat().st_size for path in files) / 1e6

    @property
    def state(self) -> str:
        """In words: whether it can be used, and why not."""
        if self.made:
            return f"{self.recipe.package} {self.recipe.version}"
        make = f"run `mlipsse env make {self.recipe.name}`"
        if not self.folder.is_dir():
            return f"not made: {make}"
        older = dict(line.split("==") for line in self._marker.get("requirements", []))
        version = older.get(self.recipe.package)
        if version is None:
            return f"incomplete: {make}"
        return f"{self.recipe.package} {version}, made by another mlipsse: {make}"

    def require(self) -> None:
        """Refuse an environment that is not made.

        Raises
        ------
        MlipsseError
            with the command that makes it.
        """
        if not self.made:
            raise MlipsseError(
                f"The environment {self.recipe.name} in {self.folder} cannot be used: {self.state}."
            )

    def make(self) -> bool:
        """Make it, in place of an incomplete or older one; False when it was there already.

        Raises
        ------
        MlipsseError
            when pip cannot install the packages, or another process makes it.
        """
        if self.made:
            return False
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        lock = self.folder.with_name(f"{_LOCK}-{self.recipe.name}")
        with exclusive_lock(lock, holder=f"mlipsse env make {self.recipe.name}"):
            if self.made:
                return False
            shutil.rmtree(self.folder, ignore_errors=True)
            venv.EnvBuilder(with_pip=True, symlinks=True).create(self.folder)
            self._share()
            self._install()
            marker = {"requirements": list(self.recipe.requirements), "shares": _shared_folders()}
            write_text(self.folder / _MARKER, json.dumps(marker, indent=1) + "\n")
        return True

    def remove(self) -> bool:
        """Remove it; False when there is none."""
        if not self.folder.is_dir():
            return False
        shutil.rmtree(self.folder)
        return True

    @property
    def _marker(self) -> dict[str, Any]:
        path = self.folder / _MARKER
        if not path.is_file() or not self.python.exists():
            return {}
        try:
            marker = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            return {}
        return marker if isinstance(marker, dict) else {}

    def _share(self) -> None:
        # Lines of a .pth file come behind the environment's own packages on the path.
        (own,) = self.folder.glob("lib/python*/site-packages")
        write_text(own / _SHARED, "\n".join(_shared_folders()) + "\n")
        # Without it pip would install torch anew: a CUDA build of several GB.
        where = [str(self.python), "-c", "import importlib.util as u; print(u.find_spec('torch'))"]
        found = subprocess.run(where, capture_output=True, text=True, check=False)
        if found.stdout.strip() in ("", "None"):
            raise MlipsseError(
                f"The environment in {self.folder} does not find torch in "
                f"{', '.join(_shared_folders())}. Install mlipsse with pip in a virtual "
                "environment of its own, and make the environment again."
            )

    def _install(self) -> None:
        lines = [*self.recipe.requirements, f"torch=={metadata.version('torch').split('+')[0]}"]
        pinned = self.folder / "requirements.txt"
        write_text(pinned, "\n".join(lines) + "\n")
        command = [
            str(self.python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--requirement",
            str(pinned),
        ]
        surroundings = {key: value for key, value in os.environ.items() if key != "PIP_CONSTRAINT"}
        surroundings |= {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONPATH": ""}
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=surroundings
        )
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
            reason = (errors or done.stderr.strip().splitlines() or ["no message"])[0]
            raise MlipsseError(
                f"pip cannot install {self.recipe.package} {self.recipe.version} into "
                f"{self.folder}: {reason.removeprefix('ERROR: ').strip()}. Check the network and "
                f"the package index, and run `mlipsse env make {self.recipe.name}` again."
            )


def environment(name: str) -> Environment:
    """The environment of a recipe by name.

    Raises
    ------
    MlipsseError
        when there is no such recipe.
    """
    recipe = find_recipe(name)
    # Packages of another Python, or beside another torch, are not ours.
    parts = [sys.prefix, sys.version.split()[0], metadata.version("torch")]
    home = sha256("\0".join(parts).encode()).hexdigest()[:16]
    return Environment(recipe, cache_dir() / "environments" / home / recipe.name)


def environments() -> list[Environment]:
    """Those of all recipes, made or not."""
    return [environment(name) for name in RECIPES]


def _shared_folders() -> list[str]:
    """Where installed packages of the Python of mlipsse are; not its checkout, nor PYTHONPATH."""
    return [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
