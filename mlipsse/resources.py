"""Find the folders that ship with the package, and the one for what is built from them."""

import os
from pathlib import Path

from mlipsse.errors import MlipsseError

SHIPPED = ("lammps_templates", "potentials", "cmake", "examples")


def resource_dir(name: str) -> Path:
    """Folder `name` as the installed wheel carries it, else as the checkout holds it.

    Parameters
    ----------
    name : one of `SHIPPED`

    Raises
    ------
    MlipsseError
        when neither place has the folder, i.e. the installation is broken.
    """
    if name not in SHIPPED:
        raise ValueError(
            f"{name!r} is not shipped with mlipsse; choose one of {', '.join(SHIPPED)}"
        )
    package = Path(__file__).resolve().parent
    places = (package / "shipped" / name, package.parent / name)
    for place in places:
        if place.is_dir():
            return place
    raise MlipsseError(
        f"The folder {name}/ of mlipsse is neither in {places[0]} nor in {places[1]}: the "
        "installation is broken. Reinstall the package."
    )


def cache_dir() -> Path:
    """Folder of built things: `$MLIPSSE_CACHE`, else `$XDG_CACHE_HOME/mlipsse`, else ~/.cache."""
    if own := os.environ.get("MLIPSSE_CACHE"):
        return Path(own)
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "mlipsse"
