"""Tables of mean squared displacements: of other programs, of publications, of our own."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.reading.source.file_bytes import TornStream
from mlipsse.units import BOHR_A

TIME_PS = {"fs": 1e-3, "ps": 1.0, "ns": 1e3, "us": 1e6, "µs": 1e6, "s": 1e12}
LENGTH_A = {
    "a": 1.0, "å": 1.0, "ang": 1.0, "angstrom": 1.0, "angstroms": 1.0, "ångström": 1.0,
    "nm": 10.0, "bohr": BOHR_A, "pm": 0.01, "cm": 1e8, "m": 1e10,
}  # fmt: skip

MOST_BYTES = 200 << 20
"""Longest table that is read, decompressed."""

_TIMES = re.compile(r"^(?:lag|t\b|tau|τ|dt|Δt|δt|delta|time|interval|correlation time)", re.I)
_MSDS = re.compile(r"msd|mean.?squared?.?displacement|⟨r|<r|<Δr", re.I)
_ERRORS = re.compile(r"std|stderr|error|err\b|_err|sigma|σ|uncertainty|\bsd\b|_sd|±", re.I)
_OTHERS = re.compile(r"(?i:collective|framework)|msd_[A-Z][a-z]?_A2")
"""Columns of our own tables beside the mobile ions' MSD."""

_UNIT = re.compile(r"[\(\[]\s*([^\)\]]+?)\s*[\)\]]|/\s*([A-Za-zÅåµ]+)|_([A-Za-zÅåµ]+?)(?=2?$)")


@dataclass(frozen=True, eq=False)
class MsdTable:
    """Mean squared displacements against lags.

    Attributes
    ----------
    lag_ps : (n,) float64, rising, above 0
    msd_A2 : (n,) float64, Å²
    std_A2 : (n,) float64, Å², of each MSD, where the table has it
    columns : names of the columns that were taken, for people
    one_origin : whether the MSDs are since one time, as LAMMPS' `compute msd` has them
    directions : x, y and z that the names of the columns of MSDs hold; empty where they name none
    """

    lag_ps: np.ndarray
    msd_A2: np.ndarray
    std_A2: np.ndarray | None
    columns: tuple[str, ...]
    one_origin: bool = False
    directions: frozenset[str] = frozenset()


@dataclass(frozen=True)
class TableUnits:
    """Units and columns that a caller gives; None leaves them to the table's head.

    Attributes
    ----------
    time : fs, ps, ns, ...
    length : A, nm, bohr, ..., whose square the MSD is in
    columns : numbers from 1 on of the lag, of the MSD (or its x, y and z, which are added)
    timestep_fs : for tables of steps
    """

    time: str | None = None
    length: str | None = None
    columns: tuple[int, ...] | None = None
    timestep_fs: float | None = None


