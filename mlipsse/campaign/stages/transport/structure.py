"""Pair distances, density and pathways of one run of each composition."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.stages.transport.analysis import AnalysedRuns
from mlipsse.files import write_columns, write_text
from mlipsse.transport import Trajectory
from mlipsse.transport.density.crystal import crystal_density
from mlipsse.transport.density.grid import ProbabilityDensity
from mlipsse.transport.density.percolation import PercolatingPath, percolating_paths
from mlipsse.transport.structure.radial import RadialDistribution, radial_distribution

PUBLISHED_LEVEL_PER_A3 = 1e-4
"""Isosurface of Deng et al. 2025 (doi 10.1039/d5ta05321h), 1/Å³ of all ions together."""

_VISITS_PER_VOXEL = 10.0
_FINEST_A, _COARSEST_A = 0.2, 0.5

COLUMNS = (
    "composition",
    "run",
    "temperature_K",
    "closest_mobile_pair_A",
    *(f"barrier_{name}{kind}_eV" for name in "abc" for kind in ("", "_std")),
    *(f"bottleneck_{name}_visits" for name in "abc"),
    "voxel_A",
    "caution",
)
"""Columns of `structure.csv`."""


@dataclass(frozen=True)
class _Density:
    """Where the mobile ions of a run are.

    Attributes
    ----------
    density : of the mobile ions
    framework : atoms that stay, at their mean places
    percolating : path of the lowest bottleneck by direction
    """

    density: ProbabilityDensity
    framework: Any
    percolating: Mapping[str, PercolatingPath]


def describe_structure(
    campaign: Campaign, formula: str, found: AnalysedRuns
) -> tuple[dict[str, Any] | None, list[Path]]:
    """Draw g(r), density and paths of the run that diffuses fastest; its row of `structure.csv`.

    That run has visited most of what its ions can reach. Without a run that diffuses there is
    neither a row nor a figure.

    Parameters
    ----------
    formula : of the composition
    found : its analysed runs
    """
    if found.fastest is None:
        return None, []
    run, ions = found.fastest.run, found.fastest.ions()
    trajectory = ions.trajectory
    radial = radial_distribution(trajectory.positions, trajectory.species, trajectory.cell)
    density, framework = crystal_density(ions, spacing_A=_spacing_A(trajectory, len(ions)))
    percolating = percolating_paths(density, run.temperature_K)
    title = run.name
    outputs = [
        *_draw_radial(campaign, formula, radial, run.mobile, title),
        *_draw_density(
            campaign, formula, _Density(density, framework, percolating), run.mobile, title
        ),
    ]
    row = {
        "composition": formula,
        "run": title,
        "temperature_K": run.temperature_K,
        "closest_mobile_pair_A": radial.closest_A[run.mobile, run.mobile],
        **_barriers(percolating),
        "voxel_A": float(np.cbrt(density.voxel_volume_A3)),
        "caution": radial.sanity(run.mobile) or "",
    }
    return row, outputs


def _spacing_A(trajectory: Trajectory, n_ions: int) -> float:
    """Edge of voxels that hold some ten visits on average, within bounds."""
    visits = trajectory.n_frames * n_ions
    edge_A = float(np.cbrt(_VISITS_PER_VOXEL * trajectory.volume_A3 / visits))
    return float(np.clip(edge_A, _FINEST_A, _COARSEST_A))


def _barriers(percolating: Mapping[str, PercolatingPath]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name in "abc":
        path = percolating[name]
        row[f"barrier_{name}_eV"] = path.barrier_eV
        row[f"barrier_{name}_std_eV"] = path.barrier_std_eV
        row[f"bottleneck_{name}_visits"] = path.bottleneck_counts
    return row


def _draw_radial(
    campaign: Campaign, formula: str, found: RadialDistribution, mobile: str, title: str
) -> list[Path]:
    from mlipsse.report.figures.style import new_figure, save_figure
    from mlipsse.report.transport_figures.radial import radial_plot

    figure, (axes,) = new_figure()
    radial_plot(axes, found, mobile=mobile, title=title)
    table = campaign.path(paths.Transport.radial.of(composition=formula))
    lines = {f"{one}-{two}": line for (one, two), line in found.g.items()}
    write_columns(table, {"r_A": found.radii_A, **lines})
    path = campaign.path(paths.Transport.radial_figure.of(composition=formula))
    return [*save_figure(figure, path), table]


def _draw_density(
    campaign: Campaign, formula: str, found: _Density, mobile: str, title: str
) -> list[Path]:
    from mlipsse.report.cell_scene.picture import scene_figure
    from mlipsse.report.cell_scene.view import scene_view
    from mlipsse.report.figures.style import save_figure
    from mlipsse.report.transport_figures.density import density_scene
    from mlipsse.transport.density.files import write_chgcar

    density, framework = found.density, found.framework
    # Below one visit an isosurface would enclose all that was ever seen.
    level = max(PUBLISHED_LEVEL_PER_A3, 2 * density.one_count_per_A3)
    shown: dict[str, Any] = {"level_per_A3": level, "mobile": mobile, "framework": framework}
    drawn = density_scene(density, **shown, paths=[found.percolating["any"]])
    page = campaign.path(paths.Transport.density_view.of(composition=formula))
    turned = density_scene(density, **shown, paths=[found.percolating[name] for name in "abc"])
    write_text(page, scene_view(turned, identifier=page.name.removesuffix(".html")))
    path = campaign.path(paths.Transport.density_figure.of(composition=formula))
    outputs = [*save_figure(scene_figure(drawn, title=title), path), page]
    if len(framework):
        chgcar = campaign.path(paths.Transport.density.of(composition=formula))
        write_chgcar(chgcar, density, framework)
        outputs.append(chgcar)
    return outputs
