"""Stage 2 on a handful of orderings, in this process."""

from pathlib import Path

import pytest
from ase import Atoms
from ase.build import bulk
from ase.io.jsonio import decode

from mlipsse.campaign.config.campaign import RankConfig
from mlipsse.campaign.config.file import parse_config
from mlipsse.campaign.crystals.database import Row, read_database, write_database
from mlipsse.campaign.crystals.orderings import campaign_host
from mlipsse.campaign.crystals.store import row_labels
from mlipsse.campaign.engine.folder import Campaign, read_campaign
from mlipsse.campaign.engine.stage import Work
from mlipsse.campaign.engine.table import read_csv
from mlipsse.campaign.stages.enumerate import stage as enumerate_stage
from mlipsse.campaign.stages.rank import ranking, relaxing
from mlipsse.campaign.stages.rank import stage as rank
from mlipsse.energetics.potentials.calculators import make_calculator
from mlipsse.errors import MlipsseError
from mlipsse.orderings import Supercell, enumerate_orderings, parse_composition
from mlipsse.resources import resource_dir
from tests.support.here import Here

CONFIG = """
name: test
structure: {{host: Li3InCl6.cif, mobile: Li, charges: {{Li: 1, In: 3, Cl: -1}}}}
enumerate: {{compositions: [Li3InCl6], max_orderings: 5}}
rank: {rank}
simulate: {{temperatures_K: [800]}}
"""


def _campaign(folder: Path, settings: str) -> Campaign:
    """Without a search, unless the settings have one."""
    if "search" not in settings:
        settings = settings.replace("}", ", search: {rounds: 0}}")
    (folder / "campaign.yaml").write_text(CONFIG.format(rank=settings))
    host = resource_dir("examples") / "li3incl6" / "Li3InCl6.cif"
    (folder / "Li3InCl6.cif").write_bytes(host.read_bytes())
    return read_campaign(folder)


def _ranked(campaign: Campaign, execution: Here) -> Work:
    enumerated = campaign.folder / "01-enumerate"
    if not enumerated.exists():
        enumerate_stage.perform(Work(campaign, enumerated, Here(), lambda *_: None))
    work = Work(campaign, campaign.folder / "02-rank", execution, lambda *_: None)
    outputs = rank.perform(work)
    assert {path.name for path in outputs} >= {"ranked.db", "hull.csv", "left_out.csv"}
    assert all(path.is_file() for path in outputs)
    return work


def test_single_points_are_ranked(tmp_path):
    campaign = _campaign(tmp_path, "{foundation: mace-sse-small, relaxation: none}")
    _ranked(campaign, Here())
    rows = read_database(tmp_path / "02-rank" / "ranked.db")
    before = read_database(tmp_path / "01-enumerate" / "orderings.db")
    calculator = make_calculator("mace-sse-small")
    assert len(rows) == len(before) == 5
    for row, start in zip(rows, before, strict=True):
        assert row.atoms.positions == pytest.approx(start.atoms.positions, abs=0)
        start.atoms.calc = calculator
        # The model is of float32: some 1e-7 of 80 eV.
        assert row.values["energy_eV"] == pytest.approx(
            start.atoms.get_potential_energy(), abs=5e-5
        )
    (left_out,) = read_csv(tmp_path / "02-rank" / "left_out.csv")
    assert left_out["composition"] == "Li3InCl6"
    assert left_out["supercell"] == "1x1x1"
    assert (left_out["tried"], left_out["kept"], left_out["exploded"]) == ("5", "5", "0")


def test_the_head_that_is_named_ranks(tmp_path):
    settings = "{foundation: mace-liybc-scan-small, relaxation: none, head: %s}"
    energies_eV = {}
    for head in ("pt_head", "Default"):
        folder = tmp_path / head
        folder.mkdir()
        _ranked(_campaign(folder, settings % head), Here())
        row = read_database(folder / "02-rank" / "ranked.db")[0]
        atoms = row.atoms.copy()
        # SCAN energies of CP2K are so large that float32 rounds them to 1 meV of the cell.
        atoms.calc = make_calculator("mace-liybc-scan-small", head=head, dtype="float64")
        energies_eV[head] = row.values["energy_eV"]
        assert energies_eV[head] == pytest.approx(atoms.get_potential_energy(), abs=1e-4)
    assert abs(energies_eV["pt_head"] - energies_eV["Default"]) > 1  # two functionals