def read_msd_table(path: Path, units: TableUnits | None = None) -> MsdTable:
    """Read a table of lags and MSDs: CSV, blanks or tabs, GROMACS' .xvg, GPUMD's msd.out.

    Units are those of the head (`lag time (ps)`, `MSD / nm^2`, `msd_A2`), or are given; GPUMD's
    `msd.out` has ps and Å² in columns t, x, y, z.

    Raises
    ------
    MlipsseError
        when it is no table, when the head leaves units or columns open and they are not given,
        when given units contradict the head, and when lags do not rise or MSDs are negative.
    """
    units = units or TableUnits()
    names, labels, rows = _parsed(Path(path))
    if not len(rows):
        raise MlipsseError(f"{path} contains no table of numbers. Name a table of lags and MSDs.")
    if not names and Path(path).name.startswith("msd.out") and rows.shape[1] in (4, 7):
        names = ["t (ps)", "MSD_x (A^2)", "MSD_y (A^2)", "MSD_z (A^2)", *["SDC"] * 3]
        names = names[: rows.shape[1]]
    if not names:
        names = [f"column {k + 1}" for k in range(rows.shape[1])]
        if labels and rows.shape[1] >= 2:  # of a figure's axes
            names[:2] = labels
    time, places, error = _chosen(path, names, units)
    steps = names[time].lower().replace("_", "") in ("timestep", "step", "steps")
    if steps:
        if units.timestep_fs is None:
            raise MlipsseError(
                f"{path} lists steps, not times. Give the time step of the run in fs (--timestep)."
            )
        to_ps = 1e-3 * units.timestep_fs
    else:
        to_ps = _unit(path, names[time], units.time, TIME_PS, "time")
    to_A = _unit(path, names[places[0]], units.length, LENGTH_A, "length")
    lag_ps = rows[:, time] * to_ps
    msd_A2 = rows[:, places].sum(axis=1) * to_A**2
    std_A2 = None if error is None else rows[:, error] * to_A**2
    kept = lag_ps > 0
    if not (np.isfinite(msd_A2[kept]).all() and (msd_A2[kept] >= 0).all()):
        raise MlipsseError(
            f"{path}: an MSD is negative or not a number. Correct the table, or name other columns."
        )
    if (np.diff(lag_ps) <= 0).any() or np.count_nonzero(kept) < 6:
        raise MlipsseError(
            f"{path}: its lags ({names[time]}) must rise and be at least 6. Name the columns of "
            "lag and MSD, e.g. --columns 1,2."
        )
    if std_A2 is not None and not (std_A2[kept] > 0).all():
        std_A2 = None
    taken = tuple(names[k] for k in (time, *places, *(() if std_A2 is None else (error or 0,))))
    stds = None if std_A2 is None else std_A2[kept]
    directions = frozenset().union(*(_directions(names[k]) for k in places))
    return MsdTable(lag_ps[kept], msd_A2[kept], stds, taken, steps, directions)


def _directions(name: str) -> frozenset[str]:
    """Directions in `msd_x_A2`, `MSD_xy (nm^2)`, `xx_A2` or `c_msd[1]`; empty for all three."""
    found = re.search(r"(?:^|[_ \-(])([xyz]{1,3})(?:$|[_ \-)(\[])", name.lower())
    if found is not None:
        return frozenset(found[1])
    lammps = re.fullmatch(r"[cf]_\w+\[([123])\]", name)
    return frozenset() if lammps is None else frozenset("xyz"[int(lammps[1]) - 1])


