"""Labels that the user has, in place of sampling and labelling."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from ase import Atoms

from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.stages.label.units import Answers, row_of
from mlipsse.dataset.check.measures.verdict import Check
from mlipsse.dataset.frames.split import Split
from mlipsse.dataset.own_labels import OwnLabels, read_own_labels


def read_given(campaign: Campaign) -> OwnLabels:
    """Read and judge the labels of `campaign.given_labels`.

    Raises
    ------
    MlipsseError
        as `mlipsse.dataset.own_labels.read_own_labels`.
    """
    return read_own_labels(
        campaign.given_labels,
        campaign.config.label.own_labels,
        composition_of=_composition_of(campaign),
    )


@dataclass(frozen=True)
class GivenSets:
    """Labels that were given, split and checked.

    Attributes
    ----------
    labels : as they were read
    split : the given one, or whole trajectories drawn
    checks : of `mlipsse dataset check`, none of which failed
    """

    labels: OwnLabels
    split: Split
    checks: list[Check]

    @property
    def notes(self) -> list[str]:
        """What was made of the files, what the checks warn of, and what they could not judge."""
        doubts = [
            f"{one.name}: {'not checked: ' if one.verdict == 'skip' else ''}{one.sentence}"
            for one in self.checks
            if one.verdict in ("warn", "skip")
        ]
        return [*self.labels.notes, *doubts]


def answers_of_given(labels: OwnLabels) -> Answers:
    """Labelled frames, and rows of the rejected; isolated atoms are neither."""
    rows = [row_of(place, frame, reason) for place, frame, reason in labels.rejected]
    return Answers(labels.frames, rows)


def check_given(campaign: Campaign, labels: OwnLabels) -> GivenSets:
    """Split labels and check them as `mlipsse dataset check` does.

    Raises
    ------
    MlipsseError
        as `OwnLabels.split`, and with the sentences of the checks that failed.
    """
    config = campaign.config.label
    split = labels.split(
        valid_fraction=config.valid_fraction,
        test_fraction=config.test_fraction,
        seed=campaign.config.seed,
    )
    return GivenSets(labels, split, labels.checked(split))


def _composition_of(campaign: Campaign) -> Callable[[Atoms], str]:
    """A frame's formula as the config writes it, where the config has its composition."""
    from mlipsse.orderings.host.formula import parse_formula

    formulas = {
        _shares(parse_formula(formula)): formula for formula in campaign.config.enumerate.formulas
    }

    def composition_of(frame: Atoms) -> str:
        amounts = {symbol: Fraction(n) for symbol, n in frame.symbols.formula.count().items()}
        own: str = frame.get_chemical_formula(empirical=True)
        return formulas.get(_shares(amounts), own)

    return composition_of


def _shares(amounts: dict[str, Fraction]) -> frozenset[tuple[str, Fraction]]:
    total = sum(amounts.values())
    return frozenset((symbol, amount / total) for symbol, amount in amounts.items())
