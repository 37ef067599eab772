"""How a run fares, from its logs: temperature, energy drift, pressure, framework, speed.

Every part of a run has a log of its own, `log.<first step>.lammps`; as with the trajectory, a log
counts up to the first step of the next one.
"""

import math
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.md.files.ending import unsettled_reason
from mlipsse.md.files.record import RunRecord
from mlipsse.md.plan.limits import average_steps
from mlipsse.md.plan.settling import Settling, block_means, settling
from mlipsse.md.watch.pressure import Pressure, production_pressure

JUMP_A = 2.5
"""A short jump of an alkali ion between neighbouring sites, Å."""

_LOG = re.compile(r"log\.(\d+)\.lammps")
_DISPLACED = re.compile(r"displaced\.(\d+)\.txt")
_KEYWORDS = re.compile(r"^keywords: \[(.*)\]\s*$")
_ROW = re.compile(r"^  - \[(.*)\]\s*$")
_NEEDED = ("Step", "Temp", "TotEng", "Econserve", "Press", "Volume")
_OPTIONAL = ("CPU", "c_mobile[4]", "c_framework[4]")
_TENSOR = ("Pxx", "Pyy", "Pzz", "Pxy", "Pxz", "Pyz")
_COLUMNS = (*_NEEDED, *_OPTIONAL, *_TENSOR)
_HEAD_BYTES, _TAIL_BYTES = 16_384, 6_144


@dataclass(frozen=True)
class Thermo:
    """Thermo log of a run, one row per time, all parts joined.

    Attributes
    ----------
    step : (n,) int64, ascending
    temperature_K, pressure_bar, volume_A3 : (n,) float64
    tensor_bar : (n, 6) pressure tensor xx, yy, zz, xy, xz, yz; NaN where it is not printed
    energy_eV : (n,) float64, potential and kinetic
    conserved_eV : (n,) float64, `energy_eV` less what the thermostat has put in; counts from the
        start of its part
    part : (n,) int64, first step of the part a row comes from
    elapsed_s : (n,) float64, since the start of its `run` command; NaN where a template of the
        user's does not print it, as the next two
    mobile_msd_A2, framework_msd_A2 : (n,) float64, mean squared displacement against the crystal
        at step 0, the framework's without its drift
    """

    step: np.ndarray
    temperature_K: np.ndarray
    energy_eV: np.ndarray
    conserved_eV: np.ndarray
    pressure_bar: np.ndarray
    tensor_bar: np.ndarray
    volume_A3: np.ndarray
    part: np.ndarray
    elapsed_s: np.ndarray
    mobile_msd_A2: np.ndarray
    framework_msd_A2: np.ndarray

    @property
    def steps_per_s(self) -> float | None:
        """Speed over the last rows of one `run` command; None before there are two."""
        running = np.flatnonzero(np.diff(self.elapsed_s) <= 0)
        start = running[-1] + 1 if len(running) else 0
        elapsed_s, step = self.elapsed_s[start:], self.step[start:]
        if len(step) < 2 or not elapsed_s[-1] > elapsed_s[0]:
            return None
        return float((step[-1] - step[0]) / (elapsed_s[-1] - elapsed_s[0]))


