"""Formal charges of a host's species: given by the user, stated in the file, or guessed."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from pymatgen.core import Element

from mlipsse.errors import MlipsseError
from mlipsse.orderings.host.formula import exact_number, write_number
from mlipsse.orderings.host.model import Charge, ChargeSource
from mlipsse.orderings.host.oxidation_states import (
    MIXED_VALENCE,
    MOLECULAR,
    electronegativity,
    is_absurd,
    likely_states,
)

NEUTRAL = 0.01
"""Imbalance over the positive charge that rounded occupancies explain."""

IMBALANCE = 0.1
"""Largest imbalance of a file's mean content that wrong occupancies of mobile ions explain."""

CLEARLY = 3.0
"""The first guess is taken when it is so many times as likely as the second."""

RARE = 0.1
"""States with a smaller share are guessed only where the usual ones leave the content charged."""

OWN_STATE = 0.75
"""Share from which a substitute takes its highest state whatever it replaces: Ta+5 on Zr+4."""

_MIXING = 0.3  # a species of mixed valence, beside one of a single state
_MOLECULE = 0.01
_MOST_SETS = 300_000


@dataclass(frozen=True)
class FormalCharges:
    """Formal charges, where each comes from, and what a reader should know of them.

    Attributes
    ----------
    values : per species, elementary charges
    sources : per species, `given` by the user, `stated` in the file, or `guessed`
    notes : sentences: averages, imbalance of the file's content, unusual states, other guesses
    """

    values: Mapping[str, Charge]
    sources: Mapping[str, ChargeSource]
    notes: tuple[str, ...] = ()

    def describe(self) -> str:
        """E.g. `Cl-1, Li+1, P+5, S-2 (guessed)`, by source."""
        parts = []
        for source in ("given", "stated", "guessed"):
            names = {n: q for n, q in self.values.items() if self.sources.get(n) == source}
            if names:
                parts.append(f"{describe_charges(names)} ({source})")
        return "; ".join(parts)


def find_charges(
    content: Mapping[str, float],
    allowed: Sequence[Sequence[str]],
    *,
    stated: Mapping[str, Mapping[float, float]] | None = None,
    given: Mapping[str, float] | None = None,
) -> FormalCharges:
    """One formal charge per species: the user's, else the file's, else a guess.

    A species that the file states in several states, as Ti3+ and Ti4+, has their mean. The others
    take the likeliest set of oxidation states (see `guess_charges`).

    Parameters
    ----------
    content : atoms per cell of every species in the file (occupancies summed)
    allowed : per sublattice, the species that may sit there
    stated : per species whose charges the file states, atoms per cell by charge
    given : the user's charges

    Raises
    ------
    MlipsseError
        when a guess is not clear; the sentence names the candidates.
    """
    every = sorted({name for group in allowed for name in group})
    known: dict[str, Charge] = {}
    sources: dict[str, ChargeSource] = {}
    notes: list[str] = []
    for name, charge in sorted((given or {}).items()):
        if name in every or name in content:
            known[name], sources[name] = exact_charge(charge), "given"
    states = dict(stated or {})
    # A program that knows no charges writes zeros.
    if any(charge for amounts in states.values() for charge in amounts):
        for name, amounts in sorted(states.items()):
            if name not in known and sum(amounts.values()) > 0:
                known[name], sources[name] = _mean(amounts), "stated"
                if len(amounts) > 1:
                    notes.append(_mixed_note(name, known[name], amounts))
    missing = sorted(set(content) - set(known))
    if missing:
        guess, found_notes = guess_charges(content, known)
        notes += found_notes
        for name in missing:
            known[name], sources[name] = guess[name], "guessed"
    for group in allowed:
        for name in group:
            if name not in known:
                known[name] = _substitute(name, group, known)
                sources[name] = "guessed"
    notes += _unusual(known, sources)
    if not missing and content:
        notes += _imbalance_note(content, known)
    wanted = {name: known[name] for name in every}
    return FormalCharges(wanted, {name: sources[name] for name in every}, tuple(notes))


@dataclass(frozen=True)
class _Guess:
    charges: Mapping[str, Charge]
    log_likelihood: float
    rare: bool


