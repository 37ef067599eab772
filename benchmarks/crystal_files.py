"""Which reader is right on which crystal files, and what this package reads of a database.

    python benchmarks/crystal_files.py                       # the cases of tests/data/cifs
    python benchmarks/crystal_files.py --obelix FOLDER       # OBELiX's train.csv and CIFs

The first prints, for this package, pymatgen, ASE and gemmi, how many files of each kind are read to
their true content (2 %), refused, and read to another content: silently, or with a warning. The
second reads every host with partial occupancies of OBELiX (Therrien et al. 2025, doi
10.48550/arXiv.2502.14234; https://github.com/NRC-Mila/OBELiX) from a folder that holds its CIFs, as
files or in `*cifs*.tar.gz`, and prints how many are read to the content that the file states, and
why others are refused, first as crystals and then as hosts of orderings. Then it takes operations
and multiplicities out of all its CIFs, and the formulas too, and prints in how many the symbol and
the sites still lead to the same setting of the space group.
"""

import argparse
import json
import re
import tarfile
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from mlipsse.errors import MlipsseError
from mlipsse.orderings import HostSettings, read_host
from mlipsse.structures import Crystal, read_crystal
from mlipsse.structures.cif.file import read_cif
from mlipsse.structures.cif.rows import parse_formula
from mlipsse.structures.cif.text import parse_blocks, read_text

CASES = Path(__file__).parents[1] / "tests" / "data" / "cifs"
TOLERANCE = 0.02

KINDS = {
    "space group by symbol, number or Hall": r"hm_|hall|number|nasicon|spinel|lgps_o2|ops_only|c2m",
    "special positions, sites written apart": r"ycl|lgps_mixed|p1-",
    "occupancies": r"occ_|mixed_valence|same_species|disorder|nb_split",
    "species": r"vac_|oh_|li2o|attached|coord|charges|pauling|type_|oxy|argyrodite_st|label_|dup_",
    "POSCARs": r"POSCAR|poscar|llto",
    "published crystals": r"[A-Z].*\.cif",
    "text, blocks, formula": r".*",
}

REASONS = {
    "no lithium in the file": r"mobile species .* is not in",
    "charges": r"charge|neutral|oxidation",
    "the sites fit several origins": r"several settings",
    "images of a site hold more than one atom": r"hold \S+ atoms together",
    "a site beside one that is always filled": r"always filled",
    "other": r".*",
}

Content = dict[str, float]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--obelix", type=Path, metavar="FOLDER")
    folder = parser.parse_args().obelix
    if folder is None:
        compare_readers()
    else:
        read_database(folder)


def compare_readers() -> None:
    """Table of kinds by readers: right, refused, wrong with a warning, wrong silently."""
    readers: dict[str, Callable[[Path], Content]] = {
        "this package": lambda path: read_crystal(path).content,
        "pymatgen": _pymatgen,
        "ASE": _ase,
        "gemmi": _gemmi,
    }
    expected = json.loads((CASES / "expected.json").read_text())
    verdicts: dict[tuple[str, str], Counter[str]] = {}
    totals: Counter[str] = Counter()
    for name, case in expected.items():
        kind = next(kind for kind, pattern in KINDS.items() if re.match(pattern, name))
        totals[kind] += 1
        for reader, read in readers.items():
            verdict = _verdict(read, CASES / name, case)
            verdicts.setdefault((kind, reader), Counter())[verdict] += 1
    print("| kind | files | " + " | ".join(readers) + " |")
    print("|---" * (len(readers) + 2) + "|")
    for kind in KINDS:
        cells = [_cell(verdicts[kind, reader]) for reader in readers]
        print(f"| {kind} | {totals[kind]} | " + " | ".join(cells) + " |")
    print("\nright / refused / wrong, warned / wrong, silent")


def _verdict(read: Callable[[Path], Content], path: Path, case: Mapping[str, object]) -> str:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = read(path)
        except Exception:  # every reader has exceptions of its own
            return "right" if "refused" in case else "refused"
    wanted = case.get("content")
    if isinstance(wanted, dict) and _equal(found, wanted):
        return "right"
    heard = [one for one in caught if not issubclass(one.category, DeprecationWarning)]
    return "warned" if heard else "silent"


def _cell(verdicts: Counter[str]) -> str:
    return " / ".join(str(verdicts[name]) for name in ("right", "refused", "warned", "silent"))


