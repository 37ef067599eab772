"""How a run fares, from its thermo logs: temperature, energy drift, pressure, speed.

Every part of a run has a log of its own, `log.<first step>.lammps`; as with the trajectory, a log
counts up to the first step of the next one.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.md.record import RunRecord

_LOG = re.compile(r"log\.(\d+)\.lammps")
_KEYWORDS = re.compile(r"^keywords: \[(.*)\]\s*$")
_ROW = re.compile(r"^  - \[(.*)\]\s*$")
_NEEDED = ("Step", "Temp", "TotEng", "Econserve", "Press", "Volume")


@dataclass(frozen=True)
class Thermo:
    """Thermo log of a run, one row per time, all parts joined.

    Attributes
    ----------
    step : (n,) int64, ascending
    temperature_K, pressure_bar, volume_A3 : (n,) float64
    energy_eV : (n,) float64, potential and kinetic
    conserved_eV : (n,) float64, `energy_eV` less what the thermostat has put in; counts from the
        start of its part
    part : (n,) int64, first step of the part a row comes from
    """

    step: np.ndarray
    temperature_K: np.ndarray
    energy_eV: np.ndarray
    conserved_eV: np.ndarray
    pressure_bar: np.ndarray
    volume_A3: np.ndarray
    part: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Health:
    """Summary of a run's production so far.

    Attributes
    ----------
    last_step : of the newest row; -1 before the first one
    complete : the last step has been reached
    mean_temperature_K, std_temperature_K, mean_pressure_bar : over the production, None before it
    volume_A3 : of the cell that is simulated, i.e. after its relaxation; None before it
    energy_drift_meV_atom_ps : slope of the conserved energy within parts, None before two rows
    """

    last_step: int
    complete: bool
    mean_temperature_K: float | None
    std_temperature_K: float | None
    mean_pressure_bar: float | None
    volume_A3: float | None
    energy_drift_meV_atom_ps: float | None


def read_thermo(folder: Path) -> Thermo:
    """Thermo rows of all parts, each step once; rows that are torn or not numbers are left out."""
    rows: list[tuple[float, ...]] = []
    logs = sorted(
        (int(match[1]), path)
        for path in folder.iterdir()
        if (match := _LOG.fullmatch(path.name)) is not None
    )
    for first_step, path in logs:
        new = _rows(path)
        if new:  # a part that was killed before its first row cuts nothing off
            rows = [row for row in rows if row[0] < first_step]
            rows += [(*row, float(first_step)) for row in new]
    table = np.array(rows, dtype=float).reshape(-1, len(_NEEDED) + 1)
    # A step at the seam of two pieces of one part is printed by both.
    _, first = np.unique(table[:, 0], return_index=True)
    step, temperature, energy, conserved, pressure, volume, part = table[first].T
    return Thermo(
        step=step.astype(np.int64),
        temperature_K=temperature,
        energy_eV=energy,
        conserved_eV=conserved,
        pressure_bar=pressure,
        volume_A3=volume,
        part=part.astype(np.int64),
    )


def run_health(folder: Path, record: RunRecord) -> Health:
    """Health of the run in `folder`, live or ended."""
    thermo = read_thermo(folder)
    last_step = int(thermo.step[-1]) if len(thermo.step) else -1
    production = thermo.step >= record.equilibration_steps
    temperature = thermo.temperature_K[production]
    some = len(temperature) > 0
    return Health(
        last_step=last_step,
        complete=last_step >= record.last_step,
        mean_temperature_K=float(temperature.mean()) if some else None,
        std_temperature_K=float(temperature.std()) if some else None,
        mean_pressure_bar=float(thermo.pressure_bar[production].mean()) if some else None,
        volume_A3=float(thermo.volume_A3[-1]) if len(thermo.step) else None,
        energy_drift_meV_atom_ps=_drift(thermo, production, record),
    )


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


def _rows(path: Path) -> list[tuple[float, ...]]:
    columns: list[int] = []
    width = 0
    rows = []
    for line in path.read_text(errors="replace").splitlines():
        if match := _KEYWORDS.match(line):
            names = [name.strip(" '") for name in match[1].rstrip(", ").split(",")]
            if any(name not in names for name in _NEEDED):
                raise MlipsseError(
                    f"{path} lacks thermo columns: it has {', '.join(names)} and needs "
                    f"{', '.join(_NEEDED)}. Add them to thermo_style in your template."
                )
            columns = [names.index(name) for name in _NEEDED]
            width = len(names)
        elif columns and (match := _ROW.match(line)):
            values = match[1].rstrip(", ").split(",")
            if len(values) != width:
                continue
            try:
                rows.append(tuple(float(values[column]) for column in columns))
            except ValueError:
                continue
    return rows
