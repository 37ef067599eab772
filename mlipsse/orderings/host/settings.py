"""How a crystal file is read as a disordered host."""

from pydantic import Field

from mlipsse.settings import Positive, Settings


class HostSettings(Settings):
    """What the user states about a disordered host, beside its file."""

    mobile: str
    """Symbol of the mobile ion, e.g. Li."""
    substitutions: dict[str, list[str]] = Field(default_factory=dict)
    """Species or site label of the CIF -> species that may fill its sites, e.g. In: [In, Y], or
    Li2: [Li, vacancy]."""
    charges: dict[str, float] = Field(default_factory=dict)
    """Species -> formal charge in e. Averages such as Mn: 3.5 are allowed. A species without an
    entry takes its charge from the host file, or a guessed one; `orderings count` and `validate`
    print all charges with their sources."""
    occupations: dict[str, float | dict[str, float]] = Field(default_factory=dict)
    """Site label of the CIF -> share of its sites that its species takes in every ordering, e.g.
    Cl1: 0.5 for the exchange of Cl and S, or Li1: {Li: 0.5, Al: 0.1}."""
    closest_A: Positive | dict[str, Positive] | None = None
    """Least distance of two filled sites in Å: one number for the mobile ion, or one per pair of
    species, e.g. Li-Li: 2.3, Al-Li: 2.0. The default depends on the mobile ion (Li 2.0, Na 2.6);
    `orderings count` prints it."""
    symprec_A: Positive = Field(default=0.01, le=1)
    """Tolerance of the symmetry search in Å."""
    primitive: bool = False
    """Reduce the host to its primitive cell before anything else."""
