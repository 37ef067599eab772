"""Every example through the command line, without a network."""

import json
import math
import shutil
import socket
import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pytest
from pymatgen.core import Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from mlipsse.campaign.crystals.orderings import campaign_host, campaign_supercells
from mlipsse.campaign.crystals.system import system_of
from mlipsse.campaign.engine.folder import read_campaign
from mlipsse.cli import main
from mlipsse.dataset.labels.cp2k.program import PROGRAMS
from mlipsse.orderings import parse_composition
from mlipsse.orderings.host.formula import parse_formula
from mlipsse.resources import cache_dir, resource_dir
from tests.support.crystals.random_hosts import brute_force_orbits

EXAMPLES = sorted(path.parent.name for path in resource_dir("examples").glob("*/campaign.yaml"))
CACHE = cache_dir()
PUBLISHED = ("liybc", "lpsgo", "nasicon")
DEMOS = ("lpsgo-demo", "nasicon-demo")

Invoke = Callable[..., str]
Rows = dict[tuple[str, str], dict]

LIYBC = [
    # (x, y) and the formula as printed, Deng et al. 2025; two are rounded there: Br4Cl2, Br2Cl4.
    "Li3InBr6", "Li3InBr4.5Cl1.5", "Li3InBr3Cl3", "Li3InBr1.5Cl4.5", "Li3InCl6",
    "Li3In0.75Y0.25Br1.5Cl4.5", "Li3In0.5Y0.5Br3Cl3", "Li3In0.25Y0.75Br4.5Cl1.5", "Li3YBr6",
    "Li3In0.25Y0.75Br6", "Li3In0.5Y0.5Br6", "Li3In0.75Y0.25Br6",
]  # fmt: skip


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every look-up of a host name fails, and nothing was downloaded before."""

    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError(f"a network connection was tried: {arguments}")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Invoke:
    """The command line inside this process; its output."""

    def run(*arguments: str | Path) -> str:
        monkeypatch.setattr(sys, "argv", ["mlipsse", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        assert not ended.value.code, captured.out + captured.err
        return captured.out

    return run


@pytest.fixture
def made(invoke: Invoke, tmp_path: Path) -> Callable[[str], Path]:
    """A campaign folder made from an example."""

    def make(example: str) -> Path:
        invoke("init", tmp_path / example, "--example", example)
        return tmp_path / example

    return make


@pytest.fixture
def counts(invoke: Invoke, made: Callable[[str], Path]) -> Callable[[str], Rows]:
    """Rows of `mlipsse orderings count` by composition and supercell."""

    def count(example: str) -> Rows:
        rows = json.loads(invoke("orderings", "count", made(example), "--json"))
        return {(row["composition"], row["supercell"]): row for row in rows}

    return count


def test_the_published_systems_are_there() -> None:
    assert set(PUBLISHED) < set(EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES)
def test_valid(
    example: str, invoke: Invoke, made: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine with a GPU and a network, which the studies ask for."""
    monkeypatch.setattr("mlipsse.campaign.checks.resources.usable_gpus", lambda: 1)
    if example == "li3incl6-cp2k" and not any(map(shutil.which, PROGRAMS)):
        pytest.skip("no CP2K on the PATH, which this example needs")
    # The environment of the teacher is real: `make install` made it.
    monkeypatch.setenv("MLIPSSE_CACHE", str(CACHE))
    answer = json.loads(invoke("validate", made(example), "--json"))
    assert (answer["valid"], answer["problems"]) == (True, [])


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_composition_has_orderings(example: str, counts: Callable[[str], Rows]) -> None:
    """In one supercell at least; where it has none, because a count is not whole."""
    rows = counts(example)
    for formula in {composition for composition, _ in rows}:
        found = [row for (composition, _), row in rows.items() if composition == formula]
        assert any(row["distinct"] for row in found), formula
        for row in found:
            assert bool(row["distinct"]) == (row["route"] != "impossible")
            assert row["distinct"] or "cannot be realised" in row["reason"]


@pytest.mark.parametrize("example", PUBLISHED)
def test_numbers_are_the_published_ones(example: str) -> None:
    """Given in the file, not left to defaults that may change (Deng et al. 2025)."""
    config = read_campaign(resource_dir("examples") / example).config
    given = {name: getattr(config, name).model_fields_set for name in type(config).model_fields
             if hasattr(getattr(config, name), "model_fields_set")}  # fmt: skip
    assert (config.rank.foundation, config.sample.foundation) == ("medium", "medium")
    assert (config.finetune.foundation, config.finetune.replay) == ("medium", "mp")
    assert (config.enumerate.max_orderings, config.select.temperature_K) == (2000, 800)
    assert (config.sample.temperatures_K, config.sample.duration_ps) == ([800], 15)
    assert (config.sample.equilibration_ps, config.sample.frames) == (5, 30)
    assert (config.sample.max_strain, config.sample.timestep_fs) == (0.03, 1)
    assert (config.finetune.max_epochs, config.finetune.patience) == (500, 20)
    assert config.finetune.learning_rate == 0.01
    assert (config.simulate.ensemble, config.simulate.timestep_fs) == ("berendsen", 1)
    assert config.simulate.production_ps is None  # as published for each temperature
    assert config.structure.charges is not None
    assert {"foundation", "relaxation"} <= given["rank"]
    assert {"max_epochs", "patience", "learning_rate", "replay"} <= given["finetune"]
    assert {"duration_ps", "equilibration_ps", "frames", "max_strain"} <= given["sample"]
    assert config.label.source.startswith("teacher: ")
    text = (resource_dir("examples") / example / "campaign.yaml").read_text()
    assert "Teacher labels, not DFT" in text
    assert "SCAN" in text


