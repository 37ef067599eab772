"""What all blocks of `campaign.yaml` have in common."""

from mlipsse.settings import Settings


class Section(Settings):
    """A block of the config: frozen, and strict about its keys."""


def check_temperatures(temperatures_K: list[float]) -> None:
    """Refuse temperatures whose runs would have one name, which says whole kelvins.

    Raises
    ------
    ValueError
        naming the first.
    """
    names = [f"{value:.0f}" for value in temperatures_K]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                f"temperatures_K names {name} K twice, and runs are named by whole kelvins; give "
                "each temperature once, 1 K apart at least"
            )