@dataclass(frozen=True, kw_only=True)
class Health:
    """Summary of a run's production so far.

    Attributes
    ----------
    last_step : of the newest row; -1 before the first one
    complete : the last step has been reached
    mean_temperature_K, std_temperature_K : over the production, None before it
    pressure : of the production; None before it
    volume_A3 : of the cell that is simulated, i.e. after its relaxation; None before it
    volume_drift : of the averaged half of the NPT part; None without one, before its end, and where
        the log has too few rows
    energy_drift_meV_atom_ps : slope of the conserved energy within parts, None before two rows
    framework_displaced : newest fraction of the framework's centres that are displaced, the largest
        of its groups (see `mlipsse.structures.framework`); None before the first average
    framework_msd_A2 : of the framework against the crystal; None where it is not printed
    mobile_msd_A2 : of the mobile ions against the crystal; None where it is not printed
    diffusing : whether that is more than one jump of the ion would give; None where not known
    steps_per_s : now; None before two rows
    """

    last_step: int
    complete: bool
    mean_temperature_K: float | None
    std_temperature_K: float | None
    pressure: Pressure | None
    volume_A3: float | None
    volume_drift: Settling | None
    energy_drift_meV_atom_ps: float | None
    framework_displaced: float | None
    framework_msd_A2: float | None
    mobile_msd_A2: float | None
    diffusing: bool | None
    steps_per_s: float | None

    @property
    def cautions(self) -> list[str]:
        """Sentences, without full stop, about a volume or a pressure that is not what it should be.

        A run that this version rendered does not go on with a volume that drifts; others do.
        """
        drift = self.volume_drift
        found = [
            None
            if drift is None or drift.settled
            else unsettled_reason(drift.drift_percent, drift.error_percent),
            None if self.pressure is None else self.pressure.caution,
        ]
        return [sentence for sentence in found if sentence]


def read_thermo(folder: Path) -> Thermo:
    """Thermo rows of all parts, each step once; rows that are torn or not numbers are left out."""
    rows: list[tuple[float, ...]] = []
    for first_step, path in _numbered(folder, _LOG):
        new = _rows(path.read_text(errors="replace"), path)
        if new:  # a part that was killed before its first row cuts nothing off
            rows = [row for row in rows if row[0] < first_step]
            rows += [(*row, float(first_step)) for row in new]
    return _thermo(rows)


def newest_thermo(folder: Path) -> Thermo:
    """The last rows of the newest log, for a look at many runs; may be empty."""
    for first_step, path in reversed(_numbered(folder, _LOG)):
        with path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
            size = stream.seek(0, 2)
            start = max(len(head), size - _TAIL_BYTES)
            stream.seek(start)
            tail = stream.read()
        if start > len(head):  # the first line of the tail is torn
            tail = tail.partition(b"\n")[2]
            # Of the head only what the columns are; the rows that follow it are not the newest.
            named = head.rfind(b"\nkeywords: ") + 1
            end = head.find(b"\n", named)
            head = head[named : end + 1] if named and end >= 0 else head
        rows = _rows((head + tail).decode(errors="replace"), path)
        if rows:
            return _thermo([(*row, float(first_step)) for row in rows])
    return _thermo([])


def _numbered(folder: Path, name: re.Pattern[str]) -> list[tuple[int, Path]]:
    """Files of the parts of a run, by their first step."""
    return sorted(
        (int(match[1]), path)
        for path in folder.iterdir()
        if (match := name.fullmatch(path.name)) is not None
    )


def _thermo(rows: list[tuple[float, ...]]) -> Thermo:
    table = np.array(rows, dtype=float).reshape(-1, len(_COLUMNS) + 1)
    # A step at the seam of two pieces of one part is printed by both.
    _, first = np.unique(table[:, 0], return_index=True)
    columns = table[first].T
    step, temperature, energy, conserved, pressure, volume = columns[: len(_NEEDED)]
    elapsed, mobile, framework = columns[len(_NEEDED) : -len(_TENSOR) - 1]
    tensor, part = columns[-len(_TENSOR) - 1 : -1], columns[-1]
    return Thermo(
        step=step.astype(np.int64),
        temperature_K=temperature,
        energy_eV=energy,
        conserved_eV=conserved,
        pressure_bar=pressure,
        tensor_bar=tensor.T,
        volume_A3=volume,
        part=part.astype(np.int64),
        elapsed_s=elapsed,
        mobile_msd_A2=mobile,
        framework_msd_A2=framework,
    )


