"""CIF syntax: bytes in any usual encoding to blocks of tags and rows.

gemmi parses the text. What it leaves to its caller is done here: encodings and line ends, tags
written with a dot (as of CIF 2 dictionaries), upper and lower case, numbers with their standard
uncertainty, and the difference between `.` (does not apply) and `?` (not known).
"""

import gzip
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlipsse.errors import MlipsseError

_NUMBER = re.compile(r"([+-]?(?:\d+\.?(\d*)|\.(\d+))(?:[eE][+-]?\d+)?)(?:\((\d+(?:\.\d+)?)\))?")
_FRACTION = re.compile(r"([+-]?\d+)\s*/\s*([1-9]\d*)")


@dataclass(frozen=True)
class Number:
    """A number as written.

    Attributes
    ----------
    value : of the number
    decimals : digits behind the point; None where it was written as a fraction
    uncertainty : standard uncertainty; 0 where none is given
    """

    value: float
    decimals: int | None
    uncertainty: float


@dataclass(frozen=True)
class CifBlock:
    """A data block, its tags in lower case and with `_` for the dots of CIF 2 dictionaries.

    Attributes
    ----------
    name : behind `data_`
    values : text of the tags that have one value; None where it is `.` or `?`
    loops : tables, each a list of rows of raw texts by tag
    """

    name: str
    values: dict[str, str | None] = field(default_factory=dict)
    loops: tuple[tuple[dict[str, str], ...], ...] = ()

    def value(self, *tags: str) -> str | None:
        """The first of the tags that has a value."""
        for tag in tags:
            if (found := self.values.get(tag)) is not None:
                return found
        for tag in tags:
            rows = self.rows(tag)
            if len(rows) == 1 and (found := text(rows[0][tag])) is not None:
                return found
        return None

    def rows(self, *tags: str) -> tuple[dict[str, str], ...]:
        """The rows of the table that has one of the tags; a lone value makes a table of one row."""
        for tag in tags:
            for loop in self.loops:
                if tag in loop[0]:
                    return loop
        for tag in tags:
            if (found := self.values.get(tag)) is not None:
                return ({tag: found},)
        return ()


def text(raw: str) -> str | None:
    """A raw value without its quotes; None for `.` and `?`."""
    from gemmi import cif

    return None if cif.is_null(raw) else cif.as_string(raw).strip()


def number(raw: str) -> Number | None:
    """A number such as `0.5`, `.25(3)`, `1.` or `1/3`; None for anything else."""
    raw = raw.strip()
    if match := _FRACTION.fullmatch(raw):
        return Number(int(match[1]) / int(match[2]), None, 0.0)
    if not (match := _NUMBER.fullmatch(raw)):
        return None
    decimals = len(match[2] or match[3] or "")
    spread = match[4] or "0"
    uncertainty = float(spread) * (1.0 if "." in spread else 10.0**-decimals)
    return Number(float(match[1]), decimals, uncertainty)


def read_text(path: Path) -> str:
    """The text of a file in UTF-8, UTF-16 or Latin-1, plain or gzipped, with plain line ends."""
    raw = path.read_bytes()
    if raw.startswith(b"\x1f\x8b"):
        raw = gzip.decompress(raw)
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        found = raw.decode("utf-16", errors="replace")
    elif raw[:200].count(b"\0") > len(raw[:200]) // 3:
        found = raw.decode("utf-16-le" if raw[1:2] == b"\0" else "utf-16-be", errors="replace")
    else:
        try:
            found = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            found = raw.decode("latin-1")
    for old, new in (("\r\n", "\n"), ("\r", "\n"), ("\xa0", " "), ("−", "-"), ("\ufeff", "")):
        found = found.replace(old, new)
    return found.rstrip("\x1a\0")


def is_cif(content: str) -> bool:
    """Whether a text is a CIF: a block with tags in it."""
    return bool(
        re.search(r"^\s*data_", content, re.MULTILINE | re.IGNORECASE)
        and re.search(r"^\s*_\S+", content, re.MULTILINE)
    )


def parse_blocks(content: str, name: str) -> list[CifBlock]:
    """The blocks of a CIF.

    Raises
    ------
    MlipsseError
        with gemmi's reason, when the text breaks the syntax of CIFs.
    """
    from gemmi import cif

    for box in "□☐▫":
        content = content.replace(box, "Va")
    if content.startswith("#\\#CIF_2"):
        content = _as_cif1(content)
    try:
        # CIF 1 allows ASCII only, and gemmi stops at other letters outside quotes.
        document = cif.read_string(content if _quoted(content) else _plain(content))
    except Exception as error:  # gemmi raises ValueError or RuntimeError
        raise MlipsseError(
            f"{name} cannot be read as a CIF or POSCAR (gemmi: {error}). Correct the line that it "
            "names."
        ) from error
    blocks = []
    for block in document:
        values: dict[str, str | None] = {}
        loops = []
        for item in block:
            pair: Any = item.pair
            if pair is not None:
                values[_tag(pair[0])] = text(pair[1])
            elif item.loop is not None:
                tags = [_tag(tag) for tag in item.loop.tags]
                cells: list[str] = list(item.loop.values)
                width = len(tags)
                rows = [cells[start : start + width] for start in range(0, len(cells), width)]
                if rows:
                    loops.append(tuple(dict(zip(tags, row, strict=True)) for row in rows))
        blocks.append(CifBlock(block.name, values, tuple(loops)))
    return blocks


def _quoted(content: str) -> bool:
    """Whether gemmi takes the text as it is."""
    from gemmi import cif

    if content.isascii():
        return True
    try:
        cif.read_string(content)
    except (ValueError, RuntimeError):
        return False
    return True


def _plain(content: str) -> str:
    """The text with `_` for every letter that is not ASCII, accents left out."""
    spelled = unicodedata.normalize("NFKD", content)
    kept = (letter for letter in spelled if not unicodedata.combining(letter))
    return "".join(letter if letter.isascii() else "_" for letter in kept)


def _as_cif1(content: str) -> str:
    """CIF 2 without what gemmi cannot parse: long strings as text fields, no lists and tables."""
    content = re.sub(
        r"(\'{3}|\"{3})(.*?)\1", lambda match: f"\n;{match[2]}\n;\n", content, flags=re.DOTALL
    )
    collection = re.compile(r"(?<=[\s\[{])(\[[^\[\]{}]*\]|\{[^\[\]{}]*\})(?=[\s\]}])")
    while collection.search(content):
        content = collection.sub("?", content)
    return content


def _tag(name: str) -> str:
    return name.lower().replace(".", "_")
