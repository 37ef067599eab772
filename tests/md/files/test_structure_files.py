import ase.io
import numpy as np
import pytest
from ase import Atoms
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor
from pymatgen.io.lammps.data import LammpsData

from mlipsse.errors import MlipsseError
from mlipsse.md.files.formats import write_structures


@pytest.fixture
def crystal():
    rng = np.random.default_rng(0)
    cell = [[6.1, 0, 0], [-3.0, 5.4, 0.1], [0.4, 0.9, 7.3]]
    return Atoms("Li3InCl6", scaled_positions=rng.random((10, 3)), cell=cell, pbc=True)


def distances(atoms):
    return np.sort(atoms.get_all_distances(mic=True).ravel())


def test_every_format_reads_back_as_the_same_crystal(crystal, tmp_path):
    crystal.info["temperature_K"] = 800.0
    other = crystal.repeat((2, 1, 1))
    files = write_structures([("a-s000", crystal), ("a-s001", other)], tmp_path / "out")
    assert [f.name for f in files] == [
        f"a-s00{k}.{suffix}" for k in (0, 1) for suffix in ("cif", "extxyz", "data")
    ]
    expected = AseAtomsAdaptor.get_structure(crystal)
    matcher = StructureMatcher(primitive_cell=False, scale=False, ltol=1e-3, stol=1e-4)
    assert matcher.fit(Structure.from_file(files[0]), expected)
    again = ase.io.read(files[1])
    assert again.info["temperature_K"] == 800.0
    assert np.allclose(again.positions, crystal.positions, atol=1e-7)
    assert files[2].read_text().startswith("a-s000 ")
    # pymatgen's reader: another program than the one that wrote it
    data = LammpsData.from_file(files[2], atom_style="atomic", sort_id=True).structure
    assert [site.specie.symbol for site in data] == crystal.get_chemical_symbols()
    assert np.allclose(distances(AseAtomsAdaptor.get_atoms(data)), distances(crystal), atol=1e-5)


def test_names_and_formats_that_cannot_be(crystal, tmp_path):
    with pytest.raises(MlipsseError, match="Unknown format 'poscar'"):
        write_structures([("a", crystal)], tmp_path, formats=["poscar"])
    with pytest.raises(MlipsseError, match="Unknown format nothing"):
        write_structures([("a", crystal)], tmp_path, formats=[])
    with pytest.raises(MlipsseError, match="'a' is given twice"):
        write_structures([("a", crystal), ("a", crystal)], tmp_path)
    with pytest.raises(MlipsseError, match="'b/a' is given twice or is not a file name"):
        write_structures([("b/a", crystal)], tmp_path)
    assert not list(tmp_path.iterdir())
