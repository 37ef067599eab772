"""CP2K's files of basis sets and pseudopotentials: what they hold for an element."""

import hashlib
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from mlipsse.errors import MlipsseError

DATA_DIRS = ("/usr/share/cp2k", "/usr/local/share/cp2k/data", "/opt/cp2k/data")
"""Where packages put the data, Debian's first; `CP2K_DATA_DIR` comes before all."""

_ELECTRONS = re.compile(r"-q(\d+)$")


@dataclass(frozen=True)
class Kind:
    """What one element is computed with.

    Attributes
    ----------
    basis, potential : names in CP2K's files
    valence_electrons : of the potential
    digest : of both entries' text
    """

    basis: str
    potential: str
    valence_electrons: int
    digest: str


def find_data_dir(given: str | None) -> Path:
    """The folder of CP2K's data files.

    Raises
    ------
    MlipsseError
        when the given one, or any, is not there.
    """
    if given is not None:
        folders = [Path(given).expanduser()]
    else:
        stated = os.environ.get("CP2K_DATA_DIR")
        folders = [Path(folder) for folder in ([stated] if stated else []) + list(DATA_DIRS)]
    for folder in folders:
        if folder.is_dir():
            return folder
    raise MlipsseError(
        f"CP2K's basis sets and potentials were not found in {', '.join(map(str, folders))}. "
        "Install them (Debian: cp2k-data), set CP2K_DATA_DIR, or set data_dir."
    )


def choose_kind(
    element: str,
    *,
    basis_file: Path,
    potential_file: Path,
    basis: str,
    potential: str,
) -> Kind:
    """Basis set and potential of an element, of as many valence electrons.

    Parameters
    ----------
    basis, potential : whole names, or names without their `-qN`: then the N that both files have,
        the largest of several (fewest electrons in the core)

    Raises
    ------
    MlipsseError
        when a file is missing or cannot be read, or holds no such pair: saying what it holds.
    """
    bases = _matching(entries(basis_file).get(element, {}), basis)
    potentials = _matching(entries(potential_file).get(element, {}), potential)
    common = {electrons for electrons in bases if electrons in potentials}
    if not common:
        raise MlipsseError(
            f"CP2K's data hold no basis set {basis} with a potential {potential} of as many "
            f"electrons for {element}. {basis_file} has {_names(basis_file, element, basis)}; "
            f"{potential_file} has {_names(potential_file, element, potential)}. Name an existing "
            f"pair (bases: {{{element}: NAME}}, potentials: {{{element}: NAME}}), or other files "
            "(basis_file, potential_file); a pair of another functional is an approximation, and "
            "the description of the labels states it."
        )
    electrons = max(common)
    chosen = {**bases[electrons], **potentials[electrons]}
    digest = hashlib.sha256("\n".join(chosen.values()).encode()).hexdigest()
    return Kind(next(iter(bases[electrons])), next(iter(potentials[electrons])), electrons, digest)


def entries(path: Path) -> dict[str, dict[str, str]]:
    """Element -> name -> text of the entry; an entry of two names is there under both.

    Raises
    ------
    MlipsseError
        when the file is missing or cannot be read.
    """
    try:
        return _entries(path, path.stat().st_mtime_ns)
    except (OSError, UnicodeDecodeError) as error:
        raise MlipsseError(
            f"CP2K's data file {path} cannot be read ({error}). Debian's package cp2k-data has "
            "those of SCAN; name another folder as data_dir, or other files as basis_file and "
            "potential_file."
        ) from error


def largest_exponent(basis: str) -> float | None:
    """Largest exponent of a basis set's Gaussians in 1/bohr²; None for text in another format.

    Parameters
    ----------
    basis : text of the entry: the number of sets; of each set quantum numbers, the third of which
        precedes the number of exponents, then a row for each exponent
    """
    try:
        # Fortran writes exponents as 1.0D+05 too.
        rows = [
            [float(word.upper().replace("D", "E")) for word in line.split()]
            for line in basis.splitlines()
        ]
        exponents = []
        place = 1
        for _ in range(int(rows[0][0])):
            count = int(rows[place][3])
            exponents += [rows[place + 1 + k][0] for k in range(count)]
            place += 1 + count
    except (IndexError, ValueError):
        return None
    return max(exponents, default=None)


@lru_cache(maxsize=8)
def _entries(path: Path, modified_ns: int) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    titles: list[str] = []
    lines: list[str] = []

    def close() -> None:
        for title in titles[1:]:
            found.setdefault(titles[0], {})[title] = "\n".join(lines)

    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.partition("#")[0].split()
        if not words:
            continue
        # Numbers follow a title, and no symbol of an element is one.
        if words[0][0].isalpha():
            close()
            titles, lines = words, []
        else:
            lines.append(" ".join(words))
    close()
    return found


def _matching(there: dict[str, str], name: str) -> dict[int, dict[str, str]]:
    """Valence electrons -> name -> text, of names that are `name` with or without its -qN."""
    return {
        int(electrons[1]): {full: text}
        for full, text in there.items()
        if (electrons := _ELECTRONS.search(full)) and name in (full, full[: electrons.start()])
    }


def _names(path: Path, element: str, name: str) -> str:
    """Names of the element, those of the same functional and kind first, ten at most."""
    family = name.split("-")[-1] if "-" in name else name
    there = sorted(entries(path).get(element, {}), key=lambda full: (family not in full, full))
    return ", ".join(there[:10]) or "nothing"
