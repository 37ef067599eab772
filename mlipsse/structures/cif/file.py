"""A crystal from a CIF.

What pymatgen and ASE leave undone when they read real CIFs, measured on the cases of
`tests/data/cifs` (see benchmarks/README.md), is done here: the space group in the form that the
file happens to state, the origin that it leaves open, rounded and noisy coordinates, occupancies
that miss 1, and a comparison of the cell's content with what the file states of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.structures.cif.expansion import Expansion, expand
from mlipsse.structures.cif.rows import AtomRow, parse_formula, read_rows
from mlipsse.structures.cif.settings import Setting
from mlipsse.structures.cif.special_positions import distance_A
from mlipsse.structures.cif.symmetry import StatedSymmetry, read_symmetry
from mlipsse.structures.cif.text import CifBlock, number, parse_blocks
from mlipsse.structures.crystal.content import Agreement, compare_content, describe_content
from mlipsse.structures.crystal.model import Crystal
from mlipsse.structures.crystal.plausibility import Distances, judge_distances

_STRAIN_FACTOR, _STRAIN_MARGIN = 2.0, 0.003
"""By how much the distances of one origin must be better than the other's to decide for it."""


@dataclass(frozen=True, eq=False)
class _Reading:
    """A file read in one setting.

    Attributes
    ----------
    sites : that the setting gives
    distances : between them
    agreement : with what the file states of itself; None where it states nothing
    """

    sites: Expansion
    distances: Distances
    agreement: Agreement | None

    @property
    def doubts(self) -> tuple[int, ...]:
        """What speaks against it, the weightiest first."""
        return (
            self.agreement.rank if self.agreement is not None else 0,
            len(self.sites.contradicted),
            int(bool(self.distances.clashes)),
            self.sites.forced,
        )


def read_cif(content: str, name: str) -> Crystal:
    """Read the first structure of a CIF.

    Parameters
    ----------
    content : text of the file
    name : of the file, for messages

    Raises
    ------
    MlipsseError
        when the text is no CIF, states its symmetry in no known form or an ambiguous one, holds
        sites that cannot be (see `read_rows`, `expand`), or contradicts its own formula.
    """
    blocks = _structures(content, name)
    block = blocks[0]
    notes = []
    if len(blocks) > 1:
        names = ", ".join(one.name for one in blocks)
        notes.append(
            f"It holds {len(blocks)} structures ({names}); the first, {block.name}, is read."
        )
    return _read_block(block, name if len(blocks) == 1 else f"{name}, block {block.name},", notes)


def read_cif_structures(content: str, name: str) -> list[Crystal]:
    """Read all structures of a CIF, at least one; see `read_cif`."""
    return [
        _read_block(block, f"{name}, block {block.name},", [])
        for block in _structures(content, name)
    ]


def _structures(content: str, name: str) -> list[CifBlock]:
    """The blocks that hold sites."""
    blocks = parse_blocks(content, name)
    found = [block for block in blocks if block.rows("_atom_site_fract_x")]
    found = found or [block for block in blocks if block.rows("_atom_site_label")]
    if not found:
        raise MlipsseError(
            f"{name} cannot be read as a CIF or POSCAR: it holds no table of sites "
            "(`_atom_site_fract_x`). Give a file with a structure."
        )
    return found


def _read_block(block: CifBlock, name: str, notes: list[str]) -> Crystal:
    try:
        return _crystal(block, name.partition(", block ")[0], notes)
    except MlipsseError as error:
        raise MlipsseError(f"{name} cannot be read: {error}.") from error


def _crystal(block: CifBlock, name: str, notes: list[str]) -> Crystal:
    cell = _cell(block)
    rows, passed_over = read_rows(block)
    formula = block.value("_chemical_formula_sum")
    if formula is not None and parse_formula(formula) is None:
        passed_over.append(f"Its formula {formula!r} cannot be read; the content is not compared.")
    symmetry = read_symmetry(block, cell)
    try:
        chosen, reason = _choose(_readings(block, rows, symmetry.settings, cell), symmetry)
    except MlipsseError:
        _refuse_wrong_choice(block, rows, symmetry, cell)
        raise
    if any(chosen.doubts):
        _refuse_wrong_choice(block, rows, symmetry, cell)
    exact = chosen.sites.setting.symmetrised(cell)
    change_A = float(np.abs(np.linalg.norm(exact, axis=1) - np.linalg.norm(cell, axis=1)).max())
    if change_A > 1e-3:
        passed_over.append(
            f"Its cell deviates from the metric of its space group by {change_A:.3f} Å and is "
            "corrected."
        )
    _refuse_contradictions(chosen)
    return Crystal(
        name=name,
        cell=exact,
        scaled_positions=chosen.sites.positions,
        sites=chosen.sites.sites,
        symbol=symmetry.symbol,
        number=symmetry.number,
        setting=chosen.sites.setting.symbol,
        setting_number=chosen.sites.setting.number,
        n_operations=len(chosen.sites.setting.triplets),
        notes=(
            *notes,
            *symmetry.notes,
            *reason,
            *passed_over,
            *chosen.sites.notes,
            *_content_notes(chosen),
        ),
    )


