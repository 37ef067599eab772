"""What must hold before the result of a training may be called one.

mace-torch switches multi-head training off with a warning, counts labels it did not find as zero
loss, and ends well when nothing was learned.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from mlipsse import keys
from mlipsse.dataset.check.measures.verdict import Check, Numbers, Verdict
from mlipsse.dataset.frames.predictions import Errors
from mlipsse.dataset.frames.softening import Softening
from mlipsse.training.learning_curve import LearningCurve
from mlipsse.training.settings import HEAD, REPLAY_HEAD, FineTuneLimits, FineTuneSettings

_SET_COUNTS = re.compile(r"Training set \d+/\d+ \[energy: (\d+), stress: (\d+), .*?forces: (\d+)")
_REPLAYED = re.compile(r"configurations in pretraining: train=(\d+)")
_E0_TOLERANCE = 1e-5
_SMALL_STRESS_MEV_A3 = 1.0
"""0.16 GPa: an error of stresses below this is what good fine-tunings leave."""

_MAX_STRESS_GROWTH = 1.1
"""Stresses off by more than the foundation's error times this were not learned."""

_LEAST_STRESS_SHARE = 0.05
"""Share of the stresses themselves: growth of their error is counted from no less."""

_OWN_LABELS = 0.01
"""A foundation whose force error is below this share of the forces made these labels itself."""


def forgetting(before: Errors, after: Errors, *, force_rms_meV_A: float) -> float:
    """Relative growth of the foundation's errors on held-out replay.

    Of the foundation's force error; of the forces themselves where the labels are the foundation's
    own, of which it has no error.
    """
    own = before.force_rmse_meV_A < _OWN_LABELS * force_rms_meV_A
    scale_meV_A = force_rms_meV_A if own else before.force_rmse_meV_A
    return (after.force_rmse_meV_A - before.force_rmse_meV_A) / scale_meV_A


def check_labels_read(log: str, *, n_train: int) -> Check:
    """Whether mace-torch found energy, forces and stress of every training frame.

    Parameters
    ----------
    log : of mace_run_train, which counts the labels it found in each training set
    n_train : frames of the new head's training set
    """
    found = [tuple(int(number) for number in match) for match in _SET_COUNTS.findall(log)]
    whole = bool(found) and all(min(counts) == max(counts) > 0 for counts in found)
    summary = "; ".join("{} energies, {} stresses, {} forces".format(*c) for c in found) or "none"
    if whole and n_train in {counts[0] for counts in found}:
        return Check("labels read", "pass", f"mace-torch read per set: {summary}.")
    return Check(
        "labels read",
        "fail",
        f"Labels were not read: for {n_train} training frames, the log of mace-torch counts per "
        f"set: {summary}, under the keys {keys.ENERGY}, {keys.STRESS} and {keys.FORCES}.",
    )


def check_heads(
    heads: Sequence[str], log: str, *, settings: FineTuneSettings, n_replay: int
) -> Check:
    """Whether the model has the heads it should have, in their order, and replay was on.

    Parameters
    ----------
    heads : of the trained model
    n_replay : frames of the replay set that were to be trained on
    """
    multihead = settings.strategy == "multihead"
    expected = [REPLAY_HEAD, HEAD] if multihead else [HEAD]
    fed = _REPLAYED.search(log)
    numbers: Numbers = {"heads": ", ".join(heads), "replay_frames": int(fed[1]) if fed else 0}
    if list(heads) != expected:
        sentence = f"The model has the heads {', '.join(heads)}, not {', '.join(expected)}."
        if multihead and REPLAY_HEAD not in heads:
            sentence = f"Replay was off: the trained model has no head {REPLAY_HEAD}."
        return Check("heads", "fail", sentence, numbers)
    if multihead and (fed is None or int(fed[1]) != n_replay):
        return Check(
            "heads",
            "fail",
            f"Replay was off: the training used {numbers['replay_frames']} of {n_replay} replay "
            "frames by its log.",
            numbers,
        )
    replay = f", {n_replay} frames replayed" if multihead else ""
    return Check("heads", "pass", f"Heads: {', '.join(heads)}{replay}.", numbers)


def check_isolated_atoms(found: Mapping[str, float], expected: Mapping[str, float]) -> Check:
    """Whether the new head has the isolated-atom energies (eV by element) it was to have.

    mace-torch 0.3.16 logs those it was given, also where it keeps the foundation's.
    """
    worst = max(expected, key=lambda symbol: abs(found.get(symbol, np.inf) - expected[symbol]))
    off_eV = abs(found.get(worst, np.inf) - expected[worst])
    # float32 holds tens of eV to some 1e-6.
    if off_eV <= _E0_TOLERANCE * max(1.0, abs(expected[worst])):
        return Check("isolated atoms", "pass", "The new head has the given isolated-atom energies.")
    return Check(
        "isolated atoms",
        "fail",
        f"The new head's isolated-atom energy of {worst} is {found.get(worst)} eV, not "
        f"{expected[worst]:.4f}: mace-torch did not use the given energies.",
        {"off_eV": off_eV},
    )


