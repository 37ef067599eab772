"""Crystals to screen: from files, with partial occupancies through their orderings."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ase import Atoms

from mlipsse import keys
from mlipsse.errors import MlipsseError
from mlipsse.structures import read_crystal, read_ordered
from mlipsse.structures.crystal.model import Crystal, content_of

SUFFIXES = (".cif", ".vasp", ".poscar")
"""Of files that a folder is searched for, beside those named POSCAR and CONTCAR."""

_FULL = 1e-3


@dataclass(frozen=True, eq=False)
class Candidate:
    """A crystal to screen.

    Attributes
    ----------
    name : of its results
    source : the file that it comes from
    crystals : its ordered forms, each with a name of its own in `info`; one of an ordered crystal
    notes : how they were made, sentences
    """

    name: str
    source: Path
    crystals: Sequence[Atoms]
    notes: Sequence[str] = ()


def crystal_files(places: Sequence[Path]) -> list[Path]:
    """Files among `places` and in folders among them, in order, folders by name.

    Raises
    ------
    MlipsseError
        for a place that is not there, and a folder without any.
    """
    found: list[Path] = []
    for place in places:
        if place.is_dir():
            inside = [
                path
                for path in sorted(place.iterdir())
                if path.is_file()
                and (path.suffix.lower() in SUFFIXES or path.stem in ("POSCAR", "CONTCAR"))
            ]
            if not inside:
                raise MlipsseError(
                    f"The folder {place} contains no crystal ({', '.join(SUFFIXES)} or POSCAR)."
                )
            found += inside
        elif place.is_file():
            found.append(place)
        else:
            raise MlipsseError(f"There is no crystal at {place}. Name a CIF, a POSCAR or a folder.")
    return list(dict.fromkeys(found))


def read_candidates(
    path: Path, *, mobile: str, orderings: int, most_atoms: int, seed: int = 1
) -> list[Candidate]:
    """The crystals of a file: several only where a CIF holds several.

    Parameters
    ----------
    mobile : symbol of the mobile ion
    orderings : how many orderings of lowest Ewald energy stand for a partly occupied crystal
    most_atoms : in a cell

    Raises
    ------
    MlipsseError
        when the file cannot be read, holds no mobile ion, or needs a cell of more atoms.
    """
    crystal = read_crystal(path)
    if mobile not in content_of(crystal.sites):
        held = ", ".join(content_of(crystal.sites))
        raise MlipsseError(f"{path.name} contains no {mobile}; it contains {held}.")
    if _is_ordered(crystal):
        return [
            _ordered(path, atoms, number if number else None, most_atoms)
            for number, atoms in enumerate(read_ordered(path))
        ]
    return [_through_orderings(path, crystal, mobile, orderings, most_atoms, seed)]


def _is_ordered(crystal: Crystal) -> bool:
    return all(
        len(site.occupants) == 1 and abs(site.occupancy - 1.0) < _FULL for site in crystal.sites
    )


def _ordered(path: Path, atoms: Atoms, number: int | None, most_atoms: int) -> Candidate:
    _require_size(path, len(atoms), most_atoms)
    name = path.stem if number is None else f"{path.stem}-{number + 1}"
    atoms.info = {keys.COMPOSITION: atoms.get_chemical_formula(), keys.ORDERING: name}
    return Candidate(name, path, [atoms])


def _through_orderings(
    path: Path, crystal: Crystal, mobile: str, orderings: int, most_atoms: int, seed: int
) -> Candidate:
    """The orderings of lowest Ewald energy in the smallest cell that holds the content."""
    from mlipsse.orderings import (
        HostSettings,
        Supercell,
        enumerate_orderings,
        parse_composition,
        read_host,
        smallest_supercells,
    )
    from mlipsse.orderings.composition.neutral import nearest_formula

    host = read_host(path, HostSettings(mobile=mobile))
    stated = "".join(f"{name}{amount:.6g}" for name, amount in content_of(crystal.sites).items())
    n_sites = len(crystal.sites)
    cells = [n for n in range(1, 13) if n == 1 or n * n_sites <= 2 * most_atoms]
    nearest = nearest_formula(stated, host, cells) or nearest_formula(stated, host)
    if nearest is None:
        raise MlipsseError(
            f"{path.name}: no cell of up to 12 host cells holds a neutral ordering of {stated}. "
            "Give an ordered structure."
        )
    composition = parse_composition(nearest.formula, host)
    supercell = Supercell(host, smallest_supercells(composition)[0])
    found = enumerate_orderings(composition, supercell, max_orderings=orderings, seed=seed)
    crystals: list[Atoms] = []
    for ordering in found:
        atoms = ordering.atoms
        _require_size(path, len(atoms), most_atoms)
        atoms.info[keys.ORDERING] = f"{path.stem}-o{len(crystals) + 1:02d}"
        crystals.append(atoms)
    notes = [
        f"{len(crystals)} orderings of {nearest.formula} of lowest Ewald energy in "
        f"{supercell.name} cells"
    ]
    if nearest.distance > 1e-3:
        notes.append(
            f"the file states {stated}, which is not neutral or fits no cell of this size; "
            f"{nearest.distance:.2g} atoms per cell differ"
        )
    return Candidate(path.stem, path, crystals, notes)


def _require_size(path: Path, n_atoms: int, most_atoms: int) -> None:
    if n_atoms > most_atoms:
        raise MlipsseError(
            f"{path.name} needs a cell of {n_atoms} atoms, more than {most_atoms}. Raise "
            "--max-atoms, or give a smaller ordered cell."
        )