def run_health(folder: Path, record: RunRecord) -> Health:
    """Health of the run in `folder`, live or ended."""
    thermo = read_thermo(folder)
    last_step = int(thermo.step[-1]) if len(thermo.step) else -1
    production = thermo.step >= record.equilibration_steps
    temperature = thermo.temperature_K[production]
    some = len(temperature) > 0
    mobile_msd_A2 = _last(thermo.mobile_msd_A2)
    npt_steps, npt_bar = _npt(record)
    volumes_A3 = block_means(thermo.step, thermo.volume_A3, npt_steps=npt_steps)
    return Health(
        last_step=last_step,
        complete=last_step >= record.last_step,
        mean_temperature_K=float(temperature.mean()) if some else None,
        std_temperature_K=float(temperature.std()) if some else None,
        pressure=production_pressure(
            thermo.pressure_bar[production], thermo.tensor_bar[production], npt_bar=npt_bar
        ),
        volume_A3=float(thermo.volume_A3[-1]) if len(thermo.step) else None,
        volume_drift=None if volumes_A3 is None else settling(volumes_A3),
        energy_drift_meV_atom_ps=_drift(thermo, production, record),
        framework_displaced=framework_displaced(folder, record),
        framework_msd_A2=_last(thermo.framework_msd_A2),
        mobile_msd_A2=mobile_msd_A2,
        diffusing=None if mobile_msd_A2 is None else mobile_msd_A2 > JUMP_A**2,
        steps_per_s=thermo.steps_per_s,
    )


def framework_displaced(folder: Path, record: RunRecord) -> float | None:
    """The newest fraction that the deck printed, the largest of its groups; None before that."""
    steps = average_steps(record.timestep_fs)
    for first_step, path in reversed(_numbered(folder, _DISPLACED)):
        for line in reversed(path.read_text().splitlines()):
            with suppress(IndexError, ValueError):  # a torn line, or the heading
                step, *fractions = map(float, line.split())
                if step - first_step >= steps:  # there was an average
                    return max(fractions)
    return None


def _npt(record: RunRecord) -> tuple[int, float | None]:
    """Steps of the NPT part and its pressure, bar; (0, None) without one.

    From the bare record: an earlier version's may hold lengths that are refused by now.
    """
    protocol = record.extra.get("protocol") or {}
    npt_ps = float(protocol.get("npt_ps") or 0.0)
    if not npt_ps:
        return 0, None
    return round(npt_ps * 1e3 / record.timestep_fs), float(protocol.get("pressure_bar") or 0.0)


def _last(values: np.ndarray) -> float | None:
    return float(values[-1]) if len(values) and np.isfinite(values[-1]) else None


def _drift(thermo: Thermo, production: np.ndarray, record: RunRecord) -> float | None:
    """Least-squares slope of the conserved energy, common to all parts, each with its own zero."""
    time_ps = thermo.step[production] * record.timestep_fs / 1000
    energy = thermo.conserved_eV[production]
    part = thermo.part[production]
    for first_step in np.unique(part):
        rows = part == first_step
        time_ps[rows] -= time_ps[rows].mean()
        energy[rows] -= energy[rows].mean()
    spread = float(time_ps @ time_ps)
    if spread == 0.0:
        return None
    return 1000 * float(time_ps @ energy) / spread / len(record.species)


def _rows(text: str, path: Path) -> list[tuple[float, ...]]:
    columns: list[int | None] = []
    width = 0
    rows = []
    for line in text.splitlines():
        if match := _KEYWORDS.match(line):
            names = [name.strip(" '") for name in match[1].rstrip(", ").split(",")]
            if any(name not in names for name in _NEEDED):
                raise MlipsseError(
                    f"{path} lacks thermo columns: it has {', '.join(names)} but requires "
                    f"{', '.join(_NEEDED)}. Add them to thermo_style in your template."
                )
            columns = [names.index(n) if n in names else None for n in _COLUMNS]
            width = len(names)
        elif columns and (match := _ROW.match(line)):
            values = match[1].rstrip(", ").split(",")
            if len(values) != width:
                continue
            try:
                rows.append(tuple(math.nan if c is None else float(values[c]) for c in columns))
            except ValueError:
                continue
    return rows
