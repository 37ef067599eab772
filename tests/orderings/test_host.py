from dataclasses import replace

import numpy as np
import pytest

from mlipsse.errors import MlipsseError
from mlipsse.orderings import HostSettings, Supercell, count_orderings, parse_composition, read_host


def sizes(host):
    return {sublattice.name: len(sublattice.sites) for sublattice in host.sublattices}


def test_halide_pools_the_lithium_orbits(halide):
    assert sizes(halide) == {"Li": 8, "Br/Cl": 12, "In/Y": 2}
    assert halide.mobile.species == ("Li", "vacancy")


def test_occupancies_of_the_cif_are_only_a_hint(structures, halide):
    other = read_host(
        structures / "Li3InCl6_C2m_ordered_4g.cif",
        HostSettings(mobile="Li", substitutions={"In": ["In", "Y"], "Cl": ["Cl", "Br"]}),
    )
    assert sizes(other) == sizes(halide)


def test_sites_that_the_cif_mixes_form_a_sublattice(nasicon):
    assert sizes(nasicon) == {"Na": 24, "P/Si": 18, "O": 72, "Zr": 12}


def test_charges_are_guessed(halide, nasicon):
    assert halide.charges == {"Li": 1, "In": 3, "Y": 3, "Cl": -1, "Br": -1, "vacancy": 0}
    assert nasicon.charges == {"Na": 1, "Zr": 4, "Si": 4, "P": 5, "O": -2, "vacancy": 0}


def test_given_charges_win(structures):
    charges = {"Na": 1, "Zr": 4, "Si": 4, "P": 5, "O": -2}
    host = read_host(structures / "NaSICON_R-3c.cif", HostSettings(mobile="Na", charges=charges))
    assert host.charges == {**charges, "vacancy": 0}


def test_a_mobile_ion_without_charge_is_refused(structures):
    charges = {"Na": 0, "Zr": 4, "Si": 4, "P": 5, "O": -2}
    with pytest.raises(MlipsseError, match=r"Na has the formal charge 0 \(given\)"):
        read_host(structures / "NaSICON_R-3c.cif", HostSettings(mobile="Na", charges=charges))


def test_charge_of_a_substitute_is_that_of_what_it_replaces(structures):
    host = read_host(
        structures / "NaSICON_R-3c.cif",
        HostSettings(mobile="Na", substitutions={"P": ["P", "Si", "Ge"]}),
    )
    assert host.charges["Ge"] == 4
    with pytest.raises(MlipsseError, match=r"charge of V.*cannot be guessed.*Give `charges`"):
        read_host(
            structures / "Li3InCl6_C2m.cif",
            HostSettings(mobile="Li", substitutions={"Cl": ["Cl", "V"]}),
        )


def test_charges_that_are_not_given_are_guessed(structures):
    host = read_host(
        structures / "NaSICON_R-3c.cif",
        HostSettings(mobile="Na", charges={"Na": 1, "Si": 4, "P": 5}),
    )
    assert (host.charges["O"], host.charges["Zr"]) == (-2, 4)
    assert host.charge_sources["Zr"] == "guessed"
    assert host.charge_sources["P"] == "given"


def test_charge_of_no_element(structures):
    with pytest.raises(MlipsseError, match="names 'Xx', which is not an element"):
        read_host(structures / "NaSICON_R-3c.cif", HostSettings(mobile="Na", charges={"Xx": 1}))


def test_missing_cif(tmp_path):
    with pytest.raises(MlipsseError, match=r"There is no CIF at .*none\.cif"):
        read_host(tmp_path / "none.cif", HostSettings(mobile="Li"))


@pytest.mark.parametrize("text", ["", "this is no CIF", "data_x\n_cell_length_a 3\n"])
def test_unreadable_cif(tmp_path, text):
    path = tmp_path / "broken.cif"
    path.write_text(text)
    with pytest.raises(MlipsseError, match="cannot be read as a CIF or POSCAR"):
        read_host(path, HostSettings(mobile="Li"))


@pytest.mark.parametrize(
    ("mobile", "substitutions", "sentence"),
    [
        ("Na", {}, "mobile species 'Na' is not in the CIF: .* holds Cl, In, Li"),
        ("Li", {"Zr": ["Zr"]}, "names 'Zr', which is not in the CIF: .* labels Cl3, Cl4, In2, Li0"),
        ("Li", {"In": []}, "no species for In"),
        ("Li", {"In": ["vacancy"]}, "no species for In"),
        ("Li", {"In": ["In", "Xx"]}, "'Xx' .* is not an element"),
    ],
)
def test_species_that_cannot_be(structures, mobile, substitutions, sentence):
    with pytest.raises(MlipsseError, match=sentence):
        read_host(
            structures / "Li3InCl6_C2m.cif",
            HostSettings(mobile=mobile, substitutions=substitutions),
        )


def test_lists_that_contradict_each_other(structures):
    with pytest.raises(MlipsseError, match="different lists"):
        read_host(
            structures / "NaSICON_R-3c.cif",
            HostSettings(mobile="Na", substitutions={"P": ["P", "Si"], "Si": ["Si"]}),
        )


