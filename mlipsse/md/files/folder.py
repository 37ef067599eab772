"""The folder of one run: structure, deck and record, rendered; what a run adds, removed."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from ase import Atoms

from mlipsse.engines import EngineName
from mlipsse.errors import MlipsseError
from mlipsse.files import exclusive_lock, write_text
from mlipsse.md.files.data_file import atom_style, data_text
from mlipsse.md.files.deck import render_deck
from mlipsse.md.files.record import (
    FINISHED_FILE,
    OUTCOME_FILE,
    RECORD_FILE,
    RunRecord,
    read_outcome,
    read_record,
    record_text,
    with_protocol,
)

DATA_FILE = "structure.data"
DECK_FILE = "in.lammps"
LOCK_FILE = ".lock"

_PRODUCTS = (
    "outcome.json",
    "finished.txt",
    "stopped.txt",
    "segments.json",
    "restart.*",
    "traj.*.dcd",
    "velocities.*.lammpstrj",
    "log.*",
    "displaced.*.txt",
    "lammps.out",
    "relaxed.data",
    "averaged.data",
    "volume.txt",
)


def render_folder(
    folder: Path,
    atoms: Atoms,
    record: RunRecord,
    *,
    pair_commands: Sequence[str],
    engine: EngineName = "mlipsse",
    template_dir: Path | None = None,
    replace: bool = False,
) -> None:
    """Write everything a run needs into `folder`; the same input gives the same bytes.

    A folder that already holds exactly this run is left as it is, so that the run can go on. One
    that holds this run with another `production_ps` becomes the longer or shorter run: what it has
    recorded is kept, and it goes on from there.

    Parameters
    ----------
    folder : made when missing
    atoms : crystal, in the order of `record.species`
    record : as `record_of` makes it, with the protocol
    pair_commands, engine : see `deck.render_deck`
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
    deck = {
        "title": record.name,
        "pair_commands": list(pair_commands),
        "atom_style": atom_style(atoms),
        # Records that were written when there was one engine stay as they are.
        **({} if engine == "mlipsse" else {"engine": engine}),
    }
    record = dataclasses.replace(record, extra=record.extra | {"deck": deck})
    data = {DATA_FILE: data_text(atoms, title=record.name)}
    wanted = data | _texts(record, template_dir)
    if _holds(folder, wanted):
        return
    with exclusive_lock(folder / LOCK_FILE, holder="LAMMPS run"):
        length_ps = _production_ps(folder)
        same_run = length_ps is not None and _holds(
            folder, data | _texts(_of_length(record, length_ps), template_dir)
        )
        if same_run:
            _reopen(folder)
        else:
            products = [path for pattern in _PRODUCTS for path in folder.glob(pattern)]
            if products and not replace:
                raise MlipsseError(
                    f"{folder} contains the results of a run with other settings, e.g. "
                    f"{products[0].name}. Remove it or choose another folder."
                )
            for path in products:
                path.unlink()
        for name, text in wanted.items():
            write_text(folder / name, text)


def lengthen_folder(
    folder: Path, *, production_ps: float, template_dir: Path | None = None
) -> None:
    """Give the run in `folder` another length; what it has recorded is kept.

    Parameters
    ----------
    production_ps : from its first frame to its last, ps
    template_dir : the templates it was rendered with

    Raises
    ------
    MlipsseError
        when a run is at work there, or the length does not go with the run's intervals.
    """
    texts = _texts(_of_length(read_record(folder), production_ps), template_dir)
    with exclusive_lock(folder / LOCK_FILE, holder="LAMMPS run"):
        _reopen(folder)
        for name, text in texts.items():
            write_text(folder / name, text)


def _texts(record: RunRecord, template_dir: Path | None) -> dict[str, str]:
    deck = render_deck(record, **record.extra["deck"], template_dir=template_dir)
    return {DECK_FILE: deck, RECORD_FILE: record_text(record)}


def _of_length(record: RunRecord, production_ps: float) -> RunRecord:
    protocol = record.protocol.replaced(production_ps=production_ps)
    return with_protocol(record, protocol)


def _reopen(folder: Path) -> None:
    """Forget that a run is complete; that it was stopped stays."""
    ended = read_outcome(folder)
    if ended is None or ended.status == "done":
        for name in (OUTCOME_FILE, FINISHED_FILE):
            (folder / name).unlink(missing_ok=True)


def _production_ps(folder: Path) -> float | None:
    """Length of the run that `folder` holds, None when it holds none of this version's."""
    if not (folder / RECORD_FILE).is_file():
        return None
    try:
        return read_record(folder).protocol.production_ps
    except MlipsseError:
        return None


def _holds(folder: Path, texts: Mapping[str, str]) -> bool:
    return all(
        (folder / name).is_file() and (folder / name).read_bytes() == text.encode("utf-8")
        for name, text in texts.items()
    )
