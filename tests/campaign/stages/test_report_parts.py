"""Which figures, views and maps the report of a campaign has."""

import json

import numpy as np
import pytest

from mlipsse.campaign.crystals.system import system_of
from mlipsse.campaign.engine.folder import Campaign, read_campaign
from mlipsse.campaign.engine.stage import Work
from mlipsse.campaign.stages.report import stage as report
from mlipsse.campaign.stages.report.parts import figure_files, structure_files, whose_directions
from mlipsse.campaign.stages.report.transport_map import save_transport_map
from mlipsse.errors import MlipsseError
from mlipsse.resources import resource_dir
from mlipsse.units import BOLTZMANN_EV_K


def entry(formula: str, energy_eV: float | None) -> dict:
    kelvin = [] if energy_eV is None else [800.0, 1000.0]
    values = [float(1e-3 * np.exp(-(energy_eV or 0) / (BOLTZMANN_EV_K * t))) for t in kelvin]
    return {
        "formula": formula,
        "temperature_K": kelvin,
        "diffusivity_cm2_s": values,
        "diffusivity_std_cm2_s": [0.1 * value for value in values],
        "conductivity_mS_cm": [4e10 * d / t for d, t in zip(values, kelvin, strict=True)],
        "conductivity_std_mS_cm": [4e9 * d / t for d, t in zip(values, kelvin, strict=True)],
        "activation_energy_eV": energy_eV,
    }


@pytest.fixture
def halides() -> Campaign:
    return read_campaign(resource_dir("examples") / "liybc")


def test_a_triangle_of_end_members_has_a_map(halides, tmp_path):
    config = halides.config.enumerate
    items = [entry(f, 0.2 + 0.01 * k) for k, f in enumerate(config.compositions)]
    items[3] = entry(items[3]["formula"], None)
    files, caption = save_transport_map(
        {"compositions": items}, config, system_of(config), tmp_path / "map", temperature_K=900.0
    )
    assert [path.name for path in files] == ["map.png", "map.svg"]
    assert files[0].stat().st_size > 10_000
    assert "900 K" in caption
    assert "Open circles" in caption


def test_no_map_without_a_triangle_or_numbers(halides, tmp_path):
    config = halides.config.enumerate
    known = {"Li3InCl6", "Li3InBr6", "Li3InBr3Cl3"}  # on one edge
    items = [entry(f, 0.3 if f in known else None) for f in config.compositions]
    arguments = {"temperature_K": 800.0}
    found = save_transport_map(
        {"compositions": items}, config, system_of(config), tmp_path / "map", **arguments
    )
    assert found == ([], "")
    demo = read_campaign(resource_dir("examples") / "li3incl6").config.enumerate
    items = [entry(f, 0.3) for f in demo.compositions]
    found = save_transport_map(
        {"compositions": items}, demo, system_of(demo), tmp_path / "map", **arguments
    )
    assert found == ([], "")
    assert list(tmp_path.iterdir()) == []


def test_pictures_of_structure_are_taken_where_they_are(tmp_path):
    config = read_campaign(resource_dir("examples") / "li3incl6").config
    config = config.model_copy(
        update={"export": config.export.model_copy(
            update={"acceptance": config.export.acceptance.model_copy(update={"run": False})}
        )}
    )  # fmt: skip
    campaign = Campaign(folder=tmp_path, config=config)
    assert structure_files(campaign) == []
    folder = tmp_path / "09-transport"
    folder.mkdir()
    names = ("radial-Li3InCl6.png", "density-Li3InCl6.png", "density-Li3InCl6.html",
             "density-Li3YCl6.png", "density-Li3In0.5Y0.5Br3Cl3.png")  # fmt: skip
    for name in names:
        (folder / name).touch()
    found = structure_files(campaign)
    assert [(p.name, f.name if f else None) for p, f, _ in found] == [
        ("radial-Li3InCl6.png", None),
        ("density-Li3InCl6.png", "density-Li3InCl6.html"),
        ("density-Li3In0.5Y0.5Br3Cl3.png", None),
    ]
    assert {folder / name for name in names} - {folder / "density-Li3YCl6.png"} < set(
        figure_files(campaign)
    )


@pytest.mark.parametrize(
    ("changes", "stated"),
    [
        ({}, "axes of the host;"),
        ({"structure": {"primitive": True}}, "primitive cell of the host"),
        ({"enumerate": {"supercells": ["1.1.0_-1.1.0_0.0.1"]}}, "not of the host"),
        ({"simulate": {"structures": ["given.extxyz"]}}, "given in simulate.structures"),
    ],
)
def test_directions_state_whose_they_are(halides, changes, stated):
    config = halides.config
    update = {k: getattr(config, k).model_copy(update=v) for k, v in changes.items()}
    campaign = Campaign(halides.folder, config.model_copy(update=update))
    assert stated in whose_directions(campaign)


def test_numbers_of_an_earlier_version_are_reported(halides, tmp_path):
    (tmp_path / "09-transport").mkdir()
    numbers = {"compositions": [{"formula": "Li3InCl6"}], "cautions": []}
    (tmp_path / "09-transport" / "arrhenius.json").write_text(json.dumps(numbers))
    campaign = Campaign(tmp_path, halides.config)
    work = Work(campaign, tmp_path / "10-report", None, lambda *_: None)
    with pytest.raises(MlipsseError, match="--from transport"):
        report.STAGE.perform(work)
