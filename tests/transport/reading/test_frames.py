"""One random walk in every format that is read, and the command line on it."""

import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import write
from ase.io.vasp import write_vasp_xdatcar
from typer.testing import CliRunner, Result

from mlipsse.cli import app
from mlipsse.errors import MlipsseError
from mlipsse.md.run import run_folder
from mlipsse.transport.reading.frames import iterate_frames, read_frames_of
from tests.support.trajectories.lennard_jones import CONDUCTOR, render

N_FRAMES, N_LI, N_CL = 400, 24, 8
CELL = np.array([[12.0, 0, 0], [3.0, 11.0, 0], [-2.0, 1.0, 13.0]])
SPACING_PS = 0.2
D_CM2_S = 2e-5


@pytest.fixture(scope="module")
def walk() -> np.ndarray:
    """(n_frames, n_atoms, 3), unwrapped: Li walks with D, Cl stays but for vibrations."""
    rng = np.random.default_rng(4)
    start = rng.uniform(0, 1, (N_LI + N_CL, 3)) @ CELL
    sigma_A = np.sqrt(2 * D_CM2_S * 1e4 * SPACING_PS)  # 1 cm²/s = 1e4 Å²/ps
    hops = rng.normal(0, sigma_A, (N_FRAMES, N_LI, 3))
    hops[0] = 0
    still = rng.normal(0, 0.05, (N_FRAMES, N_CL, 3))
    return np.concatenate([start[:N_LI] + hops.cumsum(0), start[N_LI:] + still], axis=1)


