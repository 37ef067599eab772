"""Fenced blocks of a Markdown page: commands with their output, Python, YAML."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_PIECE = re.compile(
    r"^<!-- input: (?P<inputs>.+?) -->$|^```(?P<info>[^\n`]*)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes
    ----------
    language : first word behind the fence
    marks : the other words, e.g. no-run
    body : the lines between the fences
    line : of the opening fence in the page, from 1
    """

    language: str
    marks: Sequence[str]
    body: str
    line: int

    @property
    def runs(self) -> bool:
        return "no-run" not in self.marks

    @property
    def exit_code(self) -> int:
        """Expected of the last command of the block, `exit=N`; 0 if not stated."""
        return next((int(mark[5:]) for mark in self.marks if mark.startswith("exit=")), 0)

    def commands(self) -> Iterator[tuple[str, str]]:
        """Every command of a console block with the output that follows it."""
        command: str | None = None
        output: list[str] = []
        for line in self.body.splitlines():
            if line.startswith("$ "):
                if command is not None:
                    yield command, "\n".join(output)
                command, output = line[2:], []
            elif command is not None and command.endswith("\\"):
                command = command[:-1] + line.strip()
            else:
                output.append(line)
        if command is not None:
            yield command, "\n".join(output)


@dataclass(frozen=True)
class Page:
    """A page: names of the inputs that it needs, and its blocks in order."""

    path: Path
    inputs: Sequence[str]
    blocks: Sequence[Block]


def read_page(path: Path) -> Page:
    text = path.read_text(encoding="utf-8")
    inputs: list[str] = []
    blocks: list[Block] = []
    for match in _PIECE.finditer(text):
        if match["inputs"]:
            inputs += match["inputs"].split(", ")
        else:
            language, *marks = match["info"].split() or [""]
            line = text.count("\n", 0, match.start()) + 1
            blocks.append(Block(language, marks, match["body"], line))
    return Page(path, inputs, blocks)
