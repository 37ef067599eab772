"""A bundle says what it is, and notices when a file is not the one it was made with."""

import shutil

import pytest
import yaml
from tiny_potential import ELEMENTS, HEADS

from mlipsse.errors import MlipsseError
from mlipsse.files import sha256
from mlipsse.potential.bundle import Bundle, read_bundle, write_bundle


@pytest.fixture(scope="module")
def written(tmp_path_factory, tiny_model) -> Bundle:
    return write_bundle(
        tmp_path_factory.mktemp("bundle"),
        model=tiny_model,
        name="tiny",
        head="target",
        dtype="float32",
        label_source="teacher: chgnet-r2scan",
        licence="CC0-1.0",
        extra={"test_force_error_meV_A": 62.0},
    )


@pytest.fixture
def bundle(tmp_path, written) -> Bundle:
    """A copy of our own, to be damaged."""
    shutil.copytree(written.folder, tmp_path / "tiny")
    return read_bundle(tmp_path / "tiny")


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


def test_says_what_the_labels_are(bundle):
    assert bundle.label_source == "teacher: chgnet-r2scan (teacher labels, not DFT)"
    readme = (bundle.folder / "README.md").read_text()
    assert "teacher labels, not DFT" in readme
    assert "pickle" in readme
    assert "pair_coeff * * tiny.pt Li Cl Y In" in readme


def test_every_file_has_its_checksum(bundle):
    card = yaml.safe_load((bundle.folder / "card.yaml").read_text())
    files = {path.name for path in bundle.folder.iterdir()} - {"card.yaml"}
    assert set(card["sha256"]) == files == {"tiny.model", "tiny.pt", "README.md"}
    assert card["licence"] == "CC0-1.0"


@pytest.mark.parametrize("name", ["tiny.model", "tiny.pt", "README.md"])
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
    with pytest.raises(MlipsseError, match="lacks what a card must say"):
        read_bundle(tmp_path)
    (tmp_path / "card.yaml").write_text("a: [")
    with pytest.raises(MlipsseError, match="not valid YAML"):
        read_bundle(tmp_path)


def test_an_older_bundle_is_replaced_or_kept_whole(bundle, tmp_path, tiny_model):
    again = {"model": tiny_model, "name": "tiny", "dtype": "float64", "label_source": "vasp"}
    with pytest.raises(MlipsseError, match="no head"):
        write_bundle(tmp_path, head="none of them", **again)
    assert read_bundle(bundle.folder) == bundle
    write_bundle(tmp_path, head="replay", **again)
    assert read_bundle(bundle.folder).label_source == "vasp"
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]