def _parsed(path: Path) -> tuple[list[str], list[str], np.ndarray]:
    """Names of the columns, labels of a figure's axes, and the rows of numbers."""
    if not path.is_file():
        raise MlipsseError(f"There is no table {path}. Name an existing file.")
    head: list[str] = []
    labels: list[str] = []
    rows: list[list[float]] = []
    raw = TornStream(path)
    with BufferedReader(raw) as stream:
        data = stream.read(MOST_BYTES + 1)
    if raw.torn:
        raise MlipsseError(
            f"{path} is a compressed file that is torn: the end of the table is lost. Give the "
            "whole file."
        )
    if len(data) > MOST_BYTES:
        raise MlipsseError(
            f"{path} is longer than {MOST_BYTES >> 20} MB, the longest table that is read. Write "
            "the MSD at fewer lags."
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MlipsseError(f"{path} is not a text table.") from error
    for line in text.splitlines():
        if line.startswith("@"):  # GROMACS
            found = re.search(r'[xy]axis\s+label\s+"([^"]*)"', line)
            labels += [] if found is None else [re.sub(r"\\[SN]", "", found[1])]
            continue
        comment = line.lstrip().startswith(("#", "%", "//"))
        words = _words(line.lstrip(" #%/\t"))
        numbers = _numbers(words)
        if not comment and numbers is not None:
            if rows and len(numbers) != len(rows[0]):
                raise MlipsseError(
                    f"{path}: a row has {len(numbers)} numbers, and those before {len(rows[0])}."
                )
            rows.append(numbers)
        elif not rows and numbers is None and words:
            head = [line.lstrip(" #%/\t"), *head]
        elif not comment and rows and words:
            raise MlipsseError(f"{path} is damaged: {line[:60]!r} stands among its rows.")
    width = len(rows[0]) if rows else 0
    lines = [_words(("index" if text[:1] in ",;" else "") + text) for text in head]  # of pandas
    lines = [words for words in lines if len(words) == width]
    known = [words for words in lines if any(map(_MSDS.search, words))]
    known += [words for words in lines if _TIMES.search(words[0])]
    names = known[0] if known and not labels else []
    return names, labels, np.array(rows)


def _words(line: str) -> list[str]:
    for mark in (",", ";", "\t"):
        if mark in line:
            return [word.strip().strip('"') for word in line.split(mark) if word.strip()]
    wide = re.split(r"\s{2,}", line.strip())
    if len(wide) > 1 and any(" " in word for word in wide):
        return wide
    return re.findall(r'"[^"]*"|[^\s(\[]+(?:\s*[\(\[][^\)\]]*[\)\]])?', line.strip())


def _numbers(words: Sequence[str]) -> list[float] | None:
    try:
        return [float(word) for word in words] or None
    except ValueError:
        return None


def _chosen(path: Path, names: list[str], units: TableUnits) -> tuple[int, list[int], int | None]:
    """Columns of the lag, of the MSD or its parts, and of its error."""
    listed = ", ".join(f"{k + 1} {name}" for k, name in enumerate(names))
    if units.columns is not None:
        if len(units.columns) not in (2, 4) or not all(1 <= k <= len(names) for k in units.columns):
            raise MlipsseError(
                f"--columns must name the lag's column and the MSD's (or three, x, y and z) out of "
                f"{listed}."
            )
        first, *rest = (k - 1 for k in units.columns)
        return first, rest, None
    times = [k for k, name in enumerate(names) if _TIMES.search(name)] or [
        k for k, name in enumerate(names) if "step" in name.lower()
    ]
    if not times and len(names) in (2, 3) and names[0].startswith("column"):
        times = [0]
    errors = [k for k, name in enumerate(names) if _ERRORS.search(name) and k not in times]
    msds = [
        k
        for k, name in enumerate(names)
        if _MSDS.search(name) and not _OTHERS.search(name) and k not in (*errors, *times)
    ]
    parts = [
        [k for k in msds if re.search(rf"[_ \(]{axis}{axis}?\b|[_ ]{axis}{axis}?[_ (]", names[k])]
        for axis in "xyz"
    ]
    if not msds and len(names) in (2, 3) and len(times) == 1:
        msds = [k for k in range(len(names)) if k not in times and k not in errors][:1]
    if len(times) >= 1 and len(msds) == 1:
        return times[0], msds, errors[0] if len(errors) == 1 else None
    if len(times) >= 1 and len(msds) == 3 and all(len(part) == 1 for part in parts):
        return times[0], msds, None
    raise MlipsseError(
        f"{path} does not determine the columns of lag and MSD ({listed}). Give their numbers, "
        "e.g. --columns 1,2, or 1,2,3,4 for x, y and z."
    )


def _unit(path: Path, name: str, given: str | None, known: dict[str, float], what: str) -> float:
    """Size of the unit in a column's name, or of the one that is given."""
    own = None
    for match in _UNIT.finditer(name):
        word = next(part for part in match.groups() if part)
        word = re.sub(r"(\^?\{?2\}?|²|\*\*2)$", "", word.strip()).strip().lower()
        if word in known:
            own = known[word]
    if given is not None:
        if given.lower() not in known:
            raise MlipsseError(
                f"{given!r} is not a unit of {what}. Choose among {', '.join(known)}."
            )
        if own is not None and abs(own - known[given.lower()]) > 1e-6 * own:
            raise MlipsseError(
                f"{path} has its {name!r} in another unit than the given {given}. Remove the "
                "option to use the unit of the table."
            )
        return known[given.lower()]
    if own is None:
        raise MlipsseError(
            f"{path} does not name the unit of {what} of its column {name!r}. Give it "
            f"(--{what}-unit)."
        )
    return own