def _cell(block: CifBlock) -> np.ndarray:
    """Rows are lattice vectors; c along z, a in the plane of x and z, as pymatgen has it."""
    found = []
    for tag in (
        *(f"_cell_length_{axis}" for axis in "abc"),
        *(f"_cell_angle_{angle}" for angle in ("alpha", "beta", "gamma")),
    ):
        raw = block.value(tag)
        value = number(raw) if raw is not None else None
        if raw is None and "angle" in tag:
            found.append(90.0)  # the default of the CIF dictionary
            continue
        if value is None or value.value <= 0:
            raise MlipsseError(
                f"its `{tag}` is {'missing' if raw is None else repr(raw)}. Give the cell's "
                "lengths in Å and its angles in degrees"
            )
        found.append(value.value)
    a, b, c = found[:3]
    cos_alpha, cos_beta, cos_gamma = np.cos(np.deg2rad(found[3:]))
    sin_alpha, sin_beta = np.sin(np.deg2rad(found[3:5]))
    cosine = (cos_alpha * cos_beta - cos_gamma) / (sin_alpha * sin_beta)
    if abs(cosine) >= 1:
        raise MlipsseError(f"no cell has its angles {found[3:]}. Correct them")
    cell = np.array(
        [
            [a * sin_beta, 0.0, a * cos_beta],
            [-b * sin_alpha * cosine, b * sin_alpha * np.sqrt(1 - cosine**2), b * cos_alpha],
            [0.0, 0.0, c],
        ]
    )
    return np.where(np.abs(cell) < 1e-12 * max(found[:3]), 0.0, cell)


def _refuse_wrong_choice(
    block: CifBlock, rows: Sequence[AtomRow], symmetry: StatedSymmetry, cell: np.ndarray
) -> None:
    """Refuse a choice of axes or origin that the sites do not fit, where they fit another."""
    for setting in symmetry.others:
        try:
            (other,) = _readings(block, rows, [setting], cell)
        except MlipsseError:
            continue
        if not any(other.doubts):
            raise MlipsseError(
                "its sites do not fit the stated choice of axes and origin "
                f"({symmetry.settings[0].symbol}), but they fit {setting.symbol}. Write the "
                "intended setting, or add the symmetry operations"
            )


def _readings(
    block: CifBlock, rows: Sequence[AtomRow], settings: Sequence[Setting], cell: np.ndarray
) -> list[_Reading]:
    formula = parse_formula(block.value("_chemical_formula_sum") or "")
    written = number(block.value("_cell_formula_units_z") or "")
    units = written.value if written is not None and written.value > 0 else None
    found, errors = [], []
    for setting in settings:
        exact = setting.symmetrised(cell)
        try:
            reading = _reading(expand(rows, setting, exact), exact, formula, units)
            if reading.doubts[0]:
                # The formula knows whether sites near special positions lie on them.
                apart = _reading(expand(rows, setting, exact, special_A=0), exact, formula, units)
                reading = min(reading, apart, key=lambda one: one.doubts[0])
        except MlipsseError as error:
            errors.append(error)
            continue
        found.append(reading)
    if not found:
        raise errors[0]
    return found


def _reading(
    sites: Expansion, cell: np.ndarray, formula: Mapping[str, float] | None, units: float | None
) -> _Reading:
    distances = judge_distances(cell, sites.positions, sites.sites)
    if not formula:
        return _Reading(sites, distances, None)
    full = _full_elements(sites)
    return _Reading(sites, distances, compare_content(sites.content, formula, units, full))


def _full_elements(sites: Expansion) -> set[str]:
    """Elements that fill all their sites alone."""
    shared = {
        name for site in sites.sites for name, amount in site.amounts.items() if amount < 1 - 1e-3
    }
    return set(sites.content) - shared


