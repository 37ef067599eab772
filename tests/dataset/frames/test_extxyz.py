import numpy as np
import pytest
from ase import Atoms
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms
from ase.io import read

from mlipsse import keys
from mlipsse.dataset.check.measures.labelled_set import read_labelled_set
from mlipsse.dataset.frames.extxyz import read_frames, write_frames
from mlipsse.errors import MlipsseError


def _frames(n=3):
    rng = np.random.default_rng(1)
    frames = []
    for i in range(n):
        cell = np.diag([5.0, 6.0, 7.0]) + rng.normal(0, 0.1, (3, 3))
        frame = Atoms("Li3InCl6", positions=rng.uniform(0, 5, (10, 3)), cell=cell)
        frame.pbc = True
        frame.info = {
            keys.TRAJECTORY: f"Li3In0.5Y0.5Br3Cl3-o{i:03d}-T0800",
            keys.COMPOSITION: "Li3In0.5Y0.5Br3Cl3",
            keys.LABEL_SOURCE: "teacher: chgnet-r2scan (teacher labels, not DFT)",
            keys.ENERGY: float(rng.normal(-80, 1)),
            keys.STRESS: rng.normal(0, 0.01, 6),
            "time_ps": 5.001 + i,
        }
        frame.arrays[keys.FORCES] = rng.normal(0, 1, (10, 3))
        frames.append(frame)
    return frames


def test_round_trip_keeps_labels_under_our_keys(tmp_path):
    frames = _frames()
    path = tmp_path / "train.extxyz"
    write_frames(path, frames)
    for frame, back in zip(frames, read_frames(path, labelled=True), strict=True):
        assert back.calc is None
        assert back.pbc.all()
        assert back.get_chemical_symbols() == frame.get_chemical_symbols()
        assert back.positions == pytest.approx(frame.positions, abs=1e-8)
        assert back.cell[:] == pytest.approx(frame.cell[:], abs=1e-12)
        assert back.arrays[keys.FORCES] == pytest.approx(frame.arrays[keys.FORCES], abs=1e-8)
        assert back.info[keys.ENERGY] == frame.info[keys.ENERGY]
        assert back.info[keys.STRESS] == pytest.approx(frame.info[keys.STRESS], abs=0)
        for key in (keys.TRAJECTORY, keys.COMPOSITION, keys.LABEL_SOURCE, "time_ps"):
            assert back.info[key] == frame.info[key]


def test_text_is_stable(tmp_path):
    frames = _frames()
    write_frames(tmp_path / "a.extxyz", frames)
    shuffled = _frames()
    for frame in shuffled:
        frame.info = dict(reversed(frame.info.items()))
    write_frames(tmp_path / "b.extxyz", shuffled)
    text = (tmp_path / "a.extxyz").read_bytes()
    assert text == (tmp_path / "b.extxyz").read_bytes()
    write_frames(tmp_path / "c.extxyz", read_frames(tmp_path / "a.extxyz", labelled=True))
    assert text == (tmp_path / "c.extxyz").read_bytes()


def test_calculators_and_constraints_stay_behind(tmp_path):
    frame = Atoms("Cu4", positions=np.eye(4, 3) * 3, cell=[8, 8, 8], pbc=True)
    frame.calc = EMT()
    frame.get_forces()
    frame.set_constraint(FixAtoms([0]))
    write_frames(tmp_path / "frames.extxyz", [frame])
    text = (tmp_path / "frames.extxyz").read_text()
    assert "energy" not in text
    assert "forces" not in text
    assert "move_mask" not in text
    assert frame.calc is not None
    assert frame.constraints


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    def disk_full(path, frames, **options):
        path.write_text("half a fra")
        raise OSError("No space left on device")

    path = tmp_path / "frames.extxyz"
    write_frames(path, _frames(1))
    before = path.read_bytes()
    monkeypatch.setattr("ase.io.write", disk_full)
    with pytest.raises(OSError, match="No space left"):
        write_frames(path, _frames(2))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["frames.extxyz"]


def _drop(frame, key):
    (frame.arrays if key == keys.FORCES else frame.info).pop(key)


@pytest.mark.parametrize("key", [keys.ENERGY, keys.FORCES, keys.STRESS])
def test_missing_labels_are_reported(tmp_path, key):
    frames = _frames()
    _drop(frames[1], key)
    write_frames(tmp_path / "f.extxyz", frames)
    with pytest.raises(MlipsseError, match=rf"Frame 1 of .* \(Cl6InLi3\) has no {key}"):
        read_frames(tmp_path / "f.extxyz", labelled=True)
    assert len(read_frames(tmp_path / "f.extxyz", labelled=False)) == 3