def test_an_interrupted_ranking_goes_on_and_does_nothing_twice(tmp_path):
    settings = "{foundation: mace-sse-small, max_steps: 60, max_force_eV_A: 0.3, batch: 2}"
    campaign = _campaign(tmp_path, settings)
    first = Here(at_most=2)
    with pytest.raises(KeyboardInterrupt):
        _ranked(campaign, first)
    second = Here()
    _ranked(campaign, second)
    assert len(first.done) == 2
    assert len(second.done) == 1
    assert not set(first.done) & set(second.done)
    hull = (tmp_path / "02-rank" / "hull.csv").read_bytes()
    again = Here()
    _ranked(campaign, again)
    assert again.done == []
    assert (tmp_path / "02-rank" / "hull.csv").read_bytes() == hull


def test_what_is_left_out_is_counted_by_reason(tmp_path, monkeypatch):
    from mlipsse.energetics.relaxation.outcome import Relaxation

    faults = iter([None, "not_converged", "exploded", None, "not_converged"])

    def scripted(structures, potential, settings, *, device, head):
        return [
            Relaxation(atoms, -80.0, 0.1, 7, fault := next(faults), fault) for atoms in structures
        ]

    monkeypatch.setattr(relaxing, "relax_all", scripted)
    _ranked(_campaign(tmp_path, "{foundation: mace-sse-small}"), Here())
    (row,) = read_csv(tmp_path / "02-rank" / "left_out.csv")
    assert (row["tried"], row["kept"]) == ("5", "2")
    assert (row["not_converged"], row["exploded"], row["contact"]) == ("2", "1", "0")
    assert len(read_database(tmp_path / "02-rank" / "ranked.db")) == 2
    assert len(read_csv(tmp_path / "02-rank" / "hull.csv")) == 5


def _rows(counts: dict[str, int], n_atoms: int) -> list[Row]:
    return [
        Row(
            Atoms("Li" * n_atoms),
            {"ordering": f"{formula}-{i}", "composition": formula, "supercell": "cell-1x1x1"},
        )
        for formula, count in counts.items()
        for i in range(count)
    ]


def test_units_hold_one_composition_and_about_as_many_atoms():
    rows = _rows({"A": 90, "B": 3}, 20)
    units = list(ranking.units_of_work(rows, RankConfig(), "mace-sse-small"))
    assert [len(unit) for unit in units] == [40, 40, 10, 3]
    assert [row for unit in units for row in unit] == rows
    units = list(ranking.units_of_work(rows, RankConfig(), "sevennet: 7net-0"))
    assert len(units[0]) == 8
    units = list(ranking.units_of_work(rows, RankConfig(batch=30), "sevennet: 7net-0"))
    assert [len(unit) for unit in units] == [30, 30, 30, 3]
    (unit,) = ranking.units_of_work(_rows({"A": 1}, 2000), RankConfig(), "mace-sse-small")
    assert len(unit) == 1


def test_relax_cell_is_still_understood(tmp_path):
    def settings(text: str) -> str:
        config = parse_config(CONFIG.format(rank=text), source="test")
        return config.rank.relaxation

    assert settings("{}") == "cell"
    assert settings("{relax_cell: true}") == "cell"
    assert settings("{relax_cell: false}") == "positions"
    assert settings("{relaxation: none}") == "none"
    with pytest.raises(MlipsseError, match="give one of the two"):
        settings("{relax_cell: true, relaxation: none}")
    with pytest.raises(MlipsseError, match="relax_cell must be true or false"):
        settings("{relax_cell: 3}")


def test_an_element_that_the_potential_lacks_is_a_sentence(tmp_path):
    (tmp_path / "01-enumerate").mkdir()
    campaign = _campaign(tmp_path, "{foundation: mace-sse-small}")
    (row,) = _rows({"Li3InCl6": 1}, 2)
    row.atoms.symbols[:] = "K"
    row.values.update(ewald_energy_eV=0.0, degeneracy=1.0)
    write_database(tmp_path / "01-enumerate" / "orderings.db", [row])
    with pytest.raises(MlipsseError, match="mace-sse-small does not know K: it knows Br, Cl"):
        _ranked(campaign, Here())


