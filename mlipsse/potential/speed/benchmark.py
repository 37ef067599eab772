"""How fast is a potential, and in what? Its files in LAMMPS and ASE's Python loop, side by side."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from ase import Atoms

from mlipsse.errors import MlipsseError
from mlipsse.potential.bundle.example import read_example
from mlipsse.potential.bundle.folder import Bundle, read_bundle
from mlipsse.potential.export.other_engines.upstream import export_upstream
from mlipsse.potential.export.target import SUFFIXES, Device, check_device
from mlipsse.potential.speed.frames import heated, li3incl6, read_crystal, repeat_to
from mlipsse.potential.speed.measurement import (
    BACKENDS,
    TEMPERATURE_K,
    Backend,
    BenchmarkRow,
    Contender,
    at_least_one,
    measure,
    median_row,
)

__all__ = ["BACKENDS", "BenchmarkRow", "Contender", "benchmark", "measure", "median_row"]

_BUSY = 0.05
"""Share of the time that a run waited, above which its times are cautioned against."""
_SEED = 20250722


def benchmark(
    bundle: Path,
    *,
    atoms: Sequence[int],
    threads: int = 1,
    backends: Sequence[str] | None = None,
    structure: Path | None = None,
    device: Device = "cpu",
    steps: int | None = None,
    repeats: int = 3,
    report: Callable[[BenchmarkRow], None] | None = None,
) -> list[BenchmarkRow]:
    """Measure the potential in a bundle: every backend at every size, medians of `repeats`.

    The repeats of the backends alternate, so that a machine that slows down slows all of them.

    Parameters
    ----------
    bundle : folder with a `card.yaml`
    atoms : sizes wanted; a cell holds the nearest whole number of crystal cells
    threads : of each process
    backends : some of `BACKENDS`; all that the bundle has files for when not given
    structure : crystal of the bundle's elements; when not given, ordered Li3InCl6 for a potential
        that knows it, else the bundle's example
    device : where the models run
    steps : measured steps per process; by the size when not given
    repeats : processes per backend and size
    report : called with every row as soon as it is there

    Raises
    ------
    MlipsseError
        when the bundle cannot be read, a backend is unknown or has no file in it, a number is
        below 1, the structure has other elements than the potential, or a run fails.
    """
    for what, number in (("threads", threads), ("repeats", repeats), ("steps", steps or 1)):
        at_least_one(what, number)
    check_device(device)
    if not atoms:
        raise MlipsseError("A benchmark needs at least one size, e.g. --atoms 160,640.")
    potential = read_bundle(bundle)
    wanted = _wanted(potential, backends)
    crystal = _crystal(potential, structure)
    frames = [
        heated(repeat_to(crystal, size), temperature_K=TEMPERATURE_K, seed=_SEED) for size in atoms
    ]
    rows = []
    with tempfile.TemporaryDirectory(prefix="mlipsse-benchmark-") as temporary:
        contenders = [
            _contender(potential, backend, device=device, folder=Path(temporary))
            for backend in wanted
        ]
        for frame in frames:
            found: dict[Backend, list[BenchmarkRow]] = {backend: [] for backend in wanted}
            for _ in range(repeats):
                for contender in contenders:
                    row = measure(contender, frame, threads=threads, steps=steps)
                    found[contender.backend].append(row)
            for several in found.values():
                rows.append(median_row(several))
                if report is not None:
                    report(rows[-1])
    return rows


def busy_caution(rows: Sequence[BenchmarkRow]) -> str | None:
    """Sentence about a machine that was busy with other things; None for one that was not."""
    waited = max(row.waited_fraction for row in rows)
    if waited <= _BUSY:
        return None
    return (
        f"Up to {waited:.0%} of the time a run waited for a core; the machine was busy, and times "
        "are too long."
    )


def _wanted(potential: Bundle, backends: Sequence[str] | None) -> list[Backend]:
    if backends is None:
        return [b for b in BACKENDS if b in ("ase", "upstream") or b in potential.exports]
    for name in backends:
        if name not in BACKENDS:
            raise MlipsseError(f"There is no backend {name}. Choose among {', '.join(BACKENDS)}.")
    if not backends:
        raise MlipsseError(f"No backend is named. Choose among {', '.join(BACKENDS)}.")
    return [backend for backend in BACKENDS if backend in backends]


def _contender(potential: Bundle, backend: Backend, *, device: Device, folder: Path) -> Contender:
    head, dtype = potential.head, potential.dtype
    if backend == "ase":
        file = potential.model
    elif backend == "torchscript":
        file = potential.torchscript
    elif backend == "upstream":
        file = folder / "upstream.pt"
        export_upstream(potential.model, head=head, dtype=dtype, out=file)
    else:
        if backend not in potential.exports:
            raise MlipsseError(
                f"{potential.folder} has no {SUFFIXES[backend]} file for the backend {backend}. "
                f"Make it: mlipsse potential export {potential.model} --head {head} --format "
                f"{backend} "
                f"--dtype {dtype} --out {potential.folder}"
            )
        file = potential.exports[backend]
    return Contender(backend, file, head, dtype, device)


def _crystal(potential: Bundle, structure: Path | None) -> Atoms:
    if structure is not None:
        crystal = read_crystal(structure)
    elif {"Li", "In", "Cl"} <= set(potential.elements):
        crystal = li3incl6()
    elif potential.example is not None:
        crystal = read_example(potential.example, potential.elements)
    else:
        raise MlipsseError(
            f"The bundle {potential.folder} has no structure to measure on. Name one of "
            f"{', '.join(potential.elements)}."
        )
    if unknown := sorted(set(crystal.get_chemical_symbols()) - set(potential.elements)):
        raise MlipsseError(
            f"{structure} contains {', '.join(unknown)}, but the potential in {potential.folder} "
            f"knows only {', '.join(potential.elements)}. Name a structure of these elements."
        )
    return crystal
