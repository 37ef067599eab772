"""The record of a run folder: `run.json`, which analysis reads, and `outcome.json`."""

import json
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from ase import Atoms

from mlipsse.errors import MlipsseError
from mlipsse.files import write_text
from mlipsse.md.plan.lammps_frame import LammpsFrame
from mlipsse.md.plan.limits import RunLimits, run_limits
from mlipsse.md.plan.protocol import Protocol

RECORD_FILE = "run.json"
OUTCOME_FILE = "outcome.json"
FINISHED_FILE = "finished.txt"
"""Written by the deck."""

Status = Literal["done", "unsettled", "melted", "exploded"]


def temperature_name(temperature_K: float) -> str:
    """A temperature in names of folders and runs, e.g. `T0800`."""
    return f"T{temperature_K:04.0f}"


def run_name(ordering: str, temperature_K: float, replica: int) -> str:
    """Name of a run in tables, messages, decks and files, e.g. `Li3InCl6-1x1x1-o003-T0800-r0`."""
    return f"{ordering}-{temperature_name(temperature_K)}-r{replica}"


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """One run: what was simulated, and at which steps its frames lie.

    Frames lie at `equilibration_steps`, `equilibration_steps + dump_every_steps`, ..., up to and
    including `equilibration_steps + production_steps`.

    Attributes
    ----------
    formula : as the config writes it, e.g. `Li3In0.5Y0.5Br3Cl3`
    composition : name of the composition within the campaign
    ordering : name of the ordering
    temperature_K : of the thermostat
    replica : number of the repetition, from 0
    timestep_fs, dump_every_steps, production_steps : see `Protocol`
    equilibration_steps : before the first frame, those of an NPT part with them
    species : (n_atoms,) elements in the order of atom ids
    mobile : element that conducts
    mobile_charge_e : its charge, e
    extra : everything else worth keeping, e.g. the whole protocol
    """

    formula: str
    composition: str
    ordering: str
    temperature_K: float
    replica: int
    timestep_fs: float
    dump_every_steps: int
    equilibration_steps: int
    production_steps: int
    species: tuple[str, ...]
    mobile: str
    mobile_charge_e: float
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.mobile not in self.species:
            raise MlipsseError(
                f"The mobile element {self.mobile} is not in the structure, which holds "
                f"{', '.join(sorted(set(self.species)))}."
            )

    @property
    def name(self) -> str:
        """Name of the run, see `run_name`."""
        return run_name(self.ordering, self.temperature_K, self.replica)

    @property
    def protocol(self) -> Protocol:
        """How the run is made; `MlipsseError` when the record does not state it."""
        try:
            return Protocol(**self.extra["protocol"])
        except (KeyError, TypeError, MlipsseError) as error:
            raise MlipsseError(f"The run's record lacks its protocol ({error}).") from error

    @property
    def limits(self) -> RunLimits:
        """What a healthy run stays within; nothing where the record does not state it."""
        stated = self.extra.get("limits") or {}
        known = {entry.name for entry in fields(RunLimits)}  # earlier versions had others
        return RunLimits(**{name: value for name, value in stated.items() if name in known})

    @property
    def lattice(self) -> np.ndarray:
        """(3, 3) whole numbers: the crystal's own vectors are these times those of LAMMPS' box."""
        frame = self.extra.get("frame")
        return LammpsFrame.from_json(frame).lattice if frame else np.eye(3, dtype=int)

    @property
    def last_step(self) -> int:
        """Step of the last frame."""
        return self.equilibration_steps + self.production_steps

    @property
    def expected_frames(self) -> int:
        """Frames of a complete run, first and last included."""
        return self.production_steps // self.dump_every_steps + 1


