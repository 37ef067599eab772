"""`mlipsse transport density` on a made trajectory, and on a run of ours in a skewed cell."""

import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import write
from ase.io.cube import read_cube
from matplotlib.image import imread
from typer.testing import CliRunner, Result

from mlipsse.cli import app
from mlipsse.errors import MlipsseError
from mlipsse.units import BOLTZMANN_EV_K

T_K = 700.0
CELL = np.array([[6.0, 0, 0], [1.0, 5.0, 0], [0.5, -1.0, 5.5]])
HEIGHT_EV = 0.12
FRAMES, IONS = 1500, 10


@pytest.fixture(scope="module")
def trajectory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Li in a channel along a with one pass at a = 1/2, in a framework that drifts away."""
    rng = np.random.default_rng(8)
    grid = np.arange(3000) / 3000
    weights = np.exp(-HEIGHT_EV / 2 * (1 - np.cos(2 * np.pi * grid)) / (BOLTZMANN_EV_K * T_K))
    places = np.empty((FRAMES, IONS, 3))
    places[..., 0] = rng.choice(grid, (FRAMES, IONS), p=weights / weights.sum())
    places[..., 1:] = rng.uniform(0.35, 0.65, (FRAMES, IONS, 2))
    # a frame's minimum image of the one before it, so that steps are short enough to be unwrapped
    for frame in range(1, FRAMES):
        step = places[frame] - places[frame - 1]
        places[frame] = places[frame - 1] + step - np.rint(step)
    corners = np.broadcast_to([[0, 0, 0], [0.5, 0, 0]], (FRAMES, 2, 3))
    drift_A = np.linspace(0, 2, FRAMES)[:, None, None] * np.array([1.0, -2.0, 0.5])
    positions = np.concatenate([places, corners], axis=1) @ CELL + drift_A
    path = tmp_path_factory.mktemp("density") / "run.dump"
    with path.open("w") as stream:
        for number, frame in enumerate(positions):
            stream.write(f"ITEM: TIMESTEP\n{number}\nITEM: NUMBER OF ATOMS\n{IONS + 2}\n")
            stream.write("ITEM: BOX BOUNDS xy xz yz pp pp pp\n0 7.5 1\n-1 5 0.5\n0 5.5 -1\n")
            stream.write("ITEM: ATOMS id element xu yu zu\n")
            for atom, place in enumerate(frame):
                symbol = "Li" if atom < IONS else "Cl"
                stream.write(f"{atom + 1} {symbol} {place[0]:.6f} {place[1]:.6f} {place[2]:.6f}\n")
    return path


def run(path: Path, out: Path, *options: str) -> Result:
    return CliRunner().invoke(
        app,
        ["transport", "density", str(path), "--mobile", "Li", "--out", str(out), *options],
    )


def test_everything_is_written_and_reported(trajectory: Path, tmp_path: Path) -> None:
    from pymatgen.io.vasp import Chgcar

    options = ("--temperature", "700", "--spacing", "0.5", "--level", "0.02", "--json")
    done = run(trajectory, tmp_path, *options)
    assert done.exit_code == 0, done.output
    answer = json.loads(done.output)
    assert answer["grid"] == [12, 10, 11]
    np.testing.assert_allclose(answer["cell_A"], CELL, atol=1e-6)
    assert (answer["n_ions"], answer["frames"], answer["integral"]) == (IONS, FRAMES, IONS)
    assert answer["normalised_to"] == "all ions"
    assert (answer["level_per_A3"], answer["temperature_K"]) == (0.02, T_K)
    volume_A3 = 6 * 5 * 5.5
    one_count = 12 * 10 * 11 / (volume_A3 * FRAMES)
    assert answer["one_count_per_A3"] == pytest.approx(one_count, rel=1e-6)
    # the channel takes 30 % of b and of c, spread over 4 of 10 and 5 of 11 voxels at most
    assert 0.09 < answer["volume_inside"] < 4 / 10 * 5 / 11
    assert answer["ions_inside"] > 0.95
    along = answer["directions"]
    assert set(along) == {"a", "b", "c", "any"}
    assert along["a"]["winding"] == [1, 0, 0]
    assert abs(along["a"]["barrier_eV"] - HEIGHT_EV) < 3 * along["a"]["barrier_std_eV"]
    assert along["a"]["bottleneck"][0] == pytest.approx(0.5, abs=0.1)
    assert along["b"]["barrier_eV"] is along["b"]["winding"] is None
    assert "no ion was seen in 1500 frames" in along["c"]["reason"]
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == sorted(Path(path).name for path in answer["files"])
    assert set(names) == {
        *("CHGCAR", "density.cube", "density.png", "density.svg", "density.html", "path.csv")
    }
    total = Chgcar.from_file(tmp_path / "CHGCAR").data["total"]
    assert total.mean() == pytest.approx(IONS, rel=1e-9)
    with (tmp_path / "density.cube").open() as stream:
        cube = read_cube(stream)
    assert cube["atoms"].get_chemical_symbols() == ["Cl", "Cl"]
    # drift is gone: the framework lies where it began, half a voxel lower, in the cell
    places = (cube["atoms"].get_scaled_positions(wrap=False) + 0.5 / np.array([12, 10, 11])) % 1
    np.testing.assert_allclose((places + 0.25) % 1 - 0.25, [[0, 0, 0], [0.5, 0, 0]], atol=1e-5)
    assert imread(tmp_path / "density.png")[..., :3].std() > 0.01
    page = (tmp_path / "density.html").read_text()
    assert "Plotly.newPlot" in page
    assert "all 10 Li: 0.02" in page
    rows = (tmp_path / "path.csv").read_text().splitlines()
    assert rows[0] == "direction,point,a,b,c,x_A,y_A,z_A,distance_A,free_energy_eV"
    last = [row.split(",") for row in rows[1:] if row.startswith("a,")][-1]
    assert float(last[8]) == pytest.approx(along["a"]["length_A"], abs=1e-5)


def test_reported_to_people_with_one_ion_and_cautions(trajectory: Path, tmp_path: Path) -> None:
    options = ("--temperature", "700", "--spacing", "0.25", "--per-ion")
    done = run(trajectory, tmp_path, *options)
    assert done.exit_code == 0, done.output
    assert "normalised to one Li" in done.output
    assert "is below the density of a single visit" in done.output
    assert "b: every path along b crosses voxels" in done.output
    assert "the bottleneck was visited" in done.output
    assert "path.csv" in done.output


def test_without_a_temperature_there_are_no_barriers(trajectory: Path, tmp_path: Path) -> None:
    done = run(trajectory, tmp_path, "--spacing", "0.5", "--json")
    answer = json.loads(done.output)
    assert answer["directions"] == {}
    assert any("Give it in K by --temperature" in caution for caution in answer["cautions"])
    assert not (tmp_path / "path.csv").exists()


def test_without_a_framework(tmp_path: Path) -> None:
    path, out = tmp_path / "x.extxyz", tmp_path / "out"
    write(path, [Atoms("Li", positions=[[1, 1, 1]], cell=[3, 3, 3], pbc=True)] * 2)
    done = run(path, out, "--spacing", "0.5", "--json")
    assert done.exit_code == 0, done.output
    assert any("No CHGCAR" in caution for caution in json.loads(done.output)["cautions"])
    assert (out / "density.cube").exists()
    assert not (out / "CHGCAR").exists()


def test_the_crystals_own_axes_of_a_run_of_ours(tmp_path: Path) -> None:
    """LAMMPS reduces a skewed cell; the density is that of the cell as it was given."""
    import MDAnalysis
    from MDAnalysis.coordinates.LAMMPS import DCDWriter

    from mlipsse.md.plan.lammps_frame import LammpsFrame

    skewed = np.array([[6.0, 0, 0], [5.5, 6.0, 0], [0, 0, 7.0]])
    frame = LammpsFrame.of(skewed)
    assert not np.array_equal(frame.lattice, np.eye(3))
    box = np.linalg.solve(frame.lattice, skewed @ frame.rotation.T)
    # a channel along the crystal's b, which is none of the box' vectors
    steps = np.linspace(0, 1, 41)[:, None, None] * skewed[1] + [1.0, 0.5, 0.5]
    still = np.broadcast_to([[[3.0, 3.0, 3.5]]], (41, 1, 3))
    positions = np.concatenate([steps, still], axis=1) @ frame.rotation.T
    (tmp_path / "run.json").write_text(
        json.dumps(
            {
                "formula": "LiCl",
                "composition": "LiCl",
                "ordering": "o001",
                "temperature_K": 600.0,
                "replica": 0,
                "timestep_fs": 2.0,
                "dump_every_steps": 100,
                "equilibration_steps": 0,
                "production_steps": 4000,
                "species": ["Li", "Cl"],
                "mobile": "Li",
                "mobile_charge_e": 1,
                "frame": frame.as_json(),
            }
        )
    )
    universe = MDAnalysis.Universe.empty(2, trajectory=True)
    with DCDWriter(str(tmp_path / "traj.0.dcd"), n_atoms=2, timeunit="ps") as writer:
        for frame_positions in positions:
            universe.atoms.positions = frame_positions
            universe.dimensions = Atoms(cell=box).cell.cellpar()
            writer.write(universe.atoms)
    done = run(tmp_path, tmp_path / "out", "--spacing", "0.5", "--json")
    assert done.exit_code == 0, done.output
    answer = json.loads(done.output)
    assert answer["temperature_K"] == 600.0
    lengths = np.linalg.norm(answer["cell_A"], axis=1)
    np.testing.assert_allclose(lengths, np.linalg.norm(skewed, axis=1), rtol=1e-5)
    assert answer["directions"]["b"]["winding"] == [0, 1, 0]
    assert answer["directions"]["a"]["reason"] is not None
    assert answer["directions"]["c"]["reason"] is not None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--level", "1e9"], "the highest value of this density"),
        (["--level", "0"], "--level 0: give a finite number above 0"),
        (["--spacing", "0"], "--spacing 0: give a finite number above 0"),
        (["--temperature", "-5"], "--temperature -5: give a finite number above 0"),
    ],
)
def test_what_is_refused(trajectory: Path, tmp_path: Path, options: list[str], words: str) -> None:
    done = run(trajectory, tmp_path / "out", *options)
    assert isinstance(done.exception, MlipsseError)
    assert words in str(done.exception)
    assert not (tmp_path / "out").exists()


def test_a_trajectory_larger_than_the_memory(
    trajectory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read from the cache piece by piece, to the same answer."""
    options = ("--temperature", "700", "--spacing", "0.5", "--level", "0.02", "--json")
    whole = json.loads(run(trajectory, tmp_path, *options).output)
    monkeypatch.setattr("mlipsse.transport.ReadOptions.memory_GB", 1e-6)
    cache = tmp_path / "cache"
    for _ in range(2):
        done = run(trajectory, tmp_path, *options, "--cache", str(cache))
        assert done.exit_code == 0, done.output
        assert json.loads(done.output) == whole
    assert len(list(cache.glob("*.h5"))) == 1
