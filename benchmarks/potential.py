"""A potential in LAMMPS against its peers: speed, memory and forces, side by side.

    python benchmarks/potential.py                  # the whole matrix: hours
    python benchmarks/potential.py --quick          # one model, one size, some minutes
    python benchmarks/potential.py --threads 1 --sizes 160,1280 --skip-accuracy
    python benchmarks/potential.py --tables         # what is there so far, in Markdown

Random-weight MACE models (see models.py) in Li3InCl6 at 800 K: ASE's Python loop, the file that
mace_create_lammps_model writes (with torch's own use of memory), TorchScript, AOTInductor and
native code in LAMMPS; native.py has native code beside symmetrix-xl. Each measurement is a process
of its own; repeats of different backends alternate. Results are appended to WORK/results.jsonl one
by one: stopped and started again, the script goes on.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import results
from ase import Atoms
from models import ARCHITECTURES, HEAD, SMALL, Architecture, write_model

from mlipsse.energetics.single_point import SinglePoint
from mlipsse.potential.export.aotinductor import export_aotinductor
from mlipsse.potential.export.other_engines.upstream import export_upstream
from mlipsse.potential.export.target import Target
from mlipsse.potential.export.torchscript import export_torchscript
from mlipsse.potential.lammps.plugin import build_plugin
from mlipsse.potential.native.export import export_native
from mlipsse.potential.parity.single_points import (
    ase_single_points,
    differences,
    lammps_single_points,
)
from mlipsse.potential.speed.frames import heated, li3incl6, repeat_to
from mlipsse.potential.speed.measurement import BACKENDS, TEMPERATURE_K, Contender, measure

SIZES = (160, 640, 1280, 2560)
LARGEST_ACCURACY = 1280  # atoms; ASE in float64 needs the memory
SERIAL = Target(serial=True)
WARM_UP = {"ase": 2, "upstream": 3, "torchscript": 3, "aotinductor": 2, "native": 2}
"""Steps before the clock starts: TorchScript compiles in its first calls, the others do not."""


@dataclass(frozen=True)
class Matrix:
    """What is to be measured, and where its files lie."""

    work: Path
    architectures: Sequence[Architecture]
    sizes: Sequence[int]
    threads: Sequence[int]
    backends: Sequence[str]
    dtype: str
    device: str
    repeats: int
    steps: int | None
    plugin: Path


def main() -> None:
    """Measure what is missing and print the tables."""
    arguments = _parser().parse_args()
    work: Path = arguments.work
    work.mkdir(parents=True, exist_ok=True)
    if not arguments.tables:
        matrix = Matrix(
            work=work,
            architectures=[SMALL]
            if arguments.quick
            else [ARCHITECTURES[m] for m in arguments.models],
            sizes=[160] if arguments.quick else arguments.sizes,
            threads=[1] if arguments.quick else arguments.threads,
            backends=arguments.backends,
            dtype=arguments.dtype,
            device=arguments.device,
            repeats=1 if arguments.quick else arguments.repeats,
            steps=arguments.steps,
            plugin=arguments.plugin or build_plugin(),
        )
        if not arguments.skip_times:
            time_steps(matrix)
        if not arguments.skip_accuracy:
            compare_forces(matrix)
    print(results.markdown(work))


def time_steps(matrix: Matrix) -> None:
    """Append one row of results per process, the repeats of all backends interleaved."""
    done = _done(
        matrix.work / results.TIMES_FILE, ("model", "backend", "dtype", "atoms", "threads")
    )
    for size in matrix.sizes:
        frame = _frame(size)
        for threads in matrix.threads:
            for repeat in range(matrix.repeats):
                for architecture in matrix.architectures:
                    for backend in matrix.backends:
                        key = (architecture.name, backend, matrix.dtype, len(frame), threads)
                        if done[key] > repeat:
                            continue
                        row = measure(
                            _contender(matrix, architecture, backend, threads=threads),
                            frame,
                            threads=threads,
                            steps=matrix.steps,
                            warm_up=WARM_UP[backend],
                            plugin=matrix.plugin,
                        )
                        facts = {"model": architecture.name, **asdict(row)}
                        _append(matrix.work / results.TIMES_FILE, facts)


def compare_forces(matrix: Matrix) -> None:
    """Append the errors of every file in LAMMPS, and of ASE in float32, against ASE in float64."""
    done = _done(matrix.work / results.FORCES_FILE, ("model", "atoms"))
    for architecture in matrix.architectures:
        for size in (size for size in matrix.sizes if size <= LARGEST_ACCURACY):
            frame = _frame(size)
            if done[(architecture.name, len(frame))]:
                continue
            model = _model(matrix, architecture)
            exact, rounded = (
                ase_single_points([frame], model=model, head=HEAD, dtype=dtype)
                for dtype in ("float64", "float32")
            )
            facts = {"model": architecture.name, "atoms": len(frame)}
            rows = [facts | {"what": "ase float32"} | _errors(rounded, exact)]
            for dtype in ("float64", "float32"):
                for backend in ("torchscript", "aotinductor", "native"):
                    file = _exported(matrix, architecture, backend, dtype=dtype)
                    found = lammps_single_points([frame], exported=file, plugin=matrix.plugin)
                    rows.append(facts | {"what": f"{backend} {dtype}"} | _errors(found, exact))
            for row in rows:
                _append(matrix.work / results.FORCES_FILE, row)


def _errors(found: Sequence[SinglePoint], exact: Sequence[SinglePoint]) -> dict[str, float]:
    return asdict(differences(found, exact))


def _frame(size: int) -> Atoms:
    return heated(repeat_to(li3incl6(), size), temperature_K=TEMPERATURE_K, seed=size)


def _contender(
    matrix: Matrix, architecture: Architecture, backend: str, *, threads: int
) -> Contender:
    target = Target(matrix.device, serial=threads == 1 and matrix.device == "cpu")  # type: ignore[arg-type]
    file = _exported(matrix, architecture, backend, dtype=matrix.dtype, target=target)
    return Contender(backend, file, HEAD, matrix.dtype, matrix.device)  # type: ignore[arg-type]


def _model(matrix: Matrix, architecture: Architecture) -> Path:
    path = matrix.work / f"{architecture.name}.model"
    if not path.is_file():
        write_model(architecture, path)
    return path


def _exported(
    matrix: Matrix,
    architecture: Architecture,
    backend: str,
    *,
    dtype: str,
    target: Target = SERIAL,
) -> Path:
    """The file of `backend`, exported when it is missing."""
    model = _model(matrix, architecture)
    if backend == "ase":
        return model
    compiled = f"{target.device}.serial" if target.serial else target.device
    suffix = {
        "upstream": "upstream.pt",
        "torchscript": "pt",
        "aotinductor": f"{compiled}.pt2",
        "native": "safetensors",
    }
    out = matrix.work / f"{architecture.name}.{dtype}.{suffix[backend]}"
    if not out.is_file():
        print(f"exporting {out.name}", flush=True)
        exports: dict[str, Callable[[], object]] = {
            "upstream": lambda: export_upstream(model, head=HEAD, dtype=dtype, out=out),
            "torchscript": lambda: export_torchscript(model, head=HEAD, dtype=dtype, out=out),
            "aotinductor": lambda: export_aotinductor(
                model, head=HEAD, dtype=dtype, out=out, target=target
            ),
            "native": lambda: export_native(model, head=HEAD, dtype=dtype, out=out),
        }
        exports[backend]()
    return out


def _append(path: Path, facts: dict[str, object]) -> None:
    line = json.dumps(facts)
    print(line, flush=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(line + "\n")


def _done(path: Path, fields: Iterable[str]) -> dict[tuple[object, ...], int]:
    """How many rows there are of each kind."""
    counts: dict[tuple[object, ...], int] = defaultdict(int)
    for row in results.rows(path):
        counts[tuple(row[field] for field in fields)] += 1
    return counts


def _words(text: str) -> list[str]:
    return text.split(",")


def _numbers(text: str) -> list[int]:
    return [int(word) for word in _words(text)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--work", type=Path, default=Path("build/benchmarks"), help="Folder for all files."
    )
    parser.add_argument("--models", type=_words, default=list(ARCHITECTURES))
    parser.add_argument(
        "--sizes", type=_numbers, default=list(SIZES), help="Numbers of atoms to measure."
    )
    parser.add_argument("--threads", type=_numbers, default=[1, 2])
    parser.add_argument("--backends", type=_words, default=list(BACKENDS))
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument(
        "--repeats", type=int, default=3, help="Number of processes per measurement."
    )
    parser.add_argument(
        "--steps",
        type=int,
        help="Number of measured steps per process. The default depends on the size.",
    )
    parser.add_argument(
        "--plugin", type=Path, help="Pair style plugin. The default is to build it."
    )
    parser.add_argument("--quick", action="store_true", help="Measure 32x0e at 160 atoms once.")
    parser.add_argument("--skip-times", action="store_true", help="Compare forces only.")
    parser.add_argument("--skip-accuracy", action="store_true", help="Measure times only.")
    parser.add_argument("--tables", action="store_true", help="Print tables without measuring.")
    return parser


if __name__ == "__main__":
    main()
