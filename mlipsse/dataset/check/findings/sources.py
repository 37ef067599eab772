"""Whether one head gets labels of one kind, and which elements and compositions each split has."""

from collections import Counter, defaultdict

from mlipsse import keys
from mlipsse.dataset.check.measures.labelled_set import LabelledSet, composition
from mlipsse.dataset.check.measures.verdict import Check, Numbers, some

SOURCE_NAMES = (keys.LABEL_SOURCE, "functional", "xc", "level_of_theory", "method", "calculator")
"""Entries of `info` that state what made a label."""

_UNSTATED = "not stated"


def check_sources(labelled: LabelledSet) -> Check:
    """One label source per head (`info["head"]`; all frames are one head without it)."""
    mixed = []
    numbers: Numbers = {}
    alone = set(labelled.isolated)
    for name in SOURCE_NAMES:
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for k, frame in enumerate(labelled.frames):
            if k not in alone or name in frame.info:
                head = str(frame.info.get("head", "default"))
                found[head][str(frame.info.get(name, _UNSTATED))] += 1
        for head, counts in found.items():
            if set(counts) != {_UNSTATED}:
                numbers[f"{name} of head {head}"] = len(counts)
            if len(counts) > 1:
                each = some([f"{count} of «{value}»" for value, count in counts.most_common()])
                mixed.append(f"head {head} has frames of several {name}: {each}")
    if mixed:
        return Check(
            "label sources",
            "fail",
            f"{'; '.join(mixed)}. Energies of different functionals must not be mixed. Train on "
            'one functional, or give each a head (info["head"]).',
            numbers,
        )
    summary = "Each head has one label source." if numbers else "No frame names what labelled it."
    return Check("label sources", "pass", summary, numbers)


def check_splits(labelled: LabelledSet) -> Check:
    """Elements and compositions of valid and test that train lacks."""
    elements: dict[str, set[str]] = defaultdict(set)
    formulas: dict[str, set[str]] = defaultdict(set)
    for k in labelled.crystals:
        frame, split = labelled.frames[k], labelled.splits[k]
        elements[split] |= set(frame.get_chemical_symbols())
        formulas[split].add(composition(frame))
    numbers: Numbers = {}
    for split in elements:
        numbers[f"{split}_frames"] = Counter(labelled.splits)[split]
        numbers[f"{split}_elements"] = " ".join(sorted(elements[split]))
        numbers[f"{split}_compositions"] = len(formulas[split])
    others = [split for split in elements if split != "train"]
    unseen = {split: elements[split] - elements["train"] for split in others}
    if any(unseen.values()):
        summary = "; ".join(f"{s} holds {', '.join(sorted(e))}" for s, e in unseen.items() if e)
        return Check(
            "splits",
            "fail",
            f"{summary}, which train lacks. Add training frames with these elements, or remove the "
            "frames.",
            numbers,
        )
    new = {split: sorted(formulas[split] - formulas["train"]) for split in others}
    if any(new.values()):
        summary = "; ".join(f"{split}: {some(names)}" for split, names in new.items() if names)
        return Check(
            "splits",
            "warn",
            f"Train lacks compositions ({summary}): errors there measure extrapolation. Keep this "
            "split only to test extrapolation.",
            numbers,
        )
    train = numbers.get("train_compositions", 0)
    held = f"Train holds {train} composition{'s' if train != 1 else ''}"
    summary = f"{held}, with all of {' and '.join(others)}." if others else f"{held}."
    return Check("splits", "pass", summary, numbers)