@pytest.fixture(scope="module")
def files(walk: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("formats")
    species = ["Li"] * N_LI + ["Cl"] * N_CL
    frames = [Atoms(species, positions=place, cell=CELL, pbc=True) for place in walk]
    wrapped = [frame.copy() for frame in frames]
    for frame in wrapped:
        frame.wrap()
    write(folder / "wrapped.extxyz", wrapped)
    write(folder / "unwrapped.traj", frames)
    write_vasp_xdatcar(str(folder / "XDATCAR"), wrapped)
    import MDAnalysis

    write(folder / "first.pdb", frames[0])
    universe = MDAnalysis.Universe(str(folder / "first.pdb"))
    dimensions = frames[0].cell.cellpar()
    for name in ("x.dcd", "x.xtc"):
        with MDAnalysis.Writer(str(folder / name), n_atoms=len(species), dt=SPACING_PS) as writer:
            for number, place in enumerate(walk):
                universe.trajectory.ts.frame = number  # from which MDAnalysis' time is counted
                universe.trajectory.ts.dt = SPACING_PS
                universe.atoms.positions = place
                universe.dimensions = dimensions
                writer.write(universe)
    lines = []
    for number, frame in enumerate(frames):
        lines += [f"ITEM: TIMESTEP\n{100 * number}\nITEM: NUMBER OF ATOMS\n{len(species)}"]
        lines += ["ITEM: BOX BOUNDS xy xz yz pp pp pp", "-2 15 3", "0 12 -2", "0 13 1"]
        lines += ["ITEM: ATOMS id type xu yu zu"]
        for atom, place in enumerate(frame.positions, start=1):
            lines.append(
                f"{atom} {1 if atom <= N_LI else 2} " + " ".join(f"{x:.8f}" for x in place)
            )
    (folder / "x.lammpstrj").write_text("\n".join(lines) + "\n")
    return folder


FORMATS = {
    "wrapped.extxyz": {"frame_spacing_ps": SPACING_PS},
    "unwrapped.traj": {"frame_spacing_ps": SPACING_PS},
    "XDATCAR": {"frame_spacing_ps": SPACING_PS},
    "x.dcd": {"frame_spacing_ps": SPACING_PS, "topology": "first.pdb"},
    "x.xtc": {"topology": "first.pdb"},
    "x.lammpstrj": {"timestep_fs": 2.0, "species": ("Li", "Cl")},
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_the_walk(files: Path, walk: np.ndarray, name: str) -> None:
    options = dict(FORMATS[name])
    if "topology" in options:
        options["topology"] = files / str(options["topology"])
    frames = read_frames_of(files / name, **options)
    assert frames.species == ("Li",) * N_LI + ("Cl",) * N_CL
    assert frames.frame_spacing_ps == pytest.approx(SPACING_PS, rel=1e-4)
    precision_A = 0.02 if name == "x.xtc" else 2e-5  # XTC keeps a hundredth
    moved = frames.positions - frames.positions[0]
    if name in ("x.dcd", "x.xtc"):  # cells of lengths and angles lie as LAMMPS' do, which this is
        np.testing.assert_allclose(frames.cell, CELL, atol=2e-2)
    np.testing.assert_allclose(moved, walk - walk[0], atol=precision_A)


def test_times_of_an_xtc_give_way_only_where_they_number_frames(
    files: Path, walk: np.ndarray, tmp_path: Path
) -> None:
    """Converters leave 0, 1, 2, ... there."""
    with pytest.raises(
        MlipsseError, match=r"has 0.2\d* ps between its frames, but 0.7 ps are given"
    ):
        read_frames_of(files / "x.xtc", topology=files / "first.pdb", frame_spacing_ps=0.7)
    import MDAnalysis

    universe = MDAnalysis.Universe(str(files / "first.pdb"))
    path = tmp_path / "x.xtc"
    with MDAnalysis.Writer(str(path), n_atoms=N_LI + N_CL, dt=1.0) as writer:
        for number, place in enumerate(walk[:20]):
            universe.trajectory.ts.frame, universe.trajectory.ts.dt = number, 1.0
            universe.atoms.positions = place
            writer.write(universe)
    frames = read_frames_of(path, topology=files / "first.pdb", frame_spacing_ps=0.7)
    assert frames.frame_spacing_ps == 0.7


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_in_blocks_and_from_a_cache(files: Path, tmp_path: Path, name: str) -> None:
    options = dict(FORMATS[name])
    if "topology" in options:
        options["topology"] = files / str(options["topology"])
    whole = read_frames_of(files / name, **options)
    blocks = iterate_frames(files / name, block_frames=37, **options)
    found = np.concatenate([block.positions for block in blocks])
    np.testing.assert_array_equal(found, whole.positions)
    for _ in range(2):
        cached = read_frames_of(files / name, cache=tmp_path, **options)
        np.testing.assert_array_equal(cached.positions, whole.positions)
        assert cached.frame_spacing_ps == pytest.approx(whole.frame_spacing_ps, rel=1e-6)


def test_a_changed_topology_is_another_trajectory(files: Path, tmp_path: Path) -> None:
    text = (files / "first.pdb").read_text()
    topology = tmp_path / "x.pdb"
    for symbol in ("LI", "NA"):
        topology.write_text(text.replace("LI", symbol).replace("Li", symbol.title()))
        frames = read_frames_of(
            files / "x.dcd", topology=topology, frame_spacing_ps=0.2, cache=tmp_path / "cache"
        )
        assert frames.species[0] == symbol.title()


def test_a_folder_of_ours_and_its_dcd(tmp_path: Path) -> None:
    run = {"production_ps": 4.0, "dump_every_fs": 50.0, "relax_cell": False, "temperature_K": 400.0}
    folder = render(tmp_path / "run", pair_commands=CONDUCTOR, **run)
    run_folder(folder)
    for path in (folder, folder / "traj.2000.dcd"):
        frames = read_frames_of(path)
        assert (len(frames.positions), frames.frame_spacing_ps) == (81, 0.05)
        assert frames.known_temperature_K == 400.0


def diffusivity(path: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["transport", "diffusivity", str(path), *options])


def test_the_command_reports_the_diffusivity(files: Path) -> None:
    done = diffusivity(
        files / "wrapped.extxyz",
        *("--mobile", "Li", "--frame-spacing", "0.2", "--temperature", "800", "--json"),
    )
    assert done.exit_code == 0, done.output
    answer = json.loads(done.output)
    assert answer["diffusive"] is True
    assert answer["reason"] is None
    error = answer["diffusivity_std_cm2_s"]
    assert abs(answer["diffusivity_cm2_s"] - D_CM2_S) < 3 * error
    assert 0 < error < 0.3 * D_CM2_S
    assert len(answer["window_ps"]) == 2
    assert (answer["charge_e"], answer["n_ions"], answer["frames"]) == (1.0, N_LI, N_FRAMES)
    assert set(answer["directions"]) == {"a", "b", "c", "ab", "ac", "bc"}
    along_b = answer["directions"]["b"]
    assert abs(along_b["diffusivity_cm2_s"] - D_CM2_S) < 3 * along_b["diffusivity_std_cm2_s"]
    assert abs(answer["haven_ratio"] - 1) < 3 * answer["haven_ratio_std"]
    assert answer["einstein_conductivity_mS_cm"] == pytest.approx(
        answer["conductivity_mS_cm"] / answer["haven_ratio"]
    )
    # N z² e² D / (V kB T), by hand: 1.602e-19² x 24 / 1716e-24 cm³ / (1.381e-23 x 800)
    by_hand = 1.602177e-19**2 * N_LI / (1716e-24 * 1.380649e-23 * 800) * 1e3
    assert answer["conductivity_mS_cm"] == pytest.approx(
        by_hand * answer["diffusivity_cm2_s"], rel=1e-4
    )


def test_an_ion_that_stays_is_refused_with_three(files: Path) -> None:
    done = diffusivity(
        files / "wrapped.extxyz",
        *("--mobile", "Cl", "--frame-spacing", "0.2", "--temperature", "800", "--json"),
    )
    assert done.exit_code == 3
    answer = json.loads(done.output)
    assert answer["diffusive"] is False
    assert answer["reason"]
    assert (answer["diffusivity_cm2_s"], answer["window_ps"]) == (None, None)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("wrapped.extxyz", ["--temperature", "800"], "Give the time between"),
        ("wrapped.extxyz", ["--frame-spacing", "0.2"], "Give the temperature in K"),
        (
            "wrapped.extxyz",
            ["--frame-spacing", "0.2", "--temperature", "-1"],
            "--temperature -1: give",
        ),
        ("wrapped.extxyz", ["--frame-spacing", "0"], "--frame-spacing 0: give"),
        ("x.lammpstrj", ["--species", "Li,Cl"], "lists steps, not times"),
        ("x.lammpstrj", ["--timestep", "2"], "Give the elements of types"),
        ("x.lammpstrj", ["--species", "Li", "--timestep", "2"], "elements of 1 types"),
        ("x.dcd", ["--frame-spacing", "0.2"], "give a topology"),
        ("nowhere.dcd", [], "There is no trajectory"),
        ("first.pdb", [], "is not a known kind of file"),
    ],
)
def test_what_a_file_does_not_state_must_be_given(
    files: Path, name: str, options: list[str], words: str
) -> None:
    done = diffusivity(files / name, "--mobile", "Li", *options)
    assert isinstance(done.exception, MlipsseError)
    assert words in str(done.exception)


