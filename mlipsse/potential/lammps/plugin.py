"""Build `pair_style mace` as a LAMMPS plugin, once per LAMMPS, torch and source."""

import hashlib
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from mlipsse import lammps
from mlipsse.errors import MlipsseError
from mlipsse.files import exclusive_lock
from mlipsse.potential.lammps.other_lammps import OtherLammps, describe_lammps
from mlipsse.potential.native.compilation import find_compiler
from mlipsse.processes import end_command, start_command
from mlipsse.resources import cache_dir, resource_dir

PLUGIN_FILE = "macepair.so"
TORCH_FILE = "macetorch.so"
"""Lies beside the plugin, which opens it for the formats that need libtorch."""

_BUILD_PATIENCE_S = 900.0
_LOAD_PATIENCE_S = 120.0
"""How long another LAMMPS may take to load the plugin and end; loading torch takes seconds."""

_LOAD = 'plugin load "{plugin}"\nunits metal\npair_style mace\n'


def plugin_path() -> Path | None:
    """The plugin built for this LAMMPS, torch and source, or None when it is not built yet."""
    return _built(_home())


def build_plugin(
    *, rebuild: bool = False, lammps: Path | None = None, mpi: Path | None = None
) -> Path:
    """Compile the plugin (about 20 s) unless it is in the cache, and return its path.

    Builders wait for one another; the plugin appears under its name only when it is whole.

    Parameters
    ----------
    rebuild : compile even when the cache has it
    lammps : source tree or installation of another LAMMPS than the Python package (built with
        PLUGIN), of 23 Jun 2022 or newer; its version, MPI and integers are found out. Of a source
        tree that is not built MPI is the system's, where CMake finds one
    mpi : folder that holds the mpi.h which that LAMMPS was built with, where it is not found

    Raises
    ------
    MlipsseError
        when LAMMPS, torch, CMake or a C++ compiler is missing, the compilation fails, or the other
        LAMMPS is too old, does not show what it was built with, or does not load the plugin.
    """
    other = None if lammps is None else describe_lammps(lammps, mpi)
    if mpi is not None and other is None:
        raise MlipsseError(
            "--mpi requires --lammps. Name the LAMMPS (--lammps DIR), or remove --mpi."
        )
    home = _home(other)
    if not rebuild and (built := _built(home)):
        return built
    cmake, compiler = _cmake(), find_compiler()
    with exclusive_lock(
        home / "lock", holder="build of the pair style", patience_s=_BUILD_PATIENCE_S
    ):
        if not rebuild and (built := _built(home)):
            return built
        log = home / "build.log"
        for abandoned in home.glob("build-*"):  # by a builder that was killed
            shutil.rmtree(abandoned, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=home, prefix="build-") as build:
            configure = [cmake, "-S", str(resource_dir("cmake")), "-B", build, *_generator()]
            configure += [f"-DCMAKE_CXX_COMPILER={compiler}"]
            configure += [f"-DPython3_EXECUTABLE={sys.executable}"]
            if other is not None:
                configure += _options(other)
            log.unlink(missing_ok=True)
            _step(configure, log=log)
            _step([cmake, "--build", build, "--parallel", "2"], log=log)
            if other is not None and other.program is not None:
                _require_loads(Path(build) / PLUGIN_FILE, other.program)
            for name in (TORCH_FILE, PLUGIN_FILE):  # the plugin last: where it is, both are
                (Path(build) / name).replace(home / name)
    return home / PLUGIN_FILE


def missing_tools() -> list[str]:
    """Sentences about what a build of the plugin needs and this machine lacks."""
    found = []
    for look in (_cmake, find_compiler, _generator):
        try:
            look()
        except MlipsseError as error:
            found.append(str(error))
    return found


def check_plugin(plugin: Path) -> None:
    """Load `plugin` into LAMMPS and leave again.

    Raises
    ------
    MlipsseError
        when LAMMPS does not load it, with LAMMPS' own reason.
    """
    if not plugin.is_file():
        raise MlipsseError(
            f"There is no pair style in {plugin}. Build it: mlipsse potential build."
        )
    with tempfile.TemporaryDirectory(prefix="mlipsse-plugin-") as name:
        folder = Path(name)
        deck = folder / "load.lmp"
        deck.write_text(_LOAD.format(plugin=plugin.resolve()))
        try:
            lammps.run(["-in", deck.name, "-log", "none"], folder=folder)
        except MlipsseError as error:
            screen = (folder / lammps.SCREEN_FILE).read_text(errors="replace")
            reason = screen.strip().splitlines()[-3:]
            raise MlipsseError(
                f"LAMMPS cannot load the pair style {plugin}: {' '.join(reason)} "
                "Build it again for the LAMMPS and torch installed now."
            ) from error


