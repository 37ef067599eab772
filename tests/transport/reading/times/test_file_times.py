"""Steps and times as programs write them: taken, and compared with the series and options."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import write

from mlipsse.errors import MlipsseError
from mlipsse.transport.reading.frames import iterate_frames, read_frames_of
from tests.support.trajectories.trajectory_files import BOX_A, dump_text, walk
from tests.support.trajectories.xyz_files import write_xyz

N_FRAMES = 40


def spacing(path: Path, **options: object) -> float:
    """Of the whole file, and the same of its blocks."""
    whole = read_frames_of(path, **options)
    blocks = list(iterate_frames(path, block_frames=7, **options))
    assert blocks[-1].frame_spacing_ps == pytest.approx(whole.frame_spacing_ps)
    found = np.concatenate([block.positions for block in blocks])
    np.testing.assert_allclose(found, whole.positions, atol=1e-9)
    assert blocks[-1].notes == whole.notes
    return whole.frame_spacing_ps


@pytest.mark.parametrize(
    ("head", "options", "expected"),
    [
        ("Time={t:.3f}", {}, 0.1),  # GPUMD: fs
        ("time_fs={t:.3f}", {}, 0.1),  # janus-core
        ("sim_time_fs={t:.3f}", {}, 0.1),
        ("t_fs={t:.3f} T={t}", {}, 0.1),
        ("time_ps={p:.6f}", {}, 0.1),
        ("Timestep={s} Time={p:.6f}", {}, 0.1),  # LAMMPS' dump extxyz in metal units
        ("Timestep={s} Time={t:.6f}", {}, 0.1),  # and in real ones
        ("Timestep={s}", {"timestep_fs": 1.0}, 0.1),
        ("step={s}", {"timestep_fs": 2.0}, 0.2),
        ("md_step={s}", {"frame_spacing_ps": 0.3}, 0.3),
        ("time={t}", {"frame_spacing_ps": 0.1}, 0.1),
        ("t={t} T=300.0", {"frame_spacing_ps": 0.1}, 0.1),
        ("T={s} step={s}", {"timestep_fs": 1.0}, 0.1),  # a temperature that rises
        ('time="{p:.6f} ps"', {}, 0.1),
        ('Time="{t:.3f} fs" T=300', {}, 0.1),
        ("time={t:.3f}fs", {}, 0.1),
        ('t="{p:.6f} [ps]"', {}, 0.1),
        ('sim_time_fs="{t:.3f} fs"', {}, 0.1),
        ('time="{p:.6f}" step={s}', {"timestep_fs": 1.0}, 0.1),
        ("time={p}", {"frame_spacing_ps": 0.1}, 0.1),
        ("timestep=2.0", {"frame_spacing_ps": 0.1}, 0.1),  # does not change: no stamp
        ("Time={t:.0f} temperature=300 energy=-1.0", {"frame_spacing_ps": 0.1}, 0.1),
    ],
)
def test_xyz_heads(tmp_path: Path, head: str, options: dict[str, float], expected: float) -> None:
    heads = [head.format(s=100 * k, t=100.0 * k, p=0.1 * k) for k in range(N_FRAMES)]
    path = write_xyz(tmp_path / "x.xyz", walk(N_FRAMES), heads)
    assert spacing(path, **options) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("head", "options", "words"),
    [
        ("Time={t:.3f}", {"frame_spacing_ps": 0.2}, r"has 0.1 ps between.*but 0.2 ps are given"),
        ("time_fs={t}", {"frame_spacing_ps": 100}, r"has 0.1 ps between.*but 100 ps are given"),
        (
            "time={t}",
            {},
            r"has 100 or 0.1 ps between its frames, as it does not name the unit of its times",
        ),
        ("time={t}", {"frame_spacing_ps": 0.2}, r"has 100 or 0.1 ps between.*but 0.2 ps are given"),
        (
            "Timestep={s} Time={p}",
            {"timestep_fs": 2.0},
            r"records 1 fs per step, but 2 fs are given",
        ),
        ("step={s}", {}, r"lists steps, not times"),
        ("t={t}", {}, r"has 100 or 0.1 ps between its frames, as it does not name the unit"),
        ("t={t}", {"frame_spacing_ps": 0.2}, r"has 100 or 0.1 ps between.*but 0.2 ps are given"),
        ("sim_time={t}", {}, r"has 100 or 0.1 ps between its frames"),
        ('time="{p} ps"', {"frame_spacing_ps": 0.2}, r"has 0.1 ps between.*but 0.2 ps are given"),
        ('time="{p} a.u."', {"frame_spacing_ps": 0.1}, "whose unit is not known. Write the number"),
        ('time_fs="{p} ps"', {}, "with time_fs='0.0 ps', whose unit is not that of time_fs"),
        ("{mixed}", {}, r"Frame 20 of .* lacks the time_fs that the first has"),
        ("step={s}", {"timestep_fs": 1.0, "frame_spacing_ps": 0.2}, r"has 0.1 ps .* 0.2 ps are"),
        ("Time={late}", {}, r"frames are 100, 500 fs apart \(first change after frame 29\)"),
        ("step={late}", {"timestep_fs": 1.0}, r"frames are 100, 500 steps apart"),
        ("{half}", {}, r"Frame 20 of .* lacks the Time that the first has"),
    ],
)
def test_xyz_heads_that_disagree(
    tmp_path: Path, head: str, options: dict[str, float], words: str
) -> None:
    heads = [
        head.format(
            s=100 * k,
            t=100.0 * k,
            p=0.1 * k,
            late=100 * k + 400 * max(0, k - 29),
            mixed=f'time="{100.0 * k} fs"' if k < 20 else f'time="{0.1 * k} ps"',
            half=f"Time={100.0 * k}" if k < 20 else "energy=1.0",
        )
        for k in range(N_FRAMES)
    ]
    path = write_xyz(tmp_path / "x.xyz", walk(N_FRAMES), heads)
    with pytest.raises(MlipsseError, match=words):
        read_frames_of(path, **options)
    with pytest.raises(MlipsseError, match=words):
        list(iterate_frames(path, block_frames=7, **options))


def with_column(path: Path, name: str, values: np.ndarray, rows: np.ndarray) -> Path:
    """Frames whose rows come in the order `rows` (n_frames, 8), with a column of `values`."""
    places, lines = walk(N_FRAMES), []
    for frame, order in enumerate(rows):
        lines += ["8", f'Lattice="{BOX_A} 0 0 0 {BOX_A} 0 0 0 {BOX_A}" '
                  f"Properties={name}:I:1:species:S:1:pos:R:3 time_fs={100 * frame}"]  # fmt: skip
        for atom in order:
            place = " ".join(f"{x:.8f}" for x in places[frame, atom] % BOX_A)
            lines.append(f"{values[frame, atom]} Li {place}")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("name", ["id", "index", "Serial", "tag"])
def test_a_column_that_numbers_the_atoms_gives_their_order(tmp_path: Path, name: str) -> None:
    """Atoms of one element in another order in each frame: only the column shows it."""
    rng = np.random.default_rng(1)
    rows = np.array([rng.permutation(8) for _ in range(N_FRAMES)])
    path = with_column(tmp_path / "x.xyz", name, np.tile(np.arange(8), (N_FRAMES, 1)), rows)
    found = read_frames_of(path).positions
    np.testing.assert_allclose(found - found[0], walk(N_FRAMES) - walk(N_FRAMES)[0], atol=1e-6)


def test_columns_that_may_number_the_atoms(tmp_path: Path) -> None:
    """Two atoms of one tag: no numbers of atoms. Numbers that change with the frame: refused."""
    rows = np.tile(np.arange(8), (N_FRAMES, 1))
    tags = np.tile(np.arange(8) // 2, (N_FRAMES, 1))
    found = read_frames_of(with_column(tmp_path / "x.xyz", "tag", tags, rows)).positions
    np.testing.assert_allclose(found - found[0], walk(N_FRAMES) - walk(N_FRAMES)[0], atol=1e-6)
    with pytest.raises(MlipsseError, match="two atoms have one id"):
        read_frames_of(with_column(tmp_path / "y.xyz", "id", tags, rows))
    running = rows + 8 * np.arange(N_FRAMES)[:, None]
    with pytest.raises(MlipsseError, match=r"Frame 1 of .* other atoms"):
        read_frames_of(with_column(tmp_path / "z.xyz", "index", running, rows))
    with pytest.raises(MlipsseError, match="ids that are no whole numbers"):
        read_frames_of(with_column(tmp_path / "w.xyz", "id", rows + 0.5, rows))


def test_plain_xyz_of_cp2k_and_lammps(tmp_path: Path) -> None:
    """Without cells, which are given."""
    places = walk(N_FRAMES)
    cell = BOX_A * np.eye(3)
    heads = [f" i = {10 * k:8d}, time = {5.0 * k:12.3f}, E = -17.1" for k in range(N_FRAMES)]
    path = write_xyz(tmp_path / "x-pos-1.xyz", places, heads, plain=True)
    assert spacing(path, cell=cell) == pytest.approx(0.005)
    with pytest.raises(MlipsseError, match=r"Frame 0 of .* has no cell.*--cell"):
        read_frames_of(path)
    heads = [f"Atoms. Timestep: {50 * k}" for k in range(N_FRAMES)]
    path = write_xyz(tmp_path / "y.xyz", places, heads, plain=True, names=("1", "2"))
    options = {"species": ("Li", "Cl"), "timestep_fs": 2.0, "cell": cell}
    assert spacing(path, **options) == pytest.approx(0.1)
    assert read_frames_of(path, **options).species == ("Li",) * 4 + ("Cl",) * 4


def test_xyz_of_i_pi(tmp_path: Path) -> None:
    box = f"{BOX_A} {BOX_A} {BOX_A} 90 90 90"
    heads = [
        f"# CELL(abcABC): {box} Step: {10 * k} Bead: 0 positions{{angstrom}} cell{{angstrom}}"
        for k in range(N_FRAMES)
    ]
    path = write_xyz(tmp_path / "x.xyz", walk(N_FRAMES), heads, plain=True)
    assert spacing(path, timestep_fs=1.0) == pytest.approx(0.01)
    np.testing.assert_allclose(read_frames_of(path, timestep_fs=1.0).cell, BOX_A * np.eye(3))
    path.write_text(path.read_text().replace("{angstrom}", "{atomic_unit}"))
    with pytest.raises(MlipsseError, match="has lengths in atomic_unit, as i-PI writes them"):
        read_frames_of(path, timestep_fs=1.0)


def test_a_cell_that_is_given_beside_one_in_the_file(tmp_path: Path) -> None:
    path = write_xyz(tmp_path / "x.xyz", walk(5), ["Time={100 * k}"] * 5)
    with pytest.raises(MlipsseError, match="has a cell of 12, 12, 12 Å, but one of 24, 24, 24 Å"):
        read_frames_of(path, cell=24 * np.eye(3), frame_spacing_ps=0.1)


def test_times_in_traj(tmp_path: Path) -> None:
    frames = []
    for k, place in enumerate(walk(N_FRAMES)):
        atoms = Atoms("Li4Cl4", positions=place, cell=[BOX_A] * 3, pbc=True)
        atoms.info["time_fs"] = 50.0 * k
        frames.append(atoms)
    write(tmp_path / "x.traj", frames)
    assert spacing(tmp_path / "x.traj") == pytest.approx(0.05)
    with pytest.raises(MlipsseError, match=r"has 0.05 ps .* 0.1 ps are given"):
        read_frames_of(tmp_path / "x.traj", frame_spacing_ps=0.1)


def test_a_traj_of_other_atoms(tmp_path: Path) -> None:
    frames = [Atoms("Li4Cl4", place, cell=[BOX_A] * 3, pbc=True) for place in walk(6)]
    for other, words in ((frames[4][::-1], "in another order"), (frames[4][:7], "other atoms")):
        write(tmp_path / "x.traj", [*frames[:4], other, frames[5]])
        with pytest.raises(MlipsseError, match=rf"Frame 4 of .* {words}"):
            read_frames_of(tmp_path / "x.traj", frame_spacing_ps=0.1)


def timed_dump(path: Path, times: np.ndarray, *, units: str | None, every: int = 100) -> Path:
    text = dump_text(walk(len(times)), every=every)
    for frame, time in enumerate(times):
        old = f"ITEM: TIMESTEP\n{every * frame}\n"
        text = text.replace(old, f"ITEM: TIME\n{time:.16g}\n{old}")
    path.write_text(("" if units is None else f"ITEM: UNITS\n{units}\n") + text)
    return path


def test_all_clocks_of_a_dump_count(tmp_path: Path) -> None:
    """`fix dt/reset` changes the time step in the middle, and steps stay even."""
    times = 0.1 * np.arange(N_FRAMES)
    options = {"species": ("Li", "Cl")}
    for units, unit_ps in (("metal", 1.0), ("real", 1e-3), (None, 1.0)):
        path = timed_dump(tmp_path / "x", times / unit_ps, units=units)
        assert spacing(path, **options) == pytest.approx(0.1)
    times[20:] += 0.05 * np.arange(1, 21)
    path = timed_dump(tmp_path / "x", times, units="metal")
    for read in (read_frames_of, lambda *a, **k: list(iterate_frames(*a, block_frames=6, **k))):
        with pytest.raises(MlipsseError, match=r"frames are 0.1, 0.15 ps apart .*after frame 19"):
            read(path, **options)


def test_vasp_counts_of_one_run_and_of_several(tmp_path: Path) -> None:
    """NBLOCK 10: numbers are steps; a run that is continued begins anew at 10."""
    places = walk(60)

    def xdatcar(some: np.ndarray, *, every: int = 10, first: int = 10, names: str = "Li Cl") -> str:
        text = f"run\n 1\n {BOX_A} 0 0\n 0 {BOX_A} 0\n 0 0 {BOX_A}\n {names}\n 4 4\n"
        for k, place in enumerate(some):
            text += f"Direct configuration={first + every * k:6d}\n"
            text += "".join("".join(f"{x:12.8f}" for x in row) + "\n" for row in place / BOX_A % 1)
        return text

    one = tmp_path / "XDATCAR"
    one.write_text(xdatcar(places))
    assert spacing(one, timestep_fs=2.0) == pytest.approx(0.02)
    with pytest.raises(MlipsseError, match="lists steps, not times"):
        read_frames_of(one)
    with pytest.raises(MlipsseError, match=r"has 0.02 ps .* 0.002 ps are given"):
        read_frames_of(one, timestep_fs=2.0, frame_spacing_ps=0.002)
    one.write_text(xdatcar(places[:30]) + xdatcar(places[30:]))
    found = read_frames_of(one, timestep_fs=2.0)
    np.testing.assert_allclose(found.positions - found.positions[0], places - places[0], atol=1e-6)
    (note,) = found.notes
    assert "2 runs one after the other are joined" in note
    spacing(one, timestep_fs=2.0)
    one.write_text(xdatcar(places[:30]) + xdatcar(places[29:]))  # its first is the last before
    assert len(read_frames_of(one, timestep_fs=2.0).positions) == 60
    two = tmp_path / "XDATCAR.2"
    one.write_text(xdatcar(places[:30]))
    for start in (29, 30):
        two.write_text(xdatcar(places[start:]))
        found = read_frames_of([one, two], timestep_fs=2.0)
        np.testing.assert_allclose(
            found.positions - found.positions[0], places - places[0], atol=1e-6
        )
    two.write_text(xdatcar(places[30:], every=50, first=50))
    with pytest.raises(MlipsseError, match="frames are 10, 50 steps apart"):
        read_frames_of([one, two], timestep_fs=2.0)
    one.write_text(xdatcar(places, names="Li_sv/0a1b2c3d Cl_h"))
    assert read_frames_of(one, timestep_fs=2.0).species[::4] == ("Li", "Cl")


def test_rows_of_an_xdatcar(tmp_path: Path) -> None:
    """Names behind the coordinates, and numbers that run together."""
    places = walk(20)
    head = f"run\n 1\n {BOX_A} 0 0\n 0 {BOX_A} 0\n 0 0 {BOX_A}\n Li Cl\n 4 4\n"
    fractions = (places / BOX_A + 0.5) % 1 - 0.5
    for row in ("%12.8f%12.8f%12.8f Li\n", "%11.8f%11.8f%11.8f\n", "%.8E %.8E %.8E T T F\n"):
        text = head
        for k, some in enumerate(fractions):
            text += f"Direct configuration={k + 1:6d}\n" + "".join(row % tuple(f) for f in some)
        (tmp_path / "XDATCAR").write_text(text)
        found = read_frames_of(tmp_path / "XDATCAR", frame_spacing_ps=0.1).positions
        np.testing.assert_allclose(found - found[0], places - places[0], atol=1e-6)


@pytest.fixture(scope="module")
def first_pdb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("topology") / "first.pdb"
    write(path, Atoms("Li4Cl4", positions=walk(1)[0], cell=[BOX_A] * 3, pbc=True))
    return path


def netcdf(
    path: Path,
    times: np.ndarray,
    unit: str,
    scale: float | None = None,
    ids: np.ndarray | None = None,
) -> Path:
    from scipy.io import netcdf_file

    places = walk(len(times))
    with netcdf_file(str(path), "w", version=2) as file:
        file.Conventions, file.ConventionVersion = "AMBER", "1.0"
        file.program, file.programVersion = "test", "1"
        for name, size in (("frame", None), ("spatial", 3), ("atom", 8), ("cell_spatial", 3),
                           ("cell_angular", 3), ("label", 5)):  # fmt: skip
            file.createDimension(name, size)
        time = file.createVariable("time", "f4", ("frame",))
        time.units = unit
        if scale is not None:
            time.scale_factor = scale
        place = file.createVariable("coordinates", "f4", ("frame", "atom", "spatial"))
        place.units = "angstrom"
        lengths = file.createVariable("cell_lengths", "f8", ("frame", "cell_spatial"))
        lengths.units = "angstrom"
        angles = file.createVariable("cell_angles", "f8", ("frame", "cell_angular"))
        angles.units = "degree"
        for k in range(len(times)):
            time[k], place[k], lengths[k], angles[k] = times[k], places[k], BOX_A, 90.0
        if ids is not None:
            number = file.createVariable("id", "i4", ("frame", "atom"))
            for k in range(len(times)):
                number[k] = ids[k]
                place[k] = places[k][ids[k] - 1]
    return path


def test_netcdf(tmp_path: Path, first_pdb: Path) -> None:
    options = {"topology": first_pdb}
    path = netcdf(tmp_path / "x.nc", 0.1 * np.arange(30), "picosecond")
    assert spacing(path, **options) == pytest.approx(0.1)
    path = netcdf(tmp_path / "x.nc", 100.0 * np.arange(30), "picosecond", 0.002)  # LAMMPS: steps
    assert spacing(path, **options) == pytest.approx(0.2)
    path = netcdf(tmp_path / "x.nc", 100.0 * np.arange(30), "femtosecond")
    assert spacing(path, **options) == pytest.approx(0.1)
    found = read_frames_of(path, topology=first_pdb).positions
    np.testing.assert_allclose(found - found[0], walk(30) - walk(30)[0], atol=1e-5)
    times = 0.1 * np.arange(30)
    times[15:] += 0.3 * np.arange(1, 16)
    path = netcdf(tmp_path / "x.nc", times, "picosecond")
    with pytest.raises(MlipsseError, match=r"frames are 0.1, 0.4 ps apart"):
        read_frames_of(path, topology=first_pdb)


def test_ids_of_netcdf(tmp_path: Path, first_pdb: Path) -> None:
    """LAMMPS writes atoms in any order, with their ids, which are those of the first frame."""
    rng = np.random.default_rng(3)
    ids = np.array([1 + rng.permutation(8) for _ in range(30)])
    times = 0.1 * np.arange(30)
    path = netcdf(tmp_path / "x.nc", times, "picosecond", ids=ids)
    found = read_frames_of(path, topology=first_pdb).positions
    np.testing.assert_allclose(found - found[0], walk(30) - walk(30)[0], atol=1e-5)
    twice = ids.copy()
    twice[20, 0] = twice[20, 1]
    path = netcdf(tmp_path / "x.nc", times, "picosecond", ids=twice)
    with pytest.raises(MlipsseError, match=r"Frame 20 of .* contains other atoms than the first"):
        read_frames_of(path, topology=first_pdb)


def h5md(
    path: Path,
    *,
    unit: str | None,
    times: np.ndarray | float,
    steps: object,
    length: str | None = "Angstrom",
    factor: float = 1.0,
) -> Path:
    import h5py

    places = walk(30)
    with h5py.File(path, "w") as file:
        file.create_group("h5md").attrs["version"] = [1, 1]
        file["h5md"].create_group("author").attrs["name"] = "x"
        creator = file["h5md"].create_group("creator")
        creator.attrs["name"], creator.attrs["version"] = "x", "1"
        atoms = file.create_group("particles/all")
        box = atoms.create_group("box")
        box.attrs["dimension"], box.attrs["boundary"] = 3, ["periodic"] * 3
        position = atoms.create_group("position")
        position["value"] = factor * places
        if length is not None:
            position["value"].attrs["unit"] = length
        position["time"] = times
        position["step"] = steps
        if unit is not None:
            position["time"].attrs["unit"] = unit
        edges = box.create_group("edges")
        edges["value"] = np.tile(factor * BOX_A * np.eye(3), (30, 1, 1))
        edges["time"], edges["step"] = position["time"], position["step"]
    return path


def test_h5md(tmp_path: Path, first_pdb: Path) -> None:
    steps = 100 * np.arange(30)
    for unit, factor in (("ps", 1.0), ("fs", 1e3)):
        times = 0.1 * factor * np.arange(30)
        path = h5md(tmp_path / f"{unit}.h5md", unit=unit, times=times, steps=steps)
        assert spacing(path, topology=first_pdb) == pytest.approx(0.1)
    times[20:] += 50
    path = h5md(tmp_path / "x.h5md", unit="fs", times=times, steps=steps)
    with pytest.raises(MlipsseError, match=r"frames are 100, 150 fs apart"):
        read_frames_of(path, topology=first_pdb)


def test_h5md_without_units(tmp_path: Path, first_pdb: Path) -> None:
    """The unit of the time is an option; that of lengths is the line that writes it."""
    import h5py

    series = {"times": 0.1 * np.arange(30), "steps": 100 * np.arange(30)}
    timeless = h5md(tmp_path / "a.h5md", unit=None, **series)
    assert spacing(timeless, topology=first_pdb) == pytest.approx(0.1)  # by its steps
    series["steps"] = np.zeros(30)
    timeless = h5md(tmp_path / "b.h5md", unit=None, **series)
    with pytest.raises(MlipsseError, match=r"does not name the unit of its times. Give the time"):
        read_frames_of(timeless, topology=first_pdb)
    assert spacing(timeless, topology=first_pdb, frame_spacing_ps=0.1) == pytest.approx(0.1)
    for number, unit in enumerate((None, "furlong")):
        path = h5md(tmp_path / f"{number}.h5md", unit="ps", length=unit, **series)
        wrong = "no unit" if unit is None else "the unit 'furlong', which is not known"
        with pytest.raises(MlipsseError, match=rf"has {wrong} for the lengths in particles/all/po"):
            read_frames_of(path, topology=first_pdb)
        with h5py.File(path, "r+") as file:  # as the sentence says
            file["particles/all/position/value"].attrs["unit"] = "Angstrom"
        assert spacing(path, topology=first_pdb) == pytest.approx(0.1)


def test_lengths_of_h5md(tmp_path: Path, first_pdb: Path) -> None:
    for unit, factor in (("Angstrom", 1.0), ("nm", 0.1), ("pm", 100.0)):
        times, steps = 0.1 * np.arange(30), np.arange(30)
        path = h5md(
            tmp_path / f"{unit}.h5md",
            unit="ps",
            times=times,
            steps=steps,
            length=unit,
            factor=factor,
        )
        frames = read_frames_of(path, topology=first_pdb)
        np.testing.assert_allclose(frames.cell, BOX_A * np.eye(3), atol=1e-4)
        moved = frames.positions - frames.positions[0]
        np.testing.assert_allclose(moved, walk(30) - walk(30)[0], atol=1e-3)


def test_heads_of_dcd(tmp_path: Path, first_pdb: Path) -> None:
    """LAMMPS writes ps, or fs in real units; CHARMM's unit is 48.9 fs; converters leave 1."""
    from MDAnalysis.lib.formats.libdcd import DCDFile

    places = walk(30).astype(np.float32)
    box = [BOX_A, 90.0, BOX_A, 90.0, 90.0, BOX_A]

    def dcd(remarks: str, delta: float, every: int) -> Path:
        path = tmp_path / "y.dcd"
        with DCDFile(str(path), "w") as file:
            file.write_header(
                remarks=remarks, natoms=8, istart=0, nsavc=every, delta=delta, is_periodic=1
            )
            for place in places:
                file.write(place, box)
        return path

    options = {"topology": first_pdb}
    assert spacing(dcd("Written by LAMMPS", 0.002, 50), **options) == pytest.approx(0.1)
    assert spacing(dcd("Written by LAMMPS", 2.0, 50), **options) == pytest.approx(0.1)
    assert spacing(dcd("Created by OpenMM", 0.0409, 100), **options) == pytest.approx(0.2, rel=1e-3)
    with pytest.raises(MlipsseError, match=r"has 0.1 ps .* 0.5 ps are given"):
        read_frames_of(dcd("Written by LAMMPS", 0.002, 50), frame_spacing_ps=0.5, **options)
    with pytest.raises(MlipsseError, match=r"has 0.1 ps .* given time step make 0.05 ps"):
        read_frames_of(dcd("Written by LAMMPS", 0.002, 50), timestep_fs=1.0, **options)
    with pytest.raises(MlipsseError, match="does not record the times of its frames"):
        read_frames_of(dcd("by a converter", 1.0, 1), **options)
    assert spacing(dcd("x", 1.0, 1), frame_spacing_ps=0.5, **options) == 0.5
