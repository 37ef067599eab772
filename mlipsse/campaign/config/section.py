"""What all blocks of `campaign.yaml` have in common."""

from mlipsse.settings import Settings


class Section(Settings):
    """A block of the config: frozen, and strict about its keys."""


def check_temperatures(temperatures_K: list[float]) -> None:
    """Refuse temperatures whose runs would share a name, which states whole kelvins.

    Raises
    ------
    ValueError
        naming the first.
    """
    names = [f"{value:.0f}" for value in temperatures_K]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                f"temperatures_K contains {name} K twice, and runs are named by whole kelvins; "
                "list each temperature once, at least 1 K apart"
            )
