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
from mlipsse.owner_file import NO_LOCKS, living_owner, owner_path, release, take


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
    """Remove what writers that were killed left below `folder`; no process may be writing there."""
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

    On a file system without such locks a file beside it names the holder (`owner_file`).

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
        when another process still holds the lock after `patience_s`, or `path` cannot be made.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise MlipsseError(
            f"A {holder} cannot make its lock file {path} ({error.strerror}). Make the folder "
            "writable, or choose another folder."
        ) from error
    owned = False
    try:
        deadline = time.monotonic() + patience_s
        while True:
            held, owned = _attempt(descriptor, path)
            if held is None:
                break
            if time.monotonic() >= deadline:
                raise MlipsseError(f"Another {holder} is using {path.parent}{held}")
            time.sleep(0.1)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield descriptor
    finally:
        if owned:
            release(path)
        os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Whether a process of this machine, or of one that shares its locks, holds `path`."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        return _flock(descriptor, fcntl.LOCK_SH) is False or living_owner(path) is not None
    finally:
        os.close(descriptor)


def _flock(descriptor: int, kind: int) -> bool | None:
    """Whether the lock is ours now; None on a file system that has none."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        return None
    return True


def _attempt(descriptor: int, path: Path) -> tuple[str | None, bool]:
    """Who holds the lock, in words, or None when it is ours now; and whether by a file of ours."""
    locked = _flock(descriptor, fcntl.LOCK_EX)
    if locked is False:
        process = os.pread(descriptor, 200, 0).decode(errors="replace").strip()
        name = f" (process {process})" if process else ""
        return f"{name}. Wait for it to end, or stop it, and start again.", False
    owner = living_owner(path) if locked else take(path)
    if owner is None:
        return None, locked is None
    return (
        f": {owner_path(path)} names {owner}, as file locks do not work on every node here. Wait "
        "for it to end. If it has ended, remove the file and start again."
    ), False


def write_columns(path: Path, columns: Mapping[str, np.ndarray]) -> None:
    """Write equally long columns of numbers as CSV, eight digits each, whole or not at all."""
    rows = np.column_stack(list(columns.values()))
    lines = (",".join(f"{value:.8g}" for value in row) for row in rows)
    write_text(path, "\n".join([",".join(columns), *lines]) + "\n")
