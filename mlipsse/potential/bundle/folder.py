"""The bundle: a folder with a potential, what it is, and how to run it."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from mlipsse.errors import MlipsseError
from mlipsse.files import sha256, write_text
from mlipsse.potential.bundle.formats import write_format
from mlipsse.potential.bundle.provenance import Provenance
from mlipsse.potential.bundle.texts import README_FILE, engine_refusals, readme_text
from mlipsse.potential.export.source_model import ModelSummary, model_summary
from mlipsse.potential.export.target import (
    ANY_CPU,
    SUFFIXES,
    Dtype,
    ExportSettings,
    Format,
    FormatRefused,
    Target,
)

if TYPE_CHECKING:
    from ase import Atoms

CARD_FILE = "card.yaml"


@dataclass(frozen=True)
class Bundle:
    """A potential ready to be handed on.

    Attributes
    ----------
    folder : holds the files below, `card.yaml`, `README.md` and `in.example`
    name : of the potential and its files
    model : MACE `.model` file; loading it runs pickle code
    exports : format -> the file that LAMMPS loads, of those that there are
    example : LAMMPS data file of a structure to try, or None
    elements : chemical symbols the model knows
    heads, head : heads of `model`, and the one that was exported
    dtype : of the exports
    cutoff_A : of one layer, Å
    layers : message-passing layers
    label_source : what made the training labels
    extra : all other entries of the card
    left_out : format -> why the bundle has no such file, of formats that do not take the model
    """

    folder: Path
    name: str
    model: Path
    exports: Mapping[str, Path]
    example: Path | None
    elements: tuple[str, ...]
    heads: tuple[str, ...]
    head: str
    dtype: Dtype
    cutoff_A: float
    layers: int
    label_source: str
    extra: Mapping[str, Any]
    left_out: Mapping[str, str] = field(default_factory=dict)

    def first_of(self, forms: Sequence[Format]) -> Format:
        """The first of these formats that the bundle has a file of.

        Raises
        ------
        MlipsseError
            when it has none.
        """
        for form in forms:
            if form in self.exports:
                return form
        raise MlipsseError(
            f"The bundle {self.folder} has no file of format {' or '.join(forms)}. Make one: "
            f"mlipsse potential export {self.folder} --out {self.folder} --format {forms[0]}"
        )

    @property
    def torchscript(self) -> Path:
        """The `.pt` file that `pair_style mace` loads on any machine.

        Raises
        ------
        MlipsseError
            when the bundle has none.
        """
        if "torchscript" not in self.exports:
            remedy = f"Make one: mlipsse potential export {self.folder} --out {self.folder}"
            reason = self.left_out.get("torchscript", remedy)
            raise MlipsseError(f"The bundle {self.folder} has no TorchScript file. {reason}")
        return self.exports["torchscript"]


def write_bundle(
    folder: Path,
    *,
    model: Path,
    name: str,
    export: ExportSettings = ExportSettings(),  # noqa: B008
    provenance: Provenance = Provenance(),  # noqa: B008
    example: "Atoms | None" = None,
) -> Bundle:
    """Export one head of `model` and put everything into `folder/name/`, in one step.

    Parameters
    ----------
    folder : parent of the bundle; a bundle of the same name there is replaced
    model : `.model` file; loading it runs pickle code
    name : of the bundle and its files
    provenance : for the card
    example : structure for `in.example`, periodic in three directions, e.g. a training frame;
        made up from the elements when not given

    Raises
    ------
    MlipsseError
        when the model cannot be loaded or exported, or has several heads and none is named.
    """
    from mlipsse.potential.bundle.example import (
        DATA_FILE,
        example_crystal,
        formula,
        write_example,
    )

    summary = model_summary(model)
    head, dtype = _head(export.head, summary, model), export.dtype or _own_dtype(summary)
    example = example_crystal(summary.elements) if example is None else example
    final = folder / name
    for abandoned in folder.glob(f".{name}.*.part"):  # by a writer that was killed
        shutil.rmtree(abandoned)
    aside = folder / f".{name}.{os.getpid()}.part"
    aside.mkdir(parents=True)
    try:
        copied = aside / f"{name}.model"
        shutil.copyfile(model, copied)
        # TorchScript last: a model that it refuses may have been taken by another format.
        left_out: dict[Format, str] = {}
        facts: dict[str, Any] = {}
        required = "torchscript" if export.or_torchscript else export.form
        for form in dict.fromkeys((export.form, "torchscript")):
            try:
                _, more = write_format(
                    model, form, beside=copied, head=head, dtype=dtype, target=export.target
                )
                facts |= more
            except FormatRefused as error:
                if form == required:
                    raise
                left_out[form] = str(error).replace(str(model), copied.name)
        for_lammps = name + SUFFIXES[export.form if "torchscript" in left_out else "torchscript"]
        write_example(
            aside,
            example,
            file=for_lammps,
            name=name,
            elements=summary.elements,
            dtype=dtype,
            without=engine_refusals(summary.max_ell, summary.layers),
        )
        card = {
            "name": name,
            "elements": list(summary.elements),
            "heads": list(summary.heads),
            "exported_head": head,
            "dtype": dtype,
            "cutoff_A": summary.r_max_A,
            "layers": summary.layers,
            "max_ell": summary.max_ell,
            "n_parameters": summary.n_parameters,
            **provenance.entries,
            **facts,
            "versions": _versions(),
            **({"left_out": left_out} if left_out else {}),
            "extra": dict(provenance.extra),
        }
        readme = readme_text(
            card, head=head, file=for_lammps, formula=formula(example), data_file=DATA_FILE
        )
        (aside / README_FILE).write_text(readme, encoding="utf-8")
        card["sha256"] = {
            path.name: sha256(path) for path in sorted(aside.iterdir()) if path.is_file()
        }
        write_card(aside, card)
        if final.exists():
            shutil.rmtree(final)
        aside.replace(final)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return _bundle(final, card)


def add_export(folder: Path, form: Format, *, target: Target = ANY_CPU) -> Bundle:
    """Export a bundle's own head and dtype in one more format, beside what is there.

    A file of the same format is replaced. The card is written last: until then the new file is one
    that the card does not know.

    Parameters
    ----------
    folder : the bundle
    form : format of the new file
    target : what an AOTInductor package is compiled for

    Raises
    ------
    MlipsseError
        when the model is not the one of the card, or it cannot be exported.
    """
    bundle = read_bundle(folder, model_only=True)
    made, facts = write_format(
        bundle.model,
        form,
        beside=bundle.model,
        head=bundle.head,
        dtype=bundle.dtype,
        target=target,
    )
    card = read_card(folder / CARD_FILE)
    card.setdefault("exported_head", bundle.head)
    card["versions"] = {**(card.get("versions") or {}), **_versions()}
    card |= facts
    card["sha256"] = dict(
        sorted({**card["sha256"], **{file.name: sha256(file) for file in made}}.items())
    )
    write_card(folder, card)
    return _bundle(folder, card)


def read_card(path: Path) -> dict[str, Any]:
    """The content of a bundle's `card.yaml`.

    Raises
    ------
    MlipsseError
        when it is missing or unreadable.
    """
    try:
        card = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MlipsseError(
            f"{path.parent} is not a potential bundle: {path} cannot be read ({error.strerror}). "
            "Name the folder that contains card.yaml."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise MlipsseError(
            f"{path} is not valid YAML. Export the potential again, or get an intact copy."
        ) from error
    if not isinstance(card, dict):
        raise MlipsseError(
            f"{path} lacks required entries (it has no keys). Export the potential again."
        )
    return card


def write_card(folder: Path, card: Mapping[str, Any]) -> None:
    """Write `card.yaml` of the bundle in `folder`, in one step."""
    text = yaml.safe_dump(dict(card), sort_keys=False, allow_unicode=True)
    write_text(folder / CARD_FILE, text)


def read_bundle(folder: Path, *, model_only: bool = False) -> Bundle:
    """Read the card of the bundle in `folder` and compare every file with its checksum.

    Nothing of the files is run, so that a caller may unpickle the model afterwards.

    Parameters
    ----------
    model_only : compare the model alone, for who is about to make the other files again

    Raises
    ------
    MlipsseError
        when the card or a file is missing or unreadable, or a checksum differs.
    """
    path = folder / CARD_FILE
    card = read_card(path)
    try:
        bundle = _bundle(folder, card)
        for name, expected in card["sha256"].items():
            if name == bundle.model.name or not model_only:
                verify_file(folder / name, expected)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise MlipsseError(
            f"{path} lacks required entries ({error}). Export the potential again."
        ) from error
    if bundle.model.name not in card["sha256"]:
        raise MlipsseError(
            f"{path} lists no sha256 of {bundle.model.name}, so the file cannot be verified. "
            "Export the potential again."
        )
    return bundle


def verify_file(path: Path, expected: str) -> None:
    """Compare a file with its SHA-256, before anything in it is run.

    Raises
    ------
    MlipsseError
        when it is missing or another one.
    """
    if not path.is_file():
        raise MlipsseError(
            f"{path} is missing, although its card lists it. Export the potential again, or get "
            "an intact copy."
        )
    found = sha256(path)
    if found != expected:
        raise MlipsseError(
            f"{path} is not the file its card describes: its sha256 begins with {found[:12]}, not "
            f"{expected[:12]}. It was changed or damaged. Export the potential again, or get an "
            "intact copy."
        )


def _head(asked: str | None, summary: ModelSummary, model: Path) -> str:
    if asked is None and len(summary.heads) > 1:
        raise MlipsseError(
            f"{model} has several heads ({', '.join(summary.heads)}). Name one with --head."
        )
    if asked is not None and asked not in summary.heads:
        raise MlipsseError(
            f"{model} has no head {asked}; it has {', '.join(summary.heads)}. Name one of these."
        )
    return summary.heads[0] if asked is None else asked


def _own_dtype(summary: ModelSummary) -> Dtype:
    return "float32" if summary.dtype == "float32" else "float64"


def _versions() -> dict[str, str]:
    return {package: metadata.version(package) for package in ("mlipsse", "mace-torch", "torch")}


def _bundle(folder: Path, card: Mapping[str, Any]) -> Bundle:
    name = card["name"]
    exports = {form: f"{name}{suffix}" for form, suffix in SUFFIXES.items()}
    heads = tuple(card["heads"])
    return Bundle(
        folder=folder,
        name=name,
        model=folder / f"{name}.model",
        exports={form: folder / file for form, file in exports.items() if file in card["sha256"]},
        example=_example(folder, card),
        elements=tuple(card["elements"]),
        heads=heads,
        head=card.get("exported_head", heads[0]),
        dtype=card["dtype"],
        cutoff_A=float(card["cutoff_A"]),
        layers=int(card["layers"]),
        label_source=card["label_source"],
        extra=card.get("extra") or {},
        left_out=card.get("left_out") or {},
    )


def _example(folder: Path, card: Mapping[str, Any]) -> Path | None:
    from mlipsse.potential.bundle.example import DATA_FILE

    return folder / DATA_FILE if DATA_FILE in card["sha256"] else None
