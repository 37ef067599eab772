"""How long orderings of low energy are searched for."""

from pydantic import Field

from mlipsse.settings import Count, Settings


class SearchSettings(Settings):
    """Search for orderings of low energy, beyond those that were enumerated.

    In every round a pair model is fitted to all energies that are known of a composition, new
    orderings are annealed on it, and the potential relaxes them.
    """

    rounds: int = Field(default=10, ge=0)
    """Maximum number of rounds per composition and supercell. 0 switches the search off."""
    quiet_rounds: Count = 3
    """Number of rounds in succession without a new lowest ordering after which the search ends."""
    proposals: Count = 16
    """Number of new orderings that are relaxed per round, composition and supercell."""