def test_labels_that_are_not_finite_are_reported(tmp_path):
    path = tmp_path / "f.extxyz"
    for spoil, message in (
        (lambda f: f.info.update({keys.ENERGY: float("nan")}), f"{keys.ENERGY}: 1 of 1"),
        (lambda f: f.info[keys.STRESS].__setitem__(2, np.inf), f"{keys.STRESS}: 1 of 6"),
        (lambda f: f.arrays[keys.FORCES].__setitem__(4, np.nan), f"{keys.FORCES}: 3 of 30"),
    ):
        frames = _frames()
        spoil(frames[2])
        write_frames(path, frames)
        with pytest.raises(MlipsseError, match=rf"Frame 2 of .*{message} numbers are not finite"):
            read_frames(path, labelled=True)


def test_positions_that_are_not_finite_are_reported(tmp_path):
    frames = _frames()
    frames[0].positions[3, 1] = np.nan
    write_frames(tmp_path / "f.extxyz", frames)
    with pytest.raises(MlipsseError, match=r"Frame 0 .*positions: 1 of 30"):
        read_frames(tmp_path / "f.extxyz", labelled=False)


def test_labels_of_wrong_shape_are_reported(tmp_path):
    path = tmp_path / "f.extxyz"
    for spoil, message in (
        (lambda f: f.info.update({keys.STRESS: np.eye(3)}), r"REF_stress has shape \(3, 3\)"),
        (lambda f: f.info.update({keys.ENERGY: "low"}), "REF_energy has shape"),
        (
            lambda f: f.arrays.update({keys.FORCES: np.ones((10, 2))}),
            r"REF_forces has shape \(10, 2\)",
        ),
    ):
        frames = _frames()
        spoil(frames[0])
        write_frames(path, frames)
        with pytest.raises(MlipsseError, match=message):
            read_frames(path, labelled=True)


def test_files_that_are_not_frames_are_reported(tmp_path):
    path = tmp_path / "f.extxyz"
    with pytest.raises(MlipsseError, match="There is no file"):
        read_frames(path, labelled=True)
    path.write_text("")
    with pytest.raises(MlipsseError, match=r"f\.extxyz (holds no frames|cannot be read)"):
        read_frames(path, labelled=True)
    path.write_text("two\nlines\n")
    with pytest.raises(MlipsseError, match="cannot be read as extended XYZ"):
        read_frames(path, labelled=True)
    write_frames(path, _frames())
    whole = path.read_text().splitlines(keepends=True)
    path.write_text("".join(whole[:-4]))
    with pytest.raises(MlipsseError, match="cannot be read as extended XYZ"):
        read_frames(path, labelled=True)
    with pytest.raises(MlipsseError, match="no frames to write"):
        write_frames(path, [])


def test_ase_itself_finds_the_keys_where_mace_looks(tmp_path):
    write_frames(tmp_path / "f.extxyz", _frames(1))
    frame = read(tmp_path / "f.extxyz")
    assert keys.ENERGY in frame.info
    assert keys.STRESS in frame.info
    assert keys.FORCES in frame.arrays


GPUMD = """2
Lattice="5 0 0 0 6 0 0 0 7" Properties=species:S:1:pos:R:3:force:R:3 {label}
Cu 0.0 0.0 0.0 0.1 0.2 0.3
Cu 2.5 2.5 2.5 -0.1 -0.2 -0.3
"""


@pytest.mark.parametrize(
    ("label", "factor"),
    [
        ('Energy=-3 stress="1 2 3 4 5 6"', 1.0),
        ("energy=-3 stress={1 2 3 4 5 6}", 1.0),
        ('energy=-3 stress="1 6 5 6 2 4 5 4 3"', 1.0),
        ('energy=-3 virial="1 6 5 6 2 4 5 4 3"', -1 / 210),
        ('energy=-3 Virial="1 6 5 6 2 4 5 4 3"', -1 / 210),
        ('ENERGY=-3 virial="1 2 3 4 5 6"', -1 / 210),
    ],
)
@pytest.mark.parametrize("lattice", ["Lattice", "lattice"])
def test_spellings_of_gpumd_and_six_numbers(tmp_path, label, factor, lattice):
    path = tmp_path / "train.xyz"
    path.write_text(GPUMD.format(label=label).replace("Lattice", lattice))
    (frame,) = read_labelled_set({"train": [path]}).frames
    assert frame.pbc.all()
    assert frame.get_volume() == pytest.approx(210)
    assert frame.info[keys.ENERGY] == -3
    assert frame.arrays[keys.FORCES][0] == pytest.approx([0.1, 0.2, 0.3])
    assert frame.info[keys.STRESS] == pytest.approx(factor * np.arange(1, 7))
