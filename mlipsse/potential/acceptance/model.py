"""Try a bundle's exported file, or a MACE model, on crystals."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ase import Atoms
from ase.calculators.calculator import Calculator

from mlipsse.dataset.check.measures.labelled_set import labels
from mlipsse.errors import MlipsseError
from mlipsse.potential.acceptance.limits import LIMITS
from mlipsse.potential.acceptance.pair_distribution import at_one_temperature
from mlipsse.potential.acceptance.report import (
    AcceptanceReport,
    acceptance_record,
    write_acceptance,
)
from mlipsse.potential.acceptance.trials import (
    AcceptanceSettings,
    Announce,
    References,
    ReferenceVolume,
    accept,
)
from mlipsse.potential.bundle.folder import CARD_FILE, Bundle, read_bundle, read_card
from mlipsse.potential.exported import exported_calculator

TEMPERATURE_K = 800.0
"""Without one from the user or the card: that of the published sampling."""


def try_model(
    model: Path,
    crystals: Sequence[Atoms],
    settings: AcceptanceSettings,
    *,
    head: str | None = None,
    frames: Sequence[Atoms] = (),
    labelled: Sequence[Atoms] | None = None,
    reference_potential: str | None = None,
    announce: Announce = lambda text: None,
) -> list[AcceptanceReport]:
    """Every crystal through every trial, a report each; a bundle's card records them.

    What is tried of a bundle is the file that LAMMPS loads, called in Python: that is what is
    handed on, and neither LAMMPS nor its plugin is needed for it.

    Parameters
    ----------
    model : a bundle's folder, or a `.model` file (loading it runs pickle code)
    head : of a model file with several
    frames : see `References`; compared with the crystals of their composition
    labelled : frames with labels, which show whether the model is softer; None for those of
        `frames` that have some
    reference_potential : by name or file, whose volumes the model's are compared with

    Raises
    ------
    MlipsseError
        when the model cannot be read, does not know an element, or frames fit no crystal.
    """
    if labelled is None:
        labelled = [frame for frame in frames if _is_labelled(frame)]
    _require_one_composition("reference", frames, crystals)
    _require_one_composition("labelled", labelled, crystals)
    calculator, bundle = _calculator(model, head)
    if bundle is not None:
        _require_elements(crystals, bundle)
    volume = None
    if reference_potential is not None:
        from mlipsse.energetics.potentials.calculators import make_calculator

        volume = ReferenceVolume(
            reference_potential, LIMITS.volume_error, make_calculator(reference_potential)
        )
    reports = []
    for name, crystal in zip(_names(crystals), crystals, strict=True):
        ours = [frame for frame in frames if _formula(frame) == _formula(crystal)]
        reports.append(
            accept(
                crystal,
                calculator,
                settings,
                name=name,
                references=References(
                    volume,
                    at_one_temperature(ours, nearest_K=settings.temperature_K),
                    labelled=[frame for frame in labelled if _formula(frame) == _formula(crystal)],
                ),
                announce=partial(_announce, announce, name),
            )
        )
    if bundle is not None:
        write_acceptance(bundle.folder, acceptance_record(reports))
    return reports


def highest_temperature_K(model: Path) -> float:
    """The highest training temperature in a bundle's card, K; else 800."""
    if not model.is_dir():
        return TEMPERATURE_K
    span = read_card(model / CARD_FILE).get("temperature_range_K")
    return float(max(span)) if span else TEMPERATURE_K


def _announce(announce: Announce, name: str, text: str) -> None:
    announce(f"{name}: {text}")


def _calculator(model: Path, head: str | None) -> tuple[Calculator, Bundle | None]:
    if not model.is_dir():
        from mlipsse.energetics.potentials.calculators import make_calculator
        from mlipsse.potential.native.copy import fastest

        name, head = fastest(str(model), head=head)
        return make_calculator(name, head=head), None
    bundle = read_bundle(model)
    if head not in (None, bundle.head):
        raise MlipsseError(
            f"{model} contains the head {bundle.head}, but head {head} is requested."
        )
    for form in ("native", "torchscript", "aotinductor"):
        if form in bundle.exports:
            return exported_calculator(bundle.exports[form]), bundle
    raise MlipsseError(
        f"The bundle {model} has no file that can be called in Python. Make one: mlipsse potential "
        f"export {model} --out {model}"
    )


def _require_elements(crystals: Sequence[Atoms], bundle: Bundle) -> None:
    for crystal in crystals:
        if missing := sorted(set(crystal.get_chemical_symbols()) - set(bundle.elements)):
            raise MlipsseError(
                f"{crystal.get_chemical_formula()} contains {', '.join(missing)}, which "
                f"{bundle.name} does not know. Name structures of {', '.join(bundle.elements)}."
            )


def _names(crystals: Sequence[Atoms]) -> list[str]:
    formulas = [crystal.get_chemical_formula() for crystal in crystals]
    return [
        formula if formulas.count(formula) == 1 else f"{formula}-{number}"
        for number, formula in enumerate(formulas, start=1)
    ]


def _require_one_composition(kind: str, frames: Sequence[Atoms], crystals: Sequence[Atoms]) -> None:
    formulas = {_formula(crystal) for crystal in crystals}
    if frames and not formulas & {_formula(frame) for frame in frames}:
        raise MlipsseError(
            f"The {kind} frames are of {_formula(frames[0])}; the structures are of "
            f"{', '.join(sorted(formulas))}. Give frames of the same composition."
        )


def _is_labelled(frame: Atoms) -> bool:
    return len(labels(frame)) == 3


def _formula(atoms: Atoms) -> str:
    return str(atoms.get_chemical_formula("hill", empirical=True))
