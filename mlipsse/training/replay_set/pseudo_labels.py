"""Replay labels by the foundation model itself."""

from collections.abc import Sequence
from pathlib import Path

from ase import Atoms

from mlipsse.dataset.frames.evaluation import single_points
from mlipsse.dataset.labels.sources import Label, with_label
from mlipsse.energetics.potentials.calculators import require_species
from mlipsse.energetics.potentials.loaded_mace import LoadedMace, elements
from mlipsse.errors import MlipsseError
from mlipsse.structures.files import read_structures


def read_replayed(path: Path) -> list[Atoms]:
    """All structures of a file that ASE reads; what they carry beside atoms and cell is left.

    Raises
    ------
    MlipsseError
        as `mlipsse.structures.files.read_structures`, and when a structure is not periodic in all
        directions.
    """
    structures = read_structures(path)
    for index, atoms in enumerate(structures):
        if not atoms.pbc.all():
            raise MlipsseError(
                f"Structure {index} of {path} ({atoms.get_chemical_formula()}) is not periodic in "
                "all directions and thus has no stress. Remove it, or add a cell."
            )
    return structures


def label_by_foundation(structures: Sequence[Atoms], foundation: LoadedMace) -> list[Atoms]:
    """Structures with the foundation's own energies, forces and stresses as labels.

    What a fine-tuned model is to keep can be shown to it on any structures, also where the labels
    that the foundation learned are not at hand.

    Parameters
    ----------
    structures : periodic in all directions; labels they carry are replaced

    Raises
    ------
    MlipsseError
        when the foundation does not know an element of theirs.
    """
    species = {symbol for atoms in structures for symbol in atoms.symbols}
    require_species(foundation.name, elements(foundation.model), species)
    # Of a file only its name: its place on this machine means nothing to a reader of labels.
    source = f"pseudo-labels: {Path(foundation.name).name}"
    return [
        with_label(
            Atoms(atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=True),
            Label(point, source),
        )
        for atoms, point in zip(structures, single_points(structures, foundation), strict=True)
    ]
