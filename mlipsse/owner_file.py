"""A lock for file systems without `flock` (some Lustre and NFS): a file that names its owner.

It holds one line, `HOST PID START`: the node, the process, and when that process was started (field
22 of its /proc/PID/stat), so that a number that was given out again is not taken for its owner.
`lammps_templates/run.sh.j2` reads and writes the same file.
"""

import errno
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

WRITING_S = 60.0
"""An owner file that names nobody for longer belongs to a process that was killed."""

NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL})
"""What `flock` fails with where the file system has no locks."""


@dataclass(frozen=True)
class Owner:
    """A process that may hold something.

    Attributes
    ----------
    host : name of its node
    pid : its number there
    start : when it was started, in the kernel's clock ticks; empty where that is not known
    """

    host: str
    pid: int
    start: str

    @property
    def may_live(self) -> bool:
        """False when it has surely ended; of another node's processes nothing is known."""
        if self.host != os.uname().nodename:
            return True
        started = _start(self.pid)
        return started is not None and self.start in ("", started)

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def owner_path(lock: Path) -> Path:
    """The file beside a lock file."""
    return lock.with_name(f"{lock.name}.owner")


def living_owner(lock: Path) -> Owner | None:
    """Who holds `lock` by its file, unless it has surely ended or there is none."""
    try:
        words = owner_path(lock).read_text(encoding="utf-8", errors="replace").split()
        owner = Owner(words[0], int(words[1]), words[2] if len(words) > 2 else "")
    except FileNotFoundError:
        return None
    except (IndexError, ValueError):  # being written, or left by a kill before the line was
        return Owner("this node", 0, "unknown") if _is_young(owner_path(lock)) else None
    return owner if owner.may_live else None


def take(lock: Path) -> Owner | None:
    """Write our own file for `lock`; None when it is ours now, else its living owner."""
    path = owner_path(lock)
    for _ in range(2):
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        except FileExistsError:
            seen = _text(path)
            if (owner := living_owner(lock)) is not None:
                return owner
            _remove_dead(path, seen)
            continue
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            pid = os.getpid()
            stream.write(f"{os.uname().nodename} {pid} {_start(pid) or ''}\n")
        return None
    return living_owner(lock)


def _remove_dead(path: Path, seen: str | None) -> None:
    """Take away the file of an owner that has ended, and not one that was written meanwhile.

    Two that see the same dead owner would else each remove what the other has just written.
    """
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return
    if _text(aside) != seen:
        with suppress(FileExistsError):
            os.link(aside, path)
    aside.unlink()


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None


def release(lock: Path) -> None:
    """Remove the file that `take` wrote."""
    owner_path(lock).unlink(missing_ok=True)


def _is_young(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime < WRITING_S
    except FileNotFoundError:
        return False


def _start(pid: int) -> str | None:
    """Start of a process of this node, None when there is none; zombies have ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *rest = text.rpartition(")")[2].split()
    return None if state in "ZX" else rest[18]
