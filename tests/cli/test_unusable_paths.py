"""Folders that cannot be written: a sentence and exit code 2, and nothing is lost."""

import sys
from pathlib import Path

import pytest

from mlipsse.cli import main
from tests.support.trajectories.trajectory_files import walk, write_dump


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("msd", "--out"),
        ("msd", "--cache"),
        ("diffusivity", "--cache"),
        ("density", "--out"),
        ("density", "--cache"),
        ("jumps", "--out"),
        ("jumps", "--cache"),
    ],
)
def test_a_file_where_a_folder_should_be(
    command: str,
    option: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = write_dump(tmp_path / "x.lammpstrj", walk(60, 20))
    taken = tmp_path / "taken"
    taken.write_text("mine")
    options = {"--mobile": "Li", "--species": "Li,Cl", "--out": str(tmp_path / "out")}
    if command == "diffusivity":
        options |= {"--temperature": "800"}
        del options["--out"]
    if command != "density":
        options |= {"--timestep": "2"}
    options[option] = str(taken)
    words = [word for pair in options.items() for word in pair]
    monkeypatch.setattr(sys, "argv", ["mlipsse", "transport", command, str(path), *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    stated = capsys.readouterr().err
    assert stated.startswith("Error: ")
    assert str(taken) in stated
    assert "Traceback" not in stated
    assert taken.read_text() == "mine"
