"""Which elements of a trajectory are mobile, and which are the framework."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlipsse.errors import MlipsseError


@dataclass(frozen=True)
class Roles:
    """Elements by what they do; made by `assign_roles`.

    Attributes
    ----------
    mobile : element of the ion whose numbers are asked for
    also_mobile : elements that move beside it; they are neither counted nor framework
    framework : elements that stay: their drift is removed, and they decide whether the run melted
    """

    mobile: str
    also_mobile: tuple[str, ...]
    framework: tuple[str, ...]

    def ions(self, species: Sequence[str]) -> np.ndarray:
        """Indices of the mobile ions."""
        return np.flatnonzero(np.array(species) == self.mobile)

    def still(self, species: Sequence[str]) -> np.ndarray:
        """Indices of the framework's atoms."""
        return np.flatnonzero(np.isin(np.array(species), self.framework))


def assign_roles(
    species: Sequence[str],
    mobile: str | Sequence[str],
    framework: Sequence[str] | None = None,
) -> Roles:
    """Assign the elements of a trajectory; what is not named moves only beside a named framework.

    Parameters
    ----------
    species : element of each atom
    mobile : element of the mobile ion; of several, the first is the one asked for
    framework : elements that stay; None takes all that are not mobile

    Raises
    ------
    MlipsseError
        for an element that is not there, is named twice, or is both mobile and framework.

    Examples
    --------
    >>> assign_roles(("Li", "Na", "Cl"), ("Li", "Na"))
    Roles(mobile='Li', also_mobile=('Na',), framework=('Cl',))
    """
    present = tuple(dict.fromkeys(species))
    named = (mobile,) if isinstance(mobile, str) else tuple(mobile)
    if not named or len(set(named)) != len(named):
        raise MlipsseError(
            f"Mobile elements {', '.join(named) or '(none)'}: name at least one, and each only "
            "once."
        )
    absent = [symbol for symbol in (*named, *(framework or ())) if symbol not in present]
    if absent:
        raise MlipsseError(
            f"The trajectory contains no {', '.join(absent)}. Choose among {', '.join(present)}."
        )
    if framework is None:
        return Roles(
            named[0], named[1:], tuple(symbol for symbol in present if symbol not in named)
        )
    both = [symbol for symbol in named if symbol in framework]
    if both:
        raise MlipsseError(f"{', '.join(both)} cannot be both mobile and framework. Name it once.")
    others = tuple(symbol for symbol in present if symbol not in (named[0], *framework))
    return Roles(named[0], others, tuple(dict.fromkeys(framework)))
