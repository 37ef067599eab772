"""The bundle: a folder with a potential, what it is, and how somebody else runs it."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from mlipsse.errors import MlipsseError
from mlipsse.files import sha256
from mlipsse.potential.export import Dtype, export_torchscript, model_summary

CARD_FILE = "card.yaml"

NOT_DFT = "teacher labels, not DFT"

_README = """\
# {name}

MACE potential for {elements}; head {head}, {dtype}, cutoff {cutoff_A:g} Å.
Labels: {label_source}. All of it in `{card}`.

In a LAMMPS deck (units metal, `atom_modify map yes`, one MPI rank):

    plugin load /path/to/macepair.so   # the path that `mlipsse potential build` prints
    pair_style mace
    pair_coeff * * {name}.pt {elements_example}   # one element per atom type, in their order

`{name}.model` is for Python (ASE, fine-tuning). Loading a `.model` file runs the pickle code in it:
open it only if you trust whom you got it from, and compare its sha256 with `{card}`.
"""


@dataclass(frozen=True)
class Bundle:
    """A potential ready to be handed on.

    Attributes
    ----------
    folder : holds the files below, `card.yaml` and `README.md`
    model : MACE `.model` file; loading it runs pickle code
    torchscript : `.pt` file that `pair_style mace` loads
    elements : chemical symbols the model knows
    heads, head : heads of `model`, and the one that was exported
    dtype : of the export
    cutoff_A : of one layer, Å
    layers : message-passing layers
    label_source : what made the training labels
    extra : whatever else the card says
    """

    folder: Path
    model: Path
    torchscript: Path
    elements: tuple[str, ...]
    heads: tuple[str, ...]
    head: str
    dtype: Dtype
    cutoff_A: float
    layers: int
    label_source: str
    extra: Mapping[str, Any]


def write_bundle(
    folder: Path,
    *,
    model: Path,
    name: str,
    head: str,
    dtype: Dtype,
    label_source: str,
    licence: str = "not stated",
    extra: Mapping[str, Any] | None = None,
) -> Bundle:
    """Export one head of `model` and put everything into `folder/name/`, in one step.

    Parameters
    ----------
    folder : parent of the bundle; a bundle of the same name there is replaced
    model : `.model` file; loading it runs pickle code
    name : of the bundle and its files
    head, dtype : what is exported
    label_source : what made the labels, e.g. `vasp` or `teacher: chgnet-r2scan`
    licence : under which the potential may be used
    extra : further facts for the card (plain YAML types), e.g. test errors

    Raises
    ------
    MlipsseError
        when the model cannot be loaded or exported.
    """
    summary = model_summary(model)
    if label_source.startswith("teacher") and NOT_DFT not in label_source:
        label_source = f"{label_source} ({NOT_DFT})"
    final = folder / name
    for abandoned in folder.glob(f".{name}.*.part"):  # by a writer that was killed
        shutil.rmtree(abandoned)
    aside = folder / f".{name}.{os.getpid()}.part"
    aside.mkdir(parents=True)
    try:
        shutil.copyfile(model, aside / f"{name}.model")
        export_torchscript(model, head=head, dtype=dtype, out=aside / f"{name}.pt")
        readme = _README.format(
            name=name,
            elements=", ".join(summary.elements),
            elements_example=" ".join(summary.elements),
            head=head,
            dtype=dtype,
            cutoff_A=summary.r_max_A,
            label_source=label_source,
            card=CARD_FILE,
        )
        (aside / "README.md").write_text(readme, encoding="utf-8")
        card = {
            "name": name,
            "elements": list(summary.elements),
            "heads": list(summary.heads),
            "exported_head": head,
            "dtype": dtype,
            "cutoff_A": summary.r_max_A,
            "layers": summary.layers,
            "n_parameters": summary.n_parameters,
            "label_source": label_source,
            "licence": licence,
            "versions": {
                package: metadata.version(package) for package in ("mlipsse", "mace-torch", "torch")
            },
            "sha256": {
                path.name: sha256(path) for path in sorted(aside.iterdir()) if path.is_file()
            },
            "extra": dict(extra or {}),
        }
        (aside / CARD_FILE).write_text(
            yaml.safe_dump(card, sort_keys=False, allow_unicode=True), encoding="utf-8"
        )
        if final.exists():
            shutil.rmtree(final)
        aside.replace(final)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return _bundle(final, card)


def read_card(path: Path) -> dict[str, Any]:
    """What a bundle's `card.yaml` says.

    Raises
    ------
    MlipsseError
        when it is missing or unreadable.
    """
    try:
        card: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MlipsseError(
            f"{path.parent} is not a potential bundle: {path} cannot be read ({error.strerror}). "
            "Name the folder that holds card.yaml."
        ) from error
    except yaml.YAMLError as error:
        raise MlipsseError(
            f"{path} is not valid YAML. Export the potential again, or ask for a whole copy."
        ) from error
    return card


def read_bundle(folder: Path) -> Bundle:
    """Read the card of the bundle in `folder` and compare every file with its checksum.

    Raises
    ------
    MlipsseError
        when the card or a file is missing or unreadable, or a checksum differs.
    """
    path = folder / CARD_FILE
    card = read_card(path)
    try:
        for name, expected in card["sha256"].items():
            _verify(folder / name, expected)
        return _bundle(folder, card)
    except (KeyError, TypeError, AttributeError) as error:
        raise MlipsseError(
            f"{path} lacks what a card must say ({error}). Export the potential again."
        ) from error


def _verify(path: Path, expected: str) -> None:
    if not path.is_file():
        raise MlipsseError(
            f"{path} is missing, although its card lists it. Export the potential again, or ask "
            "for a whole copy."
        )
    found = sha256(path)
    if found != expected:
        raise MlipsseError(
            f"{path} is not the file its card describes: its sha256 begins with {found[:12]}, the "
            f"card says {expected[:12]}. It was changed or damaged: export the potential again, "
            "or ask for a whole copy."
        )


def _bundle(folder: Path, card: Mapping[str, Any]) -> Bundle:
    return Bundle(
        folder=folder,
        model=folder / f"{card['name']}.model",
        torchscript=folder / f"{card['name']}.pt",
        elements=tuple(card["elements"]),
        heads=tuple(card["heads"]),
        head=card["exported_head"],
        dtype=card["dtype"],
        cutoff_A=float(card["cutoff_A"]),
        layers=int(card["layers"]),
        label_source=card["label_source"],
        extra=card["extra"],
    )
