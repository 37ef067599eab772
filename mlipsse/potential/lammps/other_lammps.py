"""A LAMMPS that is not this environment's: its version, its MPI and its kind of integers.

A plugin calls LAMMPS' C++ functions: built with the headers of another MPI or for other integers it
loads and computes nonsense or crashes, so that what cannot be found out is refused.
"""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from mlipsse.errors import MlipsseError

OLDEST = date(2022, 6, 23)
"""Version of LAMMPS whose headers the pair style still compiles with."""

_HEADER = re.compile(r'LAMMPS_VERSION\s+"([^"]+)"')
_INTEGERS = re.compile(r"LAMMPS_(?:SMALLBIG|BIGBIG|SMALLSMALL)\b")
_MPI_LIBRARIES = {"libmpi.so.12": "MPICH", "libmpich.so": "MPICH", "libmpi.so": "Open MPI"}
"""Beginnings of names, the first that fits: MPICH's number is that of all that share its ABI."""


@dataclass(frozen=True)
class OtherLammps:
    """What a plugin for it is compiled with.

    Attributes
    ----------
    folder : source tree, build folder beside it or installation
    headers : folder of pair.h
    version : as LAMMPS writes it, e.g. `22 Jul 2025`
    integers : definition of its kind of integers, e.g. `LAMMPS_SMALLBIG`
    mpi : folder of the mpi.h of its MPI; None for the system's, of a source tree that is not built
    program : its `lmp`, None when there is none
    """

    folder: Path
    headers: Path
    version: str
    integers: str
    mpi: Path | None
    program: Path | None


def describe_lammps(folder: Path, mpi: Path | None = None) -> OtherLammps:
    """Find out what a plugin for the LAMMPS in `folder` needs.

    Parameters
    ----------
    folder : source tree or installation
    mpi : folder of the mpi.h that it was built with, from a user who knows

    Raises
    ------
    MlipsseError
        when it is no LAMMPS, too old, or its version, MPI or integers cannot be found out, or the
        MPI is another one than `mpi`.
    """
    headers = next(
        (at for at in (folder / "src", folder / "include" / "lammps") if (at / "pair.h").is_file()),
        None,
    )
    if headers is None:
        raise MlipsseError(
            f"{folder} is not a LAMMPS: it has neither src/pair.h (a source tree) nor "
            "include/lammps/pair.h (an installation). Name the folder that has one of them."
        )
    program, library = _file(folder, "lmp*"), _file(folder, "liblammps*.so*")
    spoken = _help(program)
    version = _version(folder, headers, spoken)
    _require_not_older(version, folder)
    return OtherLammps(
        folder=folder,
        headers=headers,
        version=version,
        integers=_integers(folder, spoken, library or program),
        mpi=_mpi(folder, headers, library or program, mpi),
        program=program if spoken else None,
    )


def _file(folder: Path, pattern: str) -> Path | None:
    """A library or program of LAMMPS: in an installation, or in a build folder of a source tree."""

    def places() -> Iterator[Path]:
        for name in ("bin", "lib", "lib64", ".", "src"):
            yield folder / name
        yield from sorted(folder.glob("build*"))
        yield from sorted(folder.glob("lib/*-linux-gnu"))

    for place in places():
        for path in sorted(place.glob(pattern)):
            if path.is_file() and _is_binary(path):
                return path
    return None


def _is_binary(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4) == b"\x7fELF"


