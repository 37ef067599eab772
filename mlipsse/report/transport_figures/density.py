"""Where the mobile ions are, as a picture: an isosurface of their density, and paths across."""

from collections.abc import Sequence

from ase import Atoms

from mlipsse.errors import MlipsseError
from mlipsse.report.cell_scene.mesh import Mesh, closed_surface
from mlipsse.report.cell_scene.scene import CellScene, ScenePath
from mlipsse.transport.density.grid import ProbabilityDensity
from mlipsse.transport.density.percolation import PercolatingPath


def density_scene(
    density: ProbabilityDensity,
    *,
    level_per_A3: float,
    mobile: str,
    framework: Atoms | None = None,
    paths: Sequence[PercolatingPath] = (),
) -> CellScene:
    """An isosurface of a density, the framework and percolating paths, to be drawn.

    Parameters
    ----------
    level_per_A3 : of the isosurface, 1/Å³, in the density's own normalisation
    mobile : symbol of the ion
    framework : atoms at their mean places
    paths : those without a path are passed over

    Raises
    ------
    MlipsseError
        for a level that the density does not cross.
    """
    return CellScene(
        cell=density.cell,
        surface=isosurface(density, level_per_A3),
        surface_label=level_label(density, level_per_A3, mobile),
        atoms=framework,
        paths=[
            ScenePath(f"path {_whither(path.direction)}: {path.barrier_eV:.2f} eV", path.path)
            for path in paths
            if path.path is not None
        ],
    )


def isosurface(density: ProbabilityDensity, level_per_A3: float) -> Mesh:
    """Closed mesh at one level of a density, as `closed_surface`.

    Parameters
    ----------
    level_per_A3 : 1/Å³, of the density's own normalisation

    Raises
    ------
    MlipsseError
        when the level is not above 0 or not below the density's highest value.
    """
    highest = float(density.values.max())
    if not 0 < level_per_A3 < highest:
        raise MlipsseError(
            f"There is no isosurface at {level_per_A3:g} Å⁻³. Give a level above 0 and below "
            f"{highest:.3g} Å⁻³, the highest value of this density, which is normalised to "
            f"{'one ion' if density.per_ion else f'all {density.n_ions} ions'}."
        )
    return closed_surface(density.values / level_per_A3, density.cell, centred=True)


def level_label(density: ProbabilityDensity, level_per_A3: float, mobile: str) -> str:
    """The level with its normalisation, without which it means nothing."""
    ions = f"one {mobile}" if density.per_ion else f"all {density.n_ions} {mobile}"
    return f"{ions}: {level_per_A3:.3g} Å⁻³"


def _whither(direction: str) -> str:
    return "in any direction" if direction == "any" else f"along {direction}"