@pytest.mark.parametrize(("factor", "reason"), [(1.1, "exploded"), (1.5, None)])
def test_a_cell_may_change_by_what_the_config_states(
    factor: float, reason: str | None, tmp_path: Path
) -> None:
    """LiCl squeezed to about 0.8 of its volume grows back, or is left out for that."""
    out = tmp_path / "unit.json"
    relaxing.relax_batch(
        out,
        structures=[bulk("LiCl", "rocksalt", a=4.7)],
        potential="mace-sse-small",
        mobile="Li",
        settings=RankConfig(max_volume_factor=factor),
    )
    (answer,) = decode(out.read_text())
    if reason is None:
        assert answer["reason"] is None
        assert answer["atoms"].get_volume() > 1.15 * 4.7**3 / 4
    else:
        assert reason in answer["reason"]


MIXED = CONFIG.replace(
    "[Li3InCl6], max_orderings: 5", "[Li3In0.5Y0.5Cl6], max_orderings: 6"
).replace(
    "mobile: Li, charges: {{Li: 1, In: 3, Cl: -1}}",
    "mobile: Li, substitutions: {{In: [In, Y]}}, charges: {{Li: 1, In: 3, Y: 3, Cl: -1}}",
)


def test_orderings_of_low_energy_are_searched_and_state_how(tmp_path, monkeypatch):
    """Six of 16 orderings are enumerated; single points of all are the truth."""
    monkeypatch.setitem(globals(), "CONFIG", MIXED)
    search = "search: {rounds: 8, quiet_rounds: 8, proposals: 3}"
    settings = f"{{foundation: mace-sse-small, relaxation: none, {search}}}"
    campaign = _campaign(tmp_path, settings)
    first = Here(at_most=2)
    with pytest.raises(KeyboardInterrupt):
        _ranked(campaign, first)
    work = _ranked(campaign, Here())
    rows = read_database(tmp_path / "02-rank" / "ranked.db")
    host = campaign_host(campaign)
    cell = Supercell(host, "1x1x1")
    composition = parse_composition("Li3In0.5Y0.5Cl6", host)
    every = enumerate_orderings(composition, cell, max_orderings=1000, seed=0)
    assert len(every) == len(rows) == 16
    calculator = make_calculator("mace-sse-small")
    energies = []
    for ordering in every:
        ordering.atoms.calc = calculator
        energies.append(ordering.atoms.get_potential_energy())
    assert sorted(row.values["energy_eV"] for row in rows) == pytest.approx(
        sorted(energies), abs=5e-5
    )
    degeneracies = sorted(ordering.degeneracy for ordering in every)
    assert sorted(row.values["degeneracy"] for row in rows) == degeneracies
    ewald = sorted(ordering.ewald_energy_eV for ordering in every)
    assert sorted(row.values["ewald_energy_eV"] for row in rows) == pytest.approx(ewald)
    hows = [row.values["found"] for row in rows]
    assert hows.count("Ewald, random") == 6
    assert all("round" in how for how in hows if how != "Ewald, random")
    rounds = read_csv(tmp_path / "02-rank" / "search.csv")
    assert sum(int(row["proposed"]) for row in rounds) == work.results["searched_orderings"] == 10
    labels = {row_labels(cell, row.values).tobytes() for row in rows}
    assert len(labels) == 16


def test_a_list_of_all_orderings_is_not_searched(tmp_path):
    campaign = _campaign(tmp_path, "{foundation: mace-sse-small, relaxation: none, search: {}}")
    text = (tmp_path / "campaign.yaml").read_text().replace("max_orderings: 5", "max_orderings: 50")
    (tmp_path / "campaign.yaml").write_text(text)
    _ranked(read_campaign(campaign.folder), Here())
    assert read_csv(tmp_path / "02-rank" / "search.csv") == []
    found = {row.values["found"] for row in read_database(tmp_path / "02-rank" / "ranked.db")}
    assert found == {"exact"}
