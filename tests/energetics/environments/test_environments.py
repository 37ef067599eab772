"""Potentials of another Python: this one's interpreter plays it, with ASE's own calculators."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT

from mlipsse.energetics.environments.calculator import EnvironmentCalculator
from mlipsse.energetics.environments.process import Worker
from mlipsse.energetics.environments.recipe import SEVENNET, find_recipe
from mlipsse.energetics.environments.spec import find_calculator
from mlipsse.energetics.potentials.calculators import known_species, make_calculator
from mlipsse.energetics.potentials.catalogue import find_potential
from mlipsse.energetics.relaxation.energies import relax_all
from mlipsse.energetics.relaxation.evaluators import make_evaluator
from mlipsse.energetics.relaxation.outcome import RelaxationSettings
from mlipsse.errors import MlipsseError

CALCULATORS = '''
import os, signal
from pathlib import Path
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT

class Chatty(EMT):
    def calculate(self, *args):
        print("hello from below", flush=True)
        super().calculate(*args)

class WithoutStress(EMT):
    implemented_properties = ["energy", "forces"]

class WithoutForces(EMT):
    implemented_properties = ["energy", "stress"]

class Mortal(EMT):
    """Dies at its first calculations, as often as the number in the file `lives`."""
    def __init__(self, lives):
        super().__init__()
        self.lives = Path(lives)
    def calculate(self, *args):
        left = int(self.lives.read_text())
        if left:
            self.lives.write_text(str(left - 1))
            os.write(2, b"out of breath")
            os.kill(os.getpid(), signal.SIGKILL)
        super().calculate(*args)

class Flat(EMT):
    def calculate(self, *args):
        super().calculate(*args)
        self.results["forces"] = self.results["forces"][:-1]

class Knows(EMT):
    type_map = {29: 0, 79: 1}

def loses(**arguments):
    raise FileNotFoundError("no checkpoint here")
'''


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A Python that finds the calculators of this test, at a path with a space."""
    home = tmp_path / "an environment" / "bin"
    home.mkdir(parents=True)
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "others.py").write_text(CALCULATORS)
    python = home / "python"
    python.write_text(
        f'#!/bin/sh\nPYTHONPATH="{tmp_path / "modules"}" exec "{sys.executable}" "$@"\n'
    )
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    return python


def described(folder: Path, python: Path, calculator: str, **settings: object) -> str:
    """A calculator file; its path is the potential's name."""
    path = folder / "given.yaml"
    content = {"python": str(python), "calculator": calculator, "functional": "none (EMT)"}
    path.write_text(yaml.safe_dump({**content, **settings}))
    return str(path)


def alloy() -> Atoms:
    atoms = bulk("Cu", cubic=True, a=3.8)
    atoms.symbols = "CuAuCuAu"
    atoms.rattle(0.1, seed=3)
    return atoms


def test_results_are_those_of_the_calculator_itself(tmp_path, elsewhere):
    name = described(tmp_path, elsewhere, "others:Chatty")
    atoms = alloy()
    atoms.calc = make_calculator(name)
    truth = alloy()
    truth.calc = EMT()
    assert atoms.get_stress() == pytest.approx(truth.get_stress(), abs=0)
    assert atoms.get_forces() == pytest.approx(truth.get_forces(), abs=0)
    assert atoms.get_potential_energy() == truth.get_potential_energy()
    # Another structure, of another number of atoms, in the same worker.
    larger = alloy().repeat((2, 1, 1))
    larger.calc = atoms.calc
    assert larger.get_potential_energy() == pytest.approx(2 * truth.get_potential_energy())


def test_relaxation_and_evaluation_go_through_it(tmp_path, elsewhere):
    name = described(tmp_path, elsewhere, "ase.calculators.emt:EMT", elements=["Cu", "Au"])
    assert find_potential(name).functional == "none (EMT)"
    (relaxed,) = relax_all([alloy()], name, RelaxationSettings(fmax_eV_A=0.01))
    assert relaxed.converged
    check = relaxed.atoms.copy()
    check.calc = EMT()
    assert np.abs(check.get_forces()).max() < 0.011
    (found,) = make_evaluator(name, {"Cu"}).evaluate([alloy()])
    truth = alloy()
    truth.calc = EMT()
    assert found.forces_eV_A == pytest.approx(truth.get_forces(), abs=0)
    with pytest.raises(MlipsseError, match="does not know Li"):
        make_evaluator(name, {"Li"})


