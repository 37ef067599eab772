"""CP2K itself, on LiCl: labels against its own energies at displaced atoms and strained cells.

Takes some ten minutes of one core.
"""

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, units

from mlipsse import keys
from mlipsse.dataset.labels.cp2k.program import PROGRAMS, default_command
from mlipsse.dataset.labels.cp2k.settings import Cp2kSettings
from mlipsse.dataset.labels.cp2k.source import Cp2k
from mlipsse.dataset.labels.program import ProgramSource, RunSettings
from mlipsse.errors import MlipsseError


def _missing() -> str:
    if not any(map(shutil.which, PROGRAMS)):
        return "no CP2K on the PATH (Debian: apt install cp2k)"
    try:
        Cp2k(Cp2kSettings()).check(["Li", "Cl"])
    except MlipsseError as error:
        return str(error)
    return ""


REASON = _missing()
pytestmark = [pytest.mark.slow, pytest.mark.cp2k, pytest.mark.skipif(bool(REASON), reason=REASON)]

# Eight k-points: what is tested is that a label is the derivative of its own energy, at any mesh.
SETTINGS = Cp2kSettings(cutoff_Ry=600.0, min_length_A=5.0, eps_scf=1e-8)
# Stretched by 8 %: at 600 Ry a step of the strain then changes no number of points of a grid.
CELL_A = 2.77 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]])
DEFORMED = CELL_A @ np.diag([1.02, 1.0, 0.99]) @ [[1, 0.01, 0], [0, 1, 0.02], [0, 0, 1]]
# Grid points lie 0.1 Å apart, and their noise is smooth over a step of a tenth of that.
SHIFT_A, STRAIN = 0.01, 0.005


def licl(*, strain: np.ndarray | None = None, shift_A: float = 0.0) -> Atoms:
    """Li off its place in a deformed primitive cell: no force and no stress is zero."""
    atoms = Atoms("LiCl", scaled_positions=[[0.06, -0.08, 0.1], [0.5, 0.5, 0.5]], cell=DEFORMED)
    atoms.pbc = True
    if strain is not None:
        atoms.set_cell(atoms.cell[:] @ (np.eye(3) + strain), scale_atoms=True)
    atoms.positions[0, 1] += shift_A
    return atoms


def points(folder: Path) -> list[str]:
    """Numbers of points of CP2K's grids along the cell's vectors."""
    return re.findall(r"PW_GRID\| +Bounds .*Points: +(\d+)", (folder / "frame.out").read_text())


def labelled(atoms: Atoms, folder: Path) -> Atoms:
    command = f"OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', '1')} {default_command()}"
    return ProgramSource(Cp2k(SETTINGS), RunSettings(command=command)).label(atoms, folder)


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> tuple[Atoms, str]:
    """The frame's label, and CP2K's output."""
    folder = tmp_path_factory.mktemp("licl") / "run"
    return labelled(licl(), folder), (folder / "frame.out").read_text()


def test_the_energy_is_the_one_that_is_printed(there):
    frame, text = there
    (last,) = re.findall(r"ENERGY\| Total FORCE_EVAL .* (-\d+\.\d+)$", text, re.M)
    # ASE has the hartree of CODATA 2014, which is 9e-9 off today's.
    assert frame.info[keys.ENERGY] == pytest.approx(float(last) * units.Ha, rel=2e-8)
    assert frame.info[keys.LABEL_SOURCE].startswith("SCAN (CP2K 20")
    assert "NUMBER OF WARNINGS" not in text.upper() or "this run is : 0" in text


def test_forces_are_the_derivative_of_the_energy(there, tmp_path):
    frame, _ = there
    energies_eV = [
        labelled(licl(shift_A=shift_A), tmp_path / f"{shift_A}").info[keys.ENERGY]
        for shift_A in (SHIFT_A, -SHIFT_A)
    ]
    by_energy = -(energies_eV[0] - energies_eV[1]) / (2 * SHIFT_A)
    forces_eV_A = frame.arrays[keys.FORCES]
    assert abs(forces_eV_A[0, 1]) > 0.1
    assert forces_eV_A[0, 1] == pytest.approx(by_energy, abs=2e-3)
    # The grid of 600 Ry holds atoms a little: forces do not sum to zero (7 meV/Å were seen).
    assert np.abs(forces_eV_A.sum(axis=0)).max() < 1e-2


@pytest.mark.parametrize(("i", "j", "voigt"), [(0, 0, 0), (1, 2, 3)])
def test_stress_is_the_derivative_of_the_energy(there, tmp_path, i, j, voigt):
    """Also in sign: ASE's is positive under tension."""
    frame, _ = there
    strain = np.zeros((3, 3))
    strain[i, j] = strain[j, i] = STRAIN if i == j else STRAIN / 2
    energies_eV = [
        labelled(licl(strain=sign * strain), tmp_path / f"{sign}").info[keys.ENERGY]
        for sign in (1, -1)
    ]
    assert points(tmp_path / "1") == points(tmp_path / "-1") != []
    by_energy = (energies_eV[0] - energies_eV[1]) / (2 * STRAIN) / frame.get_volume()
    stress_eV_A3 = frame.info[keys.STRESS][voigt]
    assert abs(stress_eV_A3) > 5e-3
    # 0.05 GPa: the grid's points stay as many while the cell changes, so its cutoff does not.
    assert stress_eV_A3 == pytest.approx(by_energy, abs=0.05 * units.GPa)
