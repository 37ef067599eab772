"""Runs with machine-learned forces, slabs, cells that shrink or are not there; rdf and peers."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mlipsse.cli import app
from mlipsse.errors import MlipsseError
from mlipsse.transport.reading.formats.vasprun import open_vasprun
from mlipsse.transport.reading.frames import iterate_frames, read_frames_of
from mlipsse.transport.reading.plausibility import doubts, vacuum_A
from mlipsse.transport.reading.trajectory import Trajectory
from tests.support.trajectories.lammps_data import data_file
from tests.support.trajectories.trajectory_files import BOX_A, DUMP, dump_text, walk, write_dump
from tests.support.trajectories.xyz_files import write_xyz

N_FRAMES = 60
ML = '<i type="logical" name="ML_LMLFF"> T </i>'


def vasprun(
    path: Path, places: np.ndarray, by_dft: np.ndarray, *, nsw: int, tags: str = ML
) -> Path:
    """As VASP writes it: structures of DFT steps in <calculation>, others outside."""
    listed = "<rc><c>Li_sv</c><c>1</c></rc>" * 4 + "<rc><c>Cl</c><c>2</c></rc>" * 4
    steps = []
    for place, dft in zip(places / BOX_A % 1, by_dft, strict=True):
        rows = "".join(f"<v>{a:.8f} {b:.8f} {c:.8f}</v>" for a, b, c in place)
        basis = f"<v>{BOX_A} 0 0</v><v>0 {BOX_A} 0</v><v>0 0 {BOX_A}</v>"
        crystal = f'<crystal><varray name="basis">{basis}</varray></crystal>'
        structure = f'{crystal}<varray name="positions">{rows}</varray>'
        steps.append(
            f"<calculation><structure>{structure}</structure></calculation>"
            if dft
            else f'<structure>{structure}</structure><energy><i name="kinetic">1</i></energy>'
        )
    path.write_text(
        '<?xml version="1.0"?><modeling><incar><i type="int" name="IBRION">0</i>'
        f'<i name="POTIM">2.0</i>{tags}</incar><parameters><separator name="ionic">'
        f'<i type="int" name="NSW">{nsw}</i></separator></parameters>'
        f'<atominfo><array name="atoms"><set>{listed}</set></array></atominfo>'
        f'<structure name="initialpos">{structure}</structure>' + "".join(steps) +
        f'<structure name="finalpos">{structure}</structure></modeling>'
    )  # fmt: skip
    return path


def test_machine_learned_forces_of_vasp(tmp_path: Path) -> None:
    places = walk(N_FRAMES)
    some = np.arange(N_FRAMES) % 7 == 0
    every = np.ones(N_FRAMES, dtype=bool)
    path = tmp_path / "vasprun.xml"
    for by_dft in (some, ~every):  # of all steps, by whichever forces
        vasprun(path, places, by_dft, nsw=N_FRAMES)
        frames = read_frames_of(path)
        assert frames.frame_spacing_ps == pytest.approx(0.002)
        np.testing.assert_allclose(
            frames.positions - frames.positions[0], places - places[0], atol=1e-6
        )
    tags = f'{ML}<i type="int" name="ML_OUTBLOCK">10</i>'
    vasprun(path, places, ~every, nsw=10 * N_FRAMES, tags=tags)
    assert read_frames_of(path).frame_spacing_ps == pytest.approx(0.02)
    with pytest.raises(MlipsseError, match=r"has 0.02 ps .* 0.002 ps are given"):
        read_frames_of(path, frame_spacing_ps=0.002)
    vasprun(path, places, ~every, nsw=10 * N_FRAMES)  # nothing shows how many steps are between
    assert open_vasprun(path, None).spacing_ps is None
    with pytest.raises(MlipsseError, match="Give the time between frames in ps"):
        read_frames_of(path)
    assert read_frames_of(path, frame_spacing_ps=0.02).frame_spacing_ps == 0.02
    for by_dft in (some, every):
        vasprun(path, places, by_dft, nsw=10 * N_FRAMES)
        for options in ({}, {"frame_spacing_ps": 0.02}):
            with pytest.raises(MlipsseError, match=r"\(ML_LMLFF\): it holds 60 structures"):
                read_frames_of(path, **options)
    vasprun(path, places, every, nsw=10 * N_FRAMES, tags="")  # without: every step is there
    assert read_frames_of(path).frame_spacing_ps == pytest.approx(0.002)
    with pytest.raises(MlipsseError, match=r"has POTIM = 2 fs, but a time step of 1 fs is given"):
        read_frames_of(path, timestep_fs=1.0)


def test_two_vaspruns_of_other_time_steps(tmp_path: Path) -> None:
    places = walk(N_FRAMES)
    every = np.ones(30, dtype=bool)
    one = vasprun(tmp_path / "a.xml", places[:30], every, nsw=30, tags="")
    two = vasprun(tmp_path / "b.xml", places[30:], every, nsw=30, tags="")
    assert len(read_frames_of([one, two]).positions) == N_FRAMES
    two.write_text(two.read_text().replace('"POTIM">2.0', '"POTIM">1.0'))
    with pytest.raises(MlipsseError, match=r"a.xml has 0.002 ps between frames, and .*b.xml 0.001"):
        read_frames_of([one, two])


def test_a_box_wrapped_round_the_atoms(tmp_path: Path) -> None:
    """Boundaries `s`: lengths follow the outermost atoms, and the walk is that of the atoms."""
    places = walk(N_FRAMES)
    text = dump_text(places).split("ITEM: BOX BOUNDS pp pp pp\n")
    for frame, place in enumerate(places):
        low, high = place[:, 2].min(), place[:, 2].max()
        rest = text[frame + 1].split("\n", 3)
        text[frame + 1] = f"ITEM: BOX BOUNDS pp pp ss\n0 12\n0 12\n{low:.6f} {high:.6f}\n{rest[3]}"
    path = tmp_path / "x"
    path.write_text("".join(text))
    found = read_frames_of(path, **DUMP)
    np.testing.assert_allclose(found.positions, places, atol=1e-8)
    assert "the box is not periodic along z" in found.notes[0]


def test_vacuum_and_a_cell_that_shrinks(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    places = rng.uniform(0, 12, (200, 3))
    assert vacuum_A(places, 12 * np.eye(3))[0] < 1
    cell = np.diag([12.0, 12.0, 30.0])
    thickness, axis = vacuum_A(places, cell)
    assert axis == "c"
    assert thickness == pytest.approx(18, abs=0.5)
    skewed = np.array([[12.0, 0, 0], [0, 12.0, 0], [15.0, 0, 30.0]])
    assert vacuum_A(places % 12, skewed)[0] == pytest.approx(18, abs=0.5)
    frames = Trajectory(np.stack([places, places + 0.01]), ("Li",) * 200, cell, 0.1)
    (caution,) = doubts(frames)
    assert "without atoms across c" in caution
    lengths = BOX_A * (1 - 0.03 * np.linspace(0, 1, N_FRAMES))
    path = write_dump(tmp_path / "x", walk(N_FRAMES), boxes_A=lengths)
    found = read_frames_of(path, **DUMP)
    first, last = lengths[:15] ** 3, lengths[-15:] ** 3
    assert found.volume_change == pytest.approx(last.mean() / first.mean() - 1, rel=1e-6)
    assert any("the cell shrinks by 6." in caution for caution in doubts(found))
    blocks = list(iterate_frames(path, block_frames=7, **DUMP))
    assert blocks[-1].volume_change == pytest.approx(found.volume_change)
    cached = [read_frames_of(path, cache=tmp_path / "cache", **DUMP) for _ in range(2)]
    for one in cached:
        assert one.volume_change == pytest.approx(found.volume_change)


def test_steps_that_are_too_small_may_be_of_a_time_that_is_too_long(tmp_path: Path) -> None:
    still = walk(2)[:1] + np.random.default_rng(1).normal(0, 0.003, (N_FRAMES, 8, 3))
    frames = read_frames_of(write_dump(tmp_path / "x", still), **DUMP)
    cautions = doubts(frames, temperature_K=600.0)
    assert any("is the time between frames too long" in caution for caution in cautions)


def test_elements_of_a_dump_from_a_data_file(tmp_path: Path) -> None:
    dump = write_dump(tmp_path / "x.lammpstrj", walk(5))
    topology = data_file(tmp_path / "x.data", "charge")
    frames = read_frames_of(dump, topology=topology, timestep_fs=2.0)
    assert frames.species == ("Li",) * 4 + ("Cl",) * 4


def test_the_column_element(tmp_path: Path) -> None:
    def dump(names: tuple[str, str]) -> Path:
        text = dump_text(walk(5)).replace("id type xu", "id type element xu")
        for kind, name in enumerate(names, start=1):
            for atom in range(4 * kind - 3, 4 * kind + 1):
                text = text.replace(f"\n{atom} {kind} ", f"\n{atom} {kind} {name} ")
        path = tmp_path / "x"
        path.write_text(text)
        return path

    assert read_frames_of(dump(("Li", "Cl")), timestep_fs=2.0).notes == ()
    with pytest.raises(MlipsseError, match="calls atoms of 2 types C, as LAMMPS does without"):
        read_frames_of(dump(("C", "C")), timestep_fs=2.0)
    for names in (("C", "C"), ("Cl", "Li")):
        frames = read_frames_of(dump(names), **DUMP)
        assert frames.species == ("Li",) * 4 + ("Cl",) * 4
        (note,) = frames.notes
        assert f"names types otherwise (1 {names[0]}, 2 {names[1]})" in note
    assert read_frames_of(dump(("Li", "Cl")), **DUMP).notes == ()


def test_rdf(tmp_path: Path) -> None:
    """Rocksalt: six neighbours at half an edge, twelve of the same kind at the half diagonal."""
    from ase.build import bulk

    atoms = bulk("LiCl", "rocksalt", a=5.0, cubic=True).repeat((3, 3, 3))
    rng = np.random.default_rng(0)
    lines = []
    for _ in range(4):
        lines += [str(len(atoms)), "no cell"]
        places = atoms.positions + rng.normal(0, 0.02, atoms.positions.shape)
        lines += [
            f"{name} {x:.5f} {y:.5f} {z:.5f}"
            for name, (x, y, z) in zip(atoms.symbols, places, strict=True)
        ]
    path = tmp_path / "x.xyz"
    path.write_text("\n".join(lines) + "\n")
    out = tmp_path / "out"
    arguments = ["transport", "rdf", str(path), "--cell", "15", "--mobile", "Li"]
    done = CliRunner().invoke(app, [*arguments, "--out", str(out), "--json"])
    assert done.exit_code == 0, done.output
    answer = json.loads(done.output)
    assert answer["pairs"]["Cl-Li"]["first_peak_A"] == pytest.approx(2.5, abs=0.06)
    assert answer["pairs"]["Li-Li"]["closest_A"] == pytest.approx(5 / np.sqrt(2), abs=0.15)
    assert {Path(name).name for name in answer["files"]} == {"rdf.csv", "rdf.png", "rdf.svg"}
    table = np.genfromtxt(out / "rdf.csv", delimiter=",", names=True)
    assert table["n_Cl_around_Li"][np.searchsorted(table["r_A"], 3.0)] == pytest.approx(6)
    assert table["n_Li_around_Li"][np.searchsorted(table["r_A"], 4.2)] == pytest.approx(12)
    assert "Cl-Li" in CliRunner().invoke(app, arguments).output
    for wrong, words in (
        ("--mobile Na", "The trajectory contains no Na"),
        ("--cell 1,2", "is not a cell"),
        ("--cell -15", "above 0 Å"),
    ):
        refused = CliRunner().invoke(app, [*arguments, *wrong.split()])
        assert words in str(refused.exception)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("12", 12.0**3), ("10,11,12", 1320.0), ("10,10,10,90,90,60", 1000 * np.sqrt(0.75)),
     ("10,0,0,5,10,0,0,0,10", 1000.0)],
)  # fmt: skip
def test_cells_that_are_given(tmp_path: Path, text: str, expected: float) -> None:
    path = write_xyz(tmp_path / "x.xyz", walk(N_FRAMES, step_A=0.1), [""] * N_FRAMES, plain=True)
    done = CliRunner().invoke(
        app, ["transport", "diffusivity", str(path), "--mobile", "Li", "--cell", text,
              "--frame-spacing", "0.1", "--temperature", "600", "--json"],
    )  # fmt: skip
    assert done.exit_code in (0, 3), done.output
    assert json.loads(done.output)["volume_A3"] == pytest.approx(expected)


def test_peers_answer_also_where_our_fit_refuses(tmp_path: Path) -> None:
    pytest.importorskip("pymatgen.analysis.diffusion.analyzer")
    still = walk(2)[:1] + np.random.default_rng(1).normal(0, 0.1, (N_FRAMES, 8, 3))
    path = write_dump(tmp_path / "x", still)
    arguments = ["transport", "diffusivity", str(path), "--mobile", "Li", "--species", "Li,Cl",
                 "--timestep", "2", "--temperature", "600", "--pymatgen"]  # fmt: skip
    done = CliRunner().invoke(app, [*arguments, "--json"])
    assert done.exit_code == 3
    answer = json.loads(done.output)
    assert answer["diffusivity_cm2_s"] is None
    assert np.isfinite(answer["pymatgen_diffusivity_cm2_s"])
    assert "pymatgen:" in CliRunner().invoke(app, arguments).output
