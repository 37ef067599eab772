"""Folders of runs from a campaign that has orderings and a potential: rendered, not run."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from ase.io import read
from typer.testing import CliRunner

from mlipsse import keys
from mlipsse.campaign.checks.campaign import problems
from mlipsse.campaign.config.simulate import RungConfig
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign, read_campaign
from mlipsse.campaign.stages.simulate.cost import estimate_campaign
from mlipsse.campaign.stages.simulate.portable import render_campaign
from mlipsse.campaign.stages.simulate.production import require_ended_elsewhere
from mlipsse.campaign.stages.simulate.rendering import RunFiles
from mlipsse.campaign.views.run_table import run_table
from mlipsse.cli import app
from mlipsse.dataset.frames.extxyz import write_frames
from mlipsse.errors import MlipsseError
from mlipsse.files import exclusive_lock
from mlipsse.md.files.record import RECORD_FILE, read_record
from mlipsse.md.plan.estimate import run_cost
from mlipsse.md.run import run_folder
from mlipsse.resources import resource_dir

CONFIG = """
name: some
structure:
  host: Li3InCl6.cif
  mobile: Li
  substitutions: {In: [In, Y], Cl: [Cl, Br]}
  charges: {Li: 1, In: 3, Y: 3, Cl: -1, Br: -1}
enumerate: {compositions: [Li3InCl6]}
export: {name: pot}
simulate:
  temperatures_K: [600, 900]
  at_K:
    600: {production_ps: 100, replicas: 3, dump_every_fs: 200}
  repeat: 2x1x1
  min_atoms: 1
  min_length_A: 0
  equilibration_ps: 10
  production_ps: 20
