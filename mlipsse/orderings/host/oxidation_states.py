"""Which oxidation states an element takes in crystals, and how often."""

from functools import cache

LEAST_SHARE = 0.01
"""A state with a smaller share of an element's occurrences is never guessed."""

_MIXED = (
    "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Nb", "Mo", "W", "Re", "Ru", "Rh", "Ir", "Pd",
    "Pt", "Ce", "Pr", "Eu", "Tb", "Yb", "U",
)  # fmt: skip
MIXED_VALENCE = frozenset(_MIXED)
"""Elements that hold two states on one site, with an average between them."""

MOLECULAR = frozenset("BC")
"""Elements whose state differs from site to site in clusters and molecules (B12H12, CH3)."""


@cache
def shares(element: str) -> dict[int, float]:
    """Share of each oxidation state other than 0, by falling share.

    Counted over the experimental crystals of the ICSD (the table of pymatgen's bond valence
    analyser; O'Keeffe and Brese, J. Am. Chem. Soc. 113, 3226, 1991, describe the method). A common
    state of pymatgen's table of elements that was not met has `LEAST_SHARE`.
    """
    # Half a second, which those who give their charges need not wait for.
    from pymatgen.analysis.bond_valence import PRIOR_PROB
    from pymatgen.core import Element

    counts = {
        int(species.oxi_state): float(number)
        for species, number in PRIOR_PROB.items()
        if species.symbol == element and species.oxi_state and number
    }
    total = sum(counts.values())
    found = {state: number / total for state, number in counts.items()}
    known = Element(element).icsd_oxidation_states
    for state in Element(element).common_oxidation_states:
        if state and (not counts or (state > 0 and state in known)):
            found[state] = max(found.get(state, 0.0), LEAST_SHARE)
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def likely_states(element: str) -> dict[int, float]:
    """The states of `shares` that may be guessed."""
    found = {state: share for state, share in shares(element).items() if share >= LEAST_SHARE}
    return found or shares(element)


def is_absurd(element: str, charge: float) -> bool:
    """Whether no crystal known holds the element in this state, or hardly any, as Cl+1 or Ge-4.

    An average is judged by the states on both its sides.
    """
    states = likely_states(element)
    if float(charge).is_integer():
        return int(charge) not in states
    return not (states and min(states) < charge < max(states))


def electronegativity(element: str) -> float:
    """Pauling's; 0 where there is none."""
    from pymatgen.core import Element

    value = float(Element(element).X)
    return value if value == value else 0.0  # NaN of the noble gases
