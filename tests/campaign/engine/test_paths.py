"""The names of a campaign's files: each once, each with what it holds, in the stages' folders."""

import os

import pytest

from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.paths import Place, StageFolder
from mlipsse.campaign.stages.order import STAGES


def test_stages_have_the_folders_of_their_names() -> None:
    assert [stage.place for stage in STAGES] == [group.folder for group in paths.OF_STAGES]
    assert [stage.place.number for stage in STAGES] == list(range(1, 11))
    assert STAGES[1].folder_name == "02-rank"
    for group in paths.OF_STAGES:
        own = [place for place in vars(group).values() if isinstance(place, Place)]
        assert own
        assert all(place.path.startswith(f"{group.folder.path}/") for place in own)


def test_every_place_is_listed_once_with_what_it_holds() -> None:
    listed = list(paths.places())
    names = [os.fspath(place) for place in listed]
    assert len(names) == len(set(names)) > 60
    for place in listed:
        assert place.holds
        assert "\n" not in place.holds


def test_parts_that_vary_are_filled_in() -> None:
    place = paths.Transport.msd_figure.of(composition="Li3In0.5Y0.5Cl6")
    assert os.fspath(place) == "09-transport/msd-Li3In0.5Y0.5Cl6.png"
    assert place.names == ["msd-Li3In0.5Y0.5Cl6.png", "msd-Li3In0.5Y0.5Cl6.svg"]
    with pytest.raises(KeyError):
        paths.Transport.msd_figure.of(formula="Li3InCl6")


def test_a_folder_is_numbered() -> None:
    assert StageFolder(3, "select", "").file("a.csv", "").path == "03-select/a.csv"
