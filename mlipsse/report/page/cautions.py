"""What must be said beside the numbers."""

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
            f"({label_source}), and its numbers are no better than that one's."
        )
    if thermostat.lower() == "berendsen":
        sentences.append(
            "The Berendsen thermostat does not sample the canonical ensemble; it is what the "
            "published protocol used."
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
                f"{item.formula}: some runs at {kelvin} K were left out, and the mean is over "
                "those that diffuse, so it leans high."
            )
    sentences.append(
        "Conductivities are Nernst-Einstein values from the tracer diffusivity (Haven ratio 1); "
        "those of the charge, which ions that move together change, are in the table of runs. "
        "Errors of D count ions that move together as fewer and allow for hops that are taken "
        "back; what a run is too short to visit, another ordering or phase, they cannot know."
    )
    return sentences
