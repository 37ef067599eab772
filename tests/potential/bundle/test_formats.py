"""Formats of a bundle: made, added, and left out with the reason."""

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mlipsse.cli.potential import app
from mlipsse.errors import MlipsseError
from mlipsse.files import sha256
from mlipsse.potential.bundle.folder import (
    add_export,
    read_bundle,
    read_card,
    write_bundle,
    write_card,
)
from mlipsse.potential.bundle.making import export_bundle
from mlipsse.potential.export.target import ExportSettings, FormatRefused, Target

TARGET = ExportSettings(head="target")


def test_a_format_is_added_and_replaced(bundle, monkeypatch):
    from mlipsse.potential.export import aotinductor

    made = []

    def pretend(model, *, head, dtype, out, target):
        made.append((model, head, dtype, target))
        out.write_bytes(f"package {len(made)}".encode())

    monkeypatch.setattr(aotinductor, "export_aotinductor", pretend)
    before = read_card(bundle.folder / "card.yaml")
    for _ in range(2):
        added = add_export(bundle.folder, "aotinductor")
    assert made == 2 * [(bundle.model, "target", "float32", Target())]
    assert added == read_bundle(bundle.folder)
    assert set(added.exports) == {"torchscript", "aotinductor"}
    assert added.exports["aotinductor"].read_bytes() == b"package 2"
    after = read_card(bundle.folder / "card.yaml")
    assert after["sha256"].pop("tiny.pt2") == sha256(bundle.folder / "tiny.pt2")
    assert after == before


def test_export_into_a_new_folder_and_into_its_own(tmp_path, tiny_model):
    out = tmp_path / "deep" / "mine"
    bundle, file = export_bundle(tiny_model, out=out, export=replace(TARGET, dtype="float32"))
    assert file == bundle.torchscript
    assert (bundle.name, bundle.dtype) == ("mine", "float32")
    assert {path.name for path in out.iterdir()} == {
        "mine.model", "mine.pt", "card.yaml", "README.md", "in.example", "example.data",
    }  # fmt: skip
    file.unlink()
    with pytest.raises(MlipsseError, match=r"mine\.pt is missing"):
        read_bundle(out)
    assert export_bundle(out, out=out) == (bundle, file)
    assert read_bundle(out) == bundle, "made again, and whole"


def test_one_bundle_is_one_head_and_one_type(bundle, tiny_model):
    with pytest.raises(MlipsseError, match=r"head replay .it holds target.*another folder"):
        export_bundle(tiny_model, out=bundle.folder, export=ExportSettings(head="replay"))
    with pytest.raises(MlipsseError, match=r"dtype float64 .it holds float32"):
        export_bundle(tiny_model, out=bundle.folder, export=ExportSettings(dtype="float64"))
    assert read_bundle(bundle.folder) == bundle


def test_export_states_what_it_needs(tmp_path, tiny_model):
    with pytest.raises(MlipsseError, match=r"several heads .replay, target.*--head"):
        export_bundle(tiny_model, out=tmp_path / "x")
    with pytest.raises(
        MlipsseError,
        match=r"Formats are torchscript, native, .*, not onnx",
    ):
        ExportSettings(head="target", form="onnx")
    with pytest.raises(MlipsseError, match="is not allowed as the name of a potential"):
        export_bundle(tiny_model, out=tmp_path / "a name", export=TARGET)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(MlipsseError, match="exists and is not a bundle"):
        export_bundle(tiny_model, out=tmp_path / "thesis", export=TARGET)
    assert (tmp_path / "thesis" / "chapter.txt").exists()


def test_a_bundle_without_torchscript(bundle):
    (bundle.folder / "tiny.pt").unlink()
    card = read_card(bundle.folder / "card.yaml")
    del card["sha256"]["tiny.pt"]
    write_card(bundle.folder, card)
    with pytest.raises(MlipsseError, match=r"no TorchScript file\. Make one: mlipsse"):
        _ = read_bundle(bundle.folder).torchscript


@pytest.fixture
def only_compiled(tmp_path, tiny_model, monkeypatch) -> Path:
    """Of a model that TorchScript refuses and AOTInductor takes, made on the command line."""
    from mlipsse.potential.bundle import formats
    from mlipsse.potential.export import aotinductor

    def refuse(*_: object, **__: object) -> None:
        raise FormatRefused("TorchScript cannot compile it.")

    monkeypatch.setattr(formats, "export_torchscript", refuse)
    monkeypatch.setattr(
        aotinductor, "export_aotinductor", lambda model, *, out, **__: out.write_bytes(b"package")
    )
    words = ["export", str(tiny_model), "--head", "target", "--out", str(tmp_path / "made")]
    refused = CliRunner().invoke(app, words)
    assert isinstance(refused.exception, FormatRefused)
    assert not (tmp_path / "made").exists()
    done = CliRunner().invoke(app, [*words, "--format", "aotinductor"])
    assert done.exit_code == 0, done.output
    return tmp_path / "made"


def test_a_model_that_only_aotinductor_takes(only_compiled):
    bundle = read_bundle(only_compiled)
    assert {form: file.name for form, file in bundle.exports.items()} == {"aotinductor": "made.pt2"}
    assert "pair_coeff      * * made.pt2" in (only_compiled / "in.example").read_text()
    readme = (only_compiled / "README.md").read_text()
    assert "pair_coeff * * made.pt2 Li Cl Y In" in readme
    assert "no_domain_decomposition" not in readme
    assert "TorchScript does not support this model" in readme
    with pytest.raises(MlipsseError, match=r"no TorchScript file\. TorchScript cannot compile it"):
        bundle.torchscript  # noqa: B018, as a user of the bundle asks for it


def test_native_code_or_torchscript(tmp_path, tiny_model, monkeypatch):
    def no_compiler() -> str:
        raise MlipsseError("No C++ compiler was found.")

    monkeypatch.setattr("mlipsse.potential.native.export.find_compiler", no_compiler)
    asked = ExportSettings("native", "target")
    with pytest.raises(FormatRefused, match=r"No C\+\+ compiler"):
        write_bundle(tmp_path, model=tiny_model, name="only", export=asked)
    bundle = write_bundle(
        tmp_path, model=tiny_model, name="either", export=replace(asked, or_torchscript=True)
    )
    assert bundle.first_of(("native", "torchscript")) == "torchscript"
    assert read_bundle(bundle.folder).left_out == {"native": "No C++ compiler was found."}
    with pytest.raises(MlipsseError, match=r"has no file of format native\. Make one"):
        bundle.first_of(("native",))
