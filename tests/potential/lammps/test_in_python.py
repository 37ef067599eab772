"""LAMMPS inside Python (`mlipsse lmp`), and models that Python computes for `pair_style mace`."""

import json
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from mlipsse import lammps
from mlipsse.errors import MlipsseError
from mlipsse.potential.lammps import symmetrix
from mlipsse.potential.lammps.in_python import run_in_python
from tests.support.command_line import mlipsse
from tests.support.potential import lammps_with_pair_model
from tests.support.potential.edge_graphs import make_mace
from tests.support.potential.lammps_deck import (
    BRICK,
    SMALL,
    TILTED,
    Deck,
    refused,
    run_lammps,
    write_deck,
)
from tests.support.tiny_campaign import command

CUTOFF_A = 4.0
LENNARD_JONES = f"pair_style lj/smooth/linear {CUTOFF_A}\npair_coeff * * 0.05 2.0"
DYNAMICS = """\
velocity all create 900 1
fix dynamics all npt temp 900 900 0.05 {barostat}
timestep 0.002
neighbor 1.0 bin
neigh_modify delay 0 every 1
run 150"""


def apart(*words: str | Path) -> list[str | Path]:
    """`mlipsse WORDS` in a process of its own."""
    return list(command(*words))


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.json"
    numbers = [3, 17, 39, 49]
    path.write_text(json.dumps({"cutoff_A": CUTOFF_A, "atomic_numbers": numbers}))
    return path


@pytest.fixture
def with_pairs(tmp_path: Path, pairs: Path) -> Deck:
    """Runs LAMMPS in Python, with a model of pairs."""
    deck = Deck(tmp_path, pairs)
    script = Path(lammps_with_pair_model.__file__)

    def command_of(ranks: int) -> list[str | Path]:
        launch: list[str | Path] = [] if ranks == 1 else [lammps.mpirun(), "-n", str(ranks)]
        return [*launch, sys.executable, script]

    deck.command = command_of
    return deck


@pytest.mark.parametrize(
    ("atoms", "barostat"),
    [(BRICK, "aniso 0 0 0.2"), (TILTED, "tri 0 0 0.2"), (SMALL, "iso 0 0 0.2")],
    ids=["brick", "tilted", "images"],
)
def test_edges_forces_and_virials(with_pairs, plugin, tmp_path, atoms, barostat):
    """150 steps of a changing cell end where LAMMPS' own pair style ends, in every number."""
    run = DYNAMICS.format(barostat=barostat)
    found = with_pairs.run(atoms, run=run)
    exact = Deck(tmp_path / "exact", tmp_path)
    exact.folder.mkdir()
    expected = exact.run(atoms, pair=LENNARD_JONES, run=run)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-7)
    assert np.abs(expected[0][1:7]).max() > 1.0


def test_no_neighbours(with_pairs):
    """An atom alone has no edges at all."""
    alone = BRICK[:1]
    totals, rows = with_pairs.run(alone)
    assert (totals[:7] == 0).all()
    assert (rows[0, 3:] == 0).all()


def test_failure_of_the_model(with_pairs, pairs):
    settings = json.loads(pairs.read_text()) | {"fails_at": 3}
    pairs.write_text(json.dumps(settings))
    status, screen, _ = with_pairs.attempt(BRICK, run="fix f all nve\nrun 5")
    assert status == 2
    refused((status, screen), "At step 2: the wheel fails")
    assert "Error: LAMMPS stopped: ERROR: At step 2: the wheel fails" in screen


def test_several_ranks_are_refused(with_pairs):
    status, screen, _ = with_pairs.attempt(BRICK, ranks=2)
    refused((status, screen), "computes on one MPI rank, and this run has 2")
    assert status == 2
    assert screen.count("Error: ") == 1


def test_partitions_of_one_rank(with_pairs):
    deck = with_pairs.command
    with_pairs.command = lambda ranks: [*deck(2), "-partition", "2x1"]
    status, screen, folder = with_pairs.attempt(BRICK)
    assert status == 0, screen
    for part in (0, 1):
        assert "pairs, float32" in (folder / f"log.lammps.{part}").read_text()


def test_the_device_is_handed_on(with_pairs):
    status, screen, _ = with_pairs.attempt(BRICK, words="device cuda")
    refused((status, screen), "pairs know no GPU")


def test_places_on_top_of_each_other(with_pairs):
    both = BRICK[[0, 0]]
    status, screen, _ = with_pairs.attempt(both)
    refused((status, screen), "on top of each other")


def test_lmp_itself_names_the_command(run_deck, pairs):
    refused(
        run_deck(pair_coeff=f'pair_coeff * * "{pairs}" Li Cl'), "'mlipsse lmp' in place of 'lmp'"
    )


