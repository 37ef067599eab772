import numpy as np
import pytest
from ase.geometry import cellpar_to_cell

from mlipsse.errors import MlipsseError
from mlipsse.transport import Trajectory, read_run

DIMENSIONS = (11.0, 12.0, 13.0, 80.0, 75.0, 65.0)


def test_one_part_in_a_triclinic_cell(make_run, full):
    run = read_run(make_run({500: 21}))
    np.testing.assert_array_equal(run.positions, full.astype(float))
    assert run.positions.dtype == np.float64
    assert run.species == ("Li", "Li", "In", "Cl", "Cl")
    assert run.frame_spacing_ps == pytest.approx(0.2)
    assert run.duration_ps == pytest.approx(4.0)
    assert run.temperature_K == 800.0
    # a along x, b in xy: the frame that LAMMPS writes positions in
    np.testing.assert_allclose(run.cell, cellpar_to_cell(DIMENSIONS), atol=1e-5)
    assert run.volume_A3 == pytest.approx(abs(np.linalg.det(cellpar_to_cell(DIMENSIONS))), rel=1e-6)


def test_parts_are_cut_at_the_next_start_and_the_seam_counts_once(make_run, full):
    # the first part ran on to step 1400 before it was killed; the restart was of step 1200
    run = read_run(make_run({500: 10, 1200: 8, 1900: 7}))
    np.testing.assert_array_equal(run.positions, full.astype(float))


def test_torn_last_frame_is_dropped(make_run, full):
    folder = make_run({500: 10, 1300: 13})
    torn = folder / "traj.500.dcd"
    torn.write_bytes(torn.read_bytes()[:-37])
    np.testing.assert_array_equal(read_run(folder).positions, full.astype(float))


def test_torn_frame_that_nobody_repeats_is_missing(make_run):
    folder = make_run({500: 21})
    torn = folder / "traj.500.dcd"
    torn.write_bytes(torn.read_bytes()[:-37])
    with pytest.raises(MlipsseError, match=r"1 of 21 frames are missing, steps 2500\."):
        read_run(folder)


def test_gap_names_the_steps(make_run):
    with pytest.raises(MlipsseError, match=r"5 of 21 frames are missing, steps 1000 to 1400\."):
        read_run(make_run({500: 5, 1500: 11}))


def test_part_without_a_frame_is_passed_over(make_run, full):
    folder = make_run({500: 10, 1300: 13})
    (folder / "traj.1200.dcd").write_bytes(b"")
    np.testing.assert_array_equal(read_run(folder).positions, full.astype(float))


@pytest.mark.parametrize("size", [10, 100, 276])
def test_part_with_nothing_but_a_piece_of_header(make_run, full, size):
    folder = make_run({500: 10, 1300: 13})
    (folder / "traj.1200.dcd").write_bytes((folder / "traj.500.dcd").read_bytes()[:size])
    np.testing.assert_array_equal(read_run(folder).positions, full.astype(float))


def test_garbage_of_the_right_shape_is_named(make_run):
    folder = make_run({500: 21})
    path = folder / "traj.500.dcd"
    content = bytearray(path.read_bytes())
    content[4:8] = b"VELD"  # no coordinates by the first record
    path.write_bytes(content)
    with pytest.raises(MlipsseError, match=r"traj\.500\.dcd cannot be read as a DCD"):
        read_run(folder)


def test_garbled_frame_and_what_follows_it_are_missing(make_run):
    folder = make_run({500: 21})
    path = folder / "traj.500.dcd"
    content = bytearray(path.read_bytes())
    frame = 56 + 3 * (4 * 5 + 8)
    start = len(content) - 3 * frame
    content[start : start + 4] = b"\0\0\0\0"
    path.write_bytes(content)
    with pytest.raises(MlipsseError, match=r"3 of 21 frames are missing, steps 2300 to 2500\."):
        read_run(folder)


def test_parts_that_do_not_continue_each_other(make_run, full):
    folder = make_run({500: 10})
    shifted = full.copy()
    shifted[:, 0, 0] += 11.0  # a restart that lost an image flag
    make_run({1200: 14}, positions=shifted)
    with pytest.raises(MlipsseError, match=r"disagree by 11\.00 Å .* step 1200"):
        read_run(folder)


def test_cell_that_changes_between_parts(make_run):
    with pytest.raises(MlipsseError, match="cell"):
        read_run(make_run({500: 10, 1300: 13}, dimensions={1300: (11.1, 12, 13, 80, 75, 65)}))


def test_number_of_species_must_fit(make_run):
    with pytest.raises(MlipsseError, match="5 atoms but the run has 4"):
        read_run(make_run({500: 21}, record={"species": ["Li", "Li", "In", "Cl"]}))


@pytest.mark.parametrize("every", [0, 5000])
def test_no_frame_spacing(make_run, every):
    with pytest.raises(MlipsseError, match=f"frames every {every} of 2000"):
        read_run(make_run({500: 21}, record={"dump_every_steps": every}))


def test_no_trajectory_yet(make_run):
    with pytest.raises(MlipsseError, match="contains no frames"):
        read_run(make_run({}))


def test_nan_names_the_frame(make_run, full):
    broken = full.copy()
    broken[7, 1, 2] = np.nan
    with pytest.raises(MlipsseError, match=r"frame 7 of .* are not finite"):
        read_run(make_run({500: 21}, positions=broken))


def test_folder_of_no_run(tmp_path):
    with pytest.raises(MlipsseError, match=r"run\.json"):
        read_run(tmp_path)


def trajectory(**changes):
    values = {
        "positions": np.zeros((3, 2, 3)),
        "species": ("Li", "Cl"),
        "cell": np.eye(3),
        "frame_spacing_ps": 0.1,
        "temperature_K": 300.0,
    }
    return Trajectory(**{**values, **changes})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"positions": np.zeros((0, 2, 3))}, "no frame"),
        ({"positions": np.full((3, 2, 3), np.inf)}, "frame 0 are not finite"),
        ({"positions": np.zeros((3, 2))}, "shape"),
        ({"species": ("Li",)}, "2 atoms, but 1 species"),
        ({"temperature_K": 0.0}, "above 0 K"),
        ({"temperature_K": -5.0}, "above 0 K"),
        ({"temperature_K": float("nan")}, "above 0 K"),
        ({"frame_spacing_ps": 0.0}, "above 0 ps"),
        ({"cell": np.zeros((3, 3))}, "volume"),
        ({"cell": np.full((3, 3), np.nan)}, "volume"),
    ],
)
def test_trajectory_checks_its_border(changes, words):
    with pytest.raises(MlipsseError, match=words):
        trajectory(**changes)


def test_absent_species():
    with pytest.raises(MlipsseError, match=r"The trajectory contains no Na\. Choose among Li, Cl"):
        trajectory().indices("Na")
