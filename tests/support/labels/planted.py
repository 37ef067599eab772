"""What the checks find in a set into which a defect was planted."""

import pickle

from mlipsse import keys
from mlipsse.dataset.check.checklist import check_set
from mlipsse.dataset.check.measures.labelled_set import LabelledSet
from mlipsse.dataset.check.measures.verdict import Check


def labelled(sets):
    frames = [frame for part in sets.values() for frame in part]
    splits = [name for name, part in sets.items() for _ in part]
    return LabelledSet(frames, splits, [f"#{k}" for k in range(len(frames))], {})


_last: tuple[bytes, list[Check]] = b"", []


def checked(sets):
    """All checks of the set; asked twice about one set, they are done once."""
    global _last
    content = pickle.dumps(sets)
    if content != _last[0]:
        _last = content, check_set(labelled(sets))
    return _last[1]


def verdicts(sets):
    return {check.name: check.verdict for check in checked(sets)}


def sentence(sets, name):
    return next(check.sentence for check in checked(sets) if check.name == name)


def only_failure(sets, name):
    """The sentence of the one check that fails; no other may even warn."""
    found = verdicts(sets)
    assert [n for n, verdict in found.items() if verdict == "fail"] == [name], found
    assert "warn" not in found.values(), found
    return sentence(sets, name)


def every(sets):
    return [frame for part in sets.values() for frame in part]


def scale(frames, key, factor):
    for frame in frames:
        store = frame.arrays if key == keys.FORCES else frame.info
        store[key] = store[key] * factor