"""


@pytest.fixture
def campaign(tmp_path: Path, shipped_bundle: Path) -> Campaign:
    folder = tmp_path / "a campaign"
    folder.mkdir()
    (folder / "campaign.yaml").write_text(CONFIG)
    shutil.copy(resource_dir("examples") / "li3incl6" / "Li3InCl6.cif", folder)
    frames = read(shipped_bundle / "replay.extxyz", ":")
    atoms = next(frame for frame in frames if frame.info["composition"] == "Li3InCl6").copy()
    atoms.info = {
        keys.COMPOSITION: "Li3InCl6",
        keys.ORDERING: "Li3InCl6-1x1x1-o000",
        "relaxed_energy_eV": -1.0,
    }
    atoms.calc = None
    write_frames(folder / paths.Select.selected, [atoms])
    bundle = folder / "07-export" / "pot"
    shutil.copytree(shipped_bundle, bundle)
    for path in bundle.glob("mace-sse-small*"):
        path.rename(bundle / path.name.replace("mace-sse-small", "pot"))
    card = bundle / "card.yaml"
    card.write_text(card.read_text().replace("mace-sse-small", "pot"))
    return read_campaign(folder)


def changed(campaign: Campaign, **simulate: object) -> Campaign:
    path = campaign.folder / "campaign.yaml"
    content = yaml.safe_load(path.read_text())
    content["simulate"] |= simulate
    path.write_text(yaml.safe_dump(content))
    return read_campaign(campaign.folder)


def test_every_temperature_has_its_own_protocol(campaign: Campaign) -> None:
    done = render_campaign(campaign)
    assert done.runs == 4
    records = [read_record(path.parent) for path in sorted(done.root.rglob(RECORD_FILE))]
    stated = [(r.temperature_K, r.replica, r.production_steps, r.dump_every_steps) for r in records]
    assert stated == [(600, 0, 100_000, 200), (600, 1, 100_000, 200), (600, 2, 100_000, 200),
                    (900, 0, 20_000, 100)]  # fmt: skip
    n_atoms = len(read(campaign.path(paths.Select.selected)))
    assert {len(record.species) for record in records} == {2 * n_atoms}
    assert len({record.protocol.seed for record in records}) == 4


def test_a_portable_folder_holds_what_its_decks_load(campaign: Campaign, tmp_path: Path) -> None:
    done = render_campaign(campaign, out=tmp_path / "out")
    moved = tmp_path / "elsewhere"
    done.root.rename(moved)
    assert (moved / "runs.txt").read_text().split() == [
        f"Li3InCl6/Li3InCl6-1x1x1-o000/{name}"
        for name in ("T0600/r0", "T0600/r1", "T0600/r2", "T0900/r0")
    ]
    for deck in moved.rglob("in.lammps"):
        lines = deck.read_text().splitlines()
        for command in ("plugin ", "pair_coeff "):
            (line,) = [line for line in lines if line.startswith(command)]
            assert (deck.parent / line.split('"')[1]).resolve().is_relative_to(moved)
            assert (deck.parent / line.split('"')[1]).is_file()
    assert (moved / "potential" / "card.yaml").is_file()
    array = (moved / "array.sbatch").read_text()
    assert array.startswith("#!/bin/bash\n#SBATCH --job-name=some\n#SBATCH --array=0-3\n")


def test_the_array_asks_for_what_the_config_states(campaign: Campaign, tmp_path: Path) -> None:
    path = campaign.folder / "campaign.yaml"
    path.write_text(
        path.read_text()
        + "execution:\n  threads_per_worker: 4\n  slurm: {partition: gpu, account: me, walltime: "
        "'2-00:00:00', modules: [cuda/12.4], gpus_per_node: 4, runs_per_gpu: 3, options: "
        "['--constraint=a100'], setup: ['source ~/env.sh']}\n"
    )
    done = render_campaign(read_campaign(campaign.folder), out=tmp_path / "out")
    lines = (done.root / "array.sbatch").read_text().splitlines()
    for line in (
        "#SBATCH --array=0-1",
        "#SBATCH --time=2-00:00:00",
        "#SBATCH --cpus-per-task=12",
        "#SBATCH --gres=gpu:1",
        "#SBATCH --partition=gpu",
        "#SBATCH --account=me",
        "#SBATCH --constraint=a100",
        "module load cuda/12.4",
        "source ~/env.sh",
        "nvidia-cuda-mps-control -d",
        "export OMP_NUM_THREADS=4",
    ):
        assert line in lines


def test_what_was_run_with_other_settings_is_not_removed(campaign: Campaign) -> None:
    done = render_campaign(campaign)
    run = done.root / "Li3InCl6" / "Li3InCl6-1x1x1-o000" / "T0900" / "r0"
    (run / "restart.a").write_text("whole")
    with pytest.raises(MlipsseError, match="results of a run with other settings"):
        render_campaign(changed(campaign, tdamp_ps=0.2))
    render_campaign(changed(campaign, tdamp_ps=0.1, production_ps=40))
    assert (run / "restart.a").exists()
    assert read_record(run).production_steps == 40_000


def test_crystals_that_are_given_run_as_they_are(campaign: Campaign) -> None:
    big = read(campaign.path(paths.Select.selected)).repeat((2, 2, 2))
    big.info = {}
    write_frames(campaign.folder / "mc-0001.extxyz", [big])
    done = render_campaign(changed(campaign, structures=["mc-0001.extxyz"]))
    assert done.runs == 8
    without = changed(campaign, structures=["mc-0001.extxyz"], orderings=0)
    alone = render_campaign(without, out=campaign.folder / "alone")
    assert [path.name for path in (alone.root / "Li3InCl6").iterdir()] == ["mc-0001"]
    record = read_record(done.root / "Li3InCl6" / "mc-0001" / "T0900" / "r0")
    assert (record.composition, len(record.species)) == ("Li3InCl6", len(big))
    big.symbols[0] = "Na"
    write_frames(campaign.folder / "mc-0001.extxyz", [big])
    with pytest.raises(MlipsseError, match="which is not a composition of this campaign"):
        render_campaign(campaign=read_campaign(campaign.folder))


def test_a_potential_without_an_element_is_refused(campaign: Campaign) -> None:
    card = campaign.folder / "07-export" / "pot" / "card.yaml"
    card.write_text(card.read_text().replace("- Cl\n", "", 1))
    with pytest.raises(MlipsseError, match="does not know Cl of Li3InCl6"):
        render_campaign(campaign)


def test_a_template_of_ones_own(campaign: Campaign) -> None:
    templates = campaign.folder / "mine"
    templates.mkdir()
    (templates / "in.lammps.j2").write_text("# {{ title }} {{ nonsense }}\n")
    with pytest.raises(MlipsseError, match="'nonsense' is undefined"):
        render_campaign(changed(campaign, templates="mine"))


def test_a_long_time_step_is_reported(campaign: Campaign) -> None:
    assert render_campaign(campaign).notes == []
    (note,) = render_campaign(
        changed(campaign, timestep_fs=4.0, dump_every_fs=100.0), out=campaign.folder / "long"
    ).notes
    assert "timestep_fs = 4 is too long for the lightest atom (6.94 u)" in note


def test_a_cell_narrower_than_the_cutoff_is_reported(campaign: Campaign) -> None:
    card = campaign.folder / "07-export" / "pot" / "card.yaml"
    card.write_text(card.read_text().replace("cutoff_A: 5.0", "cutoff_A: 50.0"))
    (note,) = render_campaign(campaign).notes
    assert "less than the potential's cutoff of 50 Å" in note


@pytest.mark.parametrize(
    ("simulate", "words"),
    [
        ({"at_K": {650: {"production_ps": 1}}}, "650 K, which temperatures_K"),
        *(
            ({"at_K": {600: {name: -1}}}, f"{name}.*greater than")
            for name in RungConfig.model_fields
        ),
        ({"temperatures_K": []}, "at least 1 item"),
        ({"temperatures_K": [600, 600], "at_K": {}}, "contains 600 K twice"),
        ({"temperatures_K": [600.2, 600.4], "at_K": {}}, "contains 600 K twice"),  # one folder
        ({"repeat": "2x2"}, "not three repetitions"),
        ({"repeat": "0x1x1"}, "not three repetitions"),
        ({"until": {"relative_error": 2, "max_production_ps": 1}}, "less than 1"),
    ],
)
def test_faults_of_the_config(campaign: Campaign, simulate: dict[str, object], words: str) -> None:
    with pytest.raises(MlipsseError, match=words):
        changed(campaign, **simulate)


@pytest.mark.parametrize(
    "line",
    ["partition: 'a b'", "options: ['--x; rm -r ~']", "account: \"x\\ny\"", "setup: [\"a\\nb\"]",
     "walltime: soon"],
)  # fmt: skip
def test_values_that_would_smuggle_commands(campaign: Campaign, line: str) -> None:
    path = campaign.folder / "campaign.yaml"
    path.write_text(path.read_text() + f"execution: {{slurm: {{{line}}}}}\n")
    with pytest.raises(MlipsseError, match=r"execution\.slurm"):
        read_campaign(campaign.folder)


def test_a_cluster_without_sbatch(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    path = campaign.folder / "campaign.yaml"
    path.write_text(path.read_text() + "execution: {slurm: {}}\n")
    found = problems(read_campaign(campaign.folder))
    assert any("there is no `sbatch` on this machine's PATH" in problem for problem in found)


def test_estimate_adds_up(campaign: Campaign) -> None:
    cold, hot = estimate_campaign(campaign, us_per_atom_step=10.0)
    n_atoms = 2 * len(read(campaign.path(paths.Select.selected)))
    assert (cold.runs, cold.ns_per_run, hot.runs) == (3, 0.11, 1)
    assert cold.hours == pytest.approx(3 * 110_000 * n_atoms * 10e-6 / 3600)
    assert hot.disk_GB > 201 * 12 * n_atoms / 1e9


@pytest.mark.parametrize("cost", [0.0, -1.0, float("nan")])
def test_a_step_that_costs_nothing(campaign: Campaign, cost: float) -> None:
    with pytest.raises(MlipsseError, match="must be above 0"):
        estimate_campaign(campaign, us_per_atom_step=cost)


def test_disk_of_a_run_is_what_it_writes(tmp_path: Path) -> None:
    from mlipsse.md.run import run_folder
    from tests.support.trajectories.lennard_jones import render

    folder = render(tmp_path / "run", production_ps=40.0, velocities_every_ps=1.0)
    run_folder(folder)
    record = read_record(folder)
    kept = ("traj.*", "velocities.*", "restart.*", "log.[0-9]*")
    written = sum(path.stat().st_size for pattern in kept for path in folder.glob(pattern))
    cost = run_cost(record.protocol, n_atoms=len(record.species), us_per_atom_step=1.0)
    assert cost.disk_GB * 1e9 == pytest.approx(written, rel=0.15)


def test_status_of_runs(campaign: Campaign) -> None:
    render_campaign(campaign)
    table = run_table(campaign)
    assert table is not None
    assert table.states == {"queued": 4}
    assert [(group.temperature_K, group.progress) for group in table.groups] == [(600, 0), (900, 0)]
    shown = CliRunner().invoke(app, ["status", str(campaign.folder)])
    assert shown.exit_code == 0, shown.output
    assert "4 runs: 4 queued." in shown.output
    content = json.loads(CliRunner().invoke(app, ["status", str(campaign.folder), "--json"]).output)
    assert len(content["runs"]) == 4


def test_speed_is_compared_with_the_estimate(campaign: Campaign) -> None:
    done = render_campaign(campaign)
    estimate_campaign(campaign, us_per_atom_step=100.0)
    run = done.root / "Li3InCl6" / "Li3InCl6-1x1x1-o000" / "T0900" / "r0"
    n_atoms = len(read_record(run).species)
    names = "'Step', 'Temp', 'TotEng', 'Econserve', 'Press', 'Volume', 'CPU', "
    slow_s = 2 * 100e-6 * n_atoms  # of a step: twice what was estimated
    rows = [f"  - [{step}, 900, 1, 1, 1, 1, {step * slow_s}, ]\n" for step in (0, 100, 200)]
    (run / "log.0.lammps").write_text(f"keywords: [{names}]\ndata:\n{''.join(rows)}")
    with exclusive_lock(run / ".lock", holder="LAMMPS run"):
        table = run_table(campaign)
    assert table is not None
    assert table.states == {"queued": 3, "running": 1}
    assert table.speed_ratio == pytest.approx(0.5)
    per_day = 86_400e-6 / slow_s
    assert table.ns_per_day == pytest.approx(per_day)
    left_ns = (3 * 110_000 + 30_000 - 200) * 1e-6
    assert table.seconds_left == pytest.approx(left_ns / per_day * 86_400)


def test_commands(campaign: Campaign, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app, ["md", "render", str(campaign.folder), "--out", str(tmp_path / "o")]
    )
    assert done.exit_code == 0, done.output
    assert "4 runs in" in done.output
    done = CliRunner().invoke(app, ["md", "estimate", str(campaign.folder), "--cost", "10"])
    assert done.exit_code == 0, done.output
    assert "device hours" in done.output
    done = CliRunner().invoke(app, ["md", "health", str(tmp_path / "o")])
    assert done.exit_code == 0, done.output
    assert done.output.count("queued") == 4


def test_decks_of_another_engine(campaign: Campaign, tmp_path: Path) -> None:
    bundle = campaign.folder / "07-export" / "pot"
    shutil.copy(bundle / "pot.pt", bundle / "pot.upstream.pt")
    card = yaml.safe_load((bundle / "card.yaml").read_text())
    card["sha256"]["pot.upstream.pt"] = card["sha256"]["pot.pt"]
    (bundle / "card.yaml").write_text(yaml.safe_dump(card))
    other = changed(campaign, engine="upstream")
    with pytest.raises(MlipsseError, match=r"simulate\.engine: upstream requires ACEsuit's fork"):
        render_campaign(other, out=tmp_path / "no", runtime=True)
    done = render_campaign(other, out=tmp_path / "out")
    folder = next(path.parent for path in done.root.rglob("in.lammps"))
    text = (folder / "in.lammps").read_text()
    assert "pair_style      mace no_domain_decomposition" in text
    named = next(line for line in text.splitlines() if line.startswith("pair_coeff"))
    assert (folder / named.split('"')[1]).resolve() == done.root / "potential" / "pot.upstream.pt"
    assert "-k on g 1 -sf kk" in (done.root / "run.sh").read_text()
    # Neither a run of one folder nor the stage starts LAMMPS of the wrong kind.
    with pytest.raises(MlipsseError, match="is for the engine upstream, which requires ACEsuit"):
        run_folder(folder)
    files = RunFiles(done.root, done.root / "p.so", done.root / "potential", "upstream")
    with pytest.raises(MlipsseError, match=r"1 of 1 runs .* simulate.engine: upstream"):
        require_ended_elsewhere(files, [folder])
    assert not (folder / "lammps.out").exists()


def test_a_run_of_another_engine_that_ended_elsewhere_is_taken(
    campaign: Campaign, tmp_path: Path
) -> None:
    done = render_campaign(changed(campaign, engine="mlipsse"), out=tmp_path / "out")
    folder = next(path.parent for path in done.root.rglob("in.lammps"))
    (folder / "stopped.txt").write_text("ERROR: Fix halt condition for fix-id melted_all met\n")
    files = RunFiles(done.root, done.root / "p.so", done.root / "potential", "mliap")
    require_ended_elsewhere(files, [folder])
