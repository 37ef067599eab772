"""The command line inside the process of the test, which has imported torch and MACE already."""

import io
import os
import random
import subprocess
import sys
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TextIO

import matplotlib
import numpy as np
import torch

from mlipsse.cli import main


def mlipsse(
    *arguments: str | Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Exit code and output of `mlipsse ARGUMENTS`, as those of a process of its own."""
    words = [str(argument) for argument in arguments]
    out, err = io.StringIO(), io.StringIO()
    with as_if_apart(COLUMNS="200", **(environment or {})):
        code = run_main(words, out=out, err=err)
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


def run_main(words: Sequence[str], *, out: TextIO, err: TextIO) -> int:
    """Exit code of `mlipsse WORDS`, whose output goes to `out` and `err`."""
    before = sys.argv
    sys.argv = ["mlipsse", *words]
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as ended:
            if isinstance(ended.code, str):
                print(ended.code, file=err)
                return 1
            return ended.code or 0
        except BaseException:
            traceback.print_exc()
            return 1
        finally:
            sys.argv = before
    return 0


@contextmanager
def as_if_apart(**environment: str) -> Iterator[None]:
    """Leave nothing behind that a process of its own would have taken along.

    Restored are the working directory, the environment, the random numbers, the number type of
    torch, the filters of warnings and the settings of matplotlib.
    """
    folder, variables = Path.cwd(), dict(os.environ)
    numbers = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    dtype = torch.get_default_dtype()
    os.environ.update(environment)
    try:
        with warnings.catch_warnings(), matplotlib.rc_context():
            yield
    finally:
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(variables)
        random.setstate(numbers[0])
        np.random.set_state(numbers[1])  # noqa: NPY002
        torch.set_rng_state(numbers[2])
        torch.set_default_dtype(dtype)