def test_an_absent_species(files: Path) -> None:
    done = diffusivity(
        files / "wrapped.extxyz",
        "--mobile",
        "Na",
        "--frame-spacing",
        "0.2",
        "--temperature",
        "8",
    )
    assert "The trajectory contains no Na. Choose among Li, Cl" in str(done.exception)


def test_uneven_times_and_torn_files(files: Path, tmp_path: Path) -> None:
    text = (files / "x.lammpstrj").read_text()
    uneven = tmp_path / "uneven.lammpstrj"
    uneven.write_text(text.replace("ITEM: TIMESTEP\n300\n", "ITEM: TIMESTEP\n333\n"))
    with pytest.raises(MlipsseError, match="frames are 67, 100, 133 steps apart"):
        read_frames_of(uneven, species=["Li", "Cl"], timestep_fs=2.0)
    torn = tmp_path / "torn.traj"
    torn.write_bytes((files / "unwrapped.traj").read_bytes()[:5000])
    with pytest.raises(MlipsseError, match="cannot be read as traj"):
        read_frames_of(torn, frame_spacing_ps=0.2)


def test_msd_table(files: Path, tmp_path: Path, walk: np.ndarray) -> None:
    out = tmp_path / "msd"
    done = CliRunner().invoke(
        app,
        ["transport", "msd", str(files / "unwrapped.traj"), "--mobile", "Li",
         "--frame-spacing", "0.2", "--out", str(out), "--per-ion", "--json"],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    stated = json.loads(done.output)
    assert all(Path(name).stat().st_size > 0 for name in stated["files"])
    assert len(stated["files"]) == 8
    with (out / "msd.csv").open() as stream:
        columns = stream.readline().strip().split(",")
    table = np.loadtxt(out / "msd.csv", delimiter=",", skiprows=1)
    drift = walk[:, N_LI:].mean(axis=1)
    ions = walk[:, :N_LI] - (drift - drift[0])[:, None]
    direct = [((ions[m:] - ions[:-m]) ** 2).sum(-1).mean() for m in (1, 10, 100)]
    np.testing.assert_allclose(table[[1, 10, 100], 1], direct, rtol=1e-6)
    assert table[10, 0] == pytest.approx(2.0)
    together = ions.sum(axis=1) / np.sqrt(N_LI)
    collective = ((together[10:] - together[:-10]) ** 2).sum(-1).mean()
    assert table[10, columns.index("collective_msd_A2")] == pytest.approx(collective, rel=1e-6)
    single = np.loadtxt(out / "ions.csv", delimiter=",", skiprows=1)
    np.testing.assert_allclose(single[:, 1:].mean(axis=1), table[:, 1], rtol=1e-5, atol=1e-9)


def test_msd_of_a_drift_that_is_chosen(files: Path, tmp_path: Path, walk: np.ndarray) -> None:
    def table(*options: str) -> np.ndarray:
        done = CliRunner().invoke(
            app,
            ["transport", "msd", str(files / "unwrapped.traj"), "--mobile", "Li",
             "--frame-spacing", "0.2", "--out", str(tmp_path), *options],
        )  # fmt: skip
        assert done.exit_code == 0, done.output
        return np.loadtxt(tmp_path / "msd.csv", delimiter=",", skiprows=1)

    kept = walk[:, :N_LI]
    direct = ((kept[10:] - kept[:-10]) ** 2).sum(-1).mean()
    assert table("--drift", "none")[10, 1] == pytest.approx(direct, rel=1e-6)
    assert table("--drift", "Cl", "--mass-weighted")[10, 1] == pytest.approx(
        table()[10, 1], rel=1e-9
    )
    refused = CliRunner().invoke(
        app,
        ["transport", "msd", str(files / "unwrapped.traj"), "--mobile", "Li",
         "--frame-spacing", "0.2", "--out", str(tmp_path), "--drift", "Zr"],
    )  # fmt: skip
    assert "contains no Zr" in str(refused.exception)


@pytest.mark.parametrize("name", ["x.dcd", "x.xtc"])
@pytest.mark.parametrize("cut", [1, 100, 200])
def test_a_torn_binary_file_ends_with_its_last_whole_frame(
    files: Path, tmp_path: Path, name: str, cut: int
) -> None:
    options = {"topology": files / "first.pdb", "frame_spacing_ps": SPACING_PS}
    whole = read_frames_of(files / name, **options).positions
    torn = tmp_path / name
    torn.write_bytes((files / name).read_bytes()[:-cut])
    found = read_frames_of(torn, **options).positions
    assert len(found) == N_FRAMES - 1
    np.testing.assert_array_equal(found, whole[:-1])


def test_damage_inside_a_binary_file_is_refused(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that stops without a word before the last frame, as MDAnalysis' does."""
    from MDAnalysis.coordinates.XTC import XTCReader

    read = XTCReader._read_next_timestep

    def stops(self, *arguments, **options):
        if self._frame >= 250:
            raise StopIteration
        return read(self, *arguments, **options)

    monkeypatch.setattr(XTCReader, "_read_next_timestep", stops)
    with pytest.raises(MlipsseError, match=r"x.xtc is damaged: it can be read up to frame 25\d of"):
        read_frames_of(files / "x.xtc", topology=files / "first.pdb", frame_spacing_ps=0.2)
