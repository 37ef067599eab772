"""Text of a file, plain or gzipped, piece by piece and in place."""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from mlipsse.errors import MlipsseError

_BUFFER_BYTES = 8 << 20
_HEAD_BYTES = 256 << 10


@dataclass(eq=False)
class TextPiece:
    """A piece of a file; the reader tells how much of it is `used`, and what is not comes again."""

    data: bytearray
    stop: int
    ended: bool
    used: int = 0

    @property
    def address(self) -> int:
        """Where `data` lies in memory."""
        return int(np.frombuffer(self.data, dtype=np.uint8).ctypes.data)


def text_pieces(path: Path, *, head: bool = False) -> Iterator[TextPiece]:
    """Pieces of the text, each beginning where the one before was used up to; small for `head`."""
    if not path.is_file():
        raise MlipsseError(f"There is no file {path}.")
    with path.open("rb") as stream:
        zipped = stream.read(2) == b"\x1f\x8b"
    try:
        with _opened(path, zipped=zipped) as stream:
            data = bytearray(_HEAD_BYTES if head else _BUFFER_BYTES)
            rest, first = 0, True
            while True:
                read, ended = _fill(stream, data, rest)
                text = TextPiece(data, rest + read, ended)
                if first and not text.data[:512].lstrip().startswith(b"ITEM:"):
                    raise MlipsseError(
                        f"{path} is no LAMMPS text dump: it does not begin with ITEM:."
                    )
                first = False
                yield text
                if ended:
                    return
                rest = text.stop - text.used
                kept = data[text.used : text.stop]
                if 2 * rest > len(data):
                    data = bytearray(2 * len(data))
                data[:rest] = kept
    except (OSError, zlib.error) as error:
        raise MlipsseError(f"{path} cannot be read: {error}.") from error


def text_bytes(path: Path) -> int:
    """Length of the text; of a zipped one modulo 4 GiB, as gzip has it."""
    with path.open("rb") as stream:
        if stream.read(2) != b"\x1f\x8b":
            return stream.seek(0, 2)
        stream.seek(-4, 2)
        return int.from_bytes(stream.read(4), "little")


def _opened(path: Path, *, zipped: bool) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path, "rb") if zipped else path.open("rb", buffering=0))


def _fill(stream: BinaryIO, data: bytearray, place: int) -> tuple[int, bool]:
    """Bytes that were read into `data` from `place` on, and whether the file ends with them."""
    start = place
    view = memoryview(data)
    # Of a zipped file piece by piece: one that is torn ends with an error, and what was asked for
    # together with its end is lost.
    readinto = getattr(stream, "readinto1", None) or stream.readinto  # type: ignore[attr-defined]
    while place < len(data):
        try:
            read = readinto(view[place:])
        except EOFError:
            read = 0
        if not read:
            return place - start, True
        place += read
    return place - start, False