@pytest.mark.parametrize("example", EXAMPLES)
def test_hosts_state_where_they_come_from(example: str) -> None:
    (path,) = (resource_dir("examples") / example).glob("*.cif")
    comment = path.read_text().partition("data_")[0]
    assert "doi 10." in comment
    assert "relax" in comment
    assert {"liybc": "CC-BY-4.0", "nasicon": "MIT", "lpsgo": "CONSTRUCTED"}.get(
        example.removesuffix("-demo"), "CC-BY"
    ) in comment


@pytest.mark.parametrize("example", DEMOS)
def test_a_demo_is_the_study_made_small(example: str) -> None:
    """The same crystal, some of the same compositions; models that are shipped."""
    folders = [resource_dir("examples") / name for name in (example.removesuffix("-demo"), example)]
    study, demo = (read_campaign(folder).config for folder in folders)
    assert demo.structure == study.structure
    first, second = ((folder / demo.structure.host).read_bytes() for folder in folders)
    assert first == second
    assert set(demo.enumerate.formulas) < set(study.enumerate.formulas)
    assert demo.enumerate.end_members == study.enumerate.end_members
    assert demo.label == study.label.model_copy(update={"device": "cpu"})
    assert {demo.rank.foundation, demo.sample.foundation, demo.finetune.foundation} == {
        "mace-sse-small"
    }
    text = (folders[1] / "campaign.yaml").read_text()
    assert "Teacher labels, not DFT" in text


@pytest.mark.parametrize("example", PUBLISHED)
def test_simulation_cells_are_2x2x2_of_the_host(example: str) -> None:
    """In number of atoms, of the composition with fewest."""
    campaign = read_campaign(resource_dir("examples") / example)
    host = campaign_host(campaign)
    fewest = min(
        sum(
            count
            for row, species in zip(composition.per_cell, composition.species, strict=True)
            for count, name in zip(row, species, strict=True)
            if name != "vacancy"
        )
        for composition in (parse_composition(f, host) for f in campaign.config.enumerate.formulas)
    )
    assert campaign.config.simulate.min_atoms == 8 * fewest


def test_liybc_grid_is_the_published_list() -> None:
    config = read_campaign(resource_dir("examples") / "liybc").config.enumerate
    wanted = {frozenset(parse_formula(formula).items()) for formula in LIYBC}
    assert {frozenset(parse_formula(formula).items()) for formula in config.formulas} == wanted
    assert len(config.formulas) == 12
    assert system_of(config).diagram == "ternary"


@pytest.mark.parametrize(
    ("formula", "distinct"),
    [
        ("Li3InCl6", (10, 160, 338_316)),
        ("Li3YBr6", (10, 160, 338_316)),
        # Burnside counts that an exhaustive enumeration confirmed, and bsym and icet.
        ("Li3In0.5Y0.5Br6", (16, 836, 23_337_656)),
        ("Li3In0.5Y0.5Br3Cl3", (6_672, 1_845_803_568, None)),
        ("Li3In0.25Y0.75Br6", (0, 516, 9_343_884)),
    ],
)
def test_liybc_counts(
    formula: str, distinct: tuple[int | None, ...], counts: Callable[[str], Rows]
) -> None:
    rows = counts("liybc")
    for cell, number in zip(("1x1x1", "1x1x2", "1x2x2"), distinct, strict=True):
        if number is not None:
            assert rows[formula, cell]["distinct"] == number
        # The charge patterns are those of Li alone: In3+ is Y3+, Cl- is Br-.
        if number != 0:
            assert rows[formula, cell]["patterns_distinct"] == rows["Li3InCl6", cell]["distinct"]
    assert rows["Li3In0.5Y0.5Br3Cl3", "1x2x2"]["distinct"] == pytest.approx(7.42e20, rel=1e-3)


def test_nasicon_counts_are_binomials(counts: Callable[[str], Rows]) -> None:
    """n rhombohedral cells: 2n (1 + x) Na on 8n sites, 2nx Si on 6n."""
    rows = counts("nasicon")
    formulas = list(dict.fromkeys(formula for formula, _ in rows))
    assert len(formulas) == 7
    cells = list(dict.fromkeys(cell for _, cell in rows))
    for step, formula in enumerate(formulas):
        for n, cell in enumerate(cells, start=1):
            raw = math.comb(8 * n, n * (2 + step)) * math.comb(6 * n, n * step)
            assert rows[formula, cell]["raw"] == raw
    config = read_campaign(resource_dir("examples") / "nasicon").config.enumerate
    assert {"NaZr2P3O12", "Na3Zr2Si2PO12", "Na4Zr2Si3O12"} < set(formulas)  # stable, published
    assert system_of(config).diagram == "formation"