def _built(home: Path) -> Path | None:
    plugin = home / PLUGIN_FILE
    return plugin if plugin.is_file() else None


def _home(other: OtherLammps | None = None) -> Path:
    # The library path is part of the key: the plugin finds libtorch there by itself.
    digest = hashlib.sha256()
    installed = lammps.find_lammps()
    for part in (
        installed.version if other is None else _identity(other),
        metadata.version("torch"),
        str(installed.library_dirs),
        platform.machine(),
    ):
        digest.update(part.encode() + b"\0")
    for source in sorted(resource_dir("cmake").iterdir()):
        if source.is_file():
            digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    return cache_dir() / "pair-style" / digest.hexdigest()[:16]


def _identity(other: OtherLammps) -> str:
    """A LAMMPS, and the state of its headers."""
    newest = max(path.stat().st_mtime_ns for path in other.headers.glob("*.h"))
    return f"{other.folder.resolve()} {newest} {other.version} {other.integers} {other.mpi}"


def _options(other: OtherLammps) -> list[str]:
    options = [
        f"-DLAMMPS_DIR={other.folder.resolve()}",
        f"-DLAMMPS_VERSION_DATE={other.version}",
        f"-DLAMMPS_DEFINITIONS={other.integers}",
    ]
    return options if other.mpi is None else [*options, f"-DMPI_INCLUDE_DIR={other.mpi.resolve()}"]


def _require_loads(plugin: Path, program: Path) -> None:
    """Load a plugin into the LAMMPS it was built for, as that runs here."""
    with tempfile.TemporaryDirectory(prefix="mlipsse-plugin-") as folder:
        deck = Path(folder) / "load.lmp"
        deck.write_text(_LOAD.format(plugin=plugin.resolve()))
        try:
            done = subprocess.run(
                [program, "-in", deck.name, "-log", "none"],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_LOAD_PATIENCE_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise MlipsseError(
                f"The pair style was built for {program}, which did not load it within "
                f"{_LOAD_PATIENCE_S:g} s. Build it on a node where that lmp runs by itself."
            ) from error
    if done.returncode != 0:
        lines = done.stdout.strip().splitlines() or ["no output"]
        reason = next((line for line in lines if "failed" in line or "ERROR" in line), lines[-1])
        raise MlipsseError(
            f"The pair style was built for {program}, which does not load it: "
            f"{reason.rstrip('.')}. Check that it has the package PLUGIN, and was built with a "
            "compiler as new as torch's."
        )


def _cmake() -> str:
    own = Path(sys.prefix) / "bin" / "cmake"
    found = str(own) if own.is_file() else shutil.which("cmake")
    if found is None:
        raise MlipsseError(
            "CMake is missing, and the pair style requires it. Install it: pip install cmake."
        )
    return found


def _generator() -> list[str]:
    own = Path(sys.prefix) / "bin" / "ninja"
    ninja = str(own) if own.is_file() else shutil.which("ninja")
    if ninja:
        return ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}"]
    if shutil.which("make"):
        return ["-G", "Unix Makefiles"]
    raise MlipsseError(
        "Neither make nor ninja was found, and the pair style must be compiled. Install one, e.g. "
        "apt-get install make."
    )


def _step(command: list[str], *, log: Path) -> None:
    """Run one step of the build; its processes end with this one, however it ends."""
    with log.open("ab") as stream:
        child = start_command(shlex.join(command), folder=log.parent, output=stream)
        try:
            status = child.wait()
        except BaseException:
            end_command(child)
            raise
    if status != 0:
        lines = log.read_text(errors="replace").splitlines()
        complaints = [line for line in lines if "error" in line.lower()] or lines
        tail = "\n  ".join(complaints[-5:])
        raise MlipsseError(
            f"The pair style could not be built: {Path(command[0]).name} ended with status "
            f"{status}.\n"
            f"  {tail}\n"
            f"The full log is {log}."
        )