def check_learning(curve: LearningCurve, valid: Errors, limits: FineTuneLimits) -> Check:
    """Whether anything was learned, with isolated-atom energies that fit the labels."""
    losses = np.array(curve.loss)
    if not len(losses) or not np.isfinite(losses).all() or (losses == 0).all():
        return Check(
            "learning",
            "fail",
            f"Nothing was learned: the validation losses are {curve.loss[:3]}... . The labels were "
            "not read, or the training diverged: lower the learning rate.",
        )
    rmse = valid.energy_rmse_meV_atom
    if not rmse <= limits.max_energy_rmse_meV_atom:
        return Check(
            "learning",
            "fail",
            f"The energies of the validation set are off by {rmse:.0f} meV/atom, more than "
            f"{limits.max_energy_rmse_meV_atom:.0f}: the isolated-atom energies belong to another "
            "functional. Use e0s: estimated, and training frames of more compositions.",
            {"energy_rmse_meV_atom": rmse},
        )
    return Check(
        "learning",
        "pass",
        f"The loss fell to {min(curve.loss):.3g} at epoch "
        f"{curve.epoch[int(np.argmin(losses))]} of {curve.epoch[-1] + 1}.",
    )


def check_energy_offset(valid: Errors, limits: FineTuneLimits) -> Check:
    """Whether energies are off on average."""
    offset = valid.energy_offset_meV_atom
    verdict = _graded(
        abs(offset), limits.noted_energy_offset_meV_atom, limits.max_energy_offset_meV_atom
    )
    advice = (
        ""
        if verdict == "pass"
        else " Give e0s in eV by element, train for more epochs, or on frames of more compositions."
    )
    return Check(
        "energy offset",
        verdict,
        f"Energies of the validation set are off by {offset:+.1f} meV/atom on average; noted above "
        f"{limits.noted_energy_offset_meV_atom:g}, refused above "
        f"{limits.max_energy_offset_meV_atom:g}.{advice}",
        {"energy_offset_meV_atom": offset},
    )


def check_better(
    valid: Errors,
    foundation: Errors | None,
    *,
    settings: FineTuneSettings,
    stress_rms_meV_A3: float = 0.0,
) -> Check:
    """Whether forces and stresses on the validation set are better than the foundation's.

    Parameters
    ----------
    stress_rms_meV_A3 : as `check_stress`
    """
    name = "better than the foundation"
    stress = check_stress(valid, foundation, stress_rms_meV_A3=stress_rms_meV_A3, settings=settings)
    if foundation is None:
        found: Verdict = "skip" if stress.verdict == "pass" else stress.verdict
        summary = f"There is no foundation for comparison. {stress.sentence}"
        return Check(name, found, summary, stress.numbers)
    after, before = valid.force_rmse_meV_A, foundation.force_rmse_meV_A
    better = after < before
    # A model from scratch is there to be compared, whatever comes out.
    worse: Verdict = "warn" if settings.strategy == "scratch" else "fail"
    advice = (
        ""
        if better
        else " Train for more epochs or with more frames, or use the unchanged foundation model."
    )
    verdict = stress.verdict if better else worse
    return Check(
        name,
        verdict,
        f"Forces of the validation set are off by {after:.0f} meV/Å, those of the foundation by "
        f"{before:.0f}.{advice} {stress.sentence}",
        {"force_rmse_meV_A": after, "foundation_force_rmse_meV_A": before, **stress.numbers},
    )


def check_stress(
    valid: Errors,
    foundation: Errors | None,
    *,
    stress_rms_meV_A3: float,
    settings: FineTuneSettings,
) -> Check:
    """Whether stresses on the validation set were learned: cells and volumes follow them.

    Parameters
    ----------
    stress_rms_meV_A3 : of the labels about their mean; a model that is off by as much knows nothing
        of how stresses differ
    """
    after = valid.stress_rmse_meV_A3
    numbers: Numbers = {
        "stress_rmse_meV_A3": after,
        "foundation_stress_rmse_meV_A3": foundation.stress_rmse_meV_A3 if foundation else None,
        "stress_rms_meV_A3": stress_rms_meV_A3,
    }
    summary = f"Stresses of the validation set are off by {after:.2f} meV/Å³"
    # A model from scratch is there to be compared, whatever comes out.
    worse: Verdict = "warn" if settings.strategy == "scratch" else "fail"
    advice = " Raise stress_weight, train for more epochs, or check the stresses of the labels."
    unknown = not after <= max(stress_rms_meV_A3, _SMALL_STRESS_MEV_A3)
    if foundation is None:
        if unknown:
            return Check(
                "stress",
                worse,
                f"{summary}, more than the stresses themselves vary "
                f"({stress_rms_meV_A3:.2f}).{advice}",
                numbers,
            )
        return Check(
            "stress", "pass", f"{summary}; they differ by {stress_rms_meV_A3:.2f}.", numbers
        )
    before = foundation.stress_rmse_meV_A3
    summary = f"{summary}, those of the foundation by {before:.2f}"
    if not after <= max(_MAX_STRESS_GROWTH * before, _SMALL_STRESS_MEV_A3):
        return Check("stress", worse, f"{summary}.{advice}", numbers)
    if after >= before and after > _SMALL_STRESS_MEV_A3:
        return Check("stress", "warn", f"{summary}.{advice}", numbers)
    return Check("stress", "pass", f"{summary}.", numbers)


