"""`summary.json`: what a campaign found, in a shape that scripts can rely on."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlipsse.files import write_text
from mlipsse.transport.runs.composition import CompositionTransport


def build_summary(
    compositions: Sequence[CompositionTransport],
    *,
    label_source: str,
    cautions: Sequence[str] = (),
) -> dict[str, Any]:
    """The summary as plain lists, numbers, strings and None (never NaN).

    Arrays of a composition are equally long, over the temperatures that were used, ascending.
    The activation energy is None below two temperatures. `directions` has
    the same of the lattice vectors a, b, c and the planes ab, ac, bc of the simulated cell.

    Parameters
    ----------
    compositions : in the order of the campaign
    label_source : what made the labels, e.g. `teacher: mace-sse-small (teacher labels, not DFT)`
    cautions : sentences that every user of the numbers must know
    """
    return {
        "label_source": label_source,
        "compositions": [_composition(item) for item in compositions],
        "cautions": list(cautions),
    }


def _composition(item: CompositionTransport) -> dict[str, Any]:
    return {
        "formula": item.formula,
        "temperature_K": [point.temperature_K for point in item.points],
        "diffusivity_cm2_s": [point.diffusivity_cm2_s for point in item.points],
        "diffusivity_std_cm2_s": [point.diffusivity_std_cm2_s for point in item.points],
        "conductivity_mS_cm": [point.conductivity_mS_cm for point in item.points],
        "conductivity_std_mS_cm": [point.conductivity_std_mS_cm for point in item.points],
        "runs": [point.n_runs for point in item.points],
        "activation_energy_eV": item.arrhenius.activation_energy_eV,
        "activation_energy_std_eV": item.arrhenius.activation_energy_std_eV,
        "prefactor_cm2_s": item.arrhenius.prefactor_cm2_s,
        "directions": {
            name: {
                "temperature_K": [point.temperature_K for point in item.directions],
                "diffusivity_cm2_s": [point.diffusivity_cm2_s[name] for point in item.directions],
                "diffusivity_std_cm2_s": [
                    point.diffusivity_std_cm2_s[name] for point in item.directions
                ],
                "runs": [point.n_runs for point in item.directions],
                "activation_energy_eV": fit.activation_energy_eV,
                "activation_energy_std_eV": fit.activation_energy_std_eV,
                "prefactor_cm2_s": fit.prefactor_cm2_s,
                "fitted_temperature_K": list(fit.temperature_K),
            }
            for name, fit in item.directional_arrhenius.items()
        },
        "principal_diffusivity_cm2_s": [list(point.principal_cm2_s) for point in item.directions],
        "excluded": [run.row() for run in item.excluded],
    }


def write_summary(summary: dict[str, Any], path: Path) -> None:
    """Write a summary as JSON, whole or not at all; a NaN in it is a `ValueError`."""
    write_text(path, json.dumps(summary, indent=2, allow_nan=False, ensure_ascii=False) + "\n")
