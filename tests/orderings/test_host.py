import pytest

from mlipsse.errors import MlipsseError
from mlipsse.orderings import read_host


def sizes(host):
    return {sublattice.name: len(sublattice.sites) for sublattice in host.sublattices}


def test_halide_pools_the_lithium_orbits(halide):
    assert sizes(halide) == {"Li": 8, "Br/Cl": 12, "In/Y": 2}
    assert halide.mobile.species == ("Li", "vacancy")


def test_occupancies_of_the_cif_are_only_a_hint(structures, halide):
    other = read_host(
        structures / "Li3InCl6_C2m_ordered_4g.cif",
        mobile="Li",
        substitutions={"In": ["In", "Y"], "Cl": ["Cl", "Br"]},
    )
    assert sizes(other) == sizes(halide)


def test_sites_that_the_cif_mixes_form_a_sublattice(nasicon):
    assert sizes(nasicon) == {"Na": 24, "P/Si": 18, "O": 72, "Zr": 12}


def test_charges_are_guessed(halide, nasicon):
    assert halide.charges == {"Li": 1, "In": 3, "Y": 3, "Cl": -1, "Br": -1, "vacancy": 0}
    assert nasicon.charges == {"Na": 1, "Zr": 4, "Si": 4, "P": 5, "O": -2, "vacancy": 0}


def test_given_charges_win(structures):
    charges = {"Na": 1, "Zr": 4, "Si": 4, "P": 5, "O": -2}
    host = read_host(structures / "NaSICON_R-3c.cif", mobile="Na", charges=charges)
    assert host.charges == {**charges, "vacancy": 0}


def test_ambiguous_charge_is_asked_for(structures):
    with pytest.raises(MlipsseError, match=r"charge of Ge.*cannot be guessed.*Give `charges`"):
        read_host(
            structures / "NaSICON_R-3c.cif", mobile="Na", substitutions={"P": ["P", "Si", "Ge"]}
        )


def test_missing_charge_is_named(structures):
    with pytest.raises(MlipsseError, match="no entry for O, Zr"):
        read_host(structures / "NaSICON_R-3c.cif", mobile="Na", charges={"Na": 1, "Si": 4, "P": 5})


def test_missing_cif(tmp_path):
    with pytest.raises(MlipsseError, match=r"There is no CIF at .*none\.cif"):
        read_host(tmp_path / "none.cif", mobile="Li")


@pytest.mark.parametrize("text", ["", "this is no CIF", "data_x\n_cell_length_a 3\n"])
def test_unreadable_cif(tmp_path, text):
    path = tmp_path / "broken.cif"
    path.write_text(text)
    with pytest.raises(MlipsseError, match="cannot be read as a CIF"):
        read_host(path, mobile="Li")


@pytest.mark.parametrize(
    ("mobile", "substitutions", "sentence"),
    [
        ("Na", {}, "mobile species 'Na' is not in the CIF: .* holds Cl, In, Li"),
        ("Li", {"Zr": ["Zr"]}, "names 'Zr', which is not in the CIF"),
        ("Li", {"In": []}, "no species for In"),
        ("Li", {"In": ["In", "Xx"]}, "'Xx' .* is not an element"),
        ("Li", {"In": ["In", "Li"]}, "'Li' .* is the mobile species"),
        ("Li", {"Li": ["Li"]}, "names the mobile species"),
    ],
)
def test_species_that_cannot_be(structures, mobile, substitutions, sentence):
    with pytest.raises(MlipsseError, match=sentence):
        read_host(structures / "Li3InCl6_C2m.cif", mobile=mobile, substitutions=substitutions)


def test_lists_that_contradict_each_other(structures):
    with pytest.raises(MlipsseError, match="different lists"):
        read_host(
            structures / "NaSICON_R-3c.cif",
            mobile="Na",
            substitutions={"P": ["P", "Si"], "Si": ["Si"]},
        )


def test_framework_site_that_is_not_full(structures, tmp_path):
    path = tmp_path / "half.cif"
    text = (structures / "Li3InCl6_C2m.cif").read_text()
    path.write_text(text.replace("0.00000000  1\n", "0.00000000  0.5\n"))
    with pytest.raises(MlipsseError, match=r"\(In\) is occupied by 0.500"):
        read_host(path, mobile="Li")


def test_mobile_ion_on_a_framework_site(structures, tmp_path):
    path = tmp_path / "mixed.cif"
    text = (structures / "Li3InCl6_C2m.cif").read_text()
    shared = "0.00000000  0.00000000  0.00000000  0.5\n"
    metal = "  In  In2  2  0.00000000  0.00000000  0.00000000  1\n"
    assert metal in text
    path.write_text(text.replace(metal, f"  In  In2  2  {shared}  Li  Li9  2  {shared}"))
    with pytest.raises(MlipsseError, match="mixes the mobile Li with In"):
        read_host(path, mobile="Li")


def test_split_sites_are_refused(structures):
    with pytest.raises(MlipsseError, match=r"lie 0\.42 Å apart"):
        read_host(structures / "LGPS_split_sites.cif", mobile="Li")
