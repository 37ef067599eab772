"""Make a bundle of a model file, or add a format to the bundle that is there."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ase import Atoms

from mlipsse.errors import MlipsseError
from mlipsse.files import sha256
from mlipsse.potential.bundle.folder import (
    CARD_FILE,
    Bundle,
    add_export,
    read_bundle,
    read_card,
    verify_file,
    write_bundle,
    write_card,
)
from mlipsse.potential.bundle.provenance import Provenance
from mlipsse.potential.export.target import SUFFIXES, ExportSettings, Format

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,119}")


def export_bundle(
    model: Path,
    *,
    out: Path,
    export: ExportSettings = ExportSettings(),  # noqa: B008
    expected_sha256: str | None = None,
    example: Atoms | None = None,
    provenance: Provenance = Provenance(),  # noqa: B008
) -> tuple[Bundle, Path]:
    """Export a model into the bundle folder `out`; the bundle, and the file of the format.

    A new folder becomes a whole bundle. A folder that is a bundle of this very model gets the file
    added, and its card brought up to date.

    Parameters
    ----------
    model : `.model` file, or a bundle's folder, of which its model is taken; loading a `.model`
        runs pickle code, so its sha256 is compared first, where one is known
    out : the bundle's folder, whose name becomes the potential's
    export : head and number type that are not named are those of the bundle
    expected_sha256 : of the model file, from whom it came from
    example : structure of `in.example`
    provenance : for the card of a new bundle; what is not stated is that of the bundle's card

    Raises
    ------
    MlipsseError
        when the model is not the one it should be, `out` holds something else, or the export fails.
    """
    source = read_bundle(model, model_only=True) if model.is_dir() else None
    file = source.model if source else model
    _verify_source(file, expected_sha256)
    if (out / CARD_FILE).is_file():
        return _into_bundle(out, file, export)
    name = out.resolve().name
    _check_new(out, name)
    if source is not None:
        export = replace(
            export, head=export.head or source.head, dtype=export.dtype or source.dtype
        )
        provenance = replace(
            provenance,
            label_source=provenance.label_source or source.label_source,
            licence=provenance.licence or read_card(source.folder / CARD_FILE).get("licence"),
        )
    bundle = write_bundle(
        out.resolve().parent,
        model=file,
        name=name,
        export=export,
        provenance=provenance,
        example=example,
    )
    return bundle, bundle.exports[export.form]


@dataclass(frozen=True)
class Exported:
    """What several exports of a model came to.

    Attributes
    ----------
    bundle : with all of its files
    files : format -> the file that LAMMPS loads, of the formats that were asked for
    refused : format -> why there is no such file
    """

    bundle: Bundle
    files: Mapping[Format, Path]
    refused: Mapping[Format, str]


def export_formats(
    model: Path,
    formats: Sequence[Format],
    *,
    out: Path,
    export: ExportSettings = ExportSettings(),  # noqa: B008
    announce: Callable[[Format], None] = lambda form: None,
    **given: Any,
) -> Exported:
    """Export a model in several formats into the bundle folder `out`, whatever one of them says.

    Parameters
    ----------
    formats : at least one
    export : but for its format
    announce : called before each format
    given : as `export_bundle`

    Raises
    ------
    MlipsseError
        when the model can be had in none of the formats, with the reason of the first.
    """
    files: dict[Format, Path] = {}
    refused: dict[Format, MlipsseError] = {}
    bundle = None
    for form in formats:
        announce(form)
        try:
            asked = replace(export, form=form)
            bundle, file = export_bundle(model, out=out, export=asked, **given)
            files[form] = out / file.name
        except MlipsseError as error:
            refused[form] = error
    if bundle is None:
        raise refused[formats[0]]
    return Exported(bundle, files, {form: str(error) for form, error in refused.items()})


def compile_bundle(folder: Path) -> list[Path]:
    """Compile the native source of a bundle again, for this machine; the libraries.

    Raises
    ------
    MlipsseError
        when the bundle has no native code, a file of it is damaged, or it cannot be compiled.
    """
    from mlipsse.potential.native.compilation import compile_native, source_file

    bundle = read_bundle(folder, model_only=True)
    weights = bundle.exports.get("native")
    if weights is None:
        raise MlipsseError(
            f"The bundle {folder} has no native code. Make it: mlipsse potential export {folder} "
            f"--out {folder} --format native"
        )
    card = read_card(folder / CARD_FILE)
    for file in (weights, source_file(weights)):
        verify_file(file, card["sha256"][file.name])
    made = compile_native(weights, bundle.dtype)
    card["sha256"] = dict(
        sorted({**card["sha256"], **{file.name: sha256(file) for file in made}}.items())
    )
    write_card(folder, card)
    return made


def _into_bundle(out: Path, model: Path, export: ExportSettings) -> tuple[Bundle, Path]:
    there = read_bundle(out, model_only=True)
    asked = {
        "model": sha256(model)[:12],
        "head": export.head or there.head,
        "dtype": export.dtype or there.dtype,
    }
    held = {"model": sha256(there.model)[:12], "head": there.head, "dtype": there.dtype}
    differing = [
        f"{what} {asked[what]} (it holds {held[what]})"
        for what in asked
        if asked[what] != held[what]
    ]
    if differing:
        raise MlipsseError(
            f"{out} is another bundle: requested is {', '.join(differing)}. A bundle contains one "
            "model, one head and one number type. Name another folder with --out."
        )
    bundle = add_export(out, export.form, target=export.target)
    return bundle, out / f"{bundle.name}{SUFFIXES[export.form]}"


def _verify_source(model: Path, expected: str | None) -> None:
    """Compare the model with every checksum there is, before it is unpickled."""
    if expected is not None:
        if not re.fullmatch(r"[0-9a-fA-F]{64}", expected):
            raise MlipsseError(
                f"A sha256 has 64 hexadecimal digits; {expected!r} is not one. `sha256sum "
                f"{model.name}` prints it."
            )
        if model.is_file() and sha256(model) != expected.lower():
            raise MlipsseError(
                f"{model} is not the expected file: its sha256 is {sha256(model)}, not "
                f"{expected.lower()}. It was not opened. Download the file again."
            )
    card = model.parent / CARD_FILE
    if card.is_file():
        listed = (read_card(card).get("sha256") or {}).get(model.name)
        if listed is not None:
            verify_file(model, listed)


def _check_new(out: Path, name: str) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise MlipsseError(
            f"{out} exists and is not a bundle (it has no {CARD_FILE}). Name a new folder."
        )
    if not _NAME.fullmatch(name):
        raise MlipsseError(
            f"{name!r} is not allowed as the name of a potential, as it enters LAMMPS decks. Use "
            "only letters, digits and . _ + -"
        )
