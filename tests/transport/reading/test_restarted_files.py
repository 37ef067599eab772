"""What files hold after restarts: frames that come again, counters reset, image flags lost."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mlipsse.cli import app
from mlipsse.errors import MlipsseError
from mlipsse.transport.reading.frames import iterate_frames, read_frames_of
from mlipsse.transport.reading.source.frames import find_restarts
from mlipsse.transport.reading.trajectory import Trajectory
from tests.support.trajectories.trajectory_files import BOX_A, DUMP, dump_text, walk, write_dump
from tests.support.trajectories.xyz_files import write_xyz, xyz_frame


def whole(path: Path, **options: object) -> Trajectory:
    return read_frames_of(path, **options)


def in_blocks(path: Path, **options: object) -> Trajectory:
    from mlipsse.transport.reading.blocks import gathered

    return gathered(list(iterate_frames(path, block_frames=13, **options)))


READS = pytest.mark.parametrize("read", [whole, in_blocks])
Read = Callable[..., Trajectory]


@pytest.mark.parametrize("stamps", [range(40, 0, -1), [1] * 40, [1, 1, 1, 2, 2, 2, 3, 3, 3]])
def test_stamps_that_fall_or_stand_still_are_refused(stamps: list[int]) -> None:
    with pytest.raises(MlipsseError, match=r"fall or stand still .* frames would be left out"):
        find_restarts(np.array(stamps), "file")


def test_stamps_that_come_again() -> None:
    found = find_restarts(np.array([0, 1, 2, 3, 4, 3, 4, 5, 5, 6]), "x")
    assert found.kept.tolist() == [1, 1, 1, 0, 0, 1, 1, 0, 1, 1]
    assert np.flatnonzero(found.seam).tolist() == [5, 8]
    assert "3 frames are left out" in str(found.note("x"))
    assert find_restarts(np.array([0, 0, 1, 2]), "x").left_out == 1
    assert find_restarts(np.arange(9), "x").note("x") is None
    for stamps in ([0, 1, 2, 0, 1, 2], [5, 6, 7, 8, 6, 7, 8, 0], [*range(9), 3]):
        with pytest.raises(MlipsseError, match=r"falls from \d to \d after frame \d"):
            find_restarts(np.array(stamps), "x")


@READS
def test_a_restart_is_counted_and_noted(tmp_path: Path, read: Read) -> None:
    places = walk(60)
    path = tmp_path / "x"
    path.write_text(dump_text(places[:40]) + dump_text(places[33:], first=3300))
    found = read(path, **DUMP)
    np.testing.assert_allclose(found.positions, places, atol=1e-8)
    assert found.notes == (
        f"{path}: 7 frames are left out because their steps occur again after a restart",
    )


@READS
def test_a_step_that_was_reset_is_refused(tmp_path: Path, read: Read) -> None:
    places = walk(60, step_A=0.5)
    path = tmp_path / "x"
    path.write_text(dump_text(places[:45]) + dump_text(places[45:]))
    with pytest.raises(MlipsseError, match=r"falls from 4400 to 0 after frame 44, further than a"):
        read(path, **DUMP)
    path.write_text(dump_text(places[:45], first=500) + dump_text(places[45:], first=3200))
    with pytest.raises(MlipsseError, match=r"does not go on at frame 27.*Li moves there by"):
        read(path, **DUMP)
    heads = [f"Timestep={100 * k}" for k in [*range(45), *range(15)]]
    xyz = write_xyz(tmp_path / "x.xyz", places, heads)
    with pytest.raises(MlipsseError, match=r"falls from 4400 to 0"):
        read(xyz, timestep_fs=1.0)


@READS
def test_files_of_two_runs_do_not_go_on(tmp_path: Path, read: Read) -> None:
    """Replicas given as if the one followed the other; XYZ without any stamp."""
    one = walk(40)
    two = one - one[0] + one[-1]
    two[:, :4] += [2.0, -1.5, 1.5]
    paths = [
        write_xyz(tmp_path / f"{k}.xyz", some, ["energy=0"] * 40)
        for k, some in enumerate((one, two))
    ]
    with pytest.raises(MlipsseError, match="does not go on at frame 40"):
        read(paths, frame_spacing_ps=0.1)


@READS
@pytest.mark.parametrize("columns", ["xu yu zu", "x y z ix iy iz", "xsu ysu zsu"])
def test_image_flags_lost_inside_a_file(tmp_path: Path, read: Read, columns: str) -> None:
    places = walk(80, step_A=0.4)
    lost = places.copy()
    for frame in (20, 50):
        lost[frame:] -= np.floor(lost[frame] / BOX_A) * BOX_A
    text = dump_text(lost if columns == "xu yu zu" else lost / BOX_A, columns=columns)
    if columns.endswith("iz"):  # positions wrapped, flags beside them
        lines = []
        images = np.floor(lost / BOX_A).astype(int).reshape(-1, 3)
        rows = iter(zip((lost % BOX_A).reshape(-1, 3), images, strict=True))
        for line in text.splitlines():
            words = line.split()
            if len(words) == 5:
                place, image = next(rows)
                line = " ".join([*words[:2], *(f"{x:.8f}" for x in place), *map(str, image)])
            lines.append(line)
        text = "\n".join(lines) + "\n"
    (tmp_path / "x").write_text(text)
    found = read(tmp_path / "x", **DUMP)
    np.testing.assert_allclose(found.positions - found.positions[0], places - places[0], atol=1e-6)
    (note,) = found.notes
    assert "image flags were lost before 2 frame(s) (20, 50)" in note


@READS
def test_long_steps_of_unwrapped_coordinates_are_believed(tmp_path: Path, read: Read) -> None:
    """Frames so far apart that ions cross the cell between them: what unwrapping is for."""
    places = walk(60, 40, step_A=9.0)
    found = read(write_dump(tmp_path / "x", places), **DUMP)
    np.testing.assert_allclose(found.positions, places, atol=1e-8)
    assert found.notes == ()


def test_lost_flags_with_a_gap_are_refused(tmp_path: Path) -> None:
    places = walk(60, 40, step_A=0.2)
    places[30:, :20] += np.random.default_rng(0).uniform(4, 14, (20, 3))
    with pytest.raises(MlipsseError, match=r"17 atoms move by more than a third .* from frame 29"):
        read_frames_of(write_dump(tmp_path / "x", places), **DUMP)


@READS
def test_torn_frames_are_counted(tmp_path: Path, read: Read) -> None:
    places = walk(60)
    path = tmp_path / "x"
    path.write_text(dump_text(places)[:-3])
    assert read(path, **DUMP).notes == (
        f"{path}: 1 frame(s) are left out that are torn, the last among them",
    )
    heads = [f"step={100 * k}" for k in range(60)]
    text = [xyz_frame(some, head) for some, head in zip(places, heads, strict=True)]
    xyz = tmp_path / "x.xyz"
    xyz.write_text("".join(text)[:-30])
    found = read(xyz, timestep_fs=1.0)
    assert len(found.positions) == 59
    assert found.notes == (f"{xyz}: 1 frame(s) are left out that are torn",)
    for cut in (10, 70, 250):  # killed while it wrote, and gone on with from a restart
        xyz.write_text("".join(text[:40])[:-cut] + "".join(text[35:]))
        found = read(xyz, timestep_fs=1.0)
        np.testing.assert_allclose(
            found.positions - found.positions[0], places - places[0], atol=1e-6
        )
        assert len(found.notes) == 2
    xyz.write_text("".join(text[:20]) + "\n\n" + "".join(text[20:]))  # blank lines hide nothing
    assert len(read(xyz, timestep_fs=1.0).positions) == 60


@READS
def test_files_that_do_not_end_their_last_line(tmp_path: Path, read: Read) -> None:
    """Joined by Python: the last row has all its decimals, and counts; a torn one has fewer."""
    places = walk(60)
    path, xyz = tmp_path / "x", tmp_path / "x.xyz"
    for cut, n_frames in ((1, 60), (2, 59), (9, 59)):
        path.write_text(dump_text(places)[:-cut])
        assert len(read(path, **DUMP).positions) == n_frames
        heads = [f"step={100 * k}" for k in range(60)]
        xyz.write_text(write_xyz(xyz, places, heads).read_text()[:-cut])
        assert len(read(xyz, timestep_fs=1.0).positions) == n_frames


def test_a_torn_xyz_without_stamps_is_refused(tmp_path: Path) -> None:
    text = [xyz_frame(some, "energy=0") for some in walk(20)]
    path = tmp_path / "x.xyz"
    path.write_text("".join(text[:10])[:-50] + "".join(text[8:]))
    with pytest.raises(MlipsseError, match=r"holds a torn frame before frame 9, and no steps"):
        read_frames_of(path, frame_spacing_ps=0.1)


@READS
def test_atoms_that_change_places_in_the_file(tmp_path: Path, read: Read) -> None:
    places = walk(60)
    rng = np.random.default_rng(3)
    text = ""
    for k, some in enumerate(places % BOX_A):
        text += f'8\nLattice="{BOX_A} 0 0 0 {BOX_A} 0 0 0 {BOX_A}" Properties=id:I:1:'
        text += f"species:S:1:pos:R:3:forces:R:3 Timestep={100 * k}\n"
        for atom in rng.permutation(8):
            row = " ".join(f"{x:.8f}" for x in some[atom])
            text += f"{atom + 1} {'Li' if atom < 4 else 'Cl'} {row} 0 0 0\n"
    path = tmp_path / "x.xyz"
    path.write_text(text)
    found = read(path, timestep_fs=1.0)
    assert found.species == ("Li",) * 4 + ("Cl",) * 4
    np.testing.assert_allclose(found.positions - found.positions[0], places - places[0], atol=1e-6)


def test_the_command_prints_what_was_left_out(tmp_path: Path) -> None:
    places = walk(60)
    path = tmp_path / "x"
    path.write_text(dump_text(places[:40]) + dump_text(places[33:], first=3300))
    options = ["--mobile", "Li", "--species", "Li,Cl", "--timestep", "2", "--temperature", "900"]
    arguments = ["transport", "diffusivity", str(path), *options]
    stated = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).output)
    assert len(stated["notes"]) == 1
    assert "Note: " + stated["notes"][0] in CliRunner().invoke(app, arguments).output
    cached = [*arguments, "--json", "--cache", str(tmp_path / "cache")]
    for _ in range(2):
        assert json.loads(CliRunner().invoke(app, cached).output)["notes"] == stated["notes"]


@READS
def test_text_between_frames(tmp_path: Path, read: Read) -> None:
    """Words of another program are noted; rows beyond the number of atoms would be atoms lost."""
    positions = walk(60)
    path = write_dump(tmp_path / "x.lammpstrj", positions)
    text = path.read_text()
    mark = "ITEM: TIMESTEP\n3000\n"
    path.write_text(text.replace(mark, f"srun: job step aborted\n{mark}"))
    frames = read(path, **DUMP)
    assert len(frames.positions) == 60
    assert any("text between 1 frame(s)" in note for note in frames.notes)
    path.write_text(text.replace("NUMBER OF ATOMS\n8", "NUMBER OF ATOMS\n7"))
    with pytest.raises(MlipsseError, match="more rows at step 0 than the 7 atoms"):
        read(path, **DUMP)


@READS
def test_atoms_in_another_order_without_an_id(tmp_path: Path, read: Read) -> None:
    frames = walk(2)
    text = xyz_frame(frames[0], "") + xyz_frame(frames[1], "", names=("Cl", "Li"))
    (tmp_path / "x.xyz").write_text(text)
    with pytest.raises(MlipsseError, match="atoms in another order than the first, and no column"):
        read(tmp_path / "x.xyz", frame_spacing_ps=0.1)
