"""The page of a screening: the ranking, and the landscapes of the best crystals."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mlipsse.campaign.studies.screening.plan import LandscapePlan
from mlipsse.campaign.studies.screening.units import LandscapeSettings
from mlipsse.report.page.content import ReportContent, Section, Table, View
from mlipsse.report.page.html import write_report
from mlipsse.report.page.text import rounded
from mlipsse.screening.landscape.levels import grid_steps
from mlipsse.screening.landscape.percolation import percolation_levels

PAGE = "report.html"
_COLUMNS = {
    "rank": "rank",
    "crystal": "name",
    "formula": "formula",
    "atoms": "atoms",
    "orderings": "orderings",
    "Xi": "xi",
    "MPE (eV)": "mpe_eV",
    "percolation 1D (eV)": "percolation_1d_eV",
    "2D (eV)": "percolation_2d_eV",
    "3D (eV)": "percolation_3d_eV",
    "connected at 0.5 eV": "connected_0.5",
    "open at 0.5 eV": "disconnected_0.5",
    "above hull (eV/atom)": "above_hull_eV_atom",
    "s": "seconds",
}


def write_landscape_page(
    out: Path,
    rows: Sequence[Mapping[str, Any]],
    plans: Mapping[str, LandscapePlan],
    settings: LandscapeSettings,
    *,
    views: int,
) -> Path:
    """Write `report.html`.

    Parameters
    ----------
    out : folder of the screening
    rows : of its table, ranked
    plans : by the name of the row
    views : so many of the best are drawn
    """
    done = [row for row in rows if row.get("rank") is not None]
    left_out = [row for row in rows if row.get("rank") is None]
    drawn = [_view(out, row, plans[row["name"]]) for row in done[:views]]
    table = Table(
        "Crystals",
        tuple(_COLUMNS),
        [tuple(rounded(row.get(key)) for key in _COLUMNS.values()) for row in done],
        note="Xi: 0 to 1 (Maevskiy et al., arXiv:2411.06804). Energies are of one ion that moves "
        "while all else is frozen: they lie above activation energies.",
    )
    sections = [
        Section("ranking", "Ranking", tables=[table]),
        Section(
            "landscapes",
            "Landscapes",
            "Each view shows the ion with the lowest barrier: where its energy is below its "
            "percolation level, and its path of lowest barrier around the crystal.",
            views=drawn,
        ),
        Section(
            "left-out",
            "Left out",
            tables=[
                Table(
                    "Crystals without a rank",
                    ("crystal", "reason"),
                    [(row["name"], row["reason"]) for row in left_out],
                )
            ]
            if left_out
            else [],
        ),
    ]
    content = ReportContent(
        title=f"Screening for conductors of {settings.mobile}",
        kind="Frozen-framework energy landscapes",
        sections=sections,
        scripts=_scripts() if drawn else [],
        provenance=dict(_provenance(settings)),
    )
    write_report(content, out / PAGE)
    return out / PAGE


def _view(out: Path, row: Mapping[str, Any], plan: LandscapePlan) -> View:
    from mlipsse.report.cell_scene.landscape import landscape_scene
    from mlipsse.report.cell_scene.picture import scene_figure
    from mlipsse.report.cell_scene.view import scene_view
    from mlipsse.report.figures.style import save_figure

    found = plan.read()
    steps = grid_steps(plan.crystal.cell.array, plan.shape)
    barriers_eV = [
        percolation_levels(ion.energies_eV, ion.lowest, steps)[0][0] for ion in found.ions
    ]
    best = int(np.argmin(barriers_eV))
    scene = landscape_scene(plan.crystal, found.ions[best], found.numbers[best])
    picture, _ = save_figure(scene_figure(scene), out / "landscapes" / plan.name)
    level = (
        f"percolates at {barriers_eV[best]:.2f} eV"
        if np.isfinite(barriers_eV[best])
        else "does not percolate"
    )
    return View(
        title=f"{row['rank']}. {row['name']}: {plan.crystal.get_chemical_formula()}",
        html=scene_view(scene, identifier=f"landscape-{row['rank']}"),
        caption=f"Atom {found.numbers[best]} ({plan.settings.mobile}) {level}.",
        picture=picture,
    )


def _scripts() -> list[str]:
    from plotly.offline import get_plotlyjs

    return [get_plotlyjs()]


def _provenance(settings: LandscapeSettings) -> Iterator[tuple[str, object]]:
    yield "potential", settings.potential + (f", head {settings.head}" if settings.head else "")
    yield "spacing", f"{settings.spacing_A:g} Å, {settings.grid} grid"
    yield "closest", f"{settings.closest_A:g} Å"
    yield "relaxed first", settings.relaxation
