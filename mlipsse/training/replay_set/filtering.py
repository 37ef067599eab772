"""MPtrj as a replay set: fetched as mace-torch fetches it, a sample of it under our keys."""

import heapq
import shutil
import urllib.request
from collections.abc import Iterator, Set
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import iread

from mlipsse import keys
from mlipsse.energetics.potentials.mace_model import import_mace
from mlipsse.errors import MlipsseError
from mlipsse.files import write_aside

MP_REPLAY_URL = (
    "https://github.com/ACEsuit/mace-foundations/releases/download/mace_mp_0b/mp_traj_combined.xyz"
)
"""What mace-torch 0.3.16 replays as `mp`: one frame or more of some 146,000 materials of MPtrj
(Deng et al., Nat. Mach. Intell. 5, 1031, 2023, doi 10.1038/s42256-023-00716-3), about 600 MB."""

MP_MODELS = (
    "small", "medium", "large", "small-0b", "medium-0b", "small-0b2", "medium-0b2", "large-0b2",
    "medium-0b3", "medium-mpa-0",
)  # fmt: skip
"""Models of mace-torch that learned MPtrj's level of theory; the others learned another one."""

_SILENCE_S = 60.0


@dataclass(frozen=True, eq=False)
class ReplaySet:
    """A sample of a larger set.

    Attributes
    ----------
    frames : labelled under `mlipsse.keys`, in the order of the file they come from
    own : how many of them hold no other elements than those that were to come first
    source_frames : labelled frames of known elements that there were to choose from
    """

    frames: list[Atoms]
    own: int
    source_frames: int


def mp_replay_path() -> Path:
    """Where `fetch_mp_replay` keeps the file: in mace-torch's cache, under its name."""
    import_mace()
    from mace.tools.utils import get_cache_dir

    name = MP_REPLAY_URL.rsplit("/", 1)[-1]
    return Path(get_cache_dir()) / "".join(c for c in name if c.isalnum() or c == "_")


def fetch_mp_replay() -> Path:
    """The file that mace-torch replays as `mp`, downloaded when it is not in the cache yet.

    Raises
    ------
    MlipsseError
        when the download fails, ends early, or brings a web page; the error states how to fetch it
        by hand.
    """
    path = mp_replay_path()
    if path.is_file():
        return path
    try:
        with (
            urllib.request.urlopen(MP_REPLAY_URL, timeout=_SILENCE_S) as answer,
            write_aside(path) as aside,
        ):
            with aside.open("wb") as stream:
                shutil.copyfileobj(answer, stream, 1 << 20)
            _check_whole(aside, answer.headers)
    # An OSError of the disk gets this message too: the remedy is the same.
    except (OSError, HTTPException, ValueError) as error:
        raise MlipsseError(
            f"The replay set mp (MPtrj, about 600 MB) cannot be downloaded from {MP_REPLAY_URL} "
            f"({error}). Connect this machine to the internet, or fetch the file elsewhere and "
            f"put it at {path}, or set finetune.replay to an extxyz file."
        ) from error
    return path


def select_replay(
    source: Path, *, known: Set[str], own: Set[str], count: int, seed: int
) -> ReplaySet:
    """Draw `count` frames of an extxyz file, those without foreign elements first.

    This is what mace-torch calls filter type «combinations» with random padding: first frames that
    hold no other elements than `own` (all of them, or a random `count`), then random others, so
    that the rest of the periodic table is replayed too. Frames without energy, forces or stress,
    with numbers that are not finite, or of isolated atoms are left out.

    Parameters
    ----------
    source : extxyz with labels under ASE's own names (energy, forces, stress; eV, Å, ASE's sign),
        as in the file that mace-torch replays
    known : symbols of the foundation model's elements; frames with others are left out
    own : symbols that the campaign's compositions hold
    count : frames wanted; all there are when there are fewer

    Raises
    ------
    MlipsseError
        when the file cannot be read, or holds no labelled frame of known elements.
    """
    rng = np.random.default_rng(seed)
    usable = 0

    def candidates() -> Iterator[tuple[tuple[bool, float, int], Atoms]]:
        nonlocal usable
        for index, frame in enumerate(iread(source, index=":", format="extxyz")):
            # For every frame, so that what is left out does not change the others' lots.
            lot = float(rng.random())
            labelled = _labelled(frame)
            elements = set(frame.get_chemical_symbols())
            if labelled is not None and elements <= known:
                usable += 1
                yield (not elements <= own, lot, index), labelled

    try:
        # Keeps `count` frames in memory, not the file's.
        chosen = heapq.nsmallest(count, candidates(), key=lambda candidate: candidate[0])
    except Exception as error:  # ASE raises whatever its reader runs into
        raise MlipsseError(
            f"The replay set {source} cannot be read as extended XYZ ({type(error).__name__}: "
            f"{error}). Remove it; the next run downloads it again."
        ) from error
    if not chosen:
        raise MlipsseError(
            f"The replay set {source} contains no frame with energy, forces and stress of "
            f"elements that the foundation model knows ({', '.join(sorted(known))}). Set "
            "finetune.replay to another file."
        )
    chosen.sort(key=lambda candidate: candidate[0][2])
    return ReplaySet(
        frames=[frame for _, frame in chosen],
        own=sum(not foreign for (foreign, _, _), _ in chosen),
        source_frames=usable,
    )


def _labelled(frame: Atoms) -> Atoms | None:
    """The frame with its labels under our keys and nothing else; None when it has not got them."""
    # ASE's reader moves these names into a calculator, stress as Voigt.
    results = frame.calc.results if frame.calc is not None else {}
    isolated = frame.info.get("config_type") == "IsolatedAtom"
    if isolated or not {"energy", "forces", "stress"} <= set(results):
        return None
    labels = {name: np.asarray(results[name], dtype=float) for name in ("forces", "stress")}
    energy_eV = float(results["energy"])
    if not all(np.isfinite(v).all() for v in (energy_eV, frame.positions, *labels.values())):
        return None
    bare = Atoms(frame.numbers, positions=frame.positions, cell=frame.cell, pbc=frame.pbc)
    bare.info = {keys.ENERGY: energy_eV, keys.STRESS: labels["stress"]}
    bare.set_array(keys.FORCES, labels["forces"])
    return bare


def _check_whole(path: Path, headers: Message) -> None:
    if headers.get_content_type() == "text/html":
        raise ValueError("the server sent a web page instead of the file")
    size, expected = path.stat().st_size, headers.get("Content-Length")
    if expected is not None and size != int(expected):
        raise ValueError(f"{size} of {expected} bytes came")