def test_nasicon_supercells() -> None:
    """One, two and three cells; the last is the hexagonal one of the CIF."""
    campaign = read_campaign(resource_dir("examples") / "nasicon")
    cells = campaign_supercells(campaign, campaign_host(campaign))
    assert [cell.n_cells for cell in cells] == [1, 2, 3]
    a, b, c = cells[2].cell
    assert [math.dist(v, (0, 0, 0)) for v in (a, b, c)] == pytest.approx([9.1863, 9.1863, 22.181])
    assert a @ b / 9.1863**2 == pytest.approx(-0.5, abs=1e-5)
    assert [a @ c, b @ c] == pytest.approx([0, 0], abs=1e-3)


def test_lpsgo_counts_are_binomials(counts: Callable[[str], Rows]) -> None:
    """n cells of four formula units: 4n (3 + x) Li on 16n sites, 4nx Ge on 4n, 16nx O on 16n."""
    rows = counts("lpsgo")
    formulas = list(dict.fromkeys(formula for formula, _ in rows))
    assert (formulas[0], formulas[-1], len(formulas)) == ("Li3PS4", "Li4GeO4", 9)
    for eighths, formula in enumerate(formulas):
        for n, cell in ((1, "1x1x1"), (2, "1x1x2")):
            if n * eighths % 2:
                assert rows[formula, cell]["route"] == "impossible"
                continue
            steps = n * eighths // 2  # Ge atoms
            raw = math.comb(16 * n, 12 * n + steps) * math.comb(4 * n, steps)
            raw *= math.comb(16 * n, 4 * steps)
            assert rows[formula, cell]["raw"] == raw
    config = read_campaign(resource_dir("examples") / "lpsgo").config
    assert system_of(config.enumerate).diagram == "formation"
    # Relaxed by a potential, Li4GeO4 in this host has 0.59 of the volume: not an explosion.
    assert 1 / config.rank.max_volume_factor < 0.55


@pytest.mark.parametrize(
    "formula", ["Na1.5Zr2Si0.5P2.5O12", "Na2.5Zr2Si1.5P1.5O12", "Na3Zr2Si2PO12"]
)
def test_nasicon_counts_by_brute_force(formula: str, counts: Callable[[str], Rows]) -> None:
    """Against all arrangements, joined by the operations that spglib finds of the cell."""
    campaign = read_campaign(resource_dir("examples") / "nasicon")
    host = campaign_host(campaign)
    cell = campaign_supercells(campaign, host)[0]
    raw, distinct = brute_force_orbits(cell, parse_composition(formula, host).site_counts(cell))
    row = counts("nasicon")[formula, "1x1x1"]
    assert (row["raw"], row["distinct"]) == (raw, distinct)
    assert distinct > 1


def test_lpsgo_counts_by_brute_force(counts: Callable[[str], Rows]) -> None:
    """Four of 16 Li sites empty, joined by the operations that spglib finds of the CIF."""
    crystal = Structure.from_file(resource_dir("examples") / "lpsgo" / "LPSGO.cif")
    li = [index for index, site in enumerate(crystal) if "Li" in site.species]
    sites = crystal.frac_coords[li]
    images = []
    for operation in SpacegroupAnalyzer(crystal).get_symmetry_operations():
        moved = operation.operate_multi(sites)
        images.append(crystal.lattice.get_all_distances(moved, sites).argmin(axis=1))
    assert len(images) == 8
    left, orbits = set(map(frozenset, combinations(range(16), 4))), 0
    raw = len(left)
    while left:
        empty = next(iter(left))
        left -= {frozenset(int(image[site]) for site in empty) for image in images}
        orbits += 1
    row = counts("lpsgo")["Li3PS4", "1x1x1"]
    assert (row["raw"], row["distinct"]) == (raw, orbits)


def test_the_constructed_lithium_site_has_room() -> None:
    """The distance that the CIF's comment states, in Å."""
    crystal = Structure.from_file(resource_dir("examples") / "lpsgo" / "LPSGO.cif")
    by_label = {site.label: index for index, site in enumerate(crystal)}
    distances_A = crystal.distance_matrix[by_label["Li2"]]
    nearest = {
        symbol: sorted(d for d, s in zip(distances_A, crystal, strict=True) if symbol in s.species)
        for symbol in ("S", "P", "Li")
    }
    assert nearest["S"][:4] == pytest.approx([2.62, 2.62, 2.64, 2.65], abs=0.006)
    assert nearest["P"][0] == pytest.approx(3.26, abs=0.006)
    assert nearest["Li"][1] == pytest.approx(3.06, abs=0.006)  # after the site itself
