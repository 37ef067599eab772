"""The bytes of a file: compressed by gzip, bzip2 or xz or not, whole or torn."""

import bz2
import gzip
import io
import lzma
import shutil
import tempfile
import weakref
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

from mlipsse.errors import MlipsseError

SUFFIXES = (".gz", ".bz2", ".xz")

_LOOKED_AT = 6
"""Rows before the end of a file that show whether the last one is whole."""

_MAGIC: dict[bytes, Any] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}

DAMAGE = (OSError, zlib.error, lzma.LZMAError)
"""What a damaged file raises while it is read; one that is torn raises `EOFError`."""


def is_compressed(path: Path) -> bool:
    """Whether a file begins as gzip, bzip2 or xz do."""
    return _opener(path) is not None


def open_binary(path: Path) -> BinaryIO:
    """The bytes of a file, decompressed where it is compressed; unbuffered where it is not."""
    opener = _opener(path)
    return cast(BinaryIO, path.open("rb", buffering=0) if opener is None else opener(path, "rb"))


def plain_name(path: Path) -> Path:
    """The path without `.gz`, `.bz2` or `.xz`."""
    return path.with_suffix("") if path.suffix.lower() in SUFFIXES else path


class TornStream(io.RawIOBase):
    """Bytes that end where a compressed file is torn, instead of an error; `torn` is set then."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._stream = open_binary(path)
        # Piece by piece: what was asked for together with a torn end is lost.
        self._into: Any = getattr(self._stream, "readinto1", None) or self._stream.readinto  # type: ignore[attr-defined]
        self.torn = False

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """As `io.RawIOBase`."""
        try:
            return int(self._into(buffer) or 0)
        except EOFError:
            self.torn = True
            return 0
        except DAMAGE as error:
            raise MlipsseError(f"{self._path} cannot be read: {error}.") from error

    def close(self) -> None:
        """As `io.RawIOBase`."""
        self._stream.close()
        super().close()


def head(path: Path, n_bytes: int) -> bytes:
    """The first bytes of a file, decompressed; fewer where it is torn or damaged."""
    found = b""
    try:
        with TornStream(path) as stream:
            while len(found) < n_bytes and (more := stream.read(n_bytes - len(found))):
                found += more
    except MlipsseError:
        pass
    return found


def lost_behind(path: Path) -> str:
    """A sentence on a compressed file that is torn."""
    return f"{path}: the compressed file is truncated, and everything after its last frame is lost"


class Unpacked:
    """A compressed file unpacked to a temporary one, for readers that must seek.

    The temporary file goes when this object goes.

    Attributes
    ----------
    path : of the unpacked file, named as the file without its last suffix; a file that is not
        compressed is taken as it is
    torn : whether the compressed file is torn
    """

    def __init__(self, path: Path) -> None:
        self.torn = False
        if not is_compressed(path):
            self.path = path
            return
        folder = tempfile.mkdtemp(prefix="mlipsse-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.path = Path(folder) / plain_name(path).name
        try:
            with TornStream(path) as stream, self.path.open("wb") as whole:
                shutil.copyfileobj(stream, whole, 4 << 20)
                self.torn = stream.torn
        except OSError as error:
            raise MlipsseError(
                f"{path} cannot be unpacked into {folder} ({error}): free disk space, set TMPDIR "
                "to another folder, or unpack the file."
            ) from error


def text_bytes(path: Path) -> int:
    """About the length of the text; of a gzipped one modulo 4 GiB, as gzip has it."""
    with path.open("rb") as stream:
        gzipped = stream.read(2) == b"\x1f\x8b"
        size = stream.seek(0, 2)
        if not gzipped or size < 4:
            return 4 * size if is_compressed(path) else size
        stream.seek(-4, 2)
        return int.from_bytes(stream.read(4), "little")


def is_whole(lines: Sequence[bytes]) -> bool:
    """Whether the last of some rows of numbers is whole, though nothing ends it.

    It is where all of them have as many words, and their last words as many decimals: a number that
    is torn has fewer. Whole numbers and mantissas with an exponent show nothing.

    Parameters
    ----------
    lines : rows of one frame, the last ones of the file
    """
    rows = [line.split() for line in lines[-_LOOKED_AT:]]
    if len(rows) < 3 or any(len(row) != len(rows[0]) or not row for row in rows):
        return False
    parts = [row[-1].partition(b".") for row in rows]
    decimals = {len(part[2]) for part in parts}
    return len(decimals) == 1 and decimals != {0} and all(part[2].isdigit() for part in parts)


def _opener(path: Path) -> Any:
    with path.open("rb") as stream:
        first = stream.read(6)
    for magic, opener in _MAGIC.items():
        if first.startswith(magic):
            return opener
    return None
