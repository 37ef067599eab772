"""POSCARs that cannot be read as they stand."""

import gzip

import numpy as np
import pytest

from mlipsse.errors import MlipsseError
from mlipsse.structures import read_crystal, read_ordered

ROCK_SALT = "rock salt\n{scale}\n5 0 0\n0 5 0\n0 0 5\nLi Cl\n1 1\ndirect\n0 0 0\n{last}\n"


@pytest.fixture
def poscar(tmp_path):
    def write(scale="1.0", last=".5 .5 .5"):
        (tmp_path / "POSCAR").write_text(ROCK_SALT.format(scale=scale, last=last))
        return tmp_path / "POSCAR"

    return write


def test_three_scales(poscar):
    np.testing.assert_allclose(read_crystal(poscar("1 2 1.5")).cell, np.diag([5, 10, 7.5]))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"last": ".5 nan .5"}, "states 2 atoms but contains 1 rows"),
        ({"last": ".5 inf .5"}, "states 2 atoms but contains 1 rows"),
        ({"scale": "nan"}, "neither a data block of a CIF nor a POSCAR's scale"),
        ({"scale": "1 -1 1"}, "must be above 0"),
        ({"scale": "0"}, "enclose no volume"),
    ],
)
def test_numbers_that_cannot_be(poscar, change, words):
    with pytest.raises(MlipsseError, match=words):
        read_crystal(poscar(**change))


@pytest.mark.parametrize("read", [read_crystal, read_ordered])
@pytest.mark.parametrize("kept", [10, -12])
def test_damaged_archives(poscar, tmp_path, read, kept):
    data = gzip.compress(poscar().read_bytes())
    (tmp_path / "POSCAR.gz").write_bytes(data)
    assert read(tmp_path / "POSCAR.gz")
    (tmp_path / "POSCAR.gz").write_bytes(data[:kept] + b"\xff" * 20)
    with pytest.raises(MlipsseError, match="cannot be opened"):
        read(tmp_path / "POSCAR.gz")


def test_names_of_potcars_are_elements_and_mixtures_are_not(poscar):
    path = poscar()
    text = path.read_text()
    path.write_text(text.replace("Li Cl", "Li_sv/3c4d5e Cl"))
    assert read_crystal(path).content == {"Li": 1.0, "Cl": 1.0}
    path.write_text(text.replace("Li Cl", "Li/Na Cl"))
    with pytest.raises(MlipsseError, match="'Li/Na' in line 6 is not an element"):
        read_crystal(path)