def test_elements_are_those_listed(tmp_path, elsewhere):
    assert known_species(described(tmp_path, elsewhere, "others:Knows")) == {"Cu", "Au"}
    assert known_species(described(tmp_path, elsewhere, "others:Chatty")) is None
    given = described(tmp_path, elsewhere, "others:Knows", elements=["Cu"])
    assert known_species(given) == {"Cu"}


@pytest.mark.parametrize(
    ("calculator", "settings", "match"),
    [
        ("others:loses", {}, "FileNotFoundError: no checkpoint here"),
        ("absent:EMT", {}, "ModuleNotFoundError: No module named 'absent'"),
        ("others:Absent", {}, "AttributeError"),
        ("others:Mortal", {"arguments": {}}, "TypeError.*lives"),
        ("others:Chatty", {"package": "not-there"}, "PackageNotFoundError.*not-there"),
        ("others:Chatty", {"package": "ase", "version": "1.0"}, "requires ase 1.0; .* has 3"),
        ("others:WithoutForces", {}, "computes no forces"),
        ("others:Chatty", {"elements": ["Xx"]}, "no element has the symbol Xx"),
        ("others.Chatty", {}, "calculator = 'others.Chatty'"),
        ("others:Chatty", {"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_made_is_refused_with_the_reason(
    tmp_path, elsewhere, calculator, settings, match
):
    with pytest.raises(MlipsseError, match=match):
        make_calculator(described(tmp_path, elsewhere, calculator, **settings))


def test_missing_files_and_pythons_are_named(tmp_path, elsewhere):
    with pytest.raises(MlipsseError, match=r"no calculator file .*absent.yaml"):
        make_calculator(str(tmp_path / "absent.yaml"))
    with pytest.raises(
        MlipsseError, match=r"names the Python .*nowhere/python, which does not exist"
    ):
        make_calculator(described(tmp_path, tmp_path / "nowhere" / "python", "others:Chatty"))
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho this is no Python >&2\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(MlipsseError, match="exit status 3, last words: this is no Python"):
        make_calculator(described(tmp_path, broken, "others:Chatty"))
    (tmp_path / "list.yaml").write_text("- 1\n")
    with pytest.raises(MlipsseError, match="is not a table of settings"):
        make_calculator(str(tmp_path / "list.yaml"))


def test_what_it_cannot_do_is_not_requested(tmp_path, elsewhere):
    name = described(tmp_path, elsewhere, "others:Chatty")
    for options, match in (
        ({"device": "cuda"}, "no device_argument"),
        ({"dtype": "float64"}, "Remove the dtype"),
        ({"head": "PBE"}, "Remove the head"),
    ):
        with pytest.raises(MlipsseError, match=match):
            make_calculator(name, **options)


def test_a_missing_stress_is_refused_where_it_is_needed(tmp_path, elsewhere):
    atoms = alloy()
    atoms.calc = make_calculator(described(tmp_path, elsewhere, "others:WithoutStress"))
    assert np.isfinite(atoms.get_potential_energy())
    with pytest.raises(MlipsseError, match="computes no stress"):
        atoms.calc.calculate(atoms, ["stress"])


def test_results_of_another_shape_are_no_results(tmp_path, elsewhere):
    atoms = alloy()
    atoms.calc = make_calculator(described(tmp_path, elsewhere, "others:Flat"))
    with pytest.raises(RuntimeError, match=r"forces of shape \(3, 3\), not \(4, 3\)"):
        atoms.get_forces()


@pytest.mark.parametrize("deaths", [1, 2])
def test_a_worker_that_dies_is_started_again_once(tmp_path, elsewhere, deaths):
    lives = tmp_path / "lives"
    lives.write_text(str(deaths))
    name = described(tmp_path, elsewhere, "others:Mortal", arguments={"lives": str(lives)})
    atoms = alloy()
    atoms.calc = make_calculator(name)
    if deaths == 2:
        with pytest.raises(MlipsseError, match=r"ended twice.*signal 9, last words: out of breath"):
            atoms.get_potential_energy()
        return
    truth = alloy()
    truth.calc = EMT()
    assert atoms.get_potential_energy() == truth.get_potential_energy()


def test_a_failure_on_one_structure_leaves_the_worker_for_the_next(tmp_path, elsewhere):
    calculator = make_calculator(described(tmp_path, elsewhere, "others:Chatty"))
    unknown = alloy()
    unknown.symbols = "CuLiCuAu"
    unknown.calc = calculator
    with pytest.raises(RuntimeError, match="Li"):
        unknown.get_potential_energy()
    atoms = alloy()
    atoms.calc = calculator
    assert np.isfinite(atoms.get_potential_energy())


def test_no_worker_outlives_who_asked(tmp_path, elsewhere):
    name = described(tmp_path, elsewhere, "others:Chatty")
    script = (
        "import os, sys, time\n"
        "from mlipsse.energetics.environments.process import calculator_worker\n"
        "from mlipsse.energetics.environments.spec import find_calculator\n"
        f"one = calculator_worker(find_calculator({name!r}), device='cpu')\n"
        "print(one._process.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    os.kill(child, 0)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 60
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not Path(f"/proc/{child}").exists()


def test_overhead_is_small_and_threads_are_passed_on(tmp_path, elsewhere, monkeypatch):
    """Arrays travel whole; the number of threads is that of the process that asks."""
    name = described(tmp_path, elsewhere, "others:Chatty")
    one = Worker(find_calculator(name), device="cpu", threads=3)
    try:
        environment = Path(f"/proc/{one._process.pid}/environ").read_bytes().split(b"\0")
        assert b"OMP_NUM_THREADS=3" in environment
        assert not any(line.startswith(b"PYTHONHOME=") for line in environment)
    finally:
        one.close()
    assert EnvironmentCalculator(find_calculator(name)).elements is None


def test_names_of_recipes(monkeypatch, tmp_path):
    monkeypatch.setenv("MLIPSSE_CACHE", str(tmp_path))
    for name in ("sevennet: 7net-0", "sevennet:7net-0"):
        found = find_potential(name)
        assert (found.name, found.kind, found.source) == (
            "sevennet: 7net-0", "environment", "7net-0",
        )  # fmt: skip
        assert found.functional.startswith("PBE")
        assert found.file is None
    channel = find_calculator("sevennet: 7net-mf-0/R2SCAN")
    assert channel.arguments == {"model": "7net-mf-0", "modal": "R2SCAN"}
    assert channel.functional.startswith("r2SCAN")
    with pytest.raises(MlipsseError, match=r"Name one of sevennet: 7net-0, .*7net-mf-0/PBE"):
        find_potential("sevennet: 7net-mf-0")
    with pytest.raises(MlipsseError, match="holds no potential '7net-omni'"):
        find_potential("sevennet: 7net-omni")
    with pytest.raises(MlipsseError, match="cannot be used: not made: run `mlipsse env make seve"):
        make_calculator("sevennet: 7net-0")
    with pytest.raises(MlipsseError, match="no recipe for an environment 'orb'"):
        find_recipe("orb")


def test_an_environment_of_other_pins_is_not_used(monkeypatch, tmp_path):
    from mlipsse.energetics.environments.environment import environment

    monkeypatch.setenv("MLIPSSE_CACHE", str(tmp_path))
    there = environment("sevennet")
    (there.folder / "bin").mkdir(parents=True)
    there.python.symlink_to(sys.executable)
    assert "incomplete" in there.state
    (there.folder / "mlipsse.json").write_text('{"requirements": ["sevenn==0.12.0"]}')
    assert not there.made
    assert there.state.startswith("sevenn 0.12.0, made by another mlipsse: run `mlipsse env make")
    pins = list(SEVENNET.requirements)
    (there.folder / "mlipsse.json").write_text(f'{{"requirements": {pins}}}'.replace("'", '"'))
    assert there.made
    assert there.remove()
    assert not there.remove()
