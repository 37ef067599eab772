"""An ordered crystal of a disordered CIF, relaxed, for `mlipsse study locality`.

    python crystal.py HOST.cif POTENTIAL OUT.extxyz

Of the distinct orderings, which the package counts or searches, that of lowest Ewald energy is
taken and relaxed, cell and all, with the potential.
"""

import sys
from pathlib import Path

from mlipsse.dataset.frames.extxyz import write_frames
from mlipsse.energetics.potentials.calculators import make_calculator
from mlipsse.energetics.relaxation.outcome import RelaxationSettings
from mlipsse.energetics.relaxation.single import relax
from mlipsse.screening.landscape.crystals import read_candidates

MOST_ATOMS = 200


def main(host: Path, potential: str, out: Path) -> None:
    """Order, relax and write one crystal."""
    (candidate, *_) = read_candidates(host, mobile="Li", orderings=1, most_atoms=MOST_ATOMS)
    settings = RelaxationSettings(fmax_eV_A=0.05, max_steps=300)
    found = relax(candidate.crystals[0], make_calculator(potential), settings)
    if found.energy_eV is None:
        raise SystemExit(f"{host.name}: the relaxation with {potential} failed: {found.reason}")
    relaxed = found.atoms
    relaxed.info = {}
    write_frames(out, [relaxed])
    print(f"{out}: {relaxed.get_chemical_formula()}, {len(relaxed)} atoms")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
