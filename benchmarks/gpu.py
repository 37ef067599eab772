"""Every engine for MACE that is here, on the GPU: the same forces, and what a step costs.

Called by gpu.sh. Without a GPU it tries every step on the CPU with few atoms, and writes no table.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.lammps import Prism
from models import HEAD, LARGE, SMALL, write_model

from mlipsse import lammps
from mlipsse.errors import MlipsseError, first_line
from mlipsse.potential.export.aotinductor import export_aotinductor
from mlipsse.potential.export.other_engines.symmetrix import export_symmetrix
from mlipsse.potential.export.target import Device, Target
from mlipsse.potential.export.torchscript import export_torchscript
from mlipsse.potential.lammps.plugin import build_plugin
from mlipsse.potential.lammps.structure_file import data_text
from mlipsse.potential.parity.single_points import ase_single_points
from mlipsse.potential.speed.frames import heated, li3incl6, repeat_to
from mlipsse.potential.speed.measurement import TEMPERATURE_K, Contender, measure

SIZES = (300, 1000, 3000, 10_000, 20_000)
PARITY_ATOMS = 160
DRY_SIZES = (20,)
FORCES_WITHIN_EV_A = 2e-3
"""Rounding of float32, with room."""
NOT_INSTALLED = "not installed"
FAILED = "failed: "
LEAST_S = 20.0
"""Left for a measurement to be begun."""

_DECK = """\
units metal
atom_style atomic
atom_modify map yes
newton on
box tilt large
read_data cell.data
{load}pair_style mace device {device}
pair_coeff * * "{file}" {elements}
velocity all create {temperature_K} 4711 mom yes rot no dist gaussian
fix integrate all nve
timestep 0.001
run 0
write_dump all custom forces.dump id fx fy fz modify sort id format float %.17g
run {warm_up}
run {steps}
"""
_LOOP = re.compile(r"^Loop time of (\S+) on \d+ procs for (\d+) steps", re.MULTILINE)


@dataclass(frozen=True)
class Row:
    """One engine and size.

    Attributes
    ----------
    us_per_atom_step : wall time, µs; None where it was not measured
    force_difference_eV_A : largest, from mace-torch's ASE calculator in float64 at 160 atoms
    note : why there is no time
    """

    engine: str
    atoms: int
    us_per_atom_step: float | None = None
    force_difference_eV_A: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Bench:
    """What all measurements share."""

    work: Path
    device: Device
    plugin: Path
    steps: int
    deadline: float

    def left_s(self) -> float:
        """Seconds that may still be used."""
        return self.deadline - time.monotonic()


def main() -> None:
    """Measure, and write the table where there is a GPU."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=460.0)
    arguments = parser.parse_args()
    has_gpu = torch.cuda.is_available()
    with tempfile.TemporaryDirectory(prefix="mlipsse-gpu-") as temporary:
        bench = Bench(
            work=Path(temporary),
            device="cuda" if has_gpu else "cpu",
            plugin=build_plugin(),
            steps=50 if has_gpu else 2,
            deadline=time.monotonic() + arguments.seconds,
        )
        rows = list(_rows(bench, SIZES if has_gpu else DRY_SIZES))
    facts = {
        "date": datetime.now(UTC).date().isoformat(),
        "device": torch.cuda.get_device_name() if has_gpu else "cpu",
        "model": LARGE.name if has_gpu else SMALL.name,
        "versions": {name: _version(name) for name in ("torch", "mace-torch", "symmetrix-xl")},
    }
    text = _table(facts, rows)
    print(text)
    if not has_gpu:
        print("Dry run: no GPU here, and no table is written.")
        _require_good(rows)
        return
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "table.md").write_text(text)
    (arguments.out / "rows.json").write_text(
        json.dumps({**facts, "rows": [asdict(row) for row in rows]}, indent=1) + "\n"
    )
    print(f"Wrote {arguments.out}/table.md and {arguments.out}/rows.json.")
    _require_good(rows)


def _require_good(rows: list[Row]) -> None:
    """End with exit code 1 when an engine failed, or computes other forces."""
    failed = {row.engine for row in rows if row.note.startswith(FAILED)}
    wrong = {row.engine for row in rows if (row.force_difference_eV_A or 0) > FORCES_WITHIN_EV_A}
    if failed or wrong:
        raise SystemExit(
            f"Error: failed: {', '.join(sorted(failed)) or 'none'}; other forces than mace-torch: "
            f"{', '.join(sorted(wrong)) or 'none'}."
        )


def _rows(bench: Bench, sizes: tuple[int, ...]) -> list[Row]:
    architecture = LARGE if bench.device == "cuda" else SMALL
    model = bench.work / "model.model"
    write_model(architecture, model)
    checked = _frame(PARITY_ATOMS if bench.device == "cuda" else sizes[0])
    [exact] = ase_single_points([checked], model=model, head=HEAD, dtype="float64")
    frames = [_frame(size) for size in sizes]
    rows = []
    for engine, export in _engines(bench, model).items():
        try:
            file = export()
            difference = None
            if engine != "ase":
                forces, _ = _in_lammps(bench, engine, file, checked, steps=1)
                difference = float(np.abs(forces - exact.forces_eV_A).max())
        except Exception as error:  # of one engine: the others are measured all the same
            note = _failure(error)
            rows += [Row(engine, len(frame), note=note) for frame in frames]
            continue
        for frame in frames:
            row = _timed(bench, engine, file, frame, difference)
            print(row, flush=True)
            rows.append(row)
    return rows


