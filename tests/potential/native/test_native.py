"""Native code against mace-torch, for every kind of MACE, in Python and in LAMMPS."""

import re

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.neighborlist import neighbor_list

from mlipsse.energetics.native import processor
from mlipsse.energetics.native.calculator import NativeCalculator
from mlipsse.energetics.native.processor import library_file, library_for_here
from mlipsse.errors import MlipsseError
from mlipsse.potential.bundle.folder import add_export, read_bundle
from mlipsse.potential.bundle.making import compile_bundle, export_bundle
from mlipsse.potential.export.target import ExportSettings, FormatRefused, Target
from mlipsse.potential.native.compilation import source_file
from mlipsse.potential.native.splines import fit_spline
from tests.support.derivatives import forces_by_differences, stress_by_differences
from tests.support.potential.edge_graphs import KINDS, make_mace, reference
from tests.support.potential.lammps_deck import BRICK, SMALL, Deck
from tests.support.potential.native_export import exported
from tests.support.potential.tiny_potential import random_cell

CUBE = random_cell(cell=np.eye(3) * 6.5, n_atoms=12, closest_A=1.7, seed=1)
TRICLINIC = random_cell(
    cell=np.array([[4.6, 0.0, 0.0], [1.9, 4.4, 0.0], [-1.2, 1.6, 4.1]]),
    n_atoms=4,
    closest_A=1.6,
    seed=2,
)
SPARSE = Atoms("LiClY", positions=[[1, 1, 1], [3.4, 1, 1], [15, 15, 15]], cell=[20] * 3, pbc=True)
"""A pair, and an atom without neighbours."""

MORE = {
    "17 channels, L=2": {"hidden": "17x0e+17x1o+17x2e", "max_ell": 3, "correlation": 3},
    "scalars, one product": {"hidden": "5x0e", "max_ell": 1, "correlation": 1},
    "three layers, no residual first": {
        "layers": 3,
        "max_ell": 3,
        "first": "RealAgnosticInteractionBlock",
    },
    "agnostic product": {"use_agnostic_product": True},
    "17 channels, L=2, density, ZBL and agnesi": {
        "hidden": "17x0e+17x1o+17x2e",
        "interaction": "RealAgnosticDensityResidualInteractionBlock",
        "first": "RealAgnosticDensityInteractionBlock",
        "pair_repulsion": True,
        "distance_transform": "Agnesi",
    },
}
FAST = ("17 channels, L=2, density, ZBL and agnesi", "three layers, no residual first")


@pytest.mark.parametrize(
    "kind",
    [
        kind if kind in FAST else pytest.param(kind, marks=pytest.mark.slow)
        for kind in (KINDS | MORE)
        if kind != "nonlinear blocks"
    ],
)
def test_agrees_with_the_calculator(kind, tmp_path):
    model = make_mace(**(KINDS | MORE)[kind])
    calculator = exported(model, tmp_path, "float64")
    for atoms in (CUBE, TRICLINIC, SPARSE):
        energy, forces, stress = reference(model, atoms, head="target")
        calculator.calculate(atoms)
        found = calculator.results
        limit = max(2e-5, 1e-5 * np.sqrt((forces**2).mean())) / 2
        assert found["energy"] == pytest.approx(energy, rel=0, abs=limit / 10)
        np.testing.assert_allclose(found["forces"], forces, rtol=0, atol=limit)
        np.testing.assert_allclose(found["stress"], stress, rtol=0, atol=limit / 10)


def test_float32_is_rounding(tmp_path):
    model = make_mace(hidden="32x0e+32x1o", max_ell=3, correlation=3)
    calculator = exported(model, tmp_path, "float32")
    for atoms in (CUBE, TRICLINIC):
        energy, forces, _ = reference(model, atoms, head="target")
        calculator.calculate(atoms)
        assert calculator.results["energy"] == pytest.approx(energy, rel=1e-6)
        limit = max(2e-5, 1e-5 * np.sqrt((forces**2).mean()))
        np.testing.assert_allclose(calculator.results["forces"], forces, rtol=0, atol=limit)


def test_forces_and_stress_are_derivatives(native64):
    calculator = NativeCalculator(native64)
    calculator.calculate(CUBE)
    found = {name: calculator.results[name].copy() for name in ("forces", "stress")}
    expected = forces_by_differences(CUBE, calculator, step_A=1e-4)
    np.testing.assert_allclose(found["forces"], expected, atol=2e-6)
    expected = stress_by_differences(CUBE, calculator, step=1e-4)
    np.testing.assert_allclose(found["stress"], expected, atol=1e-7)