def check_softening(
    found: Softening, *, settings: FineTuneSettings, limits: FineTuneLimits
) -> Check:
    """Whether the model is as stiff as the labels of the test set.

    The forces decide. The stress, of which a small set has few, decides where its slope is outside
    by two standard errors.
    """
    name = "softening"
    if found.forces is None:
        return Check(name, "skip", "The test set has too few atoms for a slope of the forces.")
    numbers: Numbers = {"force_slope": found.forces.value, "force_slope_std": found.forces.std}
    numbers |= {f"force_slope_{symbol}": s.value for symbol, s in found.forces_by_element.items()}
    summary = f"Forces of the test set are {found.forces} times the labels'"
    most = limits.max_softening
    stress_off = False
    if found.stress is not None:
        numbers |= {"stress_slope": found.stress.value, "stress_slope_std": found.stress.std}
        summary += f", stresses {found.stress} times"
        outside = abs(found.stress.value - 1) - most
        stress_off = found.stress.std is not None and outside > 2 * found.stress.std
    summary += f"; allowed are {1 - most:g} to {1 + most:g}"
    if abs(found.forces.value - 1) <= most and not stress_off:
        return Check(name, "pass", f"{summary}.", numbers)
    # A model from scratch is there to be compared, whatever comes out.
    return Check(
        name,
        "warn" if settings.strategy == "scratch" else "fail",
        f"{summary}. Barriers, melting and D would be off. Train for more epochs, or on more "
        "frames: strained, hot and with close contacts.",
        numbers,
    )


def check_forgetting(
    before: Errors | None,
    after: Errors | None,
    *,
    force_rms_meV_A: float,
    stress_rms_meV_A3: float = 0.0,
    settings: FineTuneSettings,
    limits: FineTuneLimits,
) -> Check:
    """Whether what the foundation knew is still there, on replay that was not trained on.

    Forces and stresses are judged alike: the one that grew by more decides.

    Parameters
    ----------
    before, after : the foundation's errors on held-out replay, and those of the head that keeps
        it; None when there is no replay set
    """
    if before is None or after is None:
        return Check("forgetting", "skip", "There is no replay set for measuring forgetting.")
    of_forces = forgetting(before, after, force_rms_meV_A=force_rms_meV_A)
    scale_meV_A3 = max(before.stress_rmse_meV_A3, _LEAST_STRESS_SHARE * stress_rms_meV_A3)
    growth_meV_A3 = after.stress_rmse_meV_A3 - before.stress_rmse_meV_A3
    of_stress = growth_meV_A3 / scale_meV_A3 if scale_meV_A3 > 0 else 0.0
    share = float(np.max([of_forces, of_stress]))  # NaN of either is no pass
    summary = (
        f"Forces of {before.frames} held-out replay frames are off by "
        f"{after.force_rmse_meV_A:.1f} meV/Å, before by {before.force_rmse_meV_A:.1f}: "
        f"forgetting {of_forces:.0%}; stresses by {after.stress_rmse_meV_A3:.2f} meV/Å³, before by "
        f"{before.stress_rmse_meV_A3:.2f}: {of_stress:.0%}"
    )
    numbers: Numbers = {"forgetting": of_forces, "stress_forgetting": of_stress}
    if settings.strategy != "multihead":
        return Check(
            "forgetting", "skip", f"{summary}; {settings.strategy} promises none.", numbers
        )
    verdict = _graded(share, limits.noted_forgetting, limits.max_forgetting)
    advice = "" if verdict == "pass" else " Replay more frames, or lower the learning rate."
    return Check(
        "forgetting",
        verdict,
        f"{summary}; noted above {limits.noted_forgetting:.0%}, refused above "
        f"{limits.max_forgetting:.0%}.{advice}",
        numbers,
    )


def failures(checks: Sequence[Check]) -> list[str]:
    """Sentences of the checks that failed."""
    return [check.sentence for check in checks if check.verdict == "fail"]


def as_rows(checks: Sequence[Check]) -> list[Mapping[str, object]]:
    """What JSON can hold of checks."""
    return [vars(check) for check in checks]


def _graded(value: float, noted: float, refused: float) -> Verdict:
    if not value <= refused:
        return "fail"
    return "warn" if value > noted else "pass"
