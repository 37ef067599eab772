"""Seeds for many things from the one in the config."""

from mlipsse.campaign.engine.record import fingerprint

_LARGEST = 900_000_000  # of LAMMPS' random number generators


def derived_seed(seed: int, name: str) -> int:
    """A seed from 1 to 900,000,000 that depends on the campaign's seed and the thing's name."""
    return int(fingerprint([seed, name])[:15], 16) % _LARGEST + 1
