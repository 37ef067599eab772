"""The folder of one run: structure, deck and record, rendered; what a run adds, removed."""

from collections.abc import Sequence
from pathlib import Path

from ase import Atoms

from mlipsse.errors import MlipsseError
from mlipsse.files import exclusive_lock, write_text
from mlipsse.md.data_file import data_text
from mlipsse.md.deck import render_deck
from mlipsse.md.protocol import Protocol
from mlipsse.md.record import RECORD_FILE, RunRecord, record_text

DATA_FILE = "structure.data"
DECK_FILE = "in.lammps"
LOCK_FILE = ".lock"

_PRODUCTS = (
    "outcome.json",
    "finished.txt",
    "restart.*",
    "traj.*.dcd",
    "log.*",
    "lammps.out",
    "relaxed.data",
)


def render_folder(
    folder: Path,
    atoms: Atoms,
    *,
    title: str,
    protocol: Protocol,
    record: RunRecord,
    pair_commands: Sequence[str],
    template_dir: Path | None = None,
    replace: bool = False,
) -> None:
    """Write everything a run needs into `folder`; the same input gives the same bytes.

    A folder that already holds exactly this run is left as it is, so that the run can go on.

    Parameters
    ----------
    folder : made when missing
    atoms : crystal, in the order of `record.species`
    title : names the run in its deck
    pair_commands : see `deck.render_deck`
    template_dir : the user's own templates
    replace : remove what another run left in the folder, instead of refusing

    Raises
    ------
    MlipsseError
        when the folder holds another run's trajectory or restarts and `replace` is not set, and
        when a run is at work there.
    """
    if tuple(atoms.get_chemical_symbols()) != record.species:
        raise MlipsseError(f"The record of {folder} does not name the atoms of its structure.")
    texts = {
        DATA_FILE: data_text(atoms, title=title),
        DECK_FILE: render_deck(
            title=title,
            protocol=protocol,
            pair_commands=pair_commands,
            template_dir=template_dir,
        ),
        RECORD_FILE: record_text(record),
    }
    if all(_holds(folder / name, text) for name, text in texts.items()):
        return
    with exclusive_lock(folder / LOCK_FILE, holder="LAMMPS run"):
        products = [path for pattern in _PRODUCTS for path in folder.glob(pattern)]
        if products and not replace:
            raise MlipsseError(
                f"{folder} holds the results of a run with other settings, e.g. "
                f"{products[0].name}. Remove the folder or choose another one."
            )
        for path in products:
            path.unlink()
        for name, text in texts.items():
            write_text(folder / name, text)


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode("utf-8")
