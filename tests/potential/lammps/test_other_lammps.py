"""What a plugin for another LAMMPS is built with: found out from it, or refused."""

import subprocess
import sys
from pathlib import Path

import pytest

from mlipsse import lammps
from mlipsse.errors import MlipsseError
from mlipsse.potential.lammps import other_lammps
from mlipsse.potential.lammps.other_lammps import describe_lammps, header_kind
from mlipsse.potential.lammps.plugin import TORCH_FILE
from mlipsse.resources import resource_dir

MPICH = '#define MPICH_VERSION "4.1"\n'
OPEN_MPI = "#define OMPI_MAJOR_VERSION 4\n"
CONFIG = 'set(PACKAGE_VERSION "{version}")\n'
TARGETS = 'INTERFACE_COMPILE_DEFINITIONS "LAMMPS_BIGBIG"\n'


def shared(path: Path, *options: str, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    command = ["c++", "-shared", "-fPIC", "-o", path, "-x", "c", "-", "-x", "none", *options]
    subprocess.run(command, input=text, text=True, check=True)
    return path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """As `cmake --install` leaves it, with an Open MPI in a folder of its own."""
    mpi = shared(tmp_path / "openmpi" / "lib" / "libmpi.so.40", "-Wl,-soname,libmpi.so.40")
    write(tmp_path / "openmpi" / "include" / "mpi.h", OPEN_MPI)
    folder = tmp_path / "lammps"
    write(folder / "include" / "lammps" / "pair.h", "")
    config = folder / "lib" / "cmake" / "LAMMPS"
    write(config / "LAMMPSConfigVersion.cmake", CONFIG.format(version="20240829"))
    write(config / "LAMMPS_Targets.cmake", TARGETS)
    run_path = f"-Wl,-rpath,{mpi.parent}"
    shared(folder / "lib" / "liblammps.so.0", "-Wl,--no-as-needed", str(mpi), run_path)
    return folder


def test_an_installation(installed):
    found = describe_lammps(installed)
    assert found.version == "29 Aug 2024", "not that of this environment's package"
    assert found.integers == "LAMMPS_BIGBIG"
    assert found.mpi == installed.parent / "openmpi" / "include"
    assert found.headers == installed / "include" / "lammps"


@pytest.mark.parametrize("version", ["20240829", "2024.8.29", "2024.08.29", "2024.8.29.3"])
def test_spellings_of_a_version(installed, version):
    (config,) = installed.rglob("LAMMPSConfigVersion.cmake")
    config.write_text(CONFIG.format(version=version))
    assert describe_lammps(installed).version == "29 Aug 2024"


def test_headers_of_another_mpi_are_refused(installed, tmp_path):
    write(tmp_path / "mpich" / "mpi.h", MPICH)
    with pytest.raises(MlipsseError, match=r"built with Open MPI, but .* belongs to MPICH"):
        describe_lammps(installed, tmp_path / "mpich")
    own = installed.parent / "openmpi" / "include"
    assert describe_lammps(installed, own).mpi == own
    (own / "mpi.h").write_text(MPICH)  # not of that library
    with pytest.raises(
        MlipsseError, match=r"built with Open MPI .*its mpi\.h was not found.*--mpi"
    ):
        describe_lammps(installed)


def test_without_an_mpi(installed):
    shared(installed / "lib" / "liblammps.so.0")
    with pytest.raises(MlipsseError, match=r"built without MPI, and its mpi\.h was not found"):
        describe_lammps(installed)


def test_an_installation_that_shows_no_mpi(installed, tmp_path):
    (installed / "lib" / "liblammps.so.0").unlink()
    with pytest.raises(MlipsseError, match="would show which MPI"):
        describe_lammps(installed)
    write(tmp_path / "given" / "mpi.h", MPICH)
    assert describe_lammps(installed, tmp_path / "given").mpi == tmp_path / "given"


def test_unknown_integers_are_refused(installed):
    """A plugin for others loads and computes nonsense."""
    (targets,) = installed.rglob("LAMMPS_Targets.cmake")
    targets.unlink()
    with pytest.raises(MlipsseError, match=r"for which integers liblammps\.so\.0 was built"):
        describe_lammps(installed)


def test_an_unknown_version_is_refused(installed):
    for config in installed.rglob("LAMMPSConfigVersion.cmake"):
        config.unlink()
    with pytest.raises(MlipsseError, match="does not show which version of LAMMPS it is"):
        describe_lammps(installed)


@pytest.mark.parametrize(
    ("version", "words"),
    [("29 Sep 2021", "requires 23 Jun 2022 or newer"), ("soon", "is not a date")],
)
def test_too_old(tmp_path, version, words):
    write(tmp_path / "src" / "pair.h", "")
    write(tmp_path / "src" / "version.h", f'#define LAMMPS_VERSION "{version}"\n')
    with pytest.raises(MlipsseError, match=words):
        describe_lammps(tmp_path)


def test_a_source_tree(tmp_path):
    write(tmp_path / "src" / "pair.h", "")
    write(tmp_path / "src" / "version.h", '#define LAMMPS_VERSION "23 Jun 2022"\n')
    found = describe_lammps(tmp_path)
    assert (found.version, found.mpi, found.integers) == ("23 Jun 2022", None, "LAMMPS_SMALLBIG")
    shared(tmp_path / "build" / "liblammps.so")
    write(tmp_path / "build" / "LAMMPS_Targets.cmake", TARGETS)
    write(tmp_path / "src" / "STUBS" / "mpi.h", "#define MPI_STUBS\n")
    assert describe_lammps(tmp_path).mpi == tmp_path / "src" / "STUBS"


def test_what_its_program_states(tmp_path, monkeypatch):
    """The package's LAMMPS like any other: with its libraries on the path, its lmp is asked."""
    installed = lammps.find_lammps()
    folder = installed.include_dir.parent
    monkeypatch.setenv("LD_LIBRARY_PATH", str(installed.library_dirs[0]))
    found = describe_lammps(folder)
    assert found.version == "22 Jul 2025"
    assert found.program == folder / "lmp"
    assert found.mpi == installed.library_dirs[0].resolve().parent / "include"
    assert header_kind(found.mpi) == "MPICH"
    assert "Simulator - 22 Jul 2025" in other_lammps._help(found.program)


GPU_TORCH = {
    "ROCm": (
        "libtorch_hip.so",
        "libc10_hip.so",
        "hip: Optional[str] = '6.4.43482'",
        "ROCm 6.4.43482",
    ),
    "CUDA": ("libtorch_cuda.so", "libc10_cuda.so", "cuda: Optional[str] = '13.0'", "CUDA 13.0"),
}


@pytest.mark.parametrize("library", GPU_TORCH)
def test_libraries_of_a_gpu_are_linked(library, tmp_path):
    """Nothing calls them: they must be named all the same, and how the torch was built is known."""
    torch_library, c10_library, line, toolkit = GPU_TORCH[library]
    torch = lammps.find_lammps().library_dirs[-1].parent
    fake = tmp_path / "torch"
    (fake / "lib").mkdir(parents=True)
    (fake / "include").symlink_to(torch / "include")
    for name in ("libtorch.so", "libtorch_cpu.so", "libc10.so", torch_library, c10_library):
        shared(fake / "lib" / name, f"-Wl,-soname,{name}")
    write(fake / "version.py", f"cuda: Optional[str] = None\n{line}\n")
    cmake = Path(sys.prefix) / "bin" / "cmake"
    build = tmp_path / "build"
    options = [f"-DTORCH_DIR={fake}", f"-DPython3_EXECUTABLE={sys.executable}"]
    command = [cmake, "-S", resource_dir("cmake"), "-B", build, "-G", "Unix Makefiles", *options]
    subprocess.run(command, check=True, capture_output=True)
    made = build / "CMakeFiles" / TORCH_FILE.replace(".so", ".dir")
    link = (made / "link.txt").read_text()
    for name in (torch_library, c10_library, "--no-as-needed", "--disable-new-dtags"):
        assert name in link
    flags = (made / "flags.make").read_text()
    assert f'MLIPSSE_GPU_LIBRARY=\\"{library}\\"' in flags
    assert toolkit in flags
