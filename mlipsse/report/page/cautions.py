"""Cautions beside the numbers."""

from collections.abc import Sequence

from mlipsse.transport.runs.composition import CompositionTransport

SHORT_RUN_PS = 100.0
"""Runs below this are demonstrations: the published protocol has 400 ps of production and more."""


def standing_cautions(
    compositions: Sequence[CompositionTransport], *, label_source: str, thermostat: str
) -> list[str]:
    """Sentences of caution that follow from what was run.

    Parameters
    ----------
    compositions : of the campaign
    label_source : as in the summary; a teacher is named as one
    thermostat : as the decks name it, e.g. `berendsen`
    """
    sentences = []
    if "teacher" in label_source.lower():
        sentences.append(
            "Teacher labels, not DFT: the potential was fitted to another potential "
            f"({label_source}), and its numbers are no better than the numbers of that potential."
        )
    if thermostat.lower() == "berendsen":
        sentences.append(
            "The Berendsen thermostat does not sample the canonical ensemble; the published "
            "protocol used it."
        )
    durations = [item.shortest_run_ps for item in compositions if item.shortest_run_ps is not None]
    shortest = min(durations, default=None)
    if shortest is not None and shortest < SHORT_RUN_PS:
        sentences.append(
            f"The shortest run is {shortest:g} ps of production: activation energies from such "
            "runs are demonstrations, not results."
        )
    for item in compositions:
        sentences += [f"{item.formula}: {caution}." for caution in item.cautions]
        used = {point.temperature_K for point in item.points}
        partly = sorted({run.temperature_K for run in item.excluded} & used)
        if partly:
            kelvin = ", ".join(f"{temperature:g}" for temperature in partly)
            sentences.append(
                f"{item.formula}: some runs at {kelvin} K were left out. The mean covers only "
                "runs that diffuse and is biased high."
            )
    sentences.append(
        "Conductivities are Nernst-Einstein values from the tracer diffusivity (Haven ratio 1). "
        "The table of runs lists charge conductivities, which include correlated motion of ions. "
        "Errors of D include correlated ions and reversed hops, but not orderings or phases that "
        "a run is too short to visit."
    )
    return sentences
