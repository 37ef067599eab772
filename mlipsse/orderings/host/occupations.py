"""Amounts that the user fixes on the sites of a label, e.g. the degree of exchange."""

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

from mlipsse.errors import MlipsseError
from mlipsse.orderings.host.formula import exact_number
from mlipsse.orderings.host.model import VACANCY, FixedShares

Occupations = Mapping[str, float | Mapping[str, float]]
"""Per site label, the share of its sites that its own species takes, or shares by species."""

_SYMBOL = re.compile(r"[A-Z][a-z]?")


def fixed_shares(
    occupations: Occupations,
    labels: Sequence[Sequence[str]],
    allowed: Sequence[Sequence[str]],
    file: str,
) -> list[FixedShares | None]:
    """Per site, how the sites of its label are shared out; None where nothing is fixed.

    A number is the share of the label's own species (`Cl1: 0.5`, `Cl: ...` by its first letters);
    shares of several species are a mapping (`Li1: {Li: 0.5, Al: 0.1}`), or given under the labels
    of the site's other rows. What they leave is the site's one other species, or empty.

    Parameters
    ----------
    occupations : as the user gives them
    labels : per site of the host's cell, the labels of all rows of the file that describe it
    allowed : per site, what may sit there
    file : name of the file, for messages

    Raises
    ------
    MlipsseError
        for labels and species that are not there, shares that are not between 0 and 1 or do not
        add up, and several species without a share.
    """
    found: list[FixedShares | None] = [None] * len(labels)
    given: dict[int, dict[str, Fraction]] = {}
    named: dict[int, list[str]] = {}
    for label, value in occupations.items():
        here = [site for site, names in enumerate(labels) if label in names]
        if not here:
            known = ", ".join(sorted({name for names in labels for name in names}))
            raise MlipsseError(
                f"`occupations` names the site label {label!r}, which is not in {file}. Its labels "
                f"are {known}."
            )
        for site in here:
            for name, share in _by_species(label, value, allowed[site]).items():
                if given.setdefault(site, {}).setdefault(name, share) != share:
                    raise MlipsseError(
                        f"`occupations` gives {name} two shares on the sites of {label}: "
                        f"{float(given[site][name]):g} and {float(share):g}. Give it once."
                    )
            named.setdefault(site, []).append(label)
    for site, shares in given.items():
        whole = _completed(named[site], shares, allowed[site])
        found[site] = FixedShares("/".join(named[site]), tuple(sorted(whole.items())))
    return found


def _by_species(
    label: str, value: float | Mapping[str, float], allowed: Sequence[str]
) -> dict[str, Fraction]:
    if isinstance(value, Mapping):
        shares = {name: _share(label, share) for name, share in value.items()}
    else:
        own = _SYMBOL.match(label)
        symbols = [own[0], own[0][0]] if own else []
        symbol = next((name for name in symbols if name in allowed), None)
        if symbol is None:
            raise MlipsseError(
                f"`occupations` gives {label} the number {value:g}, but its label names none of "
                f"{', '.join(allowed)}, which may sit there. Write e.g. {label}: "
                f"{{{allowed[0]}: {value:g}}}."
            )
        shares = {symbol: _share(label, value)}
    for name in shares:
        if name not in allowed:
            raise MlipsseError(
                f"`occupations` puts {name} on the sites of {label}, which allow only "
                f"{', '.join(allowed)}. Add it with `substitutions`."
            )
    return shares


def _share(label: str, value: float) -> Fraction:
    share = exact_number(value)
    if not 0 <= share <= 1:
        raise MlipsseError(
            f"`occupations` gives {label} a share of {value:g}: shares are between 0 and 1."
        )
    return share


def _completed(
    label: Sequence[str], shares: Mapping[str, Fraction], allowed: Sequence[str]
) -> dict[str, Fraction]:
    """Shares of everything that may sit there, what is left given to the one without a share."""
    left = 1 - sum(shares.values(), Fraction(0))
    open_ = [name for name in allowed if name not in shares]
    if left < 0:
        raise MlipsseError(
            f"`occupations` fills the sites of {'/'.join(label)} to {float(1 - left):g}. Shares of "
            "a site add up to at most 1."
        )
    if not left:
        return {**shares, **dict.fromkeys(open_, Fraction(0))}
    if len(open_) != 1:
        others = ", ".join(open_) or "nothing else"
        raise MlipsseError(
            f"`occupations` leaves {float(left):g} of the sites of {'/'.join(label)}, where "
            f"{others} may sit. Give the shares of all but one, e.g. "
            f"{label[0]}: {{{', '.join(f'{name}: 0.2' for name in allowed if name != VACANCY)}}}."
        )
    return {**shares, open_[0]: left}
