"""Native code of a potential that is called in Python: made once, kept, and done without."""

from pathlib import Path

import numpy as np
import pytest
import torch
from ase.build import bulk

from mlipsse.dataset.sampling.dynamics import sample_together
from mlipsse.dataset.sampling.run import SamplingRun
from mlipsse.dataset.sampling.settings import SamplingSettings
from mlipsse.energetics.native import processor
from mlipsse.energetics.potentials.calculators import known_species, make_calculator
from mlipsse.energetics.potentials.catalogue import find_potential
from mlipsse.energetics.relaxation.energies import relax_all
from mlipsse.energetics.relaxation.evaluators import make_evaluator
from mlipsse.energetics.relaxation.outcome import RelaxationSettings
from mlipsse.errors import MlipsseError
from mlipsse.potential.native import copy, export
from mlipsse.potential.native.copy import fastest

SHIPPED = "mace-sse-small"


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def tiny(tiny_model, cache, monkeypatch) -> str:
    monkeypatch.setenv("MLIPSSE_CACHE", str(cache))
    return str(tiny_model)


@pytest.fixture
def crystal():
    atoms = bulk("LiCl", "rocksalt", a=5.1, cubic=True)
    atoms.rattle(0.1, seed=3)
    return atoms


def test_made_once_and_the_same_as_the_model(tiny, crystal, monkeypatch):
    name, head = fastest(tiny, head="target")
    assert (Path(name).suffix, head) == (".safetensors", None)
    assert not list(Path(name).parent.glob("making-*"))
    monkeypatch.setattr(export, "export_native", lambda *_, **__: pytest.fail("made again"))
    assert fastest(tiny, head="target") == (name, None)
    assert find_potential(name).kind == "native"
    assert known_species(name) == {"Li", "Cl", "Y", "In"}
    (own,) = make_evaluator(name, {"Li", "Cl"}).evaluate([crystal])
    expected = crystal.copy()
    expected.calc = make_calculator(tiny, head="target")
    assert own.energy_eV == pytest.approx(expected.get_potential_energy(), abs=2e-6)
    assert own.forces_eV_A == pytest.approx(expected.get_forces(), abs=2e-5)
    assert np.abs(own.forces_eV_A).max() > 0.01


@pytest.mark.parametrize("relaxed", ["none", "positions", "cell"])
def test_it_relaxes_to_the_same_minimum(crystal, relaxed):
    settings = RelaxationSettings(relaxed, fmax_eV_A=2e-3, max_steps=400)
    name, head = fastest(SHIPPED)
    (one,) = relax_all([crystal], name, settings, head=head)
    (other,) = relax_all([crystal], SHIPPED, settings)
    assert one.converged
    assert other.converged
    assert one.energy_eV == pytest.approx(other.energy_eV, abs=1e-4)
    assert one.atoms.get_volume() == pytest.approx(other.atoms.get_volume(), rel=2e-3)


def test_a_library_that_is_gone_is_compiled_again(tiny, crystal):
    name, _ = fastest(tiny, head="target")
    for library in Path(name).parent.glob("*.so"):
        library.unlink()
    assert fastest(tiny, head="target") == (name, None)
    make_calculator(name).calculate(crystal)


def test_what_is_done_without_native_code(tiny, cache, monkeypatch):
    with pytest.raises(MlipsseError, match=r"several heads \(replay, target\)"):
        fastest(tiny)
    assert fastest(tiny, device="cuda", head="target") == (tiny, "target")
    assert fastest("sevennet: 7net-0") == ("sevennet: 7net-0", None)

    def none() -> str:
        raise MlipsseError("none")

    monkeypatch.setattr(copy, "find_compiler", none)
    assert fastest(tiny, head="replay") == (tiny, "replay")


