"""From a CIF's rows to all sites of the cell: special positions, mixed sites, occupancies."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.structures.cif.rows import AtomRow
from mlipsse.structures.cif.settings import Setting
from mlipsse.structures.cif.site_filling import MOST_FILLED, fill_site
from mlipsse.structures.cif.special_positions import (
    Place,
    PlaceChooser,
    distance_A,
    orbit,
)
from mlipsse.structures.crystal.model import CrystalSite, content_of

SPECIAL_A = 0.05
"""A site this near to a special position is put on it; farther ones only for a reason: the
coordinates are rounded, the stated multiplicity asks for it, or images would overlap."""

SAME_SITE_A = 0.05
"""Rows this near to each other describe one site."""

MIXED_SITE_A = 0.2
"""Rows of different elements this near to each other, filled to at most 1, are one mixed site."""


@dataclass(frozen=True, eq=False)
class Expansion:
    """All sites of a cell in one setting.

    Attributes
    ----------
    setting : of the space group
    positions : (n, 3) float64, fractional, in [0, 1)
    sites : what sits on each of them
    notes : what was put right, one sentence each
    forced : sites that had to be moved because their images would overlap
    contradicted : sites whose stated multiplicity is not the setting's: label, stated, found
    """

    setting: Setting
    positions: np.ndarray
    sites: tuple[CrystalSite, ...]
    notes: tuple[str, ...]
    forced: int
    contradicted: tuple[tuple[str, int, int], ...]

    @property
    def content(self) -> dict[str, float]:
        """Atoms per cell of every element."""
        return content_of(self.sites)


@dataclass
class _Cluster:
    """Rows that describe one site.

    Attributes
    ----------
    rows : in the order of the file
    orders : of the places that the rows would have alone, see `Place`
    position : (3,) mean of the positions as written, fractional
    anchor : (3,) where the first row belongs by its decimals, fractional
    spread_A : how far apart the rows were written, Å
    images : rows that are images of the site
    place : where the site is; None before it is chosen
    share : multiplies the occupancies, where images of the written site were joined
    """

    rows: list[AtomRow]
    orders: list[int]
    position: np.ndarray
    anchor: np.ndarray
    spread_A: float = 0.0
    images: list[AtomRow] = field(default_factory=list)
    place: Place | None = None
    share: float = 1.0

    @property
    def name(self) -> str:
        return "/".join(dict.fromkeys(row.label for row in self.rows))

    @property
    def filled(self) -> float:
        return self.share * sum(row.filled for row in self.rows)

    @property
    def stated(self) -> int | None:
        """The multiplicity that its rows of the highest order state, where they agree."""
        top = max(self.orders)
        found = {
            row.multiplicity
            for row, order in zip(self.rows, self.orders, strict=True)
            if order == top
        }
        return found.pop() if len(found) == 1 else None


def expand(
    rows: Sequence[AtomRow], setting: Setting, cell: np.ndarray, *, special_A: float = SPECIAL_A
) -> Expansion:
    """Lay the rows out by the operations of a setting.

    Parameters
    ----------
    rows : of the table of sites
    setting : of the space group
    cell : (3, 3) float64, Å, with the metric of the setting
    special_A : a site this near to a special position is put on it, unless its stated
        multiplicity is another

    Raises
    ------
    MlipsseError
        when the occupancies of a site add up to more than `MOST_FILLED`, or rows that are images
        of each other may be one site's parts as well as one site written twice.
    """
    notes: list[str] = []
    clusters = _clusters(rows, setting, cell, special_A)
    _weigh_split_rows(clusters, notes)
    _count_images_once(clusters, setting, cell, notes)
    clusters = [cluster for cluster in clusters if cluster.filled > 0]
    chooser = PlaceChooser(setting, cell, special_A)
    contradicted, forced = _place(clusters, chooser, notes)
    clusters = _joined(clusters, setting, cell)
    _note_mixed(clusters, notes)
    positions, sites = [], []
    scaled: dict[str, list[str]] = {}
    for cluster in clusters:
        place = cluster.place or Place(cluster.position, 1, 0.0)
        site = fill_site(cluster.rows, cluster.share, cluster.spread_A, scaled)
        images = orbit(setting, place.position, cell)
        positions.append(images)
        sites += [site] * len(images)
    for words, names in scaled.items():
        notes.append(f"{words}: {', '.join(names)}.")
    return Expansion(
        setting, np.concatenate(positions), tuple(sites), tuple(notes), forced, contradicted
    )


def _clusters(
    rows: Sequence[AtomRow], setting: Setting, cell: np.ndarray, special_A: float
) -> list[_Cluster]:
    """Rows gathered into sites; an image of an earlier row is carried over to it."""
    found: list[_Cluster] = []
    anchors = np.empty((len(rows), 3))
    for row, own in zip(
        rows, _own_places(rows, PlaceChooser(setting, cell, special_A)), strict=True
    ):
        anchor = own.position
        images = np.einsum("gij,j->gi", setting.rotations, anchor) + setting.translations
        best: tuple[float, int, int] | None = None
        if found:
            apart = images[:, None] - anchors[: len(found)]
            away_A = np.linalg.norm((apart - np.rint(apart)) @ cell, axis=2)
            operations = np.argmin(np.round(away_A, 4), axis=0)
            least_A = np.take_along_axis(away_A, operations[None], axis=0)[0]
            for near in np.flatnonzero(least_A <= MIXED_SITE_A).tolist():
                if _one_site(found[near], row, least_A[near]) and (
                    best is None or least_A[near] < best[0]
                ):
                    best = (float(least_A[near]), near, int(operations[near]))
        if best is None:
            anchors[len(found)] = anchor
            found.append(_Cluster([row], [own.order], row.position, anchor))
            continue
        away, index, operation = best
        cluster = found[index]
        direct = distance_A(anchor, cluster.anchor, cell) <= away + 1e-3
        if not direct and _same_species(cluster.rows[0], row):
            cluster.images.append(row)
            continue
        written = setting.rotations[operation] @ row.position + setting.translations[operation]
        moved = written - cluster.position
        total = cluster.filled + row.filled
        share = row.filled / total if total else 0.0
        moved = moved - np.rint(moved)
        cluster.position = cluster.position + share * moved
        cluster.spread_A = max(cluster.spread_A, float(np.linalg.norm(moved @ cell)))
        cluster.rows.append(row)
        cluster.orders.append(own.order)
    return found


def _own_places(rows: Sequence[AtomRow], chooser: PlaceChooser) -> list[Place]:
    """Where each row would be alone: by its stated multiplicity, where all of them can be."""
    options = [chooser.places(row.position) for row in rows]
    stated = [
        chooser.with_multiplicity(places, row.multiplicity)
        for row, places in zip(rows, options, strict=True)
    ]
    trusted = all(
        row.multiplicity is None or place is not None
        for row, place in zip(rows, stated, strict=True)
    )
    return [
        place if trusted and place is not None else chooser.choose(places, row, 0.0)[0]
        for row, places, place in zip(rows, options, stated, strict=True)
    ]


def _weigh_split_rows(clusters: list[_Cluster], notes: list[str]) -> None:
    """Give a row that lies around a special position, not on it, the occupancy of its images.

    It joins the species on that position when they fit there together. Where they do not, its
    distance is an error of writing, and its occupancy is that of the position itself.
    """
    joined = []
    for cluster in clusters:
        top = max(cluster.orders)
        shares = [top / order for order in cluster.orders]
        if top == min(cluster.orders):
            continue
        total = sum(share * row.filled for share, row in zip(shares, cluster.rows, strict=True))
        cluster.position = cluster.rows[cluster.orders.index(top)].position
        if total > MOST_FILLED + 1e-9:
            continue
        joined += [row.label for row, share in zip(cluster.rows, shares, strict=True) if share > 1]
        cluster.rows = [
            row.weighted(share) for row, share in zip(cluster.rows, shares, strict=True)
        ]
    if joined:
        notes.append(
            f"{', '.join(joined)}: on several places around one special position, which holds "
            "their total occupancy."
        )


def _one_site(cluster: _Cluster, row: AtomRow, away_A: float) -> bool:
    if away_A <= SAME_SITE_A:
        return True
    here = {one.element for other in cluster.rows for one in other.species}
    there = {one.element for one in row.species}
    return (
        away_A <= MIXED_SITE_A
        and not here & there
        and cluster.filled + row.filled <= MOST_FILLED + 1e-9
    )


def _same_species(one: AtomRow, other: AtomRow) -> bool:
    return one.species == other.species and abs(one.occupancy.value - other.occupancy.value) < 1e-3


def _count_images_once(
    clusters: list[_Cluster], setting: Setting, cell: np.ndarray, notes: list[str]
) -> None:
    """Decide what rows are that repeat another row at one of its images."""
    repeated = [cluster for cluster in clusters if cluster.images]
    if not repeated:
        return
    whole = all(
        len(cluster.images) + 1 == len(orbit(setting, cluster.position, cell))
        for cluster in clusters
    )
    for cluster in repeated:
        names = ", ".join([cluster.name, *(row.label for row in cluster.images)])
        together = cluster.filled + sum(row.filled for row in cluster.images)
        if not whole and together <= MOST_FILLED:
            raise MlipsseError(
                f"its rows {names} lie on images of one site and have a total occupancy of "
                f"{together:g}: one site is written twice, or its occupancy in parts. Keep one "
                "row with the total occupancy"
            )
    names = ", ".join(cluster.name for cluster in repeated)
    notes.append(
        f"Rows that its symmetry operations also make are counted once (images of {names})."
    )


def _place(
    clusters: list[_Cluster], chooser: PlaceChooser, notes: list[str]
) -> tuple[tuple[tuple[str, int, int], ...], int]:
    """Put every site on the position that is meant; contradicted multiplicities, forced moves."""
    size = len(chooser.setting.triplets)
    options = [chooser.places(cluster.position) for cluster in clusters]
    stated = [cluster.stated for cluster in clusters]
    exact = [
        chooser.with_multiplicity(places, one) for one, places in zip(stated, options, strict=True)
    ]
    trusted = all(
        one is None or place is not None for one, place in zip(stated, exact, strict=True)
    )
    orders = all(
        one is None or one in {place.order for place in places}
        for one, places in zip(stated, options, strict=True)
    )
    moved: list[str] = []
    joined: list[str] = []
    farthest_A, forced = 0.0, 0
    contradicted = []
    for cluster, places, one, meant in zip(clusters, options, stated, exact, strict=True):
        place, was_forced = (
            (meant, False)
            if trusted and meant is not None
            else chooser.choose(places, cluster.rows[0], cluster.filled)
        )
        place = _images_joined(cluster, place, places, joined)
        forced += was_forced
        cluster.place = place
        found = round(size / place.order * cluster.share)
        if one is not None and one != found and not (orders and not trusted):
            contradicted.append((cluster.name, one, found))
        if place.moved_A > 1e-3:
            moved.append(cluster.name)
            farthest_A = max(farthest_A, place.moved_A)
    if joined:
        notes.append(
            f"{', '.join(joined)}: images so close that they count as one site, with their total "
            "occupancy."
        )
    if moved:
        notes.append(
            f"{', '.join(moved)}: moved to the nearest special position, by at most "
            f"{farthest_A:.3f} Å."
        )
    return tuple(contradicted), forced


def _images_joined(
    cluster: _Cluster, place: Place, places: Sequence[Place], joined: list[str]
) -> Place:
    """The special position for images that lie on top of each other and fit on one site."""
    for other in places:
        share = other.order / place.order
        if (
            share > 1
            and other.moved_A <= SAME_SITE_A / 2
            and place.moved_A < 1e-3
            and cluster.filled * share <= MOST_FILLED
        ):
            cluster.share = share
            joined.append(cluster.name)
            return other
    return place


def _joined(clusters: list[_Cluster], setting: Setting, cell: np.ndarray) -> list[_Cluster]:
    """Join sites that were put on one special position."""
    if len(setting.triplets) == 1:
        return clusters
    found: list[_Cluster] = []
    for cluster in clusters:
        place = cluster.place or Place(cluster.position, 1, 0.0)
        images = orbit(setting, place.position, cell)
        others = [other.place or place for other in found]
        there = np.array([other.position for other in others]).reshape(-1, 3)
        apart = images[:, None] - there
        away_A = np.linalg.norm((apart - np.rint(apart)) @ cell, axis=2).min(axis=0)
        for index in np.flatnonzero(away_A <= SAME_SITE_A):
            if others[index].order == place.order:
                found[index].rows += cluster.rows
                found[index].orders += cluster.orders
                break
        else:
            found.append(cluster)
    return found


def _note_mixed(clusters: list[_Cluster], notes: list[str]) -> None:
    apart = [cluster for cluster in clusters if cluster.spread_A > 1e-3]
    if apart:
        farthest_A = max(cluster.spread_A for cluster in apart)
        notes.append(
            f"{', '.join(cluster.name for cluster in apart)}: one site, written up to "
            f"{farthest_A:.3f} Å apart."
        )
