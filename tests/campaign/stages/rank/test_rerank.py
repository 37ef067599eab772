"""The lowest orderings once more, with the model that production will use."""

import json
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.cell import Cell
from scipy.stats import kendalltau

from mlipsse import keys
from mlipsse.campaign.config.file import parse_config
from mlipsse.campaign.crystals.database import read_database
from mlipsse.campaign.crystals.runs import run_folders, runs
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign, read_campaign
from mlipsse.campaign.engine.stage import Work
from mlipsse.campaign.engine.table import read_csv
from mlipsse.campaign.stages.enumerate import stage as enumerate_stage
from mlipsse.campaign.stages.rank import stage as rank_stage
from mlipsse.campaign.stages.rank.rerank import RerankSettings, host_lattice, of_bundle, rerank
from mlipsse.cli import main
from mlipsse.dataset.frames.extxyz import read_frames
from mlipsse.energetics.potentials.calculators import make_calculator
from mlipsse.errors import MlipsseError
from mlipsse.resources import resource_dir
from tests.support.here import Here

MODEL, HEAD = "mace-liybc-scan-small", "Default"
CONFIG = """
name: test
structure:
  host: LIYBC.cif
  mobile: Li
  substitutions: {In: [In, Y], Cl: [Cl, Br]}
  charges: {Li: 1, In: 3, Y: 3, Cl: -1, Br: -1}
enumerate:
  compositions: [Li3InBr3Cl3]
  end_members: [Li3InCl6, Li3InBr6]
  max_orderings: 8
rank: {foundation: mace-sse-small, relaxation: none, search: {rounds: 0}}
label: {source: "teacher: mace-sse-small"}
export: {rerank: 4}
simulate: {temperatures_K: [800], orderings: lowest}
"""


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    folder = tmp_path_factory.mktemp("rerank") / "campaign"
    folder.mkdir()
    (folder / "campaign.yaml").write_text(CONFIG)
    host = resource_dir("examples") / "liybc" / "LIYBC.cif"
    (folder / "LIYBC.cif").write_bytes(host.read_bytes())
    made = read_campaign(folder)
    for stage in (enumerate_stage, rank_stage):
        place = folder / stage.STAGE.folder_name
        stage.perform(Work(made, place, Here(), lambda *_: None))
    return made


def test_tables_are_those_of_both_potentials(campaign: Campaign, tmp_path: Path) -> None:
    work = Work(campaign, tmp_path, Here(), lambda *_: None)
    settings = RerankSettings(MODEL, HEAD, 4, trained_on=("Li3InCl6", "Li3InBr3Cl3"))
    made = rerank(work, settings)
    assert [path.name for path in made] == [
        "reranked.csv", "reranked-compositions.csv", "lattice.csv", "coordination.csv",
        "lowest.extxyz",
    ]  # fmt: skip
    (note,) = work.notes
    assert note.startswith(f"{MODEL} was not trained on Li3InBr6. ")

    ranked = {row.name: row for row in read_database(campaign.path(paths.Rank.database))}
    rows = read_csv(tmp_path / "reranked.csv")
    assert len(rows) == 12
    calculator = make_calculator(MODEL, head=HEAD, dtype="float64")
    energies = {}
    for row in rows:
        atoms = ranked[row["ordering"]].atoms.copy()
        atoms.calc = calculator
        energies[row["ordering"]] = atoms.get_potential_energy() / len(atoms)
    lowest = {
        formula: min(energies[row["ordering"]] for row in rows if row["composition"] == formula)
        for formula in ("Li3InBr3Cl3", "Li3InCl6", "Li3InBr6")
    }
    ends = (lowest["Li3InCl6"] + lowest["Li3InBr6"]) / 2
    for row in rows:
        if row["composition"] == "Li3InBr3Cl3":
            energy = energies[row["ordering"]]
            # float32 energies of 80 eV: 1e-5 eV, over 20 atoms.
            hull = min(ends, lowest["Li3InBr3Cl3"])
            assert float(row["energy_above_hull_eV_atom"]) == pytest.approx(energy - hull, abs=3e-6)
            assert float(row["formation_energy_eV_atom"]) == pytest.approx(energy - ends, abs=3e-6)
    row = next(
        row
        for row in read_csv(tmp_path / "reranked-compositions.csv")
        if row["composition"] == "Li3InBr3Cl3"
    )
    own = [name for name in energies if name.startswith("Li3InBr3Cl3")]
    before = [ranked[name].values["energy_eV"] for name in own]
    tau = kendalltau(before, [energies[name] for name in own]).statistic
    assert float(row["kendall_tau"]) == pytest.approx(tau)
    assert row["lowest_ordering"] == min(own, key=lambda name: energies[name])
    assert row["ranked_lowest_ordering"] == own[int(np.argmin(before))]
    # The labels are those of the potential that ranked: the lowest four of every composition.
    assert float(row["label_energy_above_hull_eV_atom"]) == pytest.approx(
        float(row["ranked_energy_above_hull_eV_atom"]), abs=3e-6
    )
    (frame,) = read_frames(tmp_path / "lowest.extxyz", labelled=False)
    assert frame.info[keys.ORDERING] == row["lowest_ordering"]


