"""Measured in processes of their own, reported in full, refused in sentences."""

import sys
from dataclasses import asdict, fields, replace
from typing import Any

import numpy as np
import pytest
from ase.build import bulk
from ase.neighborlist import neighbor_list

from mlipsse.errors import MlipsseError
from mlipsse.potential.bundle.folder import Bundle, write_bundle
from mlipsse.potential.bundle.provenance import Provenance
from mlipsse.potential.export.target import ExportSettings
from mlipsse.potential.speed import measurement
from mlipsse.potential.speed.benchmark import benchmark
from mlipsse.potential.speed.frames import SPRING_EV_A2, heated, li3incl6, repeat_to
from mlipsse.potential.speed.measurement import BenchmarkRow, Contender, measure, median_row
from mlipsse.units import BOLTZMANN_EV_K

ISSUED_FIELDS = {
    "backend", "dtype", "atoms", "threads", "ms_per_step", "us_per_atom_step", "ns_per_day",
    "peak_memory_MB", "outside_model_fraction",
}  # fmt: skip

SCREEN = """\
Loop time of 9.5 on 1 procs for 5 steps with 20 atoms
Pair    | 9.4        | 9.4        | 9.4        |   0.0 | 99.00
Loop time of 2 on 1 procs for 10 steps with 20 atoms
Pair    | 1.8        | 1.8        | 1.8        |   0.0 | 90.00
MACE profile: steps 17, model 10.830000 s, total 11.000000 s, slowest after the second 0.300000 s, \
memory 40000 bytes
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory, tiny_model) -> Bundle:
    return write_bundle(
        tmp_path_factory.mktemp("bundle"),
        model=tiny_model,
        name="tiny",
        export=ExportSettings(head="target", dtype="float32"),
        provenance=Provenance("teacher: chgnet-r2scan"),
    )


def row(**changes) -> BenchmarkRow:
    plain = BenchmarkRow("ase", "float32", 20, 1, 2.0, 100.0, 43.2, 300.0, 0.05, 0.0)
    return replace(plain, **changes)


@pytest.mark.slow
def test_every_backend_in_one_table(bundle):
    stated: list[str] = []
    rows = benchmark(bundle.folder, atoms=[20], steps=3, repeats=1, report=stated.append)
    assert [r.backend for r in rows] == ["ase", "upstream", "torchscript"]
    assert stated == rows
    for found in rows:
        assert set(asdict(found)) >= ISSUED_FIELDS
        assert (found.dtype, found.atoms, found.threads) == ("float32", 20, 1)
        assert found.ms_per_step > 0
        assert found.us_per_atom_step == pytest.approx(1e3 * found.ms_per_step / 20)
        assert found.ns_per_day == pytest.approx(86.4 / found.ms_per_step)
        assert 100 < found.peak_memory_MB < 3000, "a process that holds libtorch"
        assert 0 < found.outside_model_fraction < 0.9
        assert 0 <= found.waited_fraction < 1


def test_only_upstream_has_the_default_allocator(bundle, monkeypatch, tmp_path):
    seen: dict[str, Any] = {}

    def watched(argv, *, folder, environment, screen):
        seen[len(seen)] = {k: v for k, v in environment.items() if "MLIPSSE" in k or "OMP" in k}
        screen.write_text(SCREEN)
        return 0, measurement._Watch(1.0, [(0.0, 0.0)])

    monkeypatch.setattr(measurement, "_watched", watched)
    for backend in ("upstream", "torchscript", "aotinductor"):
        contender = Contender(backend, bundle.torchscript, "target", "float32")
        measure(contender, li3incl6(), threads=2, steps=10, plugin=tmp_path / "plugin.so")
    assert [seen[k]["MLIPSSE_ALLOCATOR"] for k in range(3)] == ["default", "tuned", "tuned"]
    assert all(s["OMP_NUM_THREADS"] == "2" and s["MLIPSSE_PROFILE"] == "1" for s in seen.values())


def test_compilation_in_the_warm_up_is_not_counted():
    timing = measurement._lammps_timing(SCREEN, steps=10)
    assert timing.loop_s == 2.0
    # 10 ms per step outside of the model within the pair style, 20 ms outside of it.
    assert timing.model_s == pytest.approx(1.7)
    with pytest.raises(MlipsseError, match="without the times of 11 steps"):
        measurement._lammps_timing(SCREEN, steps=11)


def test_memory_is_the_childs_own(tmp_path):
    """Not what the fork shares with us, which is what the kernel's account begins with."""
    ours = np.ones(int(4e8), dtype=np.int8)

    def peak_MB(code: str) -> float:
        argv = [sys.executable, "-S", "-c", f"import time; {code}; time.sleep(0.2)"]
        status, watch = measurement._watched(
            argv, folder=tmp_path, environment={}, screen=tmp_path / "out"
        )
        assert status == 0
        return watch.peak_memory_MB

    assert peak_MB("pass") < 100
    assert 250 < peak_MB("x = b'x' * 250_000_000; del x") < 350, "also when it was given back"
    assert 1500 < peak_MB("x = b'x' * 1_500_000_000; del x") < 1600
    assert ours.sum() == 4e8


