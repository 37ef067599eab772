"""What a stage or a check reads, it reads once."""

import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from ase import Atoms

from mlipsse import keys
from mlipsse.campaign.checks.campaign import validate
from mlipsse.campaign.crystals import orderings
from mlipsse.campaign.crystals.runs import runs
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign, read_campaign
from mlipsse.campaign.engine.stage import Work
from mlipsse.campaign.engine.table import read_csv
from mlipsse.campaign.stages.transport import analysis, stage, structure
from mlipsse.campaign.stages.transport.analysis import analyse_composition
from mlipsse.dataset.frames.extxyz import write_frames
from mlipsse.files import write_text
from mlipsse.md.files.record import Outcome, RunSubject, record_of, record_text, write_outcome
from mlipsse.md.plan.protocol import Protocol
from mlipsse.resources import resource_dir
from mlipsse.transport import WindowSettings
from mlipsse.transport.reading.formats.dcd import DcdPart
from tests.support.here import Here
from tests.support.trajectories.dcd import write_dcd
from tests.support.trajectories.lattice_walks import cubic_lattice, independent_walk

SPACING_A, REPEATS, FRAMES, FRAME_FS = 4.0, (4, 4, 4), 300, 1000.0
RATE_PER_PS = {600.0: 0.1, 800.0: 0.3}

OPENED: Counter[str] = Counter()
"""By file name, while a test counts."""
_counting = False


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if _counting and event == "open" and isinstance(arguments[0], str | Path):
        OPENED[Path(arguments[0]).name] += 1


sys.addaudithook(_hear)


@pytest.fixture
def opened() -> Iterator[Counter[str]]:
    """How often Python opens each file from here on."""
    global _counting
    OPENED.clear()
    _counting = True
    yield OPENED
    _counting = False


def _write_run(folder: Path, start: Atoms, kelvin: float, seed: int) -> None:
    """A run of Li that hops over the sites of a lattice of halogens, which vibrate."""
    rng = np.random.default_rng(seed)
    _, cell, neighbours, steps_A = cubic_lattice(REPEATS, SPACING_A)
    rates = np.full(neighbours.shape, RATE_PER_PS[kelvin] / 6)
    n_ions = len(start) // 2
    moved, _ = independent_walk(
        rng,
        rates=rates,
        neighbours=neighbours,
        steps_A=steps_A,
        starts=np.arange(n_ions),
        spacing_ps=FRAME_FS / 1000,
        n_frames=FRAMES,
    )
    positions = start.positions + rng.normal(0, 0.1, (FRAMES, len(start), 3))
    positions[:, :n_ions] += moved
    subject = RunSubject(
        formula=start.info[keys.COMPOSITION],
        composition=start.info[keys.COMPOSITION],
        ordering=start.info[keys.ORDERING],
        replica=0,
        mobile="Li",
        mobile_charge_e=1,
    )
    protocol = Protocol(
        temperature_K=kelvin,
        timestep_fs=2.0,
        equilibration_ps=1.0,
        production_ps=(FRAMES - 1) * FRAME_FS / 1000,
        dump_every_fs=FRAME_FS,
        relax_cell=False,
        seed=1,
    )
    record = record_of(start, subject, protocol)
    folder.mkdir(parents=True)
    write_text(folder / "run.json", record_text(record))
    first = folder / f"traj.{record.equilibration_steps}.dcd"
    write_dcd(first, positions.astype(np.float32), (*np.diag(cell), 90.0, 90.0, 90.0))
    write_outcome(folder, Outcome(status="done", reason=None, frames=FRAMES))


