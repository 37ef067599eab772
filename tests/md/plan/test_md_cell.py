from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.calculators.lj import LennardJones

from mlipsse import lammps
from mlipsse.errors import MlipsseError
from mlipsse.md.files.data_file import data_text, species_by_type


def triclinic(*, tilts_A: tuple[float, float, float], seed: int = 3) -> Atoms:
    """40 atoms in a skewed cell, in an orientation LAMMPS would not accept."""
    rng = np.random.default_rng(seed)
    xy, xz, yz = tilts_A
    lower = np.array([[9.0, 0, 0], [xy, 10.0, 0], [xz, yz, 11.0]])
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    grid = np.stack(np.meshgrid(*[np.arange(4)] * 3, indexing="ij"), -1).reshape(-1, 3)[:40]
    scaled = (grid + 0.1 * rng.uniform(-1, 1, (40, 3))) / 4 + 3.0  # outside the cell, too
    return Atoms(
        ["Li", "Cl", "In", "Li"] * 10,
        positions=scaled @ lower @ rotation,
        cell=lower @ rotation,
        pbc=True,
    )


@pytest.mark.parametrize(
    "tilts_A", [(0.0, 0.0, 0.0), (-2.2, 0.0, 1.0), (4.4, -3.0, 5.4), (13.0, -20.0, 17.0)]
)
def test_data_file_keeps_every_distance(
    tmp_path: Path, tilts_A: tuple[float, float, float]
) -> None:
    atoms = triclinic(tilts_A=tilts_A)
    (tmp_path / "x.data").write_text(data_text(atoms, title="x"))
    back = ase.io.read(tmp_path / "x.data", format="lammps-data", atom_style="atomic")
    assert isinstance(back, Atoms)
    assert back.get_chemical_symbols() == atoms.get_chemical_symbols()
    np.testing.assert_allclose(
        back.get_all_distances(mic=True), atoms.get_all_distances(mic=True), atol=1e-10
    )
    cell = back.cell[:]
    assert np.all(np.abs(cell[[1, 2, 2], [0, 0, 1]]) <= np.diag(cell)[[0, 0, 1]] / 2 + 1e-12)


def test_lammps_reads_the_same_crystal(tmp_path: Path) -> None:
    atoms = triclinic(tilts_A=(13.0, -20.0, 17.0))
    atoms.symbols[:] = "Ar"
    cutoff_A = 6.0
    atoms.calc = LennardJones(epsilon=0.01, sigma=2.5, rc=cutoff_A)
    (tmp_path / "x.data").write_text(data_text(atoms, title="x"))
    (tmp_path / "in").write_text(
        "units metal\nread_data x.data\n"
        f"pair_style lj/cut {cutoff_A}\npair_coeff * * 0.01 2.5\npair_modify shift yes\n"
        'run 0\nprint "$(pe:%.12f) $(pxx+pyy+pzz:%.9f)" file energy\n'
    )
    lammps.run(["-in", "in"], folder=tmp_path)
    energy_eV, pressure_trace_bar = map(float, (tmp_path / "energy").read_text().split())
    assert energy_eV == pytest.approx(atoms.get_potential_energy(), rel=1e-10)
    trace_eV_A3 = float(np.trace(atoms.get_stress(voigt=False)))
    assert pressure_trace_bar == pytest.approx(-trace_eV_A3 * 1.602176634e6, rel=1e-5)


def test_types_are_alphabetical_and_text_is_deterministic() -> None:
    atoms = triclinic(tilts_A=(1.0, 2.0, 3.0))
    assert species_by_type(atoms) == ("Cl", "In", "Li")
    assert species_by_type(atoms[::-1]) == ("Cl", "In", "Li")
    assert data_text(atoms, title="x") == data_text(atoms.copy(), title="x")
    assert "1 Cl\n2 In\n3 Li\n" in data_text(atoms, title="x")


def test_title_cannot_add_lines() -> None:
    text = data_text(triclinic(tilts_A=(0, 0, 0)), title="x\n9 atoms")
    assert text.splitlines()[1] == ""
    assert text.splitlines()[2] == "40 atoms"


def test_structures_that_are_no_crystal_get_a_sentence() -> None:
    with pytest.raises(MlipsseError, match="at least one atom"):
        data_text(Atoms(cell=[5, 5, 5], pbc=True), title="x")
    with pytest.raises(MlipsseError, match="periodic in three directions"):
        data_text(Atoms("Li", cell=[5, 5, 5], pbc=(True, True, False)), title="x")
    with pytest.raises(MlipsseError, match="not finite"):
        data_text(Atoms("Li", [[np.nan, 0, 0]], cell=[5, 5, 5], pbc=True), title="x")