def guess_charges(
    content: Mapping[str, float], known: Mapping[str, Charge]
) -> tuple[dict[str, Charge], list[str]]:
    """The likeliest charges of a content, and notes on them.

    Sets of oxidation states are ranked by how often each state is met in crystals, over
    1 + (imbalance / `NEUTRAL`)^2, as occupancies are rounded, refined, and at times wrong. No
    positive species may be more electronegative than a negative one. Elements of mixed valence may
    take the average that makes the content neutral. States that are rarely met are tried where
    nothing else fits.

    Raises
    ------
    MlipsseError
        when nothing fits, or the first is less than `CLEARLY` times as likely as the second.
    """
    guesses = sorted(
        _guesses(content, known), key=lambda guess: (guess.rare, -guess.log_likelihood)
    )
    guesses = [guess for guess in guesses if guess.rare == guesses[0].rare]
    names = ", ".join(sorted(set(content) - set(known)))
    if not guesses:
        raise MlipsseError(
            f"The formal charges of {names} cannot be guessed: no set of usual oxidation states "
            f"makes the file's mean content ({_written(content)}) neutral within "
            f"{IMBALANCE:.0%}. Check its occupancies, or give `charges`, one number per species; "
            "averages such as 3.5 are allowed."
        )
    best, *others = guesses
    if others and best.log_likelihood - others[0].log_likelihood < math.log(CLEARLY):
        near = [
            guess
            for guess in guesses
            if best.log_likelihood - guess.log_likelihood < math.log(CLEARLY)
        ]
        found = " or ".join(describe_charges(guess.charges) for guess in near[:4])
        open_ = sorted(name for name in content if len({guess.charges[name] for guess in near}) > 1)
        example = ", ".join(f"{name}: {float(best.charges[name]):.4g}" for name in open_)
        raise MlipsseError(
            f"The formal charges of {names} cannot be guessed from the file's mean content "
            f"({_written(content)}): {found} are about as likely. Give `charges`, one number per "
            f"species, at least of {', '.join(open_)}, e.g. `charges: {{{example}}}`; where sites "
            "of a species differ in valence, give the average, such as 3.5."
        )
    notes = [
        f"{name} gets its average charge {_signed(charge)}, which makes the file's mean content "
        "neutral; its sites differ in valence. Set `charges` to change it."
        for name, charge in sorted(best.charges.items())
        if name not in known and Fraction(charge).denominator > 1
    ]
    if others and best.log_likelihood - others[0].log_likelihood < math.log(100):
        notes.append(f"The next guess would be {describe_charges(others[0].charges)}.")
    return dict(best.charges), [*notes, *_imbalance_note(content, best.charges)]


def _guesses(content: Mapping[str, float], known: Mapping[str, Charge]) -> Iterator[_Guess]:
    open_ = sorted(set(content) - set(known))
    lists = [list(likely_states(name).items()) for name in open_]
    while math.prod(map(len, lists)) > _MOST_SETS:
        longest = max(range(len(lists)), key=lambda k: len(lists[k]))
        lists[longest] = lists[longest][:-1]
    molecular = MOLECULAR if "H" in content or {"C", "N"} <= set(content) else frozenset[str]()
    flexible = [name for name in open_ if name in MIXED_VALENCE | molecular]
    for chosen in product(*lists):
        charges: dict[str, Charge] = dict(known)
        charges.update({name: state for name, (state, _) in zip(open_, chosen, strict=True)})
        weights = {name: share for name, (_, share) in zip(open_, chosen, strict=True)}
        yield from _judged(content, charges, weights)
        for name in flexible:
            averaged = _averaged(content, charges, name)
            if averaged is not None:
                weight = _weight(name, int(charges[name]), averaged)
                yield from _judged(content, {**charges, name: averaged}, {**weights, name: weight})


def _averaged(
    content: Mapping[str, float], charges: Mapping[str, Charge], name: str
) -> Fraction | None:
    """The average charge of a species that balances the others, just above its state."""
    rest = sum(float(charges[other]) * n for other, n in content.items() if other != name)
    balanced = -rest / content[name]
    states = sorted(likely_states(name))
    place = states.index(int(charges[name]))
    if place + 1 == len(states) or not states[place] < balanced < states[place + 1]:
        return None
    for state in states[place : place + 2]:
        if abs(relative_imbalance(content, {**charges, name: state})) <= NEUTRAL:
            return None
    # The simplest that rounded occupancies allow: 3.5, not 3.48.
    for denominator in range(1, 101):
        average = Fraction(round(balanced * denominator), denominator)
        if abs(relative_imbalance(content, {**charges, name: average})) <= NEUTRAL / 4:
            return average if average.denominator > 1 else None
    return None


def _weight(name: str, state: int, average: Fraction) -> float:
    """Weight of an average, by the rarer one of its two neighbouring states."""
    if name in MOLECULAR:
        return _MOLECULE
    states = likely_states(name)
    above = min(other for other in states if other > average)
    return _MIXING * min(states[state], states[above])


