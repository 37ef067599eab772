"""What a force limit leaves: energies above the minima that lie behind it.

    OMP_NUM_THREADS=1 python benchmarks/force_limit.py        # some minutes

Orderings of Li3In0.5Y0.5Br3Cl3, 20 atoms, with the shipped mace-sse-small, atoms and cell: each is
relaxed to the limit, and from there on to 0.002 eV/Å by batched FIRE, with the same potential in
float64. The table gives the energy between the two, and the spread of the minima's energies.
"""

import argparse
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from ase import Atoms
from relaxations import POTENTIAL, orderings, versions

from mlipsse.energetics.potentials.calculators import make_calculator
from mlipsse.energetics.potentials.catalogue import find_potential
from mlipsse.energetics.potentials.loaded_mace import load_mace
from mlipsse.energetics.relaxation.batches import relax_in_batches
from mlipsse.energetics.relaxation.outcome import Relaxation, RelaxationSettings
from mlipsse.energetics.relaxation.single import relax

BOTTOM_EV_A = 0.002
LIMITS = (("L-BFGS, ASE", 0.05), *(("FIRE, batched", limit) for limit in (0.05, 0.02, 0.01, 0.005)))

Relax = Callable[[Sequence[Atoms], RelaxationSettings], list[Relaxation]]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--structures", type=int, default=20)
    arguments = parser.parse_args()
    frames = orderings(20, arguments.structures)
    mace = load_mace(find_potential(POTENTIAL), dtype="float64")
    calculator = make_calculator(POTENTIAL, dtype="float64")
    fire: Relax = partial(_batched, mace=mace)
    lbfgs: Relax = lambda some, settings: [relax(one, calculator, settings) for one in some]  # noqa: E731
    print(versions(), f"{len(frames)} orderings.\n")
    print("| optimiser | limit, eV/Å | force calls | above, mean, meV/atom | largest | left out |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, limit in LIMITS:
        way = lbfgs if name.startswith("L-BFGS") else fire
        first = way(frames, _settings(limit))
        bottom = fire([result.atoms for result in first], _settings(BOTTOM_EV_A))
        pairs = [
            (one, other)
            for one, other in zip(first, bottom, strict=True)
            if one.converged and other.converged
        ]
        above = [1e3 * (one.energy_eV - other.energy_eV) / len(one.atoms) for one, other in pairs]
        calls = np.mean([1 + result.steps for result in first])
        print(
            f"| {name} | {limit} | {calls:.0f} | {np.mean(above):.1f} | {max(above):.1f} | "
            f"{len(first) - len(pairs)} |",
            flush=True,
        )
    minima = [1e3 * other.energy_eV / len(other.atoms) for _, other in pairs]
    print(f"\nThe minima's energies spread by {np.std(minima):.1f} meV/atom.")


def _settings(limit: float) -> RelaxationSettings:
    return RelaxationSettings(fmax_eV_A=limit, max_steps=5000, mobile="Li")


def _batched(
    frames: Sequence[Atoms], settings: RelaxationSettings, *, mace: object
) -> list[Relaxation]:
    return relax_in_batches(frames, mace=mace, settings=settings, batch_atoms=200)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
