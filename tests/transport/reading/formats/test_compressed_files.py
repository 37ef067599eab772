"""Every format by gzip, bzip2 and xz: the same frames; and LAMMPS data files as topologies."""

import bz2
import gzip
import lzma
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import write
from ase.io.vasp import write_vasp_xdatcar

from mlipsse.errors import MlipsseError
from mlipsse.transport.reading.formats.lammps_data import read_lammps_species
from mlipsse.transport.reading.frames import iterate_frames, read_frames_of
from tests.support.trajectories.lammps_data import ATOM_STYLES, data_file
from tests.support.trajectories.trajectory_files import BOX_A, DUMP, walk, write_dump
from tests.support.trajectories.vasp_files import vasprun

N_FRAMES = 30
CELL = BOX_A * np.eye(3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import MDAnalysis

    folder = tmp_path_factory.mktemp("plain")
    places = walk(N_FRAMES)
    frames = [Atoms("Li4Cl4", positions=place, cell=CELL, pbc=True) for place in places]
    write_dump(folder / "x.lammpstrj", places)
    write(folder / "x.xyz", frames, format="extxyz")
    write(folder / "x.traj", frames)
    write_vasp_xdatcar(str(folder / "XDATCAR"), frames)
    boxes = np.tile(CELL, (N_FRAMES, 1, 1))
    text = vasprun(places @ np.linalg.inv(CELL), boxes).replace("<c>Cl</c>", "<c>Cl_h</c>")
    text = text.replace("<rc><c>Cl_h</c><c>2</c></rc>", "<rc><c>Li</c><c>1</c></rc>", 1)
    (folder / "vasprun.xml").write_text(text)
    write(folder / "first.pdb", frames[0])
    universe = MDAnalysis.Universe(str(folder / "first.pdb"))
    for name in ("x.dcd", "x.xtc"):
        with MDAnalysis.Writer(str(folder / name), n_atoms=8, dt=0.2) as writer:
            for number, place in enumerate(places):
                universe.trajectory.ts.frame, universe.trajectory.ts.dt = number, 0.2
                universe.atoms.positions = place
                universe.dimensions = [BOX_A, BOX_A, BOX_A, 90, 90, 90]
                writer.write(universe)
    return folder


FORMATS = {
    "x.lammpstrj": DUMP,
    "x.xyz": {"frame_spacing_ps": 0.2},
    "x.traj": {"frame_spacing_ps": 0.2},
    "XDATCAR": {"frame_spacing_ps": 0.2},
    "vasprun.xml": {},
    "x.dcd": {"topology": "first.pdb", "frame_spacing_ps": 0.2},
    "x.xtc": {"topology": "first.pdb"},
}


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz"])
@pytest.mark.parametrize("name", FORMATS)
def test_compressed_is_plain(folder: Path, tmp_path: Path, name: str, suffix: str) -> None:
    pack = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}[suffix]
    options = dict(FORMATS[name])
    if "topology" in options:
        topology = folder / str(options["topology"])
        options["topology"] = tmp_path / (topology.name + suffix)
        options["topology"].write_bytes(pack(topology.read_bytes()))
        plain = read_frames_of(folder / name, **options | {"topology": topology})
    else:
        plain = read_frames_of(folder / name, **options)
    packed = tmp_path / (name + suffix)
    packed.write_bytes(pack((folder / name).read_bytes()))
    found = read_frames_of(packed, cache=tmp_path / "cache", **options)
    np.testing.assert_array_equal(found.positions, plain.positions)
    assert found.species == plain.species
    assert found.frame_spacing_ps == pytest.approx(plain.frame_spacing_ps)
    blocks = list(iterate_frames(packed, block_frames=7, **options))
    np.testing.assert_array_equal(
        np.concatenate([block.positions for block in blocks]), plain.positions
    )


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz"])
def test_torn_compressed_files_end_with_a_whole_frame(tmp_path: Path, suffix: str) -> None:
    pack = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}[suffix]
    places = walk(3000, seed=1)
    text = write_dump(tmp_path / "x", places).read_bytes()
    packed = tmp_path / f"x.lammpstrj{suffix}"
    packed.write_bytes(pack(text)[:-20000])
    found = read_frames_of(packed, **DUMP)
    assert 100 < len(found.positions) < 3000
    np.testing.assert_allclose(found.positions, places[: len(found.positions)], atol=1e-8)
    assert "the compressed file is truncated" in found.notes[0]


