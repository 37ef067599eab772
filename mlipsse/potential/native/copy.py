"""Native code of potentials that are called in Python, made once and kept in the cache."""

import hashlib
import os
import tempfile
from pathlib import Path

from mlipsse.energetics.native.processor import library_for_here, runs_here, targets
from mlipsse.energetics.potentials.catalogue import NATIVE_SUFFIX, Potential, find_potential
from mlipsse.energetics.potentials.loaded_mace import load_mace, mace_file
from mlipsse.errors import MlipsseError
from mlipsse.files import exclusive_lock, sha256, write_text
from mlipsse.potential.export.target import Dtype, FormatRefused
from mlipsse.potential.native.compilation import compile_native, find_compiler
from mlipsse.resources import cache_dir

_PATIENCE_S = 900.0
"""How long another process may take to make the same code."""


def fastest(
    potential: str, *, device: str = "cpu", head: str | None = None
) -> tuple[str, str | None]:
    """Potential and head by which one is evaluated soonest: native code where there is some.

    The code of a MACE model is made at the first call on a machine, which takes 10 to 40 s.

    Parameters
    ----------
    potential, device, head : as in `mlipsse.energetics.potentials.calculators.make_calculator`

    Returns
    -------
    potential, head : those given, for a GPU, what is not MACE, and where `native_copy` makes none

    Raises
    ------
    MlipsseError
        when the potential cannot be had, or has several heads and none is named.
    """
    found = find_potential(potential)
    if device != "cpu" or not found.in_batches:
        return potential, head
    weights = native_copy(found, head=head)
    return (potential, head) if weights is None else (str(weights), None)


def native_copy(potential: Potential, *, head: str | None = None) -> Path | None:
    """Weights of the native code of a MACE potential, in the number type of the model.

    Returns
    -------
    path
        None for a model that native code cannot be written for, and without a compiler, a processor
        of the last ten years or a cache that can be written to.

    Raises
    ------
    MlipsseError
        as `fastest`.
    """
    model = mace_file(potential)
    home = cache_dir() / "native" / _key(model, head)
    weights = home / f"{Path(potential.name).stem}{NATIVE_SUFFIX}"
    refusal = home / "refused.txt"
    if refusal.is_file():
        return None
    if _runs(weights):
        return weights
    try:
        find_compiler()
    except MlipsseError:
        return None
    if not (any(map(runs_here, targets())) and _writable(home)):
        return None
    with exclusive_lock(home / "lock", holder="making of native code", patience_s=_PATIENCE_S):
        if _runs(weights):
            return weights
        try:
            _make(potential, model, head, weights)
        except FormatRefused as error:
            write_text(refusal, f"{error}\n")
            return None
    return weights


def _make(potential: Potential, model: Path, head: str | None, weights: Path) -> None:
    """Write and compile the code; the weights come last: where they are, all is."""
    from mlipsse.potential.native.export import export_native

    mace = load_mace(potential, head=head)
    dtype: Dtype = "float32" if mace.dtype == "float32" else "float64"
    if weights.is_file():  # made on another kind of machine
        compile_native(weights, dtype, here_only=True)
        return
    with tempfile.TemporaryDirectory(dir=weights.parent, prefix="making-") as folder:
        out = Path(folder) / weights.name
        files = export_native(model, head=mace.head, dtype=dtype, out=out, here_only=True)
        for file in (files.source, *files.libraries, files.weights):
            file.replace(weights.parent / file.name)


def _writable(home: Path) -> bool:
    """Whether code can be kept there; a read-only cache is no reason to stop."""
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(home, os.W_OK)


def _runs(weights: Path) -> bool:
    """Whether the code is there, with a library for this processor."""
    try:
        return weights.is_file() and library_for_here(weights).is_file()
    except MlipsseError:
        return False


def _key(model: Path, head: str | None) -> str:
    """What the code depends on: the model, its head, and what writes it."""
    digest = hashlib.sha256(f"{sha256(model)} {head}".encode())
    for file in sorted(Path(__file__).parent.rglob("*")):
        if file.suffix in (".py", ".j2"):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
