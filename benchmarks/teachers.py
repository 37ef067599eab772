"""Teachers and potentials against DFT labels, by family; what DFT changes by its own settings.

    python benchmarks/teachers.py                                    # some two minutes
    python benchmarks/teachers.py --potentials mace-sse-small --card potentials/mace-sse-small

The labels are those of `labels/scan`: SCAN, PBE for some of its frames, and the same with a finer
grid and denser k-points. Energies are compared after the best constant for each element. `--card`
writes the rows of the potentials into the card of a bundle.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from relaxations import versions

from mlipsse import keys
from mlipsse.campaign.studies.frame_matching import matching_frames
from mlipsse.dataset.frames.evaluation import predict
from mlipsse.dataset.frames.extxyz import read_frames
from mlipsse.dataset.frames.predictions import (
    Predictions,
    compare,
    energies_after_constants_meV_atom,
)
from mlipsse.energetics.potentials.calculators import make_calculator
from mlipsse.energetics.single_point import SinglePoint
from mlipsse.potential.bundle.folder import CARD_FILE, read_card, write_card

LABELS = Path(__file__).resolve().parent.parent / "labels" / "scan"
POTENTIALS = ("sevennet: 7net-0", "sevennet: 7net-l3i5", "mace-sse-small")
AGAINST = ("scan", "pbe")
BY_DFT = (
    ("pbe", "scan"),
    ("scan-coarse", "scan"),
    ("pbe-coarse", "pbe"),
    ("pbe-15A", "pbe"),
)
"""(file, the file that it is compared with): the functional, the grid, the k-points."""


@dataclass(frozen=True)
class Row:
    """How far one is from the labels of a family."""

    who: str
    against: str
    family: str
    frames: int
    slope: float
    slope_std: float | None
    force_rmse_meV_A: float
    largest_force_error_meV_A: float
    energy_rmse_meV_atom: float | None
    stress_rmse_meV_A3: float


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--potentials", nargs="*", default=POTENTIALS)
    parser.add_argument("--card", type=Path, help="Bundle whose card gets the rows.")
    arguments = parser.parse_args()
    print(versions(), "\n")
    print("| of | against | family | frames | slope | meV/Å | largest, meV/Å | meV/atom | meV/Å³ |")
    print("|---|---|---|---:|---:|---:|---:|---:|---:|", flush=True)
    rows = []
    for who in arguments.potentials:
        for row in of_potential(who):
            rows.append(row)
            print(text(row), flush=True)
    for who, against in BY_DFT:
        for row in of_dft(who, against):
            print(text(row), flush=True)
    if arguments.card:
        put_into_card(arguments.card, rows)


def labels(name: str) -> list[Atoms]:
    """Of a file of `labels/scan`, none if it is not there."""
    path = LABELS / f"{name}.extxyz"
    return read_frames(path, labelled=True) if path.is_file() else []


def family(frame: Atoms) -> str:
    """By the elements."""
    elements = set(frame.symbols)
    return "halides" if elements & {"Cl", "Br"} else "nasicon" if "Zr" in elements else "lpsgo"


def of_potential(who: str) -> Iterator[Row]:
    """Rows of a potential, against SCAN and PBE."""
    calculator = make_calculator(who)
    for against in AGAINST:
        frames = labels(against)
        yield from by_family(who, against, frames, predict(frames, calculator))


def of_dft(who: str, against: str) -> Iterator[Row]:
    """Rows of other settings of DFT, on the frames that both have labelled."""
    pairs = list(matching_frames(labels(against), labels(who)))
    if pairs:
        frames = [frame for frame, _ in pairs]
        points = [
            SinglePoint(
                energy_eV=float(other.info[keys.ENERGY]),
                forces_eV_A=other.arrays[keys.FORCES],
                stress_eV_A3=np.asarray(other.info[keys.STRESS]),
            )
            for _, other in pairs
        ]
        yield from by_family(who, against, frames, compare(frames, points))


def by_family(who: str, against: str, frames: list[Atoms], found: Predictions) -> Iterator[Row]:
    """A row for each family of which there are labels."""
    families = np.array([family(frame) for frame in frames])
    for one in dict.fromkeys(families.tolist()):
        own = found.of(families == one)
        some = [frame for frame in frames if family(frame) == one]
        energy, _ = energies_after_constants_meV_atom(some, own)
        slope = own.softening.forces
        assert slope is not None
        labelled, predicted = own.forces_eV_A
        yield Row(
            who=who,
            against=against,
            family=one,
            frames=len(some),
            slope=round(slope.value, 3),
            slope_std=None if slope.std is None else round(slope.std, 3),
            force_rmse_meV_A=round(own.errors.force_rmse_meV_A, 1),
            largest_force_error_meV_A=round(1000 * float(np.abs(predicted - labelled).max()), 1),
            energy_rmse_meV_atom=None if energy is None else round(energy, 1),
            stress_rmse_meV_A3=round(own.errors.stress_rmse_meV_A3, 2),
        )


def text(row: Row) -> str:
    """The row of the table."""
    slope = f"{row.slope:.2f}" + ("" if row.slope_std is None else f" ± {row.slope_std:.2f}")
    energy = "" if row.energy_rmse_meV_atom is None else f"{row.energy_rmse_meV_atom:.1f}"
    return (
        f"| {row.who} | {row.against} | {row.family} | {row.frames} | {slope} | "
        f"{row.force_rmse_meV_A:.0f} | {row.largest_force_error_meV_A:.0f} | {energy} | "
        f"{row.stress_rmse_meV_A3:.1f} |"
    )


def put_into_card(folder: Path, rows: list[Row]) -> None:
    """Put rows under `against_dft`, by who, functional and family."""
    card = read_card(folder / CARD_FILE)
    entry: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
    for row in rows:
        entry.setdefault(row.who, {}).setdefault(row.against, {})[row.family] = {
            name: value
            for name, value in vars(row).items()
            if name not in {"who", "against", "family"} and value is not None
        }
    card["extra"]["against_dft"] = {
        "what": "slope and root mean square errors on the CP2K labels of labels/scan; energies "
        "after the best constant for each element",
        **entry,
    }
    write_card(folder, card)


if __name__ == "__main__":
    main()
