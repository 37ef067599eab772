"""Labels that a user has already: read from any names, judged frame by frame, their parts found."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
from ase import Atoms

from mlipsse import keys
from mlipsse.dataset.check.checklist import check_set
from mlipsse.dataset.check.findings.sources import SOURCE_NAMES, check_sources
from mlipsse.dataset.check.measures.labelled_set import LabelledSet
from mlipsse.dataset.check.measures.verdict import Check, some
from mlipsse.dataset.frames.extxyz import read_frames
from mlipsse.dataset.frames.isolated import is_isolated
from mlipsse.dataset.frames.label_names import LabelNames, labels_by_house_keys
from mlipsse.dataset.frames.split import Split, split_by_trajectory
from mlipsse.errors import MlipsseError

WithoutStress = Literal["refuse", "leave out"]

ORIGIN = "given"
PARTS = ("train", "valid", "test")
_PART_OF_WORD = {"train": "train", "training": "train", "valid": "valid", "validation": "valid",
                 "val": "valid", "test": "test", "testing": "test"}  # fmt: skip
_NAMED = 8
_BLOCKS = 6  # of which a split leaves more than half to train
_LEAST_FRAMES = 3  # of a block


@dataclass(frozen=True, kw_only=True)
class OwnLabelSettings:
    """What a user states about existing labels.

    Attributes
    ----------
    names : where labels lie in the files, their units and sign
    functional : what made them; None when the frames state it
    trajectory_key : entry of `info` that names a frame's trajectory; None for
        `mlipsse.keys.TRAJECTORY`, or runs of one composition in a file where no frame has that
    split_key : entry of `info` that holds train, valid or test
    without_stress : whether frames without stress stop all or are left out
    """

    names: LabelNames = field(default_factory=LabelNames)
    functional: str | None = None
    trajectory_key: str | None = None
    split_key: str | None = None
    without_stress: WithoutStress = "refuse"


@dataclass(frozen=True)
class OwnLabels:
    """Frames that can be learned from, and those that cannot.

    Attributes
    ----------
    frames : with labels and `LABEL_SOURCE`, `COMPOSITION`, `TRAJECTORY`, `ORIGIN` of
        `mlipsse.keys`
    parts : (n_frames) train, valid or test where that was given, else None
    rejected : (place, frame, reason) of the others
    notes : sentences on what was made, not found, in the files
    places : (n_frames) file and number of each frame, for sentences
    isolated : isolated atoms with an energy, no frames of a set
    trajectories_named : whether the files name the trajectories, or names were made here
    """

    frames: list[Atoms]
    parts: list[str | None]
    rejected: list[tuple[str, Atoms, str]]
    notes: list[str]
    places: list[str]
    isolated: list[Atoms]
    trajectories_named: bool

    @property
    def isolated_eV(self) -> dict[str, float]:
        """Element -> energy of its isolated atom, eV; empty where there is none."""
        return {str(atom.symbols[0]): float(atom.info[keys.ENERGY]) for atom in self.isolated}

    def checked(self, split: Split) -> list[Check]:
        """Verdicts of `mlipsse.dataset.check` on the frames as they are split.

        Raises
        ------
        MlipsseError
            with the sentence of every check that failed.
        """
        part_of = {id(frame): part for part in PARTS for frame in getattr(split, part)}
        frames = [frame.copy() for frame in self.frames]
        if not self.trajectories_named:
            for frame in frames:  # a name made here is no trajectory that two parts could share
                del frame.info[keys.TRAJECTORY]
        together = LabelledSet(
            [*frames, *self.isolated],
            [*(part_of[id(frame)] for frame in self.frames), *("train" for _ in self.isolated)],
            [*self.places, *(f"isolated {atom.symbols}" for atom in self.isolated)],
            {},
        )
        checks = check_set(together)
        failed = [f"{one.name}: {one.sentence}" for one in checks if one.verdict == "fail"]
        if failed:
            raise MlipsseError(
                f"The given labels failed {len(failed)} of {len(checks)} checks of `mlipsse "
                f"dataset check`. {' '.join(failed)} (An option --some-name of that command is "
                "label.extxyz.some_name here.)"
            )
        return checks

    def split(self, *, valid_fraction: float, test_fraction: float, seed: int) -> Split:
        """The given parts, or whole trajectories drawn (`mlipsse.dataset.frames.split`).

        Raises
        ------
        MlipsseError
            when a part is empty, or as `split_by_trajectory`.
        """
        if None in self.parts:
            return split_by_trajectory(
                self.frames, valid_fraction=valid_fraction, test_fraction=test_fraction, seed=seed
            )
        of: dict[str, list[Atoms]] = {part: [] for part in PARTS}
        for frame, part in zip(self.frames, self.parts, strict=True):
            of[str(part)].append(frame)
        empty = [part for part in PARTS if not of[part]]
        if empty:
            raise MlipsseError(
                f"The given split has no labelled frame for {' and '.join(empty)}. Give all three "
                "parts, or none for a split by trajectory."
            )
        trained = {frame.info[keys.COMPOSITION] for frame in of["train"]}
        others = {frame.info[keys.COMPOSITION] for frame in self.frames} - trained
        return Split(**of, absent_from_train=tuple(sorted(others)))


def read_own_labels(
    files: Mapping[str, Path],
    settings: OwnLabelSettings,
    *,
    composition_of: Callable[[Atoms], str] = lambda atoms: atoms.get_chemical_formula(
        empirical=True
    ),
) -> OwnLabels:
    """Read labelled frames of one file, or of a file each for train, valid and test.

    A frame without energy or forces, or with a number that is not finite, is rejected; isolated
    atoms (`mlipsse.dataset.frames.isolated`) are kept apart; the others are frames.

    Parameters
    ----------
    files : part -> extended XYZ file; a single one, under any name, has no given split
    composition_of : of a frame that has none in `info`

    Raises
    ------
    MlipsseError
        when a file cannot be read, labels are ambiguous (see `labels_by_house_keys`), no
        frame has whole labels, stress is missing and not to be left out, labels are of several
        sources or of none that is known, or the split's entry is missing or unknown.
    """
    frames: list[Atoms] = []
    given: list[str | None] = []
    places: list[str] = []
    taken_from: dict[str, dict[str, str]] = {}
    for part, path in files.items():
        found, taken_from[path.name] = labels_by_house_keys(
            read_frames(path, labelled=False, finite=False), settings.names, where=str(path)
        )
        frames += found
        given += [part if len(files) > 1 else None] * len(found)
        places += [f"{path.name} #{index}" for index in range(len(found))]
    reasons = [_reason(frame) for frame in frames]
    alone = {index for index, frame in enumerate(frames) if is_isolated(frame)}
    _require_stress(frames, reasons, places, settings)
    kept = [index for index, reason in enumerate(reasons) if not reason]
    rejected = [
        (places[index], frames[index], reason)
        for index, reason in enumerate(reasons)
        if reason and index not in alone
    ]
    where = ", ".join(path.name for path in files.values())
    if not kept:
        raise MlipsseError(
            f"No frame of {where} has complete labels. The first: {reasons[0]} Give unusual names "
            "as energy_key, forces_key, stress_key or virial_key."
        )
    chosen = [frames[index] for index in kept]
    kept_places = [places[index] for index in kept]
    parts = [given[index] for index in kept]
    if settings.split_key is not None:
        parts = [
            _part(frame, settings.split_key, place)
            for frame, place in zip(chosen, kept_places, strict=True)
        ]
    source = _source(chosen, parts, kept_places, taken_from, settings, where)
    notes = [
        f"{file}: {kind} from {what}"
        for file, kinds in taken_from.items()
        for kind, what in kinds.items()
    ]
    for frame in chosen:
        frame.info.setdefault(keys.COMPOSITION, composition_of(frame))
        frame.info.setdefault(keys.ORIGIN, ORIGIN)
        frame.info[keys.LABEL_SOURCE] = source
    made = _name_trajectories(chosen, kept_places, settings.trajectory_key)
    notes += made
    isolated = [
        frames[index]
        for index in sorted(alone)
        if np.isfinite(frames[index].info.get(keys.ENERGY, np.nan))
    ]
    if isolated:
        symbols = ", ".join(sorted({str(atom.symbols[0]) for atom in isolated}))
        notes.append(
            f"{len(isolated)} isolated atoms are not frames of a set; their energies: {symbols}."
        )
    return OwnLabels(chosen, parts, rejected, notes, kept_places, isolated, not made)


def _reason(frame: Atoms) -> str:
    """Why nothing can be learned from a frame, but for its stress; empty when it can."""
    if is_isolated(frame):
        return "an isolated atom, which is not a frame of a set."
    missing = [
        key for key in (keys.ENERGY, keys.FORCES) if key not in {**frame.info, **frame.arrays}
    ]
    if missing:
        return f"has no {' and no '.join(key.removeprefix('REF_') for key in missing)}."
    parts = {
        "positions": frame.positions,
        "cell": frame.cell[:],
        "energy": frame.info[keys.ENERGY],
        "forces": frame.arrays[keys.FORCES],
        "stress": frame.info.get(keys.STRESS, 0.0),
    }
    bad = [name for name, values in parts.items() if not np.isfinite(values).all()]
    return f"numbers of {' and '.join(bad)} are not finite." if bad else ""


def _require_stress(
    frames: Sequence[Atoms], reasons: list[str], places: Sequence[str], settings: OwnLabelSettings
) -> None:
    """Refuse frames without stress, or give them their reason."""
    without = [
        index
        for index, frame in enumerate(frames)
        if not reasons[index] and keys.STRESS not in frame.info
    ]
    if without and settings.without_stress == "refuse":
        named = some([places[index] for index in without], most=_NAMED)
        raise MlipsseError(
            f"{len(without)} of {len(frames)} frames have no stress, which the training requires "
            f"({named}). Compute it, name its key (stress_key, virial_key), or leave such frames "
            "out (without_stress: leave out)."
        )
    for index in without:
        reasons[index] = "has no stress."


def _part(frame: Atoms, key: str, place: str) -> str:
    word = str(frame.info.get(key, "nothing")).lower()
    if word not in _PART_OF_WORD:
        raise MlipsseError(
            f"{place} has {word!r} under {key!r}, which split_key names; it must be train, valid "
            "or test."
        )
    return _PART_OF_WORD[word]


def _source(
    frames: Sequence[Atoms],
    parts: Sequence[str | None],
    places: Sequence[str],
    taken_from: Mapping[str, Mapping[str, str]],
    settings: OwnLabelSettings,
    where: str,
) -> str:
    """What made the labels: one thing, named by the user or by all frames."""
    splits = [part or "train" for part in parts]
    verdict = check_sources(LabelledSet(frames, splits, places, taken_from))
    if verdict.verdict == "fail":
        raise MlipsseError(f"{where}: {verdict.sentence}")
    heads = Counter(str(frame.info.get("head", "default")) for frame in frames)
    if len(heads) > 1:
        raise MlipsseError(
            f"{where} has frames of several heads ({', '.join(heads)}), but a campaign trains one "
            "head beside the replay head. Give a file of one head."
        )
    if settings.functional is not None:
        return f"{settings.functional} (labels given: {where})"
    source = next((frames[0].info[name] for name in SOURCE_NAMES if name in frames[0].info), None)
    if source is None:
        raise MlipsseError(
            f"The method behind the labels of {where} is not known, and all later results must "
            "state it. Set label.functional, e.g. SCAN (VASP 6.4, 680 eV)."
        )
    return str(source)


def _name_trajectories(
    frames: Sequence[Atoms], places: Sequence[str], key: str | None
) -> list[str]:
    """Give every frame its trajectory; sentences when names had to be made."""
    name = key or keys.TRAJECTORY
    lacking = [place for frame, place in zip(frames, places, strict=True) if name not in frame.info]
    if key is not None and lacking:
        raise MlipsseError(
            f"{len(lacking)} of {len(frames)} frames have no {key!r}, which trajectory_key names "
            f"({some(lacking, most=_NAMED)})."
        )
    if not lacking:
        several: dict[Any, set[str]] = defaultdict(set)
        for frame in frames:
            several[str(frame.info[name])].add(frame.info[keys.COMPOSITION])
        for frame in frames:
            value = str(frame.info[name])
            # A name that compositions share is one trajectory of each.
            shared = len(several[value]) > 1
            own = f"{value}-{frame.info[keys.COMPOSITION]}" if shared else value
            frame.info[keys.TRAJECTORY] = own
        return []
    sections = [0]
    for (last, frame), (before, place) in zip(pairwise(frames), pairwise(places), strict=True):
        same_file = before.rpartition(" #")[0] == place.rpartition(" #")[0]
        alike = same_file and np.array_equal(last.numbers, frame.numbers)
        sections.append(sections[-1] + (not alike))
    blocks = _cut(sections)
    for frame, place, block in zip(frames, places, blocks, strict=True):
        _begin(frame, place, block)
    n_sections, n_blocks = sections[-1] + 1, blocks[-1] + 1
    cut = f", which were cut into {n_blocks} blocks" if n_blocks > n_sections else ""
    return [
        f"{len(lacking)} of {len(frames)} frames do not name their trajectory. Consecutive frames "
        f"of equal atoms count as one trajectory ({n_sections} in all{cut}). If trajectories were "
        "shuffled or cut, neighbouring frames may lie in train and test, and errors look too "
        "small. Name the trajectories (label.extxyz.trajectory_key) or give the split."
    ]


def _cut(sections: Sequence[int]) -> list[int]:
    """Sections as they are where there are enough to split, else cut into blocks."""
    count = sections[-1] + 1
    if count >= _BLOCKS:
        return list(sections)
    blocks: list[int] = []
    for section in range(count):
        length = sections.count(section)
        share = round(length * _BLOCKS / len(sections))
        pieces = max(1, min(share, length // _LEAST_FRAMES))
        first = blocks[-1] + 1 if blocks else 0
        blocks += [first + place * pieces // length for place in range(length)]
    return blocks


def _begin(frame: Atoms, place: str, section: int) -> None:
    frame.info[keys.TRAJECTORY] = f"{Path(place.rpartition(' #')[0]).stem}-section{section:03d}"