def test_a_missing_file(run_deck, tmp_path):
    refused(run_deck(pair_coeff=f'pair_coeff * * "{tmp_path}/no.json" Li Cl'), "no such file")


@pytest.mark.parametrize("ranks", [1, 2])
def test_the_command_runs_decks_as_lmp_does(deck, ranks):
    """Without `plugin load`, with the numbers of `lmp`."""
    expected = deck.run(BRICK, ranks=ranks)
    deck.load = ""
    launch = [] if ranks == 1 else [lammps.mpirun(), "-n", str(ranks)]
    deck.command = lambda _: [*launch, *apart("lmp", "-echo", "screen")]
    for ours, theirs in zip(deck.run(BRICK, ranks=ranks), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_errors_of_lammps_end_in_code_2(tmp_path, plugin, torchscript):
    write_deck(tmp_path, plugin, torchscript, extra="nonsense")
    launch = [lammps.mpirun(), "-n", "2", *apart("lmp")]
    status, screen = run_lammps(tmp_path, launch)
    assert status == 2
    assert screen.count("Error: LAMMPS stopped: ERROR: Unknown command: nonsense") == 1
    assert "Traceback" not in screen


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "Name the input script: -in in.lammps"),
        (["-var", "x", "1"], "Name the input script: -in in.lammps"),
        (["-in"], "-in names no file"),
        (["-in", "not-there"], "There is no input script not-there"),
    ],
)
def test_input_scripts_that_are_not_there(words, sentence):
    done = mlipsse("lmp", *words)
    assert done.returncode == 2
    assert sentence in done.stderr


@pytest.mark.parametrize("version", [None, "0.2.0"])
def test_another_wheel_is_refused(monkeypatch, version):
    def installed(name: str) -> str:
        if version is None:
            raise metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setattr(symmetrix.metadata, "version", installed)
    with pytest.raises(MlipsseError, match=r"pip install symmetrix-xl==0\.1\.1") as caught:
        symmetrix.SymmetrixModel(Path("model.json"), dtype="float32", device=None)
    assert version is None or version in str(caught.value)


def test_the_script_comes_before_the_build(monkeypatch):
    monkeypatch.setattr("mlipsse.potential.lammps.in_python.build_plugin", None)
    with pytest.raises(MlipsseError, match="no input script"):
        run_in_python(["-in", "not-there"])


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The head `target` of a MACE with max_ell 3, as symmetrix-xl writes it."""
    pytest.importorskip("symmetrix", reason="symmetrix-xl is not installed (mlipsse[peers])")
    import torch
    from symmetrix.extract_mace_data import extract_mace_data

    folder = tmp_path_factory.mktemp("symmetrix")
    torch.save(make_mace(max_ell=3, correlation=3, hidden="4x0e"), folder / "model.model")
    found = extract_mace_data(folder / "model.model", head="target")
    (folder / "model.json").write_text(json.dumps(found))
    return folder / "model.json"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("atoms", [BRICK, TILTED, SMALL], ids=["brick", "tilted", "images"])
def test_the_wheel_computes_what_its_calculator_does(tmp_path, extracted, dtype, atoms):
    """Energies and forces to rounding; the log names the wheel and the head."""
    from symmetrix import Symmetrix

    deck = Deck(tmp_path, extracted)
    deck.load, deck.command = "", lambda _: apart("lmp")
    totals, rows = deck.run(atoms, words=f"dtype {dtype}")
    calculator = Symmetrix(str(extracted), dtype=dtype)
    calculator.calculate(atoms, ["energy", "forces", "stress"])
    within = 1e-11 if dtype == "float64" else 2e-5
    largest = np.abs(calculator.results["forces"]).max()
    assert largest > 0.1
    np.testing.assert_allclose(rows[:, 6], calculator.results["energies"], atol=within * 10)
    np.testing.assert_allclose(
        rows[:, 3:6], calculator.results["forces"], atol=within * max(1.0, largest)
    )
    stress = -totals[[1, 2, 3, 6, 5, 4]] / 1.6021765e6
    np.testing.assert_allclose(stress, calculator.results["stress"], atol=within)
    log = (tmp_path / "1" / "log.lammps").read_text()
    assert f"symmetrix-xl {symmetrix.VERSION}" in log
    assert "head target" in log


def test_a_file_that_the_wheel_refuses(tmp_path, extracted):
    damaged = tmp_path / "damaged.json"
    damaged.write_text('{"atomic_numbers": []}')
    with pytest.raises(MlipsseError, match=r"symmetrix-xl 0\.1\.1 refuses it"):
        symmetrix.SymmetrixModel(damaged, dtype="float32", device="cpu")


def test_a_gpu_that_is_not_there(extracted):
    with pytest.raises(MlipsseError, match="no usable backend"):
        symmetrix.SymmetrixModel(extracted, dtype="float32", device="cuda")
