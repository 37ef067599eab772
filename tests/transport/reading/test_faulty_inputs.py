"""Inputs that were read wrong: D within its error, or a refusal that names the cause."""

import json
import runpy
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mlipsse.cli import app
from mlipsse.errors import MlipsseError
from mlipsse.transport.reading.frames import read_frames_of

DATA = Path(__file__).resolve().parents[2] / "data" / "trajectories"

STEP = ("--timestep", "1")
FRAME = ("--frame-spacing", "0.1")

RIGHT = {
    "melt-700.lammpstrj.gz": (STEP, 4.152e-5),
    "melt-800.lammpstrj.gz": (STEP, 7.731e-5),
    "melt-900.lammpstrj.gz": (STEP, 1.254e-4),
    "flags-lost.lammpstrj.gz": (STEP, 4.5e-5),
    "vasprun-a.xml": ((), 3.0e-5),
    "vasprun-b.xml": ((), 3.0e-5),
    "blank-line.xyz": (FRAME, 4.5e-5),
    "id-column.xyz": (STEP, 4.5e-5),
    "element-column.lammpstrj.gz": ((*STEP, "--species", "Li,Na,Cl", "--drift", "Cl"), 9.0e-5),
    "element-C.lammpstrj.gz": ((*STEP, "--species", "Li,Cl"), 4.5e-5),
    "XDATCAR-tight": (FRAME, 4.5e-5),
    "drift-li-only.lammpstrj.gz": ((*STEP, "--drift", "Li"), 4.5e-5),
}
"""Options, and true D."""

REFUSED = {
    ("vasprun-ml.xml",): ((), "ML_LMLFF.*486 of them by DFT and 88 .* do not lie evenly in time"),
    ("vasprun-a.xml", "vasprun-b.xml"): ((), r"0.05 ps between frames, and .* 0.2"),
    ("XDATCAR-nblock",): (("--timestep", "10"), "frames are 10, 50 steps apart"),
    ("gpumd.xyz",): ((), "frames are 100, 500 fs apart"),
    ("reset-timestep.lammpstrj.gz",): (STEP, "step falls from 44900 to 0 after frame 449"),
    ("element-C.lammpstrj.gz",): (STEP, "Give the elements of types"),
    ("drift-li-only.lammpstrj.gz",): (STEP, "all move steadily one way"),
}

ELSEWHERE = {"melt-1000.lammpstrj.gz", "two-populations.lammpstrj.gz"}
"""Read rightly; what is made of them is tried where D is judged."""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faulty")
    shutil.copy(DATA / "make_inputs.py", folder)
    runpy.run_path(str(folder / "make_inputs.py"))
    return folder / "inputs"


def diffusivity(paths: list[Path], options: tuple[str, ...]):
    arguments = ["transport", "diffusivity", *map(str, paths), *options]
    return CliRunner().invoke(app, [*arguments, "--mobile", "Li", "--temperature", "600", "--json"])


def test_every_input_is_tried(inputs: Path) -> None:
    tried = {*RIGHT, *(name for names in REFUSED for name in names), *ELSEWHERE}
    assert tried == {path.name for path in inputs.iterdir() if path.suffix != ".csv"}


@pytest.mark.parametrize("name", RIGHT)
def test_right_values(inputs: Path, name: str) -> None:
    options, truth = RIGHT[name]
    done = diffusivity([inputs / name], options)
    assert done.exit_code in (0, 3), done.exception
    answer = json.loads(done.output)
    if done.exit_code == 0:
        apart = abs(answer["diffusivity_cm2_s"] - truth)
        assert apart < 2.5 * answer["diffusivity_std_cm2_s"]
    else:
        assert answer["diffusivity_cm2_s"] is None
        assert answer["reason"]


@pytest.mark.parametrize("names", REFUSED)
def test_refusals_name_the_cause(inputs: Path, names: tuple[str, ...]) -> None:
    options, words = REFUSED[names]
    with pytest.raises(MlipsseError, match=words):
        raise diffusivity([inputs / name for name in names], options).exception


def test_consecutive_parts_of_a_real_run() -> None:
    """Both count their frames from 1 on; the second goes on where the first ended."""
    parts = [DATA / f"Li6PS5I-run{k}-part.XDATCAR.gz" for k in (1, 2)]
    frames = read_frames_of(parts, frame_spacing_ps=0.1)
    assert frames.positions.shape == (30, 416, 3)
    assert frames.species[0] == "Li"
    steps = np.sqrt((np.diff(frames.positions, axis=0) ** 2).sum(axis=2).mean(axis=1))
    assert steps[14] < 1.2 * np.delete(steps, 14).max()
    with pytest.raises(MlipsseError, match=r"frames are missing|does not go on"):
        read_frames_of([parts[1], parts[0], parts[1]], frame_spacing_ps=0.1)