def test_waiting_counts_in_the_measured_time_alone():
    watch = measurement._Watch(1.0, [(0.0, 0.0), (5.0, 4.0), (6.0, 4.1), (7.0, 4.5)])
    assert watch.waited_fraction(2.0) == pytest.approx(0.25)
    assert watch.waited_fraction(100.0) == pytest.approx(4.5 / 7)
    assert watch.waited_fraction(0.1) == 0.0


def test_medians():
    found = median_row(
        [row(ms_per_step=ms, peak_memory_MB=mb) for ms, mb in ((4.0, 1.0), (9.0, 3.0), (5.0, 2.0))]
    )
    assert found.ms_per_step == 5.0
    assert found.us_per_atom_step == 250.0
    assert found.ns_per_day == pytest.approx(17.28)
    assert found.peak_memory_MB == 3.0
    with pytest.raises(ValueError, match="one measurement"):
        median_row([row(), row(atoms=40)])
    assert {field.name for field in fields(BenchmarkRow)} >= ISSUED_FIELDS


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"backends": ["symmetrix"]}, "no backend symmetrix. Choose among ase, upstream"),
        ({"backends": []}, "No backend is named"),
        ({"backends": ["aotinductor"]}, "has no .pt2 file.*--format aotinductor"),
        ({"atoms": []}, "at least one size"),
        ({"atoms": [0]}, "cell of 0 atoms"),
        ({"threads": 0}, "threads = 0"),
        ({"repeats": 0}, "repeats = 0"),
        ({"steps": 0}, "steps = 0"),
        ({"device": "tpu"}, "not tpu"),
    ],
)
def test_refused_before_anything_runs(bundle, monkeypatch, wrong, sentence):
    monkeypatch.setattr(measurement, "_watched", None)
    with pytest.raises(MlipsseError, match=sentence):
        benchmark(bundle.folder, **{"atoms": [20], "backends": ["ase"]} | wrong)


def test_structures_that_do_not_fit(bundle, tmp_path):
    salt = tmp_path / "salt.cif"
    bulk("NaCl", "rocksalt", a=5.6).write(salt)
    with pytest.raises(MlipsseError, match=r"salt.cif contains Na, .* knows only Li, Cl, Y, In"):
        benchmark(bundle.folder, atoms=[20], structure=salt)
    (tmp_path / "empty.cif").write_text("nothing")
    with pytest.raises(MlipsseError, match="cannot be read as a CIF or POSCAR"):
        benchmark(bundle.folder, atoms=[20], structure=tmp_path / "empty.cif")


@pytest.mark.parametrize("backend", ["torchscript", "ase"])
def test_a_failing_process_states_why(tmp_path, backend, plugin):
    contender = Contender(backend, tmp_path / "nowhere.pt", "target", "float32")
    with pytest.raises(MlipsseError, match=r"stopped in the benchmark.*20 atoms.*nowhere.pt"):
        measure(contender, li3incl6(), steps=1, plugin=plugin)


@pytest.mark.parametrize(("wanted", "got"), [(1, 20), (29, 20), (160, 160), (650, 640)])
def test_cells_of_the_nearest_size(wanted, got):
    cell = repeat_to(li3incl6(), wanted)
    assert len(cell) == got
    if got >= 160:
        heights = 1 / np.linalg.norm(np.linalg.inv(cell.cell.array), axis=0)
        assert heights.max() < 2 * heights.min(), "as compact as can be"


def test_heated_like_an_oscillator():
    cell = repeat_to(li3incl6(), 1280)
    frame = heated(cell, temperature_K=800.0, seed=1)
    displacements = frame.positions - cell.positions
    width_A = np.sqrt(BOLTZMANN_EV_K * 800.0 / SPRING_EV_A2)
    assert displacements.std() == pytest.approx(width_A, rel=0.05)
    shortest = neighbor_list("d", cell, 3.0).min()
    assert neighbor_list("d", frame, 3.0).min() >= 0.8 * shortest
    assert heated(cell, temperature_K=800.0, seed=1) == frame
    assert heated(cell, temperature_K=800.0, seed=2) != frame
    assert np.allclose(heated(cell, temperature_K=0.0, seed=1).positions, cell.positions)
