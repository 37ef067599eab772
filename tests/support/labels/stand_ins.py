"""What tests of the programs that label share: a frame, and stand-ins for the programs (EMT)."""

import shlex
import sys
from pathlib import Path

from ase import Atoms
from ase.build import bulk

from mlipsse import keys
from mlipsse.dataset.labels.cp2k.source import Cp2k
from mlipsse.dataset.labels.program import ProgramSource, RunSettings
from mlipsse.dataset.labels.vasp import Vasp

SCRIPTS = Path(__file__).parent

# Titles as Debian's files have them, numbers of nothing: CP2K never reads these.
CP2K_BASES = """# comment
Cu  DZVP-MOLOPT-SCAN-GTH-q11 DZVP-MOLOPT-MGGA-GTH-q11
 1
  2 0 1 1 2 1
  9.1 0.04 -0.03
Cu  DZVP-MOLOPT-SCAN-GTH-q19
 2
Cu  DZVP-MOLOPT-SCAN-GTH-q1
 2.5
Au DZVP-MOLOPT-SCAN-GTH-q11
 3
Ge DZVP-MOLOPT-SCAN-GTH-q4
 4
Cu DZVP-MOLOPT-PBE-GTH-q11
 6
Au DZVP-MOLOPT-PBE-GTH-q11
 7
Lu TZVP-MOLOPT-PBE-GTH-q11
 5
"""
CP2K_POTENTIALS = """
Cu GTH-SCAN-q11 GTH-MGGA-q11
    1    0   10
Cu GTH-SCAN-q1
    1
Au GTH-SCAN-q11
    2
Cu GTH-PBE-q11
    5
Au GTH-PBE-q11
    6
Ge GTH-SCAN-q14
    3
Ge GTH-PBE-q4
    4
"""


def write_cp2k_data(folder: Path) -> Path:
    """CP2K's data files for Cu, Au and Ge."""
    folder.mkdir(exist_ok=True)
    (folder / "BASIS_MOLOPT_UZH").write_text(CP2K_BASES)
    (folder / "POTENTIAL_UZH").write_text(CP2K_POTENTIALS)
    return folder


def sheared_alloy() -> Atoms:
    """Gold and copper by turns, sheared, so that every number differs and none is zero."""
    atoms = bulk("Cu", cubic=True, a=3.9)
    atoms.symbols = "CuAuCuAu"
    atoms.set_cell(
        atoms.cell[:] @ [[1, 0.02, 0.01], [0, 1.01, 0.03], [0, 0, 0.98]], scale_atoms=True
    )
    atoms.rattle(0.1, seed=4)
    atoms.info[keys.TRAJECTORY] = "t1"
    return atoms


def stand_in(program: Vasp | Cp2k, *modes: str, **runs: object) -> ProgramSource:
    """A label source that follows `modes`, one per attempt, the last one from then on."""
    script = SCRIPTS / f"fake_{program.name}.py"
    command = shlex.join([sys.executable, str(script), *(modes or ("fine",))])
    return ProgramSource(program, RunSettings(**{"command": command, **runs}))


def attempts(folder: Path) -> int:
    """How often the stand-in was started for a frame in `folder`."""
    return len((folder / "attempts").read_text().split())
