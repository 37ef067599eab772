"""How large a runtime is, before it is copied."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from mlipsse.errors import MlipsseError
from mlipsse.md import runtime


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    sizes_GB = {"libtorch_cpu.so": 0.4, "libtorch_cuda.so": 1.2, "libcudnn.so.9": 0.9}
    paths = [tmp_path / name for name in sizes_GB]
    for path in paths:
        with path.open("wb") as stream:
            stream.truncate(round(sizes_GB[path.name] * 1e9))  # without taking room
    return paths


def test_size_is_reported(files, tmp_path):
    words: list[str] = []
    runtime._require_room(files, tmp_path, report=words.append)
    runtime._require_room(files[:1], tmp_path, report=words.append)
    assert words == [
        "copying 3 files of 2.5 GB, those for a GPU with them",
        "copying 1 files of 0.4 GB",
    ]


def test_a_full_disk_is_refused_first(files, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(9e9, 8e9, 1e9))
    with pytest.raises(MlipsseError, match=r"takes 2\.5 GB, and .* has 1\.0 GB free"):
        runtime._require_room(files, tmp_path, report=lambda text: None)
