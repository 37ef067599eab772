"""Isolated atoms, which MACE takes its reference energies from."""

from collections import defaultdict

import numpy as np

from mlipsse import keys
from mlipsse.dataset.check.measures.labelled_set import LabelledSet, labels
from mlipsse.dataset.check.measures.verdict import Check, Numbers, some
from mlipsse.dataset.frames.isolated import CONFIG_TYPE, nearest_image_A

MAX_BINDING_EV_ATOM = 15.0
"""No solid binds by as much: the strongest, oxides of Zr and Hf, by 8."""

MIN_BINDING_EV_ATOM = -1.0
"""A crystal that lies above its atoms by more is no crystal of theirs."""

BOUND_A = 5.0
"""Images nearer than this bind: such an atom is in a crystal, whatever it is called."""

_SAME_EV = 1e-3


def check_isolated_atoms(labelled: LabelledSet) -> Check:
    """One energy for each element or none at all, and crystals bound by a few eV/atom."""
    name = "isolated atoms"
    energies: dict[str, list[float]] = defaultdict(list)
    for k in labelled.isolated:
        found = labels(labelled.frames[k])
        if keys.ENERGY in found and labelled.finite[k]:
            symbol = labelled.frames[k].get_chemical_symbols()[0]
            energies[symbol].append(float(found[keys.ENERGY]))
    numbers: Numbers = {f"{symbol}_eV": values[0] for symbol, values in energies.items()}
    if not energies:
        return Check(
            name,
            "pass",
            "There are no isolated atoms; the fine-tuning estimates their energies (e0s: "
            "estimated).",
            numbers,
        )
    crowded = [k for k in labelled.isolated if nearest_image_A(labelled.frames[k]) < BOUND_A]
    if crowded:
        return Check(
            name,
            "fail",
            f"{some(labelled.at(crowded))}: called isolated by {CONFIG_TYPE}, with periodic images "
            f"nearer than {BOUND_A:g} Å. Give the atom a box of 10 Å or more, or the crystal "
            "another name.",
            numbers,
        )
    torn = [symbol for symbol, values in energies.items() if np.ptp(values) > _SAME_EV]
    if torn:
        return Check(
            name,
            "fail",
            f"{', '.join(torn)} occur with different energies. Keep those of the functional of "
            "the other labels.",
            numbers,
        )
    crystals = [labelled.frames[k] for k in labelled.sound]
    needed = {symbol for frame in crystals for symbol in frame.get_chemical_symbols()}
    if missing := sorted(needed - set(energies)):
        return Check(
            name,
            "fail",
            f"Some elements have an isolated atom, but {', '.join(missing)} have none. Add "
            "theirs, or remove all and fine-tune with e0s: estimated.",
            numbers,
        )
    binding_eV_atom = [
        np.mean([energies[symbol][0] for symbol in frame.get_chemical_symbols()])
        - float(labels(frame)[keys.ENERGY]) / len(frame)
        for frame in crystals
    ]
    median = float(np.median(binding_eV_atom)) if binding_eV_atom else 0.0
    numbers["median_binding_eV_atom"] = median
    if not MIN_BINDING_EV_ATOM < median < MAX_BINDING_EV_ATOM:
        return Check(
            name,
            "fail",
            f"Crystals are bound by {median:.3g} eV/atom against these atoms, outside "
            f"{MIN_BINDING_EV_ATOM:g} to {MAX_BINDING_EV_ATOM:g}: they are of another functional, "
            "pseudopotential or unit. Compute them like the crystals, or remove them.",
            numbers,
        )
    return Check(
        name,
        "pass",
        f"Crystals are bound by {median:.3g} eV/atom against these atoms, whose energies a "
        "campaign takes as E0s.",
        numbers,
    )
