"""All checks of a labelled set."""

from collections.abc import Callable
from dataclasses import dataclass

from mlipsse.dataset.check.findings.components import check_forces_belong, check_stress_components
from mlipsse.dataset.check.findings.copies import check_copies
from mlipsse.dataset.check.findings.geometry import LENGTH_UNIT, check_lengths, check_periodic
from mlipsse.dataset.check.findings.isolated import check_isolated_atoms
from mlipsse.dataset.check.findings.outliers import (
    check_bands,
    check_energy_outliers,
    check_force_outliers,
)
from mlipsse.dataset.check.findings.paths import check_constant_pressure, check_energy_sets, windows
from mlipsse.dataset.check.findings.presence import (
    check_finite,
    check_keys,
    check_net_force,
    check_stress_present,
    check_zero,
)
from mlipsse.dataset.check.findings.sources import check_sources, check_splits
from mlipsse.dataset.check.findings.swapped import check_swapped
from mlipsse.dataset.check.findings.unit_checks import check_units
from mlipsse.dataset.check.measures.labelled_set import LabelledSet
from mlipsse.dataset.check.measures.pair_fit import fit_pairs
from mlipsse.dataset.check.measures.verdict import Check

MODEL_FRAMES = 200
"""Frames that a model is asked for, unless all are wanted."""

_FIRST: tuple[Callable[[LabelledSet], Check], ...] = (
    check_keys,
    check_stress_present,
    check_finite,
    check_periodic,
    check_lengths,
    check_zero,
    check_net_force,
)
_LAST: tuple[Callable[[LabelledSet], Check], ...] = (
    check_isolated_atoms,
    check_energy_outliers,
    check_force_outliers,
    check_bands,
    check_sources,
    check_splits,
)


@dataclass(frozen=True)
class ModelChoice:
    """The potential that labels are compared with.

    Attributes
    ----------
    potential : see `mlipsse.energetics.potentials.catalogue.find_potential`
    head : of a model with several
    every_frame : evaluate all frames, not `MODEL_FRAMES` drawn by `seed`
    """

    potential: str
    head: str | None = None
    every_frame: bool = False
    seed: int = 0


def check_set(labelled: LabelledSet, *, model: ModelChoice | None = None) -> list[Check]:
    """Every check, in the order of the table.

    Raises
    ------
    MlipsseError
        when the potential is unknown or cannot be loaded.
    """
    checks = [check(labelled) for check in _FIRST]
    # A pair fit to positions in another unit means nothing; in nm it takes a minute.
    in_angstrom = all(one.verdict != "fail" for one in checks if one.name == LENGTH_UNIT)
    fit = fit_pairs(labelled) if in_angstrom else None
    checks += check_units(labelled, fit)
    checks += [check_stress_components(fit), check_forces_belong(fit), check_swapped(fit)]
    # Other units and signs would show along paths too, and their cause is named above.
    found = [] if any(one.verdict == "fail" for one in checks) else windows(fit)
    checks += [check_energy_sets(found), check_constant_pressure(fit, found)]
    checks += [check(labelled) for check in _LAST]
    checks += check_copies(labelled)
    return checks + (_by_model(labelled, model) if model is not None else [])


def _by_model(labelled: LabelledSet, model: ModelChoice) -> list[Check]:
    from mlipsse.dataset.check.findings.against_model import (
        check_against_model,
        check_known_elements,
    )
    from mlipsse.energetics.potentials.calculators import known_species, make_calculator

    # A model of mace-torch is downloaded here; its elements show then.
    calculator = make_calculator(model.potential, head=model.head)
    knows = check_known_elements(labelled, model.potential, known_species(model.potential))
    if knows.verdict == "fail":
        return [knows]
    most = None if model.every_frame else MODEL_FRAMES
    return [knows, *check_against_model(labelled, calculator, most=most, seed=model.seed)]
