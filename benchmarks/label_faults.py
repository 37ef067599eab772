"""How surely `mlipsse dataset check` finds wrong labels, and how often it blames right ones.

    python benchmarks/label_faults.py                        # some minutes
    python benchmarks/label_faults.py --repeats 20

Sets of 12, 24 and 48 frames are drawn, by whole trajectories, from the replay set of
`mace-sse-small` (halides, Li-P-Ge-S-O, NaSICON: dynamics at 300 to 1200 K, strained cells), as they
are and with one fault planted into all of their frames. No model is asked.
"""

import argparse
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.stress import full_3x3_to_voigt_6_stress, voigt_6_to_full_3x3_stress
from scipy.spatial.transform import Rotation

from mlipsse import keys
from mlipsse.dataset.check.checklist import check_set
from mlipsse.dataset.check.measures.labelled_set import LabelledSet
from mlipsse.dataset.frames.extxyz import read_frames

REPLAY = Path(__file__).parents[1] / "potentials" / "mace-sse-small" / "replay.extxyz"
FAMILIES = ("halides", "lpsgo", "nasicon", None)
SIZES = (12, 24, 48)
OF_SPLITS = ("splits", "leakage")
"""Checks of how a set is split, which these sets are not."""

Fault = Callable[[Atoms], None]


def main() -> None:
    """Print, for every size, the share of sets that a check fails."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--repeats", type=int, default=5, help="Number of sets of each family and size."
    )
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    replay = read_frames(REPLAY, labelled=True)
    rng = np.random.default_rng(arguments.seed)
    found: dict[str, Counter[int]] = {name: Counter() for name in FAULTS}
    blamed: Counter[str] = Counter()
    for size in SIZES:
        for family in FAMILIES * arguments.repeats:
            pool = [f for f in replay if family is None or f.info["family"] == family]
            drawn = _drawn(pool, size, rng)
            for name, fault in FAULTS.items():
                frames = [_copy(frame) for frame in drawn]
                for frame in frames:
                    fault(frame)
                failed = _failed(frames)
                found[name][size] += bool(failed)
                blamed.update(failed if name == RIGHT else ())
    sets = len(FAMILIES) * arguments.repeats
    print(f"| {sets} sets each of | {' | '.join(f'{size} frames' for size in SIZES)} |")
    print("|---" * (len(SIZES) + 1) + "|")
    for name, counts in found.items():
        print(f"| {name} | {' | '.join(f'{counts[size] / sets:.0%}' for size in SIZES)} |")
    print(f"\nChecks that failed right sets: {dict(blamed) or 'none'}")


def _drawn(pool: list[Atoms], size: int, rng: np.random.Generator) -> list[Atoms]:
    """Frames of whole trajectories, in their order, until there are enough."""
    names = rng.permutation(sorted({str(frame.info[keys.TRAJECTORY]) for frame in pool}))
    drawn: list[Atoms] = []
    for name in names:
        if len(drawn) < size:
            drawn += [frame for frame in pool if frame.info[keys.TRAJECTORY] == name]
    return drawn[:size]


def _copy(frame: Atoms) -> Atoms:
    copy = frame.copy()
    copy.info[keys.STRESS] = np.array(frame.info[keys.STRESS])
    return copy


def _failed(frames: list[Atoms]) -> list[str]:
    places = [f"#{index}" for index in range(len(frames))]
    checks = check_set(LabelledSet(frames, ["train"] * len(frames), places, {}))
    return [one.name for one in checks if one.verdict == "fail" and one.name not in OF_SPLITS]


def _stress(order: list[int] | None = None, factor: float = 1.0) -> Fault:
    def fault(frame: Atoms) -> None:
        stress = factor * frame.info[keys.STRESS]
        frame.info[keys.STRESS] = stress if order is None else stress[order]

    return fault


def _forces(factor: float) -> Fault:
    def fault(frame: Atoms) -> None:
        frame.arrays[keys.FORCES] = factor * frame.arrays[keys.FORCES]

    return fault


def _zeroed(frame: Atoms) -> None:
    frame.arrays[keys.FORCES][:2] = 0.0


def _zeroed_along_z(frame: Atoms) -> None:
    frame.arrays[keys.FORCES][:4, 2] = 0.0


def _other_order(frame: Atoms) -> None:
    frame.arrays[keys.FORCES] = np.roll(frame.arrays[keys.FORCES], 3, axis=0)


def _turned(frame: Atoms) -> None:
    turn = Rotation.from_euler("xyz", [40, 30, 70], degrees=True).as_matrix()
    tensor = voigt_6_to_full_3x3_stress(frame.info[keys.STRESS])
    frame.info[keys.STRESS] = full_3x3_to_voigt_6_stress(turn @ tensor @ turn.T)


def _swapped(first: int, second: int) -> Fault:
    def fault(frame: Atoms) -> None:
        forces = frame.arrays[keys.FORCES].copy()
        forces[[first, second]] = forces[[second, first]]
        frame.arrays[keys.FORCES] = forces

    return fault


def _half_raised(frame: Atoms) -> None:
    """By 0.03 eV/atom, of frames that the digits of their positions choose."""
    if int(1e6 * np.abs(frame.positions).sum()) % 2:
        frame.info[keys.ENERGY] += 0.03 * len(frame)


def _pressed(pressure_GPa: float) -> Fault:
    def fault(frame: Atoms) -> None:
        stress = np.array(frame.info[keys.STRESS])
        stress[:3] -= pressure_GPa * units.GPa
        frame.info[keys.STRESS] = stress

    return fault


def _one_stress(frame: Atoms) -> None:
    frame.info[keys.STRESS] = np.array([-0.01, -0.01, -0.01, 0.0, 0.0, 0.0])


RIGHT = "nothing wrong"
FAULTS: dict[str, Fault] = {
    RIGHT: lambda frame: None,
    "sign of stress": _stress(factor=-1.0),
    "stress in GPa": _stress(factor=1 / units.GPa),
    "stress in VASP's order": _stress([0, 1, 2, 5, 3, 4]),
    "stress xx yy zz xy xz yz": _stress([0, 1, 2, 5, 4, 3]),
    "axes of stress reversed": _stress([2, 1, 0, 5, 4, 3]),
    "stress in other axes": _turned,
    "forces in Ha/bohr": _forces(units.Bohr / units.Ha),
    "forces in kcal/mol/Å": _forces(units.mol / units.kcal),
    "gradients as forces": _forces(-1.0),
    "forces of two atoms zeroed": _zeroed,
    "forces of four atoms zeroed along z": _zeroed_along_z,
    "forces in another order of atoms": _other_order,
    "forces of the first and last atom swapped": _swapped(0, -1),
    "forces of the first two atoms swapped": _swapped(0, 1),
    "energies 0.03 eV/atom higher in half of the frames": _half_raised,
    "2 GPa of pressure in every stress": _pressed(2.0),
    "5 GPa of tension in every stress": _pressed(-5.0),
    "one stress in all frames": _one_stress,
}

if __name__ == "__main__":
    main()
