"""Files that are either whole or absent, their digests, and locks that die with their holder."""

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from mlipsse.errors import MlipsseError


@contextmanager
def write_aside(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success flush it to disk and rename it to `path`.

    The temporary name keeps the suffix (some writers choose a format by it). When the block
    raises, the temporary file is removed and an older `path` stays as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield aside
        with aside.open("rb") as stream:
            os.fsync(stream.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def remove_abandoned(folder: Path) -> None:
    """Remove what writers that were killed left below `folder`; nobody may be writing there."""
    for aside in [*folder.rglob(".*.part"), *folder.rglob(".*.part.*")]:
        if aside.is_file():
            aside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` in one step (see `write_aside`)."""
    with write_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's contents."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def exclusive_lock(path: Path, *, holder: str, patience_s: float = 0.0) -> Iterator[int]:
    """Hold an exclusive `flock` on `path`; the kernel releases it when the last holder dies.

    Parameters
    ----------
    path : lock file, made when missing and left in place
    holder : noun for the error message, e.g. «LAMMPS run»
    patience_s : how long to wait for another holder, in seconds

    Yields
    ------
    int
        the file descriptor; a child that inherits it (`pass_fds`) keeps the lock while it lives.

    Raises
    ------
    MlipsseError
        when somebody else still holds the lock after `patience_s`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        deadline = time.monotonic() + patience_s
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    owner = os.pread(descriptor, 200, 0).decode(errors="replace").strip()
                    raise MlipsseError(
                        f"Another {holder} is at work in {path.parent}"
                        f"{f' (process {owner})' if owner else ''}. "
                        "Wait for it to end, or stop it, and start again."
                    ) from None
                time.sleep(0.1)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def write_columns(path: Path, columns: Mapping[str, np.ndarray]) -> None:
    """Write equally long columns of numbers as CSV, eight digits each, whole or not at all."""
    rows = np.column_stack(list(columns.values()))
    lines = (",".join(f"{value:.8g}" for value in row) for row in rows)
    write_text(path, "\n".join([",".join(columns), *lines]) + "\n")
