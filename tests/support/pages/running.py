"""Runs the commands of a page; those of mlipsse in this process, which saves its imports."""

import io
import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from doctest import ELLIPSIS, OutputChecker
from pathlib import Path

import pytest

from tests.support.command_line import as_if_apart, run_main


def matches(expected: str, printed: str) -> bool:
    """Whether the output is as expected, `...` for anything; spaces at the ends do not count."""
    expected, printed = (
        "\n".join(line.rstrip() for line in text.strip("\n").splitlines()) + "\n"
        for text in (expected, printed)
    )
    return OutputChecker().check_output(expected, printed, ELLIPSIS)


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    """In a folder, with the width of the terminal that the pages show."""
    before = Path.cwd()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "100")
        patch.setenv("LC_ALL", "C.UTF-8")
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def run_command(command: str) -> tuple[int, str]:
    """Exit code and output of a line of shell; without what it sends to a file."""
    words = shlex.split(command, comments=True)
    if words[0] == "mlipsse" and not {"|", "&&", ";"} & set(words):
        return _run_here(words[1:])
    done = subprocess.run(
        ["bash", "-c", command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def _run_here(words: list[str]) -> tuple[int, str]:
    target = words.pop(words.index(">") + 1) if ">" in words else None
    words = [word for word in words if word != ">"]
    shown = io.StringIO()
    stdout = shown if target is None else io.StringIO()
    with as_if_apart():
        code = run_main(words, out=stdout, err=shown)
    if target is not None:
        Path(target).write_text(stdout.getvalue(), encoding="utf-8")
    return code, shown.getvalue()


def run_python(code: str, names: dict[str, object]) -> str:
    """What a piece of Python prints; its names stay for the next piece of the page."""
    shown = io.StringIO()
    with redirect_stdout(shown):
        exec(compile(code, "<page>", "exec"), names)
    return shown.getvalue()