def test_energy_is_smooth_across_knots(native64):
    """C2: second differences of the energy of a pair have no steps."""
    calculator = NativeCalculator(native64)
    distances_A = np.linspace(2.0, 4.49, 4000)
    energies = []
    for distance_A in distances_A:
        pair = Atoms("LiCl", positions=[[0, 0, 0], [distance_A, 0, 0]], cell=[30] * 3, pbc=True)
        calculator.calculate(pair)
        energies.append(calculator.results["energy"])
    second = np.diff(energies, 2) / (distances_A[1] - distances_A[0]) ** 2
    assert np.abs(np.diff(second)).max() < 0.02 * np.abs(second).max()
    apart = 0.0
    for symbol in ("Li", "Cl"):
        calculator.calculate(Atoms(symbol, cell=[30] * 3, pbc=True))
        apart += calculator.results["energy"]
    assert energies[-1] == pytest.approx(apart, abs=1e-6)


def test_symmetries_of_space(native64):
    atoms = Atoms(CUBE.symbols, positions=CUBE.positions)  # a cluster
    calculator = NativeCalculator(native64)
    calculator.calculate(atoms)
    energy, forces = calculator.results["energy"], calculator.results["forces"].copy()
    assert "stress" not in calculator.results
    np.testing.assert_allclose(forces.sum(axis=0), 0, atol=1e-9)
    rotation, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    for turn in (rotation, -rotation):
        turned = Atoms(atoms.symbols, positions=atoms.positions @ turn.T + [3.0, -2.0, 1.0])
        calculator.calculate(turned)
        assert calculator.results["energy"] == pytest.approx(energy, abs=1e-9)
        np.testing.assert_allclose(calculator.results["forces"], forces @ turn.T, atol=1e-8)
    order = np.random.default_rng(2).permutation(len(atoms))
    calculator.calculate(atoms[order])
    np.testing.assert_allclose(calculator.results["forces"], forces[order], atol=1e-9)


def test_hundreds_of_neighbours(native64):
    dense = random_cell(cell=np.eye(3) * 3.2, n_atoms=6, closest_A=1.1, seed=3)
    model = torch.load(native64.with_name("some.model"), weights_only=False)
    energy, forces, _ = reference(model, dense, head="target")
    calculator = NativeCalculator(native64)
    calculator.calculate(dense)
    limit = 1e-5 * np.sqrt((forces**2).mean())
    assert len(neighbor_list("i", dense, 4.5)) > 50 * len(dense)
    assert calculator.results["energy"] == pytest.approx(energy, rel=1e-7)
    np.testing.assert_allclose(calculator.results["forces"], forces, rtol=0, atol=limit)


def test_nonlinear_blocks_are_refused_by_name(tmp_path):
    model = make_mace(**KINDS["nonlinear blocks"])
    with pytest.raises(
        FormatRefused, match=r"RealAgnosticResidualNonLinearInteractionBlocks.*aotinductor"
    ):
        exported(model, tmp_path, "float64")
    assert [file.name for file in tmp_path.iterdir()] == ["some.model"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"max_ell": 4}, "l = 4"), ({"correlation": 4, "hidden": "2x0e"}, "correlation of 4")],
)
def test_what_is_too_large_is_refused(changes, words, tmp_path):
    with pytest.raises(FormatRefused, match=words):
        exported(make_mace(**changes), tmp_path, "float64")


def test_native_code_for_a_gpu_is_refused():
    with pytest.raises(MlipsseError, match=r"on CPUs alone.*torchscript or aotinductor"):
        ExportSettings("native", target=Target(device="cuda"))