def test_a_cache_that_cannot_be_written_to(tiny, tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    monkeypatch.setenv("MLIPSSE_CACHE", str(blocked))
    assert fastest(tiny, head="target") == (tiny, "target")


def test_a_processor_that_is_too_old(tiny, tmp_path, monkeypatch):
    """It is remembered for this machine's kind alone: a shared cache serves others."""
    monkeypatch.setenv("MLIPSSE_CACHE", str(tmp_path))
    monkeypatch.setattr(processor, "cpu_flags", lambda: ("sse4_2",))
    monkeypatch.setattr(processor.platform, "machine", lambda: "x86_64")
    for _ in range(2):
        assert fastest(tiny, head="target") == (tiny, "target")
    monkeypatch.undo()
    monkeypatch.setenv("MLIPSSE_CACHE", str(tmp_path))
    assert fastest(tiny, head="target") != (tiny, "target")


def test_a_model_that_it_cannot_be_written_for_is_tried_once(tiny, tmp_path, monkeypatch):
    calls = []

    def refuse(*_: object, **__: object) -> None:
        calls.append(1)
        raise copy.FormatRefused("not this block")

    model = torch.load(tiny, weights_only=False)
    with torch.no_grad():
        next(iter(model.parameters())).mul_(1.01)
    other = tmp_path / "other.model"
    torch.save(model, other)
    monkeypatch.setattr(export, "export_native", refuse)
    for _ in range(2):
        assert fastest(str(other), head="target") == (str(other), "target")
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"device": "cuda"}, "runs on CPUs alone"),
        ({"dtype": "float32"}, "computes in float64, but float32 is requested"),
        ({"head": "target"}, "contains one head"),
    ],
)
def test_what_native_code_is_not_asked_for(tiny, asked, sentence):
    name, _ = fastest(tiny, head="target")
    with pytest.raises(MlipsseError, match=sentence):
        make_calculator(name, **asked)
    with pytest.raises(MlipsseError, match="gives no invariants"):
        make_evaluator(name, {"Li"}).evaluate([bulk("Li")], invariants=True)
    with pytest.raises(MlipsseError, match="does not know Br"):
        make_evaluator(name, {"Br"})


def test_what_it_cannot_evaluate_fails_alone(tiny, crystal):
    evaluator = make_evaluator(fastest(tiny, head="target")[0], {"Li", "Cl"})
    broken, collapsed = crystal.copy(), crystal.copy()
    broken.positions[0, 0] = np.nan
    collapsed.positions[1] = collapsed.positions[0]
    found = evaluator.evaluate([broken, crystal, collapsed])
    assert isinstance(found[0], ValueError)
    assert not isinstance(found[1], Exception)
    assert isinstance(found[2], MlipsseError)


def test_dynamics_go_on_to_the_last_bit(crystal, tmp_path, monkeypatch):
    """Lists of neighbours are made at other steps after an interruption."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    name, _ = fastest(SHIPPED)
    settings = SamplingSettings(
        temperature_K=900.0, duration_ps=0.2, equilibration_ps=0.0, n_frames=10
    )
    runs = [SamplingRun(crystal.repeat((1, 1, k)), settings, seed=k, mobile="Li") for k in (1, 2)]
    whole = sample_together(runs, make_evaluator(name, {"Li", "Cl"}))
    evaluator = make_evaluator(name, {"Li", "Cl"})
    real, calls = evaluator.evaluate, []

    def stop(structures, **more):
        calls.append(1)
        if len(calls) == 137:
            raise KeyboardInterrupt
        return real(structures, **more)

    monkeypatch.setattr(evaluator, "evaluate", stop)
    keep = tmp_path / "keep.npz"
    with pytest.raises(KeyboardInterrupt):
        sample_together(runs, evaluator, keep=keep, save_every_s=0.0)
    again = sample_together(runs, make_evaluator(name, {"Li", "Cl"}), keep=keep)
    for one, other in zip(whole, again, strict=True):
        assert len(one.frames) == 10
        for left, right in zip(one.frames, other.frames, strict=True):
            assert (left.positions == right.positions).all()