def _equal(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    return set(one) == set(other) and all(
        abs(one[name] - other[name]) <= TOLERANCE * other[name] for name in other
    )


def _pymatgen(path: Path) -> Content:
    from pymatgen.core import Structure

    found: Content = {}
    for species, amount in Structure.from_file(path).composition.items():
        name = str(getattr(species, "symbol", species)).replace("D", "H")
        found[name] = found.get(name, 0.0) + amount
    return found


def _ase(path: Path) -> Content:
    from ase.io import read

    atoms = read(path)
    occupancies = atoms.info.get("occupancy", {})
    kinds = atoms.arrays.get("spacegroup_kinds", range(len(atoms)))
    found: Content = {}
    for kind, symbol in zip(kinds, atoms.get_chemical_symbols(), strict=True):
        for name, part in occupancies.get(str(kind), {symbol: 1.0}).items():
            found[name] = found.get(name, 0.0) + part
    return found


def _gemmi(path: Path) -> Content:
    import gemmi

    found: Content = {}
    for site in gemmi.read_small_structure(str(path)).get_all_unit_cell_sites():
        name = (
            site.element.name.replace("D", "H")
            if site.element.name == "D"
            else str(site.element.name)
        )
        found[name] = found.get(name, 0.0) + site.occ
    if not found:
        raise ValueError("no sites")
    return found


def read_database(folder: Path) -> None:
    """Read the disordered hosts of a folder, and print what became of them."""
    crystals: Counter[str] = Counter()
    hosts: Counter[str] = Counter()
    refused: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        for archive in folder.glob("*cifs*.tar.gz"):
            with tarfile.open(archive) as packed:
                packed.extractall(scratch, filter="data")
        paths = sorted([*folder.rglob("*.cif"), *Path(scratch).rglob("*.cif")])
        for path in paths:
            try:
                crystal = read_crystal(path)
            except MlipsseError as error:
                crystals[f"refused: {_reason(str(error))}"] += 1
                refused.append(str(error))
                continue
            if not _is_disordered(crystal):
                continue
            stated = _stated_content(path)
            agrees = _equal(crystal.content, stated)
            crystals["read to the stated content" if agrees else "read to another content"] += 1
            try:
                read_host(path, HostSettings(mobile="Li"))
            except MlipsseError as error:
                hosts[f"refused: {_reason(str(error))}"] += 1
                refused.append(str(error))
            else:
                hosts["read"] += 1
        kept = {
            title: Counter(_without_operations(path, formula=formula) for path in paths)
            for title, formula in (
                ("symbol and formula", True),
                ("symbol", False),
            )
        }
    for title, found in (
        ("crystals, partial occupancies", crystals),
        ("hosts of orderings, partial occupancies", hosts),
        *((f"all crystals, {name} alone", found) for name, found in kept.items()),
    ):
        print(f"\n| {title} | {sum(found.values())} |\n|---|---|")
        for name, number in found.most_common():
            print(f"| {name} | {number} ({number / sum(found.values()):.1%}) |")
    print("\n" + "\n".join(refused))


def _without_operations(path: Path, *, formula: bool) -> str:
    """What a CIF is read to when its symbol is all that it states of its symmetry."""
    from gemmi import cif

    document = cif.read_string(read_text(path))
    block = document.sole_block()
    block.find("_symmetry_equiv_pos_", ["site_id", "as_xyz"]).erase()
    sites = block.find_loop("_atom_site_label").get_loop()
    sites.remove_column("_atom_site_symmetry_multiplicity")
    if not formula:
        for tag in ("_chemical_formula_sum", "_cell_formula_units_Z"):
            block.find_pair_item(tag).erase()
    try:
        bare = read_cif(document.as_string(), path.name)
    except MlipsseError as error:
        return f"refused: {_reason(str(error))}"
    whole = read_crystal(path)
    if bare.setting != whole.setting:
        return "another setting"
    return "same content" if _equal(bare.content, whole.content) else "same setting, other content"


def _is_disordered(crystal: Crystal) -> bool:
    return any(len(site.amounts) > 1 or site.occupancy < 1 - 1e-3 for site in crystal.sites)


def _stated_content(path: Path) -> Content:
    """The formula of the whole cell, which pymatgen, whose files these are, writes."""
    (block,) = parse_blocks(read_text(path), path.name)
    return parse_formula(block.value("_chemical_formula_sum") or "") or {}


def _reason(sentence: str) -> str:
    return next(name for name, pattern in REASONS.items() if re.search(pattern, sentence))


if __name__ == "__main__":
    main()