def _help(program: Path | None) -> str:
    """What `lmp -h` prints, empty when it does not run here."""
    if program is None:
        return ""
    try:
        done = subprocess.run(
            [program, "-h"], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _version(folder: Path, headers: Path, spoken: str) -> str:
    header = headers / "version.h"
    if header.is_file() and (found := _HEADER.search(header.read_text(errors="replace"))):
        return found[1]
    if found := re.search(r"Simulator - (\d+ \w{3} \d{4})", spoken):
        return found[1]
    for path in sorted(folder.glob("**/LAMMPSConfigVersion.cmake")):
        text = path.read_text(errors="replace")
        if found := re.search(r'PACKAGE_VERSION "(\d{4})\.?(\d{1,2})\.?(\d{1,2})', text):
            day = date(*map(int, found.groups()))
            return f"{day.day} {day:%b} {day.year}"
    raise MlipsseError(
        f"{folder} does not show which version of LAMMPS it is: it has no version.h, no "
        "LAMMPSConfigVersion.cmake, and no lmp that runs here. Load the modules that its lmp "
        "needs, or name its source tree."
    )


def _require_not_older(version: str, folder: Path) -> None:
    try:
        day = datetime.strptime(version, "%d %b %Y").date()
    except ValueError as error:
        raise MlipsseError(
            f"{folder} calls its version {version!r}, which is not a date such as 22 Jul 2025. "
            "Name a LAMMPS of known version."
        ) from error
    if day < OLDEST:
        raise MlipsseError(
            f"{folder} is LAMMPS of {version}; pair_style mace requires {OLDEST.day} "
            f"{OLDEST:%b %Y} or newer. Install a newer LAMMPS."
        )


def _integers(folder: Path, spoken: str, binary: Path | None) -> str:
    """Integer sizes of a LAMMPS; the default of LAMMPS for an unbuilt source tree."""
    if found := _INTEGERS.search(spoken):
        return found[0]
    for path in sorted(folder.glob("**/LAMMPS_Targets.cmake")):
        if found := _INTEGERS.search(path.read_text(errors="replace")):
            return found[0]
    if binary is not None:
        raise MlipsseError(
            f"{folder} does not show for which integers {binary.name} was built (SMALLBIG, BIGBIG "
            "or SMALLSMALL): it has no LAMMPS_Targets.cmake, and no lmp that runs here. Load the "
            "modules that its lmp needs, or install it with `cmake --install`."
        )
    return "LAMMPS_SMALLBIG"


def _mpi(folder: Path, headers: Path, binary: Path | None, given: Path | None) -> Path | None:
    if given is not None and not (given / "mpi.h").is_file():
        raise MlipsseError(
            f"There is no mpi.h in {given}. Name the header folder of the MPI that LAMMPS was "
            "built with, or remove --mpi."
        )
    if binary is None:
        if given is None and headers.name != "src":
            raise MlipsseError(
                f"{folder} has no liblammps.so and no lmp that would show which MPI it was built "
                "with. Name the folder of that MPI's mpi.h with --mpi."
            )
        return given
    kind, library = _mpi_library(binary)
    if given is not None:
        if kind is not None and (other := header_kind(given)) != kind:
            raise MlipsseError(
                f"{binary} was built with {kind}, but {given}/mpi.h belongs to {other}. Name the "
                f"header folder of {kind} with --mpi."
            )
        return given
    if kind == "no MPI" and (headers / "STUBS" / "mpi.h").is_file():
        return headers / "STUBS"
    for place in _header_places(library):
        if (place / "mpi.h").is_file() and header_kind(place) == kind:
            return place
    known = {None: "with an unknown MPI", "no MPI": "without MPI"}
    raise MlipsseError(
        f"{binary} was built {known.get(kind, f'with {kind}')}"
        f"{f' ({library})' if library else ''}, and its mpi.h was not found. Name its folder with "
        "--mpi, e.g. what `mpicxx -show` prints after -I."
    )


def _mpi_library(binary: Path) -> tuple[str | None, Path | None]:
    """Which MPI a binary loads, and where that lies, if it is found."""
    try:
        listing = subprocess.run(["ldd", str(binary)], capture_output=True, text=True, check=False)
    except OSError as error:
        raise MlipsseError(
            f"`ldd`, which shows the MPI of {binary}, cannot be run ({error.strerror}). Install it "
            "(package libc-bin or glibc)."
        ) from error
    for line in listing.stdout.splitlines():
        name, _, target = line.strip().partition(" => ")
        for beginning, kind in _MPI_LIBRARIES.items():
            if name.startswith(beginning):
                path = target.rpartition(" (")[0]
                return kind, Path(path).resolve() if path.startswith("/") else None
    return ("no MPI" if listing.returncode == 0 and listing.stdout else None), None


def _header_places(library: Path | None) -> Iterator[Path]:
    if library is None:
        return
    for above in list(library.parents)[1:4]:
        yield above / "include"
        yield from sorted(above.glob("include/*-linux-gnu/*mpi*"))
        yield from sorted(above.glob("include/*mpi*"))


def header_kind(folder: Path) -> str:
    """Which MPI the mpi.h in `folder` is of; those of MPICH's ABI count as MPICH."""
    text = (folder / "mpi.h").read_text(errors="replace")
    for mark, kind in (
        ("OMPI_MAJOR_VERSION", "Open MPI"),
        ("MPICH_VERSION", "MPICH"),
        ("I_MPI_VERSION", "MPICH"),
        ("MPI_STUBS", "no MPI"),
    ):
        if mark in text:
            return kind
    return "an unknown MPI"
