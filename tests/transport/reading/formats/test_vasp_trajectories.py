"""AIMD of VASP: XDATCAR and vasprun.xml in VASP's layout, also where the cell changes."""

from pathlib import Path

import numpy as np
import pytest

from mlipsse.errors import MlipsseError
from mlipsse.transport.reading.frames import iterate_frames, read_frames_of
from tests.support.trajectories.vasp_files import SYMBOLS, vasprun

CELL = np.array([[9.0, 0, 0], [3.0, 8.0, 0], [-1.0, 2.0, 10.0]])
N_FRAMES = 30


@pytest.fixture
def places() -> np.ndarray:
    rng = np.random.default_rng(2)
    start = rng.uniform(0, 1, (len(SYMBOLS), 3)) @ CELL
    return start + np.cumsum(rng.normal(0, 0.4, (N_FRAMES, len(SYMBOLS), 3)), axis=0)


def cells(*, breathing: bool) -> np.ndarray:
    scale = 1 + (0.005 if breathing else 0) * np.sin(np.arange(N_FRAMES))
    return scale[:, None, None] * CELL


def scaled(places: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    return np.array([p @ np.linalg.inv(c) for p, c in zip(places, boxes, strict=True)])


def toroidal(boxes: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    """Displacements since the first frame by minimum-image steps of what VASP wrote."""
    wrapped = (fractions % 1) @ boxes
    steps = np.diff(wrapped, axis=0)
    inverse = np.linalg.inv(boxes[1:])
    steps -= np.rint(steps @ inverse) @ boxes[1:]
    return np.concatenate([np.zeros_like(wrapped[:1]), steps.cumsum(axis=0)])


def xdatcar(fractions: np.ndarray, boxes: np.ndarray, *, every_frame: bool) -> str:
    """As VASP writes it; with ISIF 3 the head stands before every frame."""
    text = ""
    for frame, (fraction, box) in enumerate(zip(fractions % 1, boxes, strict=True)):
        if every_frame or not frame:
            text += "Li3 Cl5\n           1\n"
            text += "".join("  " + "".join(f"{x:12.6f}" for x in row) + "\n" for row in box)
            text += "   Li   Cl\n     3     5\n"
        text += f"Direct configuration={frame + 1:6d}\n"
        text += "".join("  " + "".join(f"{x:12.8f}" for x in row) + "\n" for row in fraction)
    return text


@pytest.mark.parametrize("breathing", [False, True])
def test_xdatcar(tmp_path: Path, places: np.ndarray, breathing: bool) -> None:
    boxes = cells(breathing=breathing)
    fractions = scaled(places, boxes)
    path = tmp_path / "XDATCAR"
    path.write_text(xdatcar(fractions, boxes, every_frame=breathing))
    frames = read_frames_of(path, frame_spacing_ps=0.05)
    assert frames.species == tuple(SYMBOLS)
    truth = toroidal(np.round(boxes, 6), np.round(fractions % 1, 8))
    np.testing.assert_allclose(frames.positions - frames.positions[0], truth, atol=2e-6)
    if not breathing:
        np.testing.assert_allclose(truth, places - places[0], atol=1e-5)
    np.testing.assert_allclose(frames.cell, boxes.mean(axis=0), atol=1e-6)
    blocks = list(iterate_frames(path, frame_spacing_ps=0.05, block_frames=7))
    found = np.concatenate([block.positions for block in blocks])
    np.testing.assert_allclose(found, frames.positions, atol=1e-9)


@pytest.mark.parametrize("breathing", [False, True])
@pytest.mark.parametrize("cut", [2, 5, 60, 300, 480])
def test_a_torn_xdatcar(tmp_path: Path, places: np.ndarray, breathing: bool, cut: int) -> None:
    boxes = cells(breathing=breathing)
    text = xdatcar(scaled(places, boxes), boxes, every_frame=breathing)
    (tmp_path / "XDATCAR").write_text(text)
    whole = read_frames_of(tmp_path / "XDATCAR", frame_spacing_ps=0.05).positions
    (tmp_path / "XDATCAR").write_text(text[:-cut])
    torn = read_frames_of(tmp_path / "XDATCAR", frame_spacing_ps=0.05).positions
    per_frame = len(text) / N_FRAMES
    assert N_FRAMES - 1 - np.ceil(cut / per_frame) <= len(torn) < N_FRAMES
    np.testing.assert_array_equal(torn, whole[: len(torn)])


@pytest.mark.parametrize("wrong", ["****3456", "x1234567"])
def test_a_coordinate_that_is_none_is_refused(
    tmp_path: Path, places: np.ndarray, wrong: str
) -> None:
    boxes = cells(breathing=False)
    rows_of = xdatcar(scaled(places, boxes), boxes, every_frame=False).split("\n")
    row = rows_of.index("Direct configuration=     2") + 3
    rows_of[row] = f" {wrong}" + rows_of[row][12:]
    (tmp_path / "XDATCAR").write_text("\n".join(rows_of))
    with pytest.raises(MlipsseError, match="is not a row of three coordinates"):
        read_frames_of([tmp_path / "XDATCAR"], frame_spacing_ps=0.1)


@pytest.mark.parametrize("breathing", [False, True])
def test_vasprun(tmp_path: Path, places: np.ndarray, breathing: bool) -> None:
    boxes = cells(breathing=breathing)
    fractions = scaled(places, boxes)
    path = tmp_path / "vasprun.xml"
    path.write_text(vasprun(fractions, boxes))
    frames = read_frames_of(path)
    assert frames.species == tuple(SYMBOLS)
    assert frames.frame_spacing_ps == pytest.approx(0.002)  # POTIM of the file itself
    truth = toroidal(boxes, fractions)
    np.testing.assert_allclose(frames.positions - frames.positions[0], truth, atol=1e-5)
    with pytest.raises(MlipsseError, match=r"has 0.002 ps between its frames, but 0.5 ps are"):
        read_frames_of(path, frame_spacing_ps=0.5)


def test_a_relaxation_states_no_time(tmp_path: Path, places: np.ndarray) -> None:
    boxes = cells(breathing=False)
    path = tmp_path / "vasprun.xml"
    path.write_text(vasprun(scaled(places, boxes), boxes, ibrion=2, potim=0.5))
    with pytest.raises(MlipsseError, match="Give the time between"):
        read_frames_of(path)


def test_a_torn_vasprun(tmp_path: Path, places: np.ndarray) -> None:
    boxes = cells(breathing=False)
    text = vasprun(scaled(places, boxes), boxes)
    path = tmp_path / "vasprun.xml"
    path.write_text(text)
    whole = read_frames_of(path).positions
    for end, n_frames in (("</calculation>", N_FRAMES), ("</structure>", N_FRAMES - 1)):
        path.write_text(text[: text.rindex(end)])
        torn = read_frames_of(path).positions
        assert len(torn) == n_frames
        np.testing.assert_array_equal(torn, whole[: len(torn)])