@dataclass(frozen=True, kw_only=True)
class RunSubject:
    """What a run is about, whatever its protocol.

    Attributes
    ----------
    formula, composition, ordering, replica, mobile, mobile_charge_e : as of `RunRecord`
    """

    formula: str
    composition: str
    ordering: str
    replica: int
    mobile: str
    mobile_charge_e: float


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended; written only then.

    Attributes
    ----------
    status : `done`; `unsettled` when the volume of its NPT part drifted, `melted` when the
        framework did, `exploded` when the dynamics left what is physical: such a run was stopped,
        and its frames are kept
    reason : of a run that is not done, in a sentence
    frames : whole frames on disk
    """

    status: Status
    reason: str | None
    frames: int


def record_of(
    atoms: Atoms,
    subject: RunSubject,
    protocol: Protocol,
    *,
    extra: dict[str, Any] | None = None,
) -> RunRecord:
    """Record of a run of `atoms` (in the order of their ids) by `protocol`.

    Raises
    ------
    MlipsseError
        when the mobile element is not among the atoms.
    """
    species = tuple(atoms.get_chemical_symbols())
    mobile = subject.mobile
    limits = run_limits(atoms, mobile=mobile) if mobile in species else None
    return RunRecord(
        **asdict(subject),
        **_steps(protocol),
        species=species,
        extra={
            "protocol": protocol.model_dump(),
            "limits": limits and asdict(limits),
            "frame": LammpsFrame.of(atoms.cell).as_json(),
            **(extra or {}),
        },
    )


def with_protocol(record: RunRecord, protocol: Protocol) -> RunRecord:
    """The same run by another protocol."""
    extra = record.extra | {"protocol": protocol.model_dump()}
    return replace(record, **_steps(protocol), extra=extra)


def _steps(protocol: Protocol) -> dict[str, Any]:
    """Fields of a record that its protocol determines."""
    return {
        "temperature_K": protocol.temperature_K,
        "timestep_fs": protocol.timestep_fs,
        "dump_every_steps": protocol.dump_every_steps,
        "equilibration_steps": protocol.first_frame_step,
        "production_steps": protocol.production_steps,
    }


def record_text(record: RunRecord) -> str:
    """`run.json` of a record; the extra fields stand beside the others."""
    content = asdict(record)
    extra = content.pop("extra")
    return json.dumps({**extra, **content}, indent=1, allow_nan=False) + "\n"


def read_record(folder: Path) -> RunRecord:
    """Read `run.json`.

    Raises
    ------
    MlipsseError
        when the file is missing, is no JSON, or lacks a field.
    """
    path = folder / RECORD_FILE
    content = _read_json(path, what="run")
    if content is None:
        raise MlipsseError(
            f"{folder} is not the folder of a run: it contains no {RECORD_FILE}. Name the folder "
            "of a run."
        )
    known = [entry.name for entry in fields(RunRecord) if entry.name != "extra"]
    missing = [name for name in known if name not in content]
    if missing:
        raise MlipsseError(f"{path} lacks {', '.join(missing)}. Render the run again.")
    values = {name: content.pop(name) for name in known}
    values["species"] = tuple(values["species"])
    return RunRecord(**values, extra=content)


def write_outcome(folder: Path, outcome: Outcome) -> None:
    """Write `outcome.json` in one step."""
    write_text(folder / OUTCOME_FILE, json.dumps(asdict(outcome), indent=1) + "\n")


def read_outcome(folder: Path) -> Outcome | None:
    """How the run ended, or None while it has not.

    Raises
    ------
    MlipsseError
        when the file is there and cannot be read.
    """
    path = folder / OUTCOME_FILE
    content = _read_json(path, what="outcome")
    if content is None:
        return None
    if content.get("status") not in get_args(Status) or set(content) != {
        entry.name for entry in fields(Outcome)
    }:
        raise MlipsseError(f"{path} was not written by this version. Remove it.")
    return Outcome(**content)


def _read_json(path: Path, *, what: str) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise MlipsseError(f"{path} is not the JSON of a {what}: {error}") from error
    if not isinstance(content, dict):
        raise MlipsseError(f"{path} is not the JSON of a {what}: it holds no object.")
    return content
