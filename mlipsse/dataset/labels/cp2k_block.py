"""A section of CP2K's input, with sections inside it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Block:
    """A section of CP2K's input.

    Attributes
    ----------
    title : its keyword, with a parameter where it takes one
    lines : keywords and further sections
    """

    title: str
    lines: "Sequence[str | Block]"

    def text(self, depth: int = 0) -> str:
        """As the file has it, each level two blanks deeper."""
        blank = "  " * depth
        inside = "".join(
            line.text(depth + 1) if isinstance(line, Block) else f"{blank}  {line}\n"
            for line in self.lines
        )
        return f"{blank}&{self.title}\n{inside}{blank}&END {self.title.split()[0]}\n"