def _timed(bench: Bench, engine: str, file: Path, frame: Atoms, difference: float | None) -> Row:
    if bench.left_s() < LEAST_S:
        return Row(engine, len(frame), None, difference, "no time left")
    try:
        if engine == "ase":
            contender = Contender("ase", file, HEAD, "float32", bench.device)
            us = measure(contender, frame, steps=bench.steps, warm_up=3).us_per_atom_step
        else:
            _, ms = _in_lammps(bench, engine, file, frame, steps=bench.steps)
            us = 1e3 * ms / len(frame)
    except Exception as error:
        return Row(engine, len(frame), None, difference, _failure(error))
    return Row(engine, len(frame), us, difference)


def _engines(bench: Bench, model: Path) -> dict[str, Callable[[], Path]]:
    def torchscript() -> Path:
        out = bench.work / "model.pt"
        export_torchscript(model, head=HEAD, dtype="float32", out=out)
        return out

    def aotinductor() -> Path:
        out = bench.work / "compiled.pt2"
        target = Target(bench.device)
        export_aotinductor(model, head=HEAD, dtype="float32", out=out, target=target)
        return out

    def symmetrix() -> Path:
        out = bench.work / "model.symmetrix.json"
        export_symmetrix(model, head=HEAD, dtype="float32", out=out)
        return out

    return {
        "torchscript": torchscript,
        "symmetrix-xl": symmetrix,
        "aotinductor": aotinductor,
        "ase": lambda: model,
    }


def _in_lammps(
    bench: Bench, engine: str, file: Path, frame: Atoms, *, steps: int
) -> tuple[np.ndarray, float]:
    """Forces of the frame as it stands, and wall time per step, ms."""
    elements = sorted(set(frame.get_chemical_symbols()))
    inside_python = engine == "symmetrix-xl"
    deck = _DECK.format(
        load="" if inside_python else f'plugin load "{bench.plugin}"\n',
        device=bench.device,
        file=file,
        elements=" ".join(elements),
        temperature_K=TEMPERATURE_K,
        warm_up=min(5, steps),
        steps=steps,
    )
    with tempfile.TemporaryDirectory(dir=bench.work) as temporary:
        folder = Path(temporary)
        (folder / "cell.data").write_text(data_text(frame, elements=elements, title="benchmark"))
        (folder / "in.lammps").write_text(deck)
        python = [sys.executable, "-c", "from mlipsse.cli import main; main()", "lmp"]
        program = python if inside_python else [str(lammps.find_lammps().binary)]
        done = subprocess.run(
            [*program, "-in", "in.lammps", "-log", "none"],
            cwd=folder,
            env=lammps.environment(1) | {"OMP_PROC_BIND": "false"},
            capture_output=True,
            text=True,
            timeout=max(LEAST_S, bench.left_s()),
            check=False,
        )
        if done.returncode:
            lines = [line for line in done.stdout.splitlines() if line.startswith("ERROR")]
            raise MlipsseError(lines[0] if lines else f"exit status {done.returncode}")
        forces = np.loadtxt(folder / "forces.dump", skiprows=9, ndmin=2)[:, 1:]
    seconds, counted = _LOOP.findall(done.stdout)[-1]
    turned: np.ndarray = Prism(frame.cell.array).vector_to_ase(forces)
    return turned, 1e3 * float(seconds) / int(counted)


def _frame(size: int) -> Atoms:
    return heated(repeat_to(li3incl6(), size), temperature_K=TEMPERATURE_K, seed=size)


def _failure(error: Exception) -> str:
    return NOT_INSTALLED if str(error) == NOT_INSTALLED else f"{FAILED}{first_line(error)}"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"


def _table(facts: dict[str, object], rows: list[Row]) -> str:
    sizes = sorted({row.atoms for row in rows})
    lines = [
        f"{facts['device']}, {facts['date']}, model {facts['model']}, float32, {facts['versions']}",
        "",
        "µs per atom and step; forces: largest difference from mace-torch in float64, eV/Å.",
        "",
        f"| engine | {' | '.join(f'{size:,}' for size in sizes)} | forces |",
        f"|---|{'---:|' * (len(sizes) + 1)}",
    ]
    for engine in dict.fromkeys(row.engine for row in rows):
        of_engine = {row.atoms: row for row in rows if row.engine == engine}
        cells = [
            ""
            if (found := of_engine[size]).us_per_atom_step is None
            else f"{found.us_per_atom_step:.3g}"
            for size in sizes
        ]
        difference = next(iter(of_engine.values())).force_difference_eV_A
        cells.append("" if difference is None else f"{difference:.1e}")
        lines.append(f"| {engine} | {' | '.join(cells)} |")
    notes = dict.fromkeys(f"{row.engine}, {row.atoms:,}: {row.note}" for row in rows if row.note)
    return "\n".join([*lines, "", *notes, ""])


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
