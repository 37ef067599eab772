"""Results and inputs of units as JSON that holds ASE's atoms and numpy's arrays.

By ASE, whose import takes half a second: here it happens at the first use, which commands that only
look at a campaign never come to.
"""

from typing import Any


def encode(value: Any) -> str:
    """`value` as text; equal values give equal texts."""
    from ase.io import jsonio

    return str(jsonio.encode(value))


def decode(text: str) -> Any:
    """What `encode` has made a text of."""
    from ase.io import jsonio

    return jsonio.decode(text)