def test_files_that_do_not_belong_together(native64, tmp_path):
    for file in native64.parent.glob("some.*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = tmp_path / native64.name
    NativeCalculator(weights)
    raw = bytearray(weights.read_bytes())
    raw[-100] ^= 1
    weights.write_bytes(raw)
    with pytest.raises(MlipsseError, match="damaged, or of another model"):
        NativeCalculator(weights)
    weights.write_bytes(raw[:-8])
    with pytest.raises(MlipsseError, match="damaged, or of another model"):
        NativeCalculator(weights)
    weights.unlink()
    with pytest.raises(MlipsseError, match="is not there"):
        NativeCalculator(weights)
    weights.write_bytes(native64.read_bytes())
    library = library_for_here(weights)
    library.unlink()
    library.write_bytes(b"no library")
    with pytest.raises(MlipsseError, match="cannot be loaded as a native potential"):
        NativeCalculator(weights)
    library.unlink()
    with pytest.raises(MlipsseError, match=r"no native code for this processor.*compile"):
        NativeCalculator(weights)


def test_a_library_of_another_processor_is_not_taken(native64, monkeypatch):
    monkeypatch.setattr(processor, "targets", lambda: ("x86-64-v4", "x86-64-v3"))
    monkeypatch.setattr(processor, "cpu_flags", lambda: ("avx2", "fma"))
    with pytest.raises(MlipsseError, match="no native code for this processor"):
        library_for_here(native64)


def test_wrong_atoms_are_refused(native64):
    calculator = NativeCalculator(native64)
    with pytest.raises(MlipsseError, match=r"does not know Br. It knows Li, Cl, Y, In"):
        calculator.calculate(Atoms("LiBr", positions=[[0, 0, 0], [2, 0, 0]], cell=[9] * 3))
    with pytest.raises(MlipsseError, match=r"Two atoms are 0\.1 A apart"):
        calculator.calculate(Atoms("LiCl", positions=[[0, 0, 0], [0.1, 0, 0]], cell=[9] * 3))


def test_numbers_that_are_none_are_refused(native64):
    library = NativeCalculator(native64).library
    edges = (np.array([0]), np.array([0, 1]), np.array([0], dtype=np.int32))
    for vector in ([np.nan, 1.0, 1.0], [9.0, 0.0, 0.0]):
        with pytest.raises(MlipsseError, match="longer than the cutoff, or its length is no num"):
            library.evaluate(*edges, np.array([vector]))


def test_a_spline_is_as_fine_as_asked_for():
    def function(r):
        return np.stack([np.stack([np.sin(5 * r), r**-6], axis=1)])

    coarse, fine = (fit_spline(function, 0.5, 5.0, tolerance) for tolerance in (1e-2, 1e-7))
    assert coarse.n_knots < fine.n_knots
    assert coarse.error <= 1e-2
    assert fine.error <= 1e-7
    again = coarse.refined(fine.n_knots)
    assert again.knots.shape == fine.knots.shape
    np.testing.assert_allclose(again.knots[0, [0, -1], 0], coarse.knots[0, [0, -1], 0])
    with pytest.raises(MlipsseError, match="not smooth"):
        fit_spline(lambda r: np.abs(r - 2.0)[None, :, None] ** 0.5, 0.5, 5.0, 1e-7)


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_in_lammps_on_any_number_of_ranks(native64, tmp_path, ranks):
    """As the calculator in Python, of atoms, stress and energies; ranks exchange features."""
    deck = Deck(tmp_path, native64)
    for atoms in (BRICK, SMALL):
        calculator = NativeCalculator(native64)
        calculator.calculate(atoms)
        totals, rows = deck.run(atoms, ranks=ranks)
        assert totals[0] == pytest.approx(calculator.results["energy"], abs=1e-8)
        np.testing.assert_allclose(rows[:, 3:6], calculator.results["forces"], atol=1e-8)
        np.testing.assert_allclose(rows[:, 6], calculator.results["energies"], atol=1e-8)
        bar = -calculator.results["stress"] * 1.602176634e6
        np.testing.assert_allclose(totals[[1, 2, 3, 6, 5, 4]], bar, rtol=1e-7, atol=1e-2)
        np.testing.assert_allclose(
            rows[:, 7:].sum(axis=0) / atoms.get_volume(),
            -totals[[1, 2, 3, 4, 5, 6]],
            rtol=1e-7,
            atol=1e-2,
        )


def test_dynamics_in_lammps_keeps_the_energy_and_threads_repeat(native64, tmp_path):
    run = "velocity all create 800 7\nfix nve all nve\ntimestep 0.001\nrun 200"
    deck = Deck(tmp_path, native64)
    found = []
    for threads in ("1", "2", "2"):
        deck.environment = {"OMP_NUM_THREADS": threads}
        found.append(deck.run(BRICK, run=run)[1][:, 3:6])
    assert (found[1] == found[2]).all()
    np.testing.assert_allclose(found[1], found[0], atol=1e-6)


def test_lammps_prints_why_it_cannot_load(native64, tmp_path):
    for file in native64.parent.glob("some.*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = tmp_path / native64.name
    deck = Deck(tmp_path / "decks", weights)
    deck.folder.mkdir()
    status, screen, _ = deck.attempt(SMALL, words="device cuda")
    assert status != 0
    assert "native code for a CPU" in screen
    raw = bytearray(weights.read_bytes())
    raw[-100] ^= 1
    weights.write_bytes(raw)
    assert "damaged, or of another model" in deck.attempt(SMALL)[1]
    library_for_here(weights).unlink()
    status, screen, _ = deck.attempt(SMALL)
    assert status != 0
    assert re.search(r"no library for this processor.*mlipsse potential compile", screen)


def test_a_bundle_with_native_code(tmp_path):
    path = tmp_path / "some.model"
    torch.save(make_mace(layers=1, hidden="4x0e", max_ell=1), path)
    bundle, file = export_bundle(
        path, out=tmp_path / "mine", export=ExportSettings("native", "target", "float32")
    )
    assert file.name == "mine.safetensors"
    assert bundle.exports["native"] == file
    assert bundle.exports["torchscript"].is_file()
    card = (bundle.folder / "card.yaml").read_text()
    assert "radial_knots" in card
    source_file(file).write_text(source_file(file).read_text() + "// changed\n")
    with pytest.raises(MlipsseError, match=r"mine\.cpp is not the file its card describes"):
        compile_bundle(bundle.folder)
    add_export(bundle.folder, "native")
    made = compile_bundle(bundle.folder)
    assert made == [library_file(file, target) for target in processor.targets()]
    again = read_bundle(bundle.folder)
    assert again.exports["native"] == file
    calculator = NativeCalculator(file)
    calculator.calculate(CUBE)
    assert calculator.results["energy"] == pytest.approx(
        reference(torch.load(path, weights_only=False), CUBE, head="target")[0], rel=1e-6
    )
