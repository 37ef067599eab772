"""CP2K as a program: the command that runs it, and the version that the command starts."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

from mlipsse.errors import MlipsseError

INPUT_FILE = "frame.inp"
OUTPUT_FILE = "frame.out"
COMMAND = f"cp2k.psmp -i {INPUT_FILE} -o {OUTPUT_FILE}"
PROGRAMS = ("cp2k.psmp", "cp2k.popt", "cp2k.ssmp", "cp2k")
"""Names that CP2K is installed under, in the order they are looked for."""

OLDEST = 8
"""First major version whose layout is read; 9 was followed by 2022."""

_PROGRAM = re.compile(r"cp2k(\.\w+)?")
_PATIENCE_S = 60.0


def default_command() -> str:
    """`COMMAND`, with CP2K by the name that it has on the PATH here."""
    return COMMAND.replace(PROGRAMS[0], next(filter(shutil.which, PROGRAMS), PROGRAMS[0]))


def require_known_version(command: str) -> None:
    """Ask `cp2k --version`, where the command names a CP2K that is found here.

    Raises
    ------
    MlipsseError
        for a version before `OLDEST`.
    """
    version = installed_version(command)
    major = re.match(r"\d+", version or "")
    if major is not None and int(major[0]) < OLDEST:
        raise MlipsseError(
            f"CP2K {version} prints its results in an unknown layout. Install CP2K {OLDEST} or "
            "newer."
        )


def installed_version(command: str) -> str | None:
    """Version of the CP2K that a command names, by its `--version`; None where it is not known.

    A launcher before it and arguments behind it are left out.
    """
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    program = next((word for word in words if _PROGRAM.fullmatch(Path(word).name)), None)
    if program is None or shutil.which(program) is None:
        return None
    try:
        answer = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"CP2K version (\S+)", answer.stdout)
    return found[1] if found else None