def _choose(
    readings: Sequence[_Reading], symmetry: StatedSymmetry
) -> tuple[_Reading, tuple[str, ...]]:
    """The reading that the sites decide for, and why, where it matters."""
    if len(readings) == 1 and len(symmetry.settings) == 1:
        return readings[0], ()
    stated = symmetry.symbol or f"number {symmetry.number}"
    left, evidence = list(readings), "the occupancies"
    for step, why in enumerate(
        (
            "the stated formula",
            "the stated multiplicities",
            "the distances between the sites",
            "the distances between the sites",
        )
    ):
        least = min(reading.doubts[step] for reading in left)
        fewer = [reading for reading in left if reading.doubts[step] == least]
        if len(fewer) < len(left):
            left, evidence = fewer, why
    left.sort(key=lambda reading: reading.distances.strain)
    if len(left) > 1 and _clearly_better(left[0], left[1]):
        left, evidence = left[:1], "the distances between the sites"
    left.sort(key=lambda reading: readings.index(reading))
    first = left[0]
    same = all(_same_crystal(first, other) for other in left[1:])
    if same and len(left) == len(symmetry.settings):
        return max(left, key=lambda reading: len(reading.sites.setting.triplets)), ()
    if not same:
        settings = [reading.sites.setting for reading in left]
        if _contradictory(symmetry):
            one, other = (
                f"{name.symbol} ({len(name.triplets)} operations)" for name in settings[:2]
            )
            raise MlipsseError(
                f"its statements on symmetry contradict each other: {one} and {other}, and the "
                "file does not decide between them. List all operations, or correct the symbols"
            )
        if len({one.symbol.partition(":")[0] for one in settings}) < len(settings):
            names = " and ".join(one.symbol for one in settings)
            raise MlipsseError(
                f"its space group {stated!r} has several settings ({names}) that its sites fit. "
                f"Write the intended one, e.g. {settings[0].symbol!r}, or add the symmetry "
                "operations"
            )
        evidence = "custom (the standard setting)"
    setting = first.sites.setting
    words = (
        "Its statements on symmetry contradict each other"
        if _contradictory(symmetry)
        else f"Its space group {stated!r} leaves the setting open"
    )
    return first, (
        f"{words}; {setting.symbol or 'the operations'} ({len(setting.triplets)} operations) is "
        f"taken by {evidence}.",
    )


def _contradictory(symmetry: StatedSymmetry) -> bool:
    """Whether the settings differ by more than what a symbol leaves open: axes and origin."""
    numbers = {one.number for one in symmetry.settings}
    several = len(symmetry.settings) > 1
    return len(numbers) > 1 or (several and symmetry.source in ("operations", "Hall symbol"))


def _clearly_better(one: _Reading, other: _Reading) -> bool:
    least, next_ = one.distances.strain, other.distances.strain
    return next_ > _STRAIN_FACTOR * least + _STRAIN_MARGIN


def _same_crystal(one: _Reading, other: _Reading) -> bool:
    """Whether two readings give the same sites."""
    if len(one.sites.sites) != len(other.sites.sites):
        return False
    cell = np.eye(3)
    return all(
        any(
            site.amounts == there.amounts and distance_A(position, place, cell) < 1e-3
            for place, there in zip(other.sites.positions, other.sites.sites, strict=True)
        )
        for position, site in zip(one.sites.positions, one.sites.sites, strict=True)
    )


def _refuse_contradictions(reading: _Reading) -> None:
    agreement = reading.agreement
    if reading.distances.clashes:
        raise MlipsseError(
            f"its sites overlap ({'; '.join(reading.distances.clashes[:3])}). Check its space "
            "group, origin and coordinates"
        )
    if agreement is not None and agreement.missing:
        names = ", ".join(agreement.missing)
        raise MlipsseError(
            f"its stated formula names {names}, which no filled site holds: the sites make "
            f"{describe_content(reading.sites.content)} per cell. Add the sites of {names}, or "
            f"take {names} out of `_chemical_formula_sum` to leave it out"
        )
    if agreement is not None and agreement.contradicts:
        raise MlipsseError(
            f"its sites make {describe_content(reading.sites.content)} per cell, and its stated "
            f"formula differs in elements that fill their sites ({_differences(agreement)} for Z = "
            f"{agreement.units:g}). "
            "Check its symmetry operations and occupancies, or correct `_chemical_formula_sum` and "
            "`_cell_formula_units_Z`"
        )
    if reading.sites.contradicted and not (agreement is not None and agreement.agrees):
        label, stated, found = reading.sites.contradicted[0]
        raise MlipsseError(
            f"its site {label} has {found} positions in the cell by its symmetry, but the file "
            f"states a multiplicity of {stated}. Correct the symmetry or the multiplicity"
        )


def _differences(agreement: Agreement) -> str:
    parts = [f"{name} {amount:+.3g}" for name, amount in agreement.off.items()]
    parts += [f"no {name} in the formula" for name in agreement.extra]
    return ", ".join(parts)


def _content_notes(reading: _Reading) -> list[str]:
    notes = []
    agreement = reading.agreement
    if agreement is not None and not agreement.agrees:
        notes.append(
            f"WARNING: its sites make {describe_content(reading.sites.content)} per cell, which "
            f"differs from its stated formula ({_differences(agreement)} for Z = "
            f"{agreement.units:g}). The sites are used."
        )
    if reading.sites.contradicted:
        label, stated, found = reading.sites.contradicted[0]
        notes.append(
            f"WARNING: its site {label} has {found} positions in the cell, not the stated {stated}."
        )
    return notes
