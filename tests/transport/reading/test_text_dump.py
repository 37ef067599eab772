"""Third-party text dumps: written by LAMMPS itself in every style, and by hand."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from mlipsse import lammps
from mlipsse.errors import MlipsseError
from mlipsse.transport.reading.text_dump.atoms import dump_steps
from mlipsse.transport.reading.text_dump.source import read_text_dump
from mlipsse.transport.reading.unwrapping.ions import unwrap
from tests.support.trajectories.lennard_jones import CONDUCTOR

STYLES = {
    "unwrapped": "id type xu yu zu",
    "scaled_unwrapped": "id type xsu ysu zsu",
    "wrapped": "id element x y z",
    "scaled": "id type xs ys zs",
    "images": "id type x y z ix iy iz",
    "scaled_images": "id type xs ys zs ix iy iz",
    "much": "vx element id type q xu yu zu vy vz",
}


@pytest.fixture(scope="module")
def dumps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A skewed cell that does not begin at 0, of ions that cross its faces; unsorted."""
    folder = tmp_path_factory.mktemp("dumps")
    cell = np.array([[10.26, 0, 0], [3.0, 10.26, 0], [-2.0, 4.0, 10.26]])
    base = Atoms(
        ["Li", "Cl"] * 4,
        scaled_positions=[
            [0.5, 0, 0], [0, 0, 0], [0, 0.5, 0], [0.5, 0.5, 0],
            [0, 0, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0.5], [0, 0.5, 0.5],
        ],
        cell=cell / 2,
        pbc=True,
    ).repeat((2, 2, 2))  # fmt: skip
    lines = ["skewed", "", f"{len(base)} atoms", "2 atom types", ""]
    origin = np.array([-3.0, 5.0, 1.5])
    for axis, (low, length) in zip("xyz", zip(origin, np.diag(cell), strict=True), strict=True):
        lines.append(f"{low} {low + length} {axis}lo {axis}hi")
    lines += [f"{cell[1, 0]} {cell[2, 0]} {cell[2, 1]} xy xz yz", "", "Masses", "", "1 35.45"]
    lines += ["2 6.94", "", "Atoms # charge", ""]
    for number, atom in enumerate(base, start=1):
        x, y, z = atom.position + origin
        lines.append(f"{number} {1 if atom.symbol == 'Cl' else 2} 0.5 {x} {y} {z}")
    (folder / "x.data").write_text("\n".join(lines) + "\n")
    deck = ["units metal", "atom_style charge", "read_data x.data", *CONDUCTOR, "timestep 0.001"]
    deck += ["velocity all create 900 7", "fix 1 all nvt temp 900 900 0.1"]
    for name, columns in STYLES.items():
        deck.append(f"dump {name} all custom 20 {name}.lammpstrj {columns}")
        deck.append(f"dump_modify {name} element Cl Li format float %20.15g")
    deck += ["dump dcd all dcd 20 truth.dcd", "dump_modify dcd sort id unwrap yes", "run 4000"]
    (folder / "in").write_text("\n".join(deck) + "\n")
    lammps.run(["-log", "none", "-in", "in"], folder=folder)
    return folder


@pytest.fixture(scope="module")
def truth(dumps: Path) -> np.ndarray:
    """(n_frames, n_atoms, 3) from LAMMPS' own unwrapped DCD, by MDAnalysis."""
    from MDAnalysis.lib.formats.libdcd import DCDFile

    with DCDFile(str(dumps / "truth.dcd")) as file:
        return np.array([frame.xyz.copy() for frame in file], dtype=float)


@pytest.mark.parametrize("style", STYLES)
def test_every_style_is_the_truth(dumps: Path, truth: np.ndarray, style: str) -> None:
    read = read_text_dump(dumps / f"{style}.lammpstrj")
    assert read.steps.tolist() == list(range(0, 4001, 20))
    shift = read.positions[0] - truth[0]  # wrapped styles may begin in another image
    np.testing.assert_allclose(read.positions - shift, truth, atol=5e-6)
    assert np.abs(truth[-1] - truth[0]).max() > 10  # ions did cross the faces
    if "element" in STYLES[style]:
        assert read.species == tuple(["Li", "Cl"] * 32)
    if "type" in STYLES[style]:
        assert read.types is not None
        assert read.types.tolist() == [2, 1] * 32
    np.testing.assert_allclose(
        read.cells[0], [[10.26, 0, 0], [3.0, 10.26, 0], [-2.0, 4.0, 10.26]], atol=1e-9
    )


