"""What all blocks of `campaign.yaml` have in common."""

from typing import Annotated

from pydantic import Field

from mlipsse.settings import Settings

# Names become file names and words of LAMMPS decks: nothing in them may mean more than a name.
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9._-]{0,63}$")]


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
