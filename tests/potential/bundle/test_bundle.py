"""A bundle states what it is, and notices when a file is not what it was."""

import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from mlipsse.errors import MlipsseError
from mlipsse.files import sha256
from mlipsse.potential.bundle.folder import (
    add_export,
    read_bundle,
    read_card,
    write_bundle,
)
from mlipsse.potential.bundle.info import describe_bundle
from mlipsse.potential.bundle.making import export_bundle
from mlipsse.potential.bundle.provenance import NOT_DFT, Provenance
from mlipsse.potential.export.target import ExportSettings
from mlipsse.resources import resource_dir
from tests.support.potential.bundle import FILES
from tests.support.potential.tiny_potential import ELEMENTS, HEADS

TARGET = ExportSettings(head="target")


def test_round_trip(written, tiny_model):
    assert read_bundle(written.folder) == written
    bundle = written
    assert bundle.elements == ELEMENTS
    assert bundle.heads == HEADS
    assert (bundle.head, bundle.dtype, bundle.cutoff_A, bundle.layers) == (
        "target", "float32", 4.5, 2,
    )  # fmt: skip
    assert bundle.extra == {"test_force_error_meV_A": 62.0}
    assert sha256(bundle.model) == sha256(tiny_model)
    assert sorted(path.name for path in bundle.folder.parent.iterdir()) == ["tiny"]


def test_states_what_the_labels_are(bundle):
    assert bundle.label_source == "teacher: chgnet-r2scan (teacher labels, not DFT)"
    readme = (bundle.folder / "README.md").read_text()
    assert "teacher labels, not DFT" in readme
    assert "pickle" in readme
    assert "pair_coeff * * tiny.pt Li Cl Y In" in readme


def test_every_file_has_its_checksum(bundle):
    card = yaml.safe_load((bundle.folder / "card.yaml").read_text())
    files = {path.name for path in bundle.folder.iterdir()} - {"card.yaml"}
    assert set(card["sha256"]) == files == FILES


def test_the_card_states_what_a_stranger_asks(bundle):
    card = read_card(bundle.folder / "card.yaml")
    assert card["elements"] == list(ELEMENTS)
    assert (card["heads"], card["exported_head"]) == (list(HEADS), "target")
    assert (card["frames"], card["temperature_range_K"]) == (40, [300.0, 900.0])
    assert card["compositions"] == ["Li3InCl6"]
    assert card["errors"] == {"target": {"force_rmse_meV_A": 62.0}}
    assert (card["cutoff_A"], card["layers"], card["dtype"]) == (4.5, 2, "float32")
    assert card["licence"] == "CC0-1.0"
    assert set(card["versions"]) == {"mlipsse", "mace-torch", "torch"}


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_changed_file_is_noticed(bundle, name):
    path = bundle.folder / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(MlipsseError, match=f"{name} is not the file its card describes"):
        read_bundle(bundle.folder)
    path.unlink()
    with pytest.raises(MlipsseError, match=f"{name} is missing"):
        read_bundle(bundle.folder)


def test_not_a_bundle(tmp_path):
    with pytest.raises(MlipsseError, match="not a potential bundle"):
        read_bundle(tmp_path)
    (tmp_path / "card.yaml").write_text("name: x\n")
    with pytest.raises(MlipsseError, match="lacks required entries"):
        read_bundle(tmp_path)
    (tmp_path / "card.yaml").write_text("a: [")
    with pytest.raises(MlipsseError, match="not valid YAML"):
        read_bundle(tmp_path)


def test_an_older_bundle_is_replaced_or_kept_whole(bundle, tmp_path, tiny_model):
    again = {"model": tiny_model, "name": "tiny", "provenance": Provenance("vasp")}
    export = ExportSettings(head="replay", dtype="float64")
    with pytest.raises(MlipsseError, match="no head"):
        write_bundle(tmp_path, export=replace(export, head="none of them"), **again)
    assert read_bundle(bundle.folder) == bundle
    write_bundle(tmp_path, export=export, **again)
    assert read_bundle(bundle.folder).label_source == "vasp"
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]


class Bomb:
    """Its pickle makes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_changed_model_is_never_unpickled(bundle, tmp_path):
    from mlipsse.potential.parity.report import check_bundle

    crater = tmp_path / "crater"
    innocent = sha256(bundle.model)
    bundle.model.write_bytes(pickle.dumps(Bomb(crater)))
    for attempt in (
        lambda: check_bundle(bundle.folder),
        lambda: add_export(bundle.folder, "torchscript"),
        lambda: export_bundle(bundle.folder, out=tmp_path / "x"),
        lambda: export_bundle(bundle.model, out=tmp_path / "x", export=TARGET),
    ):
        with pytest.raises(MlipsseError, match="is not the file its card describes"):
            attempt()
    elsewhere = tmp_path / "loose.model"
    shutil.copyfile(bundle.model, elsewhere)
    with pytest.raises(MlipsseError, match="was not opened"):
        export_bundle(elsewhere, out=tmp_path / "x", export=TARGET, expected_sha256=innocent)
    with pytest.raises(MlipsseError, match="64 hexadecimal digits"):
        export_bundle(elsewhere, out=tmp_path / "x", export=TARGET, expected_sha256="abc")
    info = describe_bundle(bundle.folder)
    assert not info.whole
    assert not crater.exists()
    pickle.loads(bundle.model.read_bytes())
    assert crater.exists(), "the bomb works"


def test_info_of_a_whole_bundle_and_of_its_damage(bundle):
    info = describe_bundle(bundle.folder)
    assert info.whole
    assert {file.name: file.state for file in info.files} == dict.fromkeys(FILES, "ok")
    assert [file.name for file in info.files if file.runs_code] == ["tiny.model"]
    (bundle.folder / "in.example").write_text("quit\n")
    (bundle.folder / "tiny.pt").unlink()
    (bundle.folder / "notes.txt").write_text("mine")
    info = describe_bundle(bundle.folder)
    states = {file.name: file.state for file in info.files}
    assert not info.whole
    assert states["in.example"] == "changed"
    assert states["tiny.pt"] == "missing"
    assert states["notes.txt"] == "not in the card"


@pytest.mark.parametrize(
    ("name", "heads", "labels"),
    [
        ("mace-sse-small", ("Default",), NOT_DFT),
        ("mace-liybc-scan-small", ("pt_head", "Default"), "SCAN (CP2K"),
    ],
)
def test_the_shipped_potentials_are_bundles_too(name, heads, labels):
    folder = resource_dir("potentials") / name
    assert describe_bundle(folder).whole
    bundle = read_bundle(folder)
    published = {"Li", "Na", "Zr", "Si", "P", "O", "S", "Ge", "In", "Y", "Br", "Cl"}
    assert set(bundle.elements) == published
    assert (bundle.heads, bundle.head, bundle.cutoff_A, bundle.layers) == (
        heads, "Default", 5.0, 2,
    )  # fmt: skip
    assert bundle.torchscript == folder / f"{name}.pt"
    assert labels in bundle.label_source
    card = read_card(folder / "card.yaml")
    assert all(
        0 < errors["force_rmse_meV_A"] < 100 and 0 < errors["energy_rmse_meV_atom"] < 5
        for errors in card["errors"].values()
    )
