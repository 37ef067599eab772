"""Text of a file, plain or compressed, piece by piece and in place."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlipsse.errors import MlipsseError
from mlipsse.transport.reading.source.file_bytes import (
    DAMAGE,
    TornStream,
    is_whole,
)

_BUFFER_BYTES = 8 << 20
_HEAD_BYTES = 256 << 10
_TAIL_BYTES = 4096


@dataclass(eq=False)
class TextPiece:
    """A piece of a file.

    Attributes
    ----------
    data, stop : the text is `data` up to `stop`
    ended : whether it is the last piece
    used : set by the reader to how much it took; the rest comes again
    torn : whether a compressed file is torn behind it
    """

    data: bytearray
    stop: int
    ended: bool
    used: int = 0
    torn: bool = False


def text_pieces(path: Path, *, head: bool = False) -> Iterator[TextPiece]:
    """Pieces of the text, each beginning where the one before was used up to; small for `head`."""
    if not path.is_file():
        raise MlipsseError(f"There is no file {path}. Name an existing file.")
    try:
        with TornStream(path) as stream:
            data = bytearray(_HEAD_BYTES if head else _BUFFER_BYTES)
            rest, first = 0, True
            while True:
                read, ended = _fill(stream, data, rest)
                stop = rest + read
                if ended and not stream.torn:
                    tail = bytes(data[max(0, stop - _TAIL_BYTES) : stop])
                    if not tail.endswith(b"\n") and is_whole(tail.split(b"\n")[1:]):
                        data[stop:] = b"\n"
                        stop += 1
                text = TextPiece(data, stop, ended, torn=stream.torn)
                if first and not text.data[:512].lstrip().startswith(b"ITEM:"):
                    raise MlipsseError(
                        f"{path} is not a LAMMPS text dump: it does not begin with ITEM:."
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
    except DAMAGE as error:
        raise MlipsseError(f"{path} cannot be read: {error}.") from error


def _fill(stream: Any, data: bytearray, place: int) -> tuple[int, bool]:
    """Bytes that were read into `data` from `place` on, and whether the file ends with them."""
    start = place
    view = memoryview(data)
    while place < len(data):
        read = stream.readinto(view[place:])
        if not read:
            return place - start, True
        place += read
    return place - start, False