def test_gzip_and_torn_and_repeated(dumps: Path, tmp_path: Path) -> None:
    text = (dumps / "unwrapped.lammpstrj").read_bytes()
    whole = read_text_dump(dumps / "unwrapped.lammpstrj")
    zipped = tmp_path / "x.lammpstrj.gz"
    zipped.write_bytes(gzip.compress(text))
    np.testing.assert_array_equal(read_text_dump(zipped).positions, whole.positions)
    torn = tmp_path / "torn.lammpstrj"
    for cut in (2, 30, 500, 1500):
        torn.write_bytes(text[:-cut])
        assert len(read_text_dump(torn).steps) == 200
    again = tmp_path / "again.lammpstrj"
    second = text.index(b"ITEM: TIMESTEP\n2000\n")
    again.write_bytes(text[: text.index(b"ITEM: TIMESTEP\n3000\n")] + text[second:])
    np.testing.assert_array_equal(read_text_dump(again).positions, whole.positions)


@pytest.mark.parametrize("block_bytes", [3000, 5001, 1 << 20])
def test_blocks_do_not_matter(
    dumps: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int
) -> None:
    whole = read_text_dump(dumps / "much.lammpstrj").positions
    monkeypatch.setattr("mlipsse.transport.reading.text_dump.stream._BUFFER_BYTES", block_bytes)
    np.testing.assert_array_equal(read_text_dump(dumps / "much.lammpstrj").positions, whole)


def test_a_random_walk_in_a_breathing_box(tmp_path: Path) -> None:
    """Image flags times a fluctuating length would add to the walk; steps do not.

    The box breathes by 2 % from frame to frame; ions that went ten boxes far would seem to jump by
    two hundredths of that. Truth: the walk itself.
    """
    rng = np.random.default_rng(2)
    n_frames, n_atoms, step_A = 4000, 20, 0.5
    lengths = 10.0 * (1 + 0.02 * rng.standard_normal(n_frames))
    walk = np.cumsum(rng.normal(0, step_A, (n_frames, n_atoms, 3)), axis=0)
    walk[:] = walk - walk[0] + 5.0
    wrapped = np.empty_like(walk)
    images = np.zeros((n_atoms, 3))
    wrapped[0] = walk[0]
    lines, images_shifted = [], np.empty_like(walk)
    for frame, length in enumerate(lengths):
        if frame:  # LAMMPS: the atom moves, and is put back by the box of now
            wrapped[frame] = wrapped[frame - 1] + walk[frame] - walk[frame - 1]
            over = np.floor(wrapped[frame] / length)
            wrapped[frame] -= over * length
            images += over
        lines += ["ITEM: TIMESTEP", str(frame), "ITEM: NUMBER OF ATOMS", str(n_atoms)]
        lines += ["ITEM: BOX BOUNDS pp pp pp", *[f"0 {length:.9f}"] * 3]
        lines.append("ITEM: ATOMS id xu yu zu")
        images_shifted[frame] = wrapped[frame] + images * length
        for atom, place in enumerate(images_shifted[frame], start=1):
            lines.append(f"{atom} {place[0]:.9f} {place[1]:.9f} {place[2]:.9f}")
    path = tmp_path / "npt.lammpstrj"
    path.write_text("\n".join(lines) + "\n")
    found = read_text_dump(path).positions
    steps = np.diff(found, axis=0)
    assert steps.var() == pytest.approx(step_A**2, rel=0.03)
    assert np.diff(images_shifted, axis=0).var() > 1.2 * step_A**2  # the raw coordinates
    np.testing.assert_allclose(found - found[0], walk - walk[0], atol=1e-5)


def test_steps_that_are_too_long_are_refused() -> None:
    rng = np.random.default_rng(1)
    cell = np.array([[9.0, 0, 0], [4.0, 6.0, 0], [0, 0, 12.0]])
    positions = np.cumsum(rng.uniform(-1, 1, (5, 4, 3)), axis=0)
    inside = np.linalg.solve(cell.T, positions.reshape(-1, 3).T).T % 1.0 @ cell
    inside = inside.reshape(positions.shape)
    back = unwrap(inside, cell)
    np.testing.assert_allclose(back - back[0], positions - positions[0], atol=1e-9)
    inside[3, 2] += [0, 2.5, 0]
    with pytest.raises(MlipsseError, match="from frame 2 to 3, more than a third"):
        unwrap(inside, cell)