def test_framework_site_that_is_not_full_may_be_vacant(structures, tmp_path):
    path = tmp_path / "half.cif"
    text = (structures / "Li3InCl6_C2m.cif").read_text()
    path.write_text(text.replace("0.00000000  1\n", "0.00000000  0.5\n"))
    host = read_host(path, HostSettings(mobile="Li", charges={"Li": 1, "In": 3, "Cl": -1}))
    indium = next(s for s in host.sublattices if s.name == "In")
    assert indium.species == ("In", "vacancy")


def test_mobile_ion_on_a_framework_site_joins_the_sublattices(structures, tmp_path):
    """Li and In share the 2a site: one pool, where the other Li sites cannot hold In."""
    path = tmp_path / "mixed.cif"
    text = (structures / "Li3InCl6_C2m.cif").read_text()
    shared = "0.00000000  0.00000000  0.00000000  0.5\n"
    metal = "  In  In2  2  0.00000000  0.00000000  0.00000000  1\n"
    assert metal in text
    path.write_text(text.replace(metal, f"  In  In2  2  {shared}  Li  Li9  2  {shared}"))
    host = read_host(path, HostSettings(mobile="Li", charges={"Li": 1, "In": 3, "Cl": -1}))
    assert sizes(host) == {"In/Li": 10, "Cl": 12}
    assert host.mobile.species == ("In", "Li", "vacancy")
    assert host.mobile.allowed_mask[:, 0].sum() == 2


def test_site_labels_go_before_species(structures):
    host = read_host(
        structures / "Li3InCl6_C2m.cif",
        HostSettings(mobile="Li", substitutions={"Li1": ["Li"], "Li0": ["Li", "vacancy"]}),
    )
    assert sizes(host) == {"Li": 8, "Cl": 12, "In": 2}
    assert host.mobile.allowed_mask[:, 1].sum() == 4
    # The published occupancies: 4g full, 4h half. Of its four sites two are filled: 6 ways, and
    # the operations of C2/m make 3 of them.
    count = count_orderings(parse_composition("Li3InCl6", host), Supercell(host, (1, 1, 1)))
    assert count.raw == 6
    assert count.distinct == 3


def test_split_sites_exclude_each_other(structures):
    charges = {"Li": 1, "Ge": 4, "P": 5, "S": -2}
    host = read_host(
        structures / "LGPS_split_sites.cif", HostSettings(mobile="Li", charges=charges)
    )
    assert {round(pair.distance_A, 2) for pair in host.exclusions} == {0.42, 1.36}
    closer = read_host(
        structures / "LGPS_split_sites.cif",
        HostSettings(mobile="Li", charges=charges, closest_A=1.0),
    )
    assert {round(pair.distance_A, 2) for pair in closer.exclusions} == {0.42}


def test_site_beside_one_that_is_always_filled(structures):
    with pytest.raises(MlipsseError, match=r"Li.*\(S\).*lie 1\.38 Å apart.*one of them is always"):
        read_host(
            structures / "Li3PS4_beta.cif",
            HostSettings(mobile="Li", charges={"Li": 1, "P": 5, "S": -2}),
        )


def test_one_site_written_twice(structures, tmp_path):
    path = tmp_path / "twice.cif"
    text = (structures / "Li3InCl6_C2m.cif").read_text()
    path.write_text(text + "  Br  Br9  2  0.00300000  0.00000000  0.00000000  1\n")
    with pytest.raises(MlipsseError, match=r"lie 0\.0\d+ Å apart: one site written twice"):
        read_host(path, HostSettings(mobile="Li"))


def test_occupancy_above_one(structures, tmp_path):
    path = tmp_path / "above.cif"
    text = (structures / "Li3InCl6_C2m.cif").read_text()
    path.write_text(text.replace("0.50000000  0.75\n", "0.50000000  1.75\n"))
    with pytest.raises(MlipsseError, match="occupancies that sum to at most 1"):
        read_host(path, HostSettings(mobile="Li"))


def test_symmetry_that_spglib_cannot_find(halide):
    lost = replace(halide, symprec_A=10.0)
    with pytest.raises(MlipsseError, match=r"no consistent symmetry .* tolerance of 10\.0 Å"):
        Supercell(lost, (1, 1, 1)).permutations  # noqa: B018


def test_poscar(tmp_path):
    path = tmp_path / "POSCAR"
    path.write_text(
        "rock salt\n5.13\n1 0 0\n0 1 0\n0 0 1\nLi Cl\n4 4\ndirect\n"
        "0 0 0\n0 .5 .5\n.5 0 .5\n.5 .5 0\n.5 0 0\n0 .5 0\n0 0 .5\n.5 .5 .5\n"
    )
    host = read_host(path, HostSettings(mobile="Li", substitutions={"Cl": ["Cl", "Br"]}))
    assert sizes(host) == {"Li": 4, "Br/Cl": 4}
    small = read_host(path, HostSettings(mobile="Li", primitive=True))
    assert sizes(small) == {"Li": 1, "Cl": 1}


def test_primitive_cell_of_nasicon(structures, nasicon):
    small = read_host(structures / "NaSICON_R-3c.cif", HostSettings(mobile="Na", primitive=True))
    assert {name: 3 * n for name, n in sizes(small).items()} == sizes(nasicon)
    assert abs(3 * np.linalg.det(small.cell)) == pytest.approx(np.linalg.det(nasicon.cell))