@pytest.mark.parametrize(
    ("head", "sentence"), [(None, "has several heads"), ("scan", "has no head 'scan'")]
)
def test_a_head_is_asked_for_before_any_work(campaign, tmp_path, head, sentence) -> None:
    class Nobody(Here):
        def run(self, units, progress) -> None:
            pytest.fail("work began")

    work = Work(campaign, tmp_path, Nobody(), lambda *_: None)
    with pytest.raises(MlipsseError, match=sentence):
        rerank(work, RerankSettings(MODEL, head, 4))


def test_production_starts_from_the_lowest(campaign: Campaign) -> None:
    assert run_folders(campaign) == []
    work = Work(campaign, campaign.path(paths.Export.folder), Here(), lambda *_: None)
    rerank(work, RerankSettings(MODEL, HEAD, 4))
    (run,) = runs(campaign)
    rows = read_csv(campaign.path(paths.Export.reranked_compositions))
    lowest = {row["composition"]: row["lowest_ordering"] for row in rows}
    assert run.start.info[keys.ORDERING] == lowest["Li3InBr3Cl3"]


def test_the_lowest_must_be_ranked_again() -> None:
    with pytest.raises(MlipsseError, match=r"simulate.orderings: lowest .* export.rerank is 0"):
        parse_config(CONFIG.replace("rerank: 4", "rerank: 0"), source="campaign.yaml")


def test_lattice_is_that_of_the_host() -> None:
    crystal = bulk("NaCl", "rocksalt", a=5.6, cubic=True)
    strained = crystal.cell.cellpar() * [1.01, 0.99, 1.02, 1, 1, 1]
    crystal.set_cell(Cell.fromcellpar(strained), scale_atoms=True)
    assert host_lattice(crystal.repeat((1, 2, 3)), "1x2x3") == pytest.approx(strained)
    rows = "[[1, -1, 0], [0, 1, -1], [1, 1, 1]]"
    from mlipsse.orderings import parse_repeats

    repeats = parse_repeats(json.loads(rows))
    turned = crystal.copy()
    turned.set_cell(repeats.matrix @ crystal.cell[:])
    assert host_lattice(turned, repeats.name) == pytest.approx(strained)


def test_a_bundle_states_its_head_and_compositions() -> None:
    found = of_bundle(resource_dir("potentials") / MODEL, lowest=3)
    assert (found.head, found.lowest) == (HEAD, 3)
    assert found.trained_on is not None
    assert "Li3InCl6" in found.trained_on
    assert Path(found.potential).name == f"{MODEL}.model"


def test_the_command(campaign: Campaign, tmp_path: Path, monkeypatch, capsys) -> None:
    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["mlipsse", "orderings", "rerank", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out = capsys.readouterr()
        return int(ended.value.code or 0), out.out, out.err

    folder = str(campaign.folder)
    bundle = str(resource_dir("potentials") / MODEL)
    code, out, err = run(
        folder, "--potential", bundle, "--lowest", "2", "--out", str(tmp_path / "o")
    )
    assert code == 0, err
    assert "Li3InBr3Cl3" in out
    assert "Kendall's tau" in out
    assert (tmp_path / "o" / "lattice.csv").is_file()
    published = read_csv(tmp_path / "o" / "lattice.csv")
    assert {row["composition"]: row["published_b_A"] for row in published} == {
        "Li3InBr3Cl3": "", "Li3InCl6": "11.028", "Li3InBr6": "11.716",
    }  # fmt: skip
    code, _, err = run(folder, "--potential", "no-such-model")
    assert code == 2
    assert "There is no potential 'no-such-model'" in err
    code, _, err = run(folder)
    assert code == 2
    assert "has no exported potential yet" in err


def test_orderings_drawn_by_weight_are_not_weighted_again() -> None:
    text = CONFIG.replace("orderings: lowest", "orderings: 3")
    twice = text + "transport: {orderings: boltzmann}\n"
    with pytest.raises(MlipsseError, match=r"count the weights twice; set select\.draw: lowest"):
        parse_config(twice, source="campaign.yaml")
    parse_config(twice + "select: {draw: lowest}\n", source="campaign.yaml")
    parse_config(text, source="campaign.yaml")
