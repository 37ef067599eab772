import numpy as np
import pytest
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition, Element

from mlipsse.energetics.hull.energies import energy_above_hull, formation_energy, hull_phases
from mlipsse.errors import MlipsseError


def test_binary_by_hand():
    # A at 0, B at 0, AB at -1 eV/atom, A3B at -0.4: on the line A-AB at x = 1/4 the hull is -0.5.
    compositions = [{"A": 2}, {"B": 1}, {"A": 1, "B": 1}, {"A": 3, "B": 1}, {"A": 2, "B": 2}]
    energies = [0.0, 0.0, -2.0, -1.6, -3.0]
    above = energy_above_hull(compositions, energies)
    assert above == pytest.approx([0, 0, 0, 0.1, 0.25], abs=1e-9)


def test_pseudo_binary_needs_no_elements():
    # Li3InCl6 - Li3InBr6, mixed 1:1 at 0.2 eV/atom below and 0.03 above the tie line.
    ends = [{"Li": 6, "In": 2, "Cl": 12}, {"Li": 6, "In": 2, "Br": 12}]
    mixed = {"Li": 3, "In": 1, "Cl": 3, "Br": 3}
    above = energy_above_hull([*ends, mixed], [-80.0, -60.0, -35.0 + 0.3])
    assert above == pytest.approx([0, 0, 0.03], abs=1e-9)
    above = energy_above_hull([*ends, mixed, mixed], [-80.0, -60.0, -37.0, -36.0])
    assert above == pytest.approx([0, 0, 0, 0.1], abs=1e-9)


def random_phases(seed, elements):
    """Elements and 40 random compounds of them, in cells of any size, and pymatgen's diagram."""
    rng = np.random.default_rng(seed)
    compositions = [{name: 1.0} for name in elements]
    while len(compositions) < len(elements) + 40:
        counts = rng.integers(0, 5, len(elements))
        if counts.sum():
            compositions.append({n: int(c) for n, c in zip(elements, counts, strict=True) if c})
    atoms = np.array([sum(c.values()) for c in compositions])
    energies = atoms * rng.normal(-4.0, 0.3, len(atoms))
    entries = [PDEntry(Composition(c), e) for c, e in zip(compositions, energies, strict=True)]
    return compositions, energies, entries, PhaseDiagram(entries)


@pytest.mark.parametrize("seed", range(5))
def test_equal_to_pymatgen(seed):
    elements = ["Li", "In", "Y", "Cl"]
    compositions, energies, entries, diagram = random_phases(seed, elements)
    expected = [diagram.get_e_above_hull(entry) for entry in entries]
    above = energy_above_hull(compositions, energies)
    assert above == pytest.approx(expected, abs=1e-8)
    assert (above >= 0).all()
    ours = formation_energy(compositions, energies, end_members=compositions[:4])
    lowest = {n: diagram.el_refs[Element(n)].energy_per_atom for n in elements}
    expected = [
        (e - sum(n * lowest[s] for s, n in c.items())) / sum(c.values())
        for c, e in zip(compositions, energies, strict=True)
    ]
    assert ours == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("elements", [["Li", "Cl"], ["Li", "In", "Cl"], ["Li", "In", "Y", "Cl"]])
@pytest.mark.parametrize("seed", range(3))
def test_mixtures_are_pymatgens(elements, seed):
    compositions, energies, entries, diagram = random_phases(seed, elements)
    above = [diagram.get_e_above_hull(entry) for entry in entries]
    phases = hull_phases(compositions, energies)
    assert sorted(i for phase in phases for i in phase.structures) == list(range(len(entries)))
    assert [phase.stable for phase in phases].count(True) == len(diagram.stable_entries)
    for phase in phases:
        values = [above[i] for i in phase.structures]
        assert values == sorted(values)
        assert phase.above_hull_eV_atom == pytest.approx(values[0], abs=1e-8)
        assert phase.stable == (phase.mixture == {phase.structures[0]: 1.0})
        expected = diagram.get_decomposition(entries[phase.structures[0]].composition)
        ours = {entries[i]: share for i, share in phase.mixture.items()}
        assert ours == pytest.approx(expected, abs=1e-6)


def test_the_mixture_below_a_pseudo_binary_is_in_atoms():
    # One Li3PS4 (8 atoms) and one Li4GeO4 (9 atoms): 8/17 and 9/17 of the atoms.
    ends = [{"Li": 3, "P": 1, "S": 4}, {"Li": 8, "Ge": 2, "O": 8}]
    mixed = {"Li": 7, "P": 1, "Ge": 1, "S": 4, "O": 4}
    *_, phase = hull_phases([*ends, mixed], [-40.0, -100.0, -89.0])
    assert phase.above_hull_eV_atom == pytest.approx(1.0 / 17)
    assert phase.mixture == pytest.approx({0: 8 / 17, 1: 9 / 17})
    assert not phase.stable


def test_cells_of_any_size_are_one_composition():
    one = {"Li": 6, "In": 2, "Cl": 12}
    three = {"Li": 18, "In": 6, "Cl": 36}
    above = energy_above_hull([one, three], [-80.0, -243.0])
    assert above == pytest.approx([1 / 20, 0.0], abs=1e-12)


def test_formation_energy_in_a_reciprocal_system_takes_the_cheapest_mixture():
    def halide(metal, halogen):
        return {"Li": 3, metal: 1, halogen: 6}

    ends = [halide(m, x) for m in ("In", "Y") for x in ("Cl", "Br")]
    mixed = {"Li": 6, "In": 1, "Y": 1, "Cl": 6, "Br": 6}
    # InCl + YBr is the cheaper pair (-70) against InBr + YCl (-60).
    energies = [-40.0, -32.0, -28.0, -30.0, -69.0]
    formed = formation_energy([*ends, mixed], energies, end_members=ends)
    assert formed == pytest.approx([0, 0, 0, 0, 1.0 / 20], abs=1e-9)


def test_bad_entries_are_reported():
    with pytest.raises(MlipsseError, match=r"Structure 1 \(B\) has energy nan"):
        energy_above_hull([{"A": 1}, {"B": 1}], [0.0, np.nan])
    with pytest.raises(MlipsseError, match="one energy per structure"):
        energy_above_hull([{"A": 1}], [0.0, 1.0])
    with pytest.raises(MlipsseError, match="one energy per structure"):
        energy_above_hull([], [])
    with pytest.raises(
        MlipsseError, match=r"end member B has no energy.*end_members.*level of theory"
    ):
        formation_energy([{"A": 1}], [0.0], end_members=[{"A": 1}, {"B": 1}])
    with pytest.raises(MlipsseError, match="AB is not a mixture of the end members A\\."):
        formation_energy([{"A": 1}, {"A": 1, "B": 1}], [0.0, 0.0], end_members=[{"A": 1}])