HEAD = "ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n1\nITEM: BOX BOUNDS pp pp pp\n0 9\n0 9\n0 9\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not a LAMMPS text dump"),
        ("12\ncomment\nLi 0 0 0\n", "is not a LAMMPS text dump"),
        (HEAD + "ITEM: ATOMS id type vx\n1 1 0.0\n", "has no positions"),
        (HEAD + "ITEM: ATOMS type x y z\n1 0 0 0\n", "has no column `id`"),
        (HEAD + "ITEM: ATOMS id x y z\n1 0 0\n", "is not whole"),
        (HEAD, "holds no whole frame"),
        (
            HEAD + "ITEM: ATOMS id x y z\n1 0 0 0\n" + HEAD.replace("\n0\n", "\n5\n", 1)
            + "ITEM: ATOMS id x y z\n2 0 0 0\n",
            "holds other atoms at step 5",
        ),
        (
            HEAD + "ITEM: ATOMS id x y z\n1 0 0 0\n" + HEAD.replace("\n0\n", "\n5\n", 1)
            + "ITEM: ATOMS id xu yu zu\n1 0 0 0\n",
            "changes at step 5",
        ),
    ],
)  # fmt: skip
def test_faulty_files_get_a_sentence(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "x.lammpstrj"
    path.write_text(text)
    with pytest.raises(MlipsseError, match=words):
        read_text_dump(path)


def test_numbers_are_those_of_python(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    words = [f"{value:.{digits}g}" for digits in (3, 6, 9, 15) for value in rng.normal(0, 30, 300)]
    words += ["-0.0", "+1.5", "1e-7", "2.5E+3", "-1.25e-12", "007", ".5", "5.", "1e22", "3e-25"]
    for word in words:
        (tmp_path / "x").write_text(HEAD + f"ITEM: ATOMS id xu yu zu\n1 {word} 0 0\n")
        assert read_text_dump(tmp_path / "x").positions[0, 0, 0] == float(word), word
    for word in ("nan", "x", ".", "+", "-.", "1.5x", "1..", "12345678x", "1e", "1.2.3", "--1", "-"):
        (tmp_path / "x").write_text(HEAD + f"ITEM: ATOMS id xu yu zu\n1 {word} 0 0\n")
        assert np.isnan(read_text_dump(tmp_path / "x").positions[0, 0, 0]), word


def test_numbers_of_any_length_are_those_of_python(tmp_path: Path) -> None:
    """To the last bit; every length, next to the end of the text."""
    rng = np.random.default_rng(4)
    words = []
    for whole in range(10):
        for fraction in range(20):
            for _ in range(4):
                digits = rng.integers(0, 10, whole + fraction)
                word = "".join(map(str, digits))
                if not word:
                    continue
                sign = rng.choice(["", "-", "+"])
                point = f"{word[:whole]}.{word[whole:]}" if fraction or rng.random() < 0.5 else word
                exponent = rng.choice(["", "", "e-3", "E+02"])
                words.append(f"{sign}{point}{exponent}")
    truth = np.array([float(word) for word in words])
    rows = [f"{k + 1} {word}\t{word}  {word} " for k, word in enumerate(words)]
    head = HEAD.replace("ATOMS\n1", f"ATOMS\n{len(words)}")
    for last in (len(rows) - 1, 3, 700):
        some = [*rows[:last], *rows[last + 1 :], rows[last]]  # another number ends the text
        (tmp_path / "x").write_text(head + "ITEM: ATOMS id xu yu zu\n" + "\n".join(some) + "\n")
        found = read_text_dump(tmp_path / "x").positions[0]
        np.testing.assert_array_equal(found, np.repeat(truth[:, None], 3, axis=1))


@pytest.mark.parametrize("buffer_bytes", [3000, 5001, 1 << 20])
def test_steps_are_found_wherever_the_text_is_cut(
    dumps: Path, monkeypatch: pytest.MonkeyPatch, buffer_bytes: int
) -> None:
    monkeypatch.setattr("mlipsse.transport.reading.text_dump.stream._BUFFER_BYTES", buffer_bytes)
    assert dump_steps(dumps / "much.lammpstrj").tolist() == list(range(0, 4001, 20))


def test_ids_with_gaps(tmp_path: Path) -> None:
    rows = {5: 0.5, 12: 1.5, 100000: 2.5}
    lines = [f"{number} {x} 0 0" for number, x in rows.items()]
    head = HEAD.replace("ATOMS\n1", "ATOMS\n3") + "ITEM: ATOMS id xu yu zu\n"
    other = head.replace("TIMESTEP\n0", "TIMESTEP\n5")
    (tmp_path / "x").write_text(
        head + "\n".join(lines) + "\n" + other + "\n".join([lines[2], lines[0], lines[1]]) + "\n"
    )
    np.testing.assert_array_equal(
        read_text_dump(tmp_path / "x").positions[..., 0], [[0.5, 1.5, 2.5]] * 2
    )
    for wrong in (lines[0], "6 0 0 0", "nan 0 0 0", "1e20 0 0 0"):
        (tmp_path / "x").write_text(
            head + "\n".join(lines) + "\n" + other + "\n".join([lines[0], lines[1], wrong]) + "\n"
        )
        with pytest.raises(MlipsseError, match="holds other atoms at step 5"):
            read_text_dump(tmp_path / "x")