@pytest.mark.parametrize("images", [False, True])
@pytest.mark.parametrize("style", ATOM_STYLES)
def test_data_files_of_every_atom_style(
    folder: Path, tmp_path: Path, style: str, images: bool
) -> None:
    topology = data_file(tmp_path / "x.data", style, images=images)
    frames = read_frames_of(folder / "x.dcd", topology=topology, frame_spacing_ps=0.2)
    assert frames.species == ("Li",) * 4 + ("Cl",) * 4
    given = read_frames_of(
        folder / "x.dcd", topology=topology, species=("Na", "Br"), frame_spacing_ps=0.2
    )
    assert given.species == ("Na",) * 4 + ("Br",) * 4
    with pytest.raises(MlipsseError, match=r"masses of Li, Cl for types .* but Cl, Li are given"):
        read_frames_of(
            folder / "x.dcd", topology=topology, species=("Cl", "Li"), frame_spacing_ps=0.2
        )


@pytest.mark.parametrize("images", [False, True])
@pytest.mark.parametrize("style", ["atomic", "charge", "molecular", "full"])
def test_data_files_that_do_not_name_their_style(tmp_path: Path, style: str, images: bool) -> None:
    path = data_file(tmp_path / "x.data", style, hint=False, images=images)
    assert read_lammps_species(path, None) == ("Li",) * 4 + ("Cl",) * 4


def test_elements_of_data_files(tmp_path: Path) -> None:
    truth = ("Li",) * 4 + ("Cl",) * 4
    for masses in ("1 6.9 # Li\n2 35.5 # Cl_big", "1 7.016\n2 34.969", "2 35.45\n1 6.94"):
        assert read_lammps_species(
            data_file(tmp_path / "x", "charge", masses=masses), None
        ) == truth  # fmt: skip
    labels = "Atom Type Labels\n\n1 Li\n2 Cl\n\n"
    assert read_lammps_species(
        data_file(tmp_path / "x", "full", masses="", extra=labels), None
    ) == truth  # fmt: skip
    for masses, words in (
        ("1 1.0\n2 500.0", "does not show which element type 2 is"),
        ("", "does not show which element type 1 is"),
        ("1 6.94 # Na\n2 35.45", "names type 1 Na, but gives it a mass of 6.94"),
    ):
        with pytest.raises(MlipsseError, match=words):
            read_lammps_species(data_file(tmp_path / "x", "charge", masses=masses), None)
    with pytest.raises(MlipsseError, match="has 2 types, but elements of 1 are given"):
        read_lammps_species(data_file(tmp_path / "x", "charge"), ("Li",))
    text = data_file(tmp_path / "x", "molecular", hint=False).read_text()
    ambiguous = text.replace(" 3 1 ", " 1 1 ").replace(" 3 2 ", " 2 2 ")
    (tmp_path / "x").write_text(ambiguous)
    assert read_lammps_species(tmp_path / "x", None) == truth


def test_a_poscar_as_topology(folder: Path, tmp_path: Path) -> None:
    atoms = Atoms("Li4Cl4", positions=walk(1)[0], cell=CELL, pbc=True)
    write(tmp_path / "POSCAR", atoms, format="vasp")
    frames = read_frames_of(folder / "x.dcd", topology=tmp_path / "POSCAR", frame_spacing_ps=0.2)
    assert frames.species == ("Li",) * 4 + ("Cl",) * 4
    write(tmp_path / "POSCAR", atoms[:7], format="vasp")
    with pytest.raises(MlipsseError):
        read_frames_of(folder / "x.dcd", topology=tmp_path / "POSCAR", frame_spacing_ps=0.2)
    lines = (tmp_path / "POSCAR").read_text().splitlines()
    (tmp_path / "POSCAR").write_text("\n".join([*lines[:5], *lines[6:]]) + "\n")  # of VASP 4
    with pytest.raises(MlipsseError, match="it names no species"):
        read_frames_of(folder / "x.dcd", topology=tmp_path / "POSCAR", frame_spacing_ps=0.2)


def test_a_cif_as_topology(folder: Path, tmp_path: Path) -> None:
    atoms = Atoms("Li4Cl4", positions=walk(1)[0], cell=CELL, pbc=True)
    write(tmp_path / "x.cif", atoms, format="cif")
    frames = read_frames_of(folder / "x.dcd", topology=tmp_path / "x.cif", frame_spacing_ps=0.2)
    assert frames.species == ("Li",) * 4 + ("Cl",) * 4
    text = (tmp_path / "x.cif").read_text()
    (tmp_path / "x.cif").write_text(text.replace("1.0000", "0.5000", 1))
    with pytest.raises(MlipsseError, match="is disordered"):
        read_frames_of(folder / "x.dcd", topology=tmp_path / "x.cif", frame_spacing_ps=0.2)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("\n3 1 ", "\n2 1 ", "gives two atoms one id"),
        ("\n3 1 ", "\nx 1 ", "is no id, type and place"),
        ("2 35.45", "2 35,45", "which is no number"),
    ],
)
def test_damaged_data_files(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = data_file(tmp_path / "x", "atomic")
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    with pytest.raises(MlipsseError, match=words):
        read_lammps_species(path, None)
