"""A program's runs, whichever program it is: retries, and what a kill leaves."""

from pathlib import Path

import pytest

from mlipsse import keys
from mlipsse.dataset.labels.cp2k.settings import Cp2kSettings
from mlipsse.dataset.labels.cp2k.source import Cp2k
from mlipsse.dataset.labels.program import ProgramSource
from mlipsse.dataset.labels.vasp import Vasp, VaspSettings
from tests.support.labels.stand_ins import attempts, sheared_alloy, stand_in, write_cp2k_data

BROKEN = {"vasp": "crash", "cp2k": "abort"}


@pytest.fixture(params=BROKEN)
def source(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Modes of a stand-in -> its source."""
    monkeypatch.setenv("CP2K_DATA_DIR", str(write_cp2k_data(tmp_path / "data")))

    def make(*modes: str) -> ProgramSource:
        vasp = request.param == "vasp"
        program = Vasp(VaspSettings(write_potcar=False, nelm=20)) if vasp else Cp2k(Cp2kSettings())
        words = [BROKEN[program.name] if mode == "broken" else mode for mode in modes]
        return stand_in(program, *words)

    return make


@pytest.mark.parametrize("mode", ["unconverged", "broken", "killed"])
def test_a_retry_can_succeed_and_a_whole_output_is_not_made_again(tmp_path, source, mode):
    one = source(mode, "fine")
    labelled = one.label(sheared_alloy(), tmp_path / "run")
    assert attempts(tmp_path) == 2
    again = one.label(sheared_alloy(), tmp_path / "run")
    assert attempts(tmp_path) == 2
    assert again.info[keys.ENERGY] == labelled.info[keys.ENERGY]


def test_a_run_that_was_killed_with_its_driver_is_redone(tmp_path, source):
    one = source()
    one.label(sheared_alloy(), tmp_path / "run")
    output = tmp_path / "run" / one.program.output_file
    whole = output.read_text()
    output.write_text(whole[: len(whole) // 2])
    one.label(sheared_alloy(), tmp_path / "run")
    assert attempts(tmp_path) == 2
    assert output.read_text() == whole
