"""Formal charges of a host's species, given by the user or guessed from the CIF."""

from collections.abc import Mapping, Sequence
from itertools import product

from pymatgen.core import Element

from mlipsse.errors import MlipsseError

NEUTRALITY_TOLERANCE = 0.005
"""Relative; CIF occupancies are written with two or three decimals."""


def _states(species: str) -> list[int]:
    element = Element(species)
    return list(element.common_oxidation_states or element.oxidation_states or (0,))


def guess_charges(
    cif_amounts: Mapping[str, float], allowed: Sequence[Sequence[str]]
) -> dict[str, int]:
    """Guess one formal charge per species.

    The species of the CIF take the one set of common oxidation states that makes the CIF's mean
    composition neutral; a species that only a substitution brings in takes its one common state
    of the sign that its site has in the CIF.

    Parameters
    ----------
    cif_amounts : atoms per cell of every species in the CIF (occupancies summed)
    allowed : per sublattice, the species that may sit there

    Raises
    ------
    MlipsseError
        when the guess is not unique; the sentence names the candidates.
    """
    species = sorted(cif_amounts)
    candidates = []
    for states in product(*(_states(name) for name in species)):
        terms = [state * cif_amounts[name] for name, state in zip(species, states, strict=True)]
        if abs(sum(terms)) <= NEUTRALITY_TOLERANCE * sum(map(abs, terms)):
            candidates.append(dict(zip(species, states, strict=True)))
    candidates = [states for states in candidates if any(states.values())]
    if len(candidates) != 1:
        found = "; ".join(describe_charges(states) for states in candidates[:3]) or "none"
        raise MlipsseError(
            f"The formal charges of {', '.join(species)} cannot be guessed from the CIF's mean "
            f"composition ({len(candidates)} neutral sets of common oxidation states: {found}). "
            "Give `charges`, one number per species."
        )
    charges = candidates[0]
    for group in allowed:
        signs = {charges[name] > 0 for name in group if name in cif_amounts}
        for name in group:
            if name in charges:
                continue
            fitting = [q for q in _states(name) if len(signs) == 1 and (q > 0) in signs and q]
            if len(fitting) != 1:
                raise MlipsseError(
                    f"The formal charge of {name}, which may replace species of the CIF on the "
                    f"site of {'/'.join(group)}, cannot be guessed (common oxidation states: "
                    f"{', '.join(f'{q:+d}' for q in _states(name))}). "
                    f"Give `charges`, one number per species, e.g. {name}: {_states(name)[-1]}."
                )
            charges[name] = fitting[0]
    return charges


def given_charges(charges: Mapping[str, int], species: Sequence[str]) -> dict[str, int]:
    """Check that `charges` holds every one of `species`; MlipsseError names what is missing."""
    missing = [name for name in species if name not in charges]
    if missing:
        raise MlipsseError(
            f"`charges` has no entry for {', '.join(missing)}; the host needs a formal charge for "
            f"each of {', '.join(species)}. Add it, or leave `charges` out to have them guessed."
        )
    return {name: charges[name] for name in species}


def describe_charges(charges: Mapping[str, int]) -> str:
    """Charges as a reader writes them, e.g. `Cl-1, In+3, Li+1`."""
    return ", ".join(f"{name}{charges[name]:+d}" for name in sorted(charges))
