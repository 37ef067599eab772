"""What the checks find in a set into which a defect was planted."""

from mlipsse import keys
from mlipsse.dataset.check.checklist import check_set
from mlipsse.dataset.check.measures.labelled_set import LabelledSet


def labelled(sets):
    frames = [frame for part in sets.values() for frame in part]
    splits = [name for name, part in sets.items() for _ in part]
    return LabelledSet(frames, splits, [f"#{k}" for k in range(len(frames))], {})


def verdicts(sets):
    return {check.name: check.verdict for check in check_set(labelled(sets))}


def sentence(sets, name):
    return next(check.sentence for check in check_set(labelled(sets)) if check.name == name)


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