@pytest.fixture
def campaign(tmp_path: Path) -> Campaign:
    """Two compositions whose runs at two temperatures have ended."""
    content = {
        "name": "reads",
        "structure": {"host": "host.cif", "mobile": "Li", "charges": {"Li": 1, "Cl": -1}},
        "enumerate": {"compositions": ["LiCl", "LiBr"]},
        "simulate": {"temperatures_K": sorted(RATE_PER_PS), "min_atoms": 1, "min_length_A": 0},
        "transport": {"orderings": "boltzmann"},
    }
    (tmp_path / "campaign.yaml").write_text(yaml.safe_dump(content))
    campaign = read_campaign(tmp_path)
    fractional, cell, _, _ = cubic_lattice(REPEATS, SPACING_A)
    places = fractional @ cell
    chosen = []
    for formula in campaign.config.enumerate.compositions:
        symbols = ["Li"] * len(places) + [formula[2:]] * len(places)
        atoms = Atoms(symbols, [*places, *places + SPACING_A / 2], cell=cell, pbc=True)
        atoms.info = {
            keys.COMPOSITION: formula,
            keys.ORDERING: f"{formula}-o000",
            "relaxed_energy_eV": -1.0,
            "energy_above_hull_eV_atom": 0.0,
        }
        chosen.append(atoms)
    write_frames(campaign.path(paths.Select.selected), chosen)
    card = {"label_source": "teacher: morse", "sha256": {}}
    write_text(campaign.card_file, yaml.safe_dump(card))
    for seed, run in enumerate(runs(campaign)):
        folder = campaign.path(paths.Simulate.folder) / run.path
        _write_run(folder, run.start, run.temperature_K, seed)
    return campaign


def _analyse(campaign: Campaign) -> Path:
    work = Work(
        campaign,
        campaign.path(paths.Transport.folder),
        Here(),
        lambda done, total, text: None,
    )
    work.folder.mkdir(exist_ok=True)
    stage.perform(work)
    return work.folder


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The trajectories that are read, in turn."""
    found: list[Path] = []
    whole = DcdPart.read

    def counted(part: DcdPart, start: int, stop: int) -> np.ndarray:
        found.extend([part.path] if start == 0 else [])
        return whole(part, start, stop)

    monkeypatch.setattr(DcdPart, "read", counted)
    return found


def test_the_transport_stage_reads_each_trajectory_and_the_orderings_once(
    campaign: Campaign,
    read: list[Path],
    opened: Counter[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for drawing in ("_draw_radial", "_draw_density"):
        monkeypatch.setattr(structure, drawing, lambda *_: [])
    _analyse(campaign)
    trajectories = sorted(campaign.path(paths.Simulate.folder).rglob("traj.*.dcd"))
    assert len(trajectories) == 4
    assert sorted(read) == trajectories
    assert opened["selected.extxyz"] == 1
    rows = read_csv(campaign.path(paths.Transport.structure))
    assert [row["run"] for row in rows] == ["LiCl-o000-T0800-r0", "LiBr-o000-T0800-r0"]


def test_a_trajectory_too_large_to_wait_is_read_again(
    campaign: Campaign, read: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [
        campaign.path(paths.Simulate.folder) / run.path
        for run in runs(campaign)
        if run.composition == "LiCl"
    ]
    positions = []
    for share in (analysis.KEPT_SHARE, 0.0):
        monkeypatch.setattr(analysis, "KEPT_SHARE", share)
        found = analyse_composition("LiCl", folders, settings=WindowSettings())
        assert found.fastest is not None
        positions.append(found.fastest.ions().resting[:])
    assert len(read) == 2 + 2 + 1
    np.testing.assert_array_equal(*positions)


def test_a_validation_reads_the_host_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(resource_dir("examples") / "li3incl6" / "Li3InCl6.cif", tmp_path)
    content = {
        "name": "reads",
        "structure": {"host": "Li3InCl6.cif", "mobile": "Li"},
        "enumerate": {"compositions": ["Li3InCl6"]},
        "select": {"per": "cell"},
        "simulate": {"temperatures_K": [800]},
        "transport": {"orderings": "boltzmann"},
    }
    (tmp_path / "campaign.yaml").write_text(yaml.safe_dump(content))
    read: list[Path] = []
    whole = orderings.read_host

    def counted(path: Path, settings: Any) -> Any:
        read.append(path)
        return whole(path, settings)

    monkeypatch.setattr(orderings, "read_host", counted)
    found = validate(read_campaign(tmp_path), ["enumerate", "simulate", "transport"])
    assert any("Formal charges" in note for note in found.notes)
    assert [path.name for path in read] == ["Li3InCl6.cif"]
