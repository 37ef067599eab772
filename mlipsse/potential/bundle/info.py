"""What a bundle holds, read from its card and its files' checksums; nothing of it is run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlipsse.files import sha256
from mlipsse.potential.bundle.folder import CARD_FILE, read_card

State = Literal["ok", "changed", "missing", "not in the card"]

_RUNS_CODE = (".model", ".pt2", ".mliap.pt")


@dataclass(frozen=True)
class BundleFile:
    """One file of a bundle.

    Attributes
    ----------
    name : within the bundle
    state : compared with the card
    bytes : its size; None when it is missing
    sha256 : as found; None when it is missing
    runs_code : loading it runs code that it carries
    made_for : of a `.pt2`: what it was compiled for
    """

    name: str
    state: State
    bytes: int | None
    sha256: str | None
    runs_code: bool
    made_for: dict[str, str] | None = None


@dataclass(frozen=True)
class BundleInfo:
    """A bundle's card, and its files.

    Attributes
    ----------
    folder : of the bundle
    whole : every file that the card lists is there and unchanged
    card : content of `card.yaml`
    files : those of the card, and those that it does not list
    """

    folder: Path
    whole: bool
    card: dict[str, Any]
    files: tuple[BundleFile, ...]


def describe_bundle(folder: Path) -> BundleInfo:
    """Read a bundle's card and compare its files, whatever else the card may lack.

    Raises
    ------
    MlipsseError
        when there is no readable card.
    """
    card = read_card(folder / CARD_FILE)
    listed = card.get("sha256") or {}
    present = {path.name for path in folder.iterdir() if path.is_file()} - {CARD_FILE}
    present = {name for name in present if not name.startswith(".")}
    files = tuple(
        _file(folder / name, expected=listed.get(name)) for name in sorted(present.union(listed))
    )
    whole = bool(listed) and all(file.state == "ok" for file in files if file.name in listed)
    return BundleInfo(folder=folder, whole=whole, card=card, files=files)


def _file(path: Path, *, expected: str | None) -> BundleFile:
    runs_code = path.name.endswith(_RUNS_CODE)
    if not path.is_file():
        return BundleFile(path.name, "missing", None, None, runs_code)
    found = sha256(path)
    state: State = "not in the card"
    if expected is not None:
        state = "ok" if found == expected else "changed"
    return BundleFile(
        path.name, state, path.stat().st_size, found, runs_code, made_for=_made_for(path)
    )


def _made_for(path: Path) -> dict[str, str] | None:
    from mlipsse.errors import MlipsseError
    from mlipsse.potential.export.package import package_metadata

    if path.suffix != ".pt2":
        return None
    try:
        return package_metadata(path)
    except MlipsseError:
        return None