def _judged(
    content: Mapping[str, float], charges: Mapping[str, Charge], weights: Mapping[str, float]
) -> Iterator[_Guess]:
    """The set, when its signs are possible and its imbalance is."""
    if not any(charges[name] < 0 for name in content) and len(content) > 1:
        return
    positive = [electronegativity(name) for name in content if charges[name] > 0]
    negative = [electronegativity(name) for name in content if charges[name] < 0]
    if positive and negative and max(positive) > min(negative):
        return
    imbalance = relative_imbalance(content, charges)
    whole = [w for name, w in weights.items() if Fraction(charges[name]).denominator == 1]
    rare = min(whole, default=1.0) < RARE
    if rare and len(whole) < len(weights):
        return
    if abs(imbalance) <= (NEUTRAL if rare else IMBALANCE):
        logs = sum(math.log(weight) for weight in weights.values())
        yield _Guess(charges, logs - math.log1p((imbalance / NEUTRAL) ** 2), rare)


def relative_imbalance(content: Mapping[str, float], charges: Mapping[str, Charge]) -> float:
    """Charge of a content over its positive (or, if larger, negative) charge."""
    terms = [float(charges[name]) * amount for name, amount in content.items()]
    larger = max(sum(t for t in terms if t > 0), -sum(t for t in terms if t < 0))
    return sum(terms) / larger if larger else 0.0


def _imbalance_note(content: Mapping[str, float], charges: Mapping[str, Charge]) -> list[str]:
    if abs(relative_imbalance(content, charges)) <= NEUTRAL:
        return []
    total = sum(float(charges[name]) * amount for name, amount in content.items())
    return [
        f"With these charges the file's own mean content ({_written(content)} per cell) is not "
        f"neutral: {total:+.3g}. Check its occupancies and the charges; compositions must be "
        "neutral in any case."
    ]


def _unusual(known: Mapping[str, Charge], sources: Mapping[str, ChargeSource]) -> list[str]:
    """Charges that were not guessed and are hardly ever met."""
    return [
        f"The charge {_signed(charge)} of {name}, {sources[name]}, is unusual. Set `charges` to "
        "change it."
        for name, charge in sorted(known.items())
        if sources[name] != "guessed" and is_absurd(name, float(charge))
    ]


def _substitute(name: str, group: Sequence[str], known: Mapping[str, Charge]) -> Charge:
    """Charge of a species that the file lacks, on sites of `group`."""
    present = [known[other] for other in group if other in known]
    signs = {charge > 0 for charge in present}
    weights = {
        # Of the charge that it replaces more likely than another.
        state: share * (CLEARLY if state in present else 1.0)
        for state, share in likely_states(name).items()
        if len(signs) == 1 and (state > 0) in signs
    }
    ranked = sorted(weights, key=lambda state: (-weights[state], state))
    states = likely_states(name)
    usual = max(states, key=lambda state: states[state])
    if usual in weights and usual == max(states) and states[usual] > OWN_STATE:
        return usual
    if not ranked or (len(ranked) > 1 and weights[ranked[0]] < CLEARLY * weights[ranked[1]]):
        listed = ", ".join(f"{state:+d}" for state in states)
        raise MlipsseError(
            f"The formal charge of {name}, which may replace species of the file on the site of "
            f"{'/'.join(group)}, cannot be guessed (usual oxidation states: {listed}). Give "
            f"`charges`, e.g. {name}: {next(iter(ranked or states))}."
        )
    return ranked[0]


def exact_charge(charge: float | Fraction) -> Charge:
    """A charge as written: 3.5 is 7/2, 2.667 is 8/3; whole ones are int."""
    exact: Fraction = charge if isinstance(charge, Fraction) else exact_number(float(charge))
    return int(exact) if exact.denominator == 1 else exact


def _mean(amounts: Mapping[float, float]) -> Charge:
    mean = sum(charge * amount for charge, amount in amounts.items()) / sum(amounts.values())
    return exact_charge(Fraction(mean).limit_denominator(100))


def _mixed_note(name: str, mean: Charge, amounts: Mapping[float, float]) -> str:
    listed = ", ".join(
        f"{amount:g} {name}{charge:+g}" for charge, amount in sorted(amounts.items())
    )
    return f"{name} takes the mean {_signed(mean)} of the charges stated per cell ({listed})."


def describe_charges(charges: Mapping[str, Charge]) -> str:
    """Charges as a reader writes them, e.g. `Cl-1, In+3, Li+1`."""
    return ", ".join(f"{name}{_signed(charges[name])}" for name in sorted(charges))


def _signed(charge: Charge) -> str:
    sign = "-" if charge < 0 else "+"
    return sign + write_number(abs(Fraction(charge)))


def _written(content: Mapping[str, float]) -> str:
    return " ".join(f"{name}{content[name]:.4g}" for name in sorted(content))


def check_given(charges: Mapping[str, float]) -> None:
    """Refuse charges of what is no element."""
    for name in charges:
        if not Element.is_valid_symbol(name):
            raise MlipsseError(
                f"`charges` names {name!r}, which is not an element. Write e.g. Li: 1."
            )
