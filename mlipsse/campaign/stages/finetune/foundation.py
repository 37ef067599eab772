"""The model that is fine-tuned and the replay set that goes with it, by path or by name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlipsse.campaign.engine.execution import Unit
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.record import digest
from mlipsse.campaign.engine.stage import Work
from mlipsse.energetics.potentials.catalogue import Potential, find_potential
from mlipsse.errors import MlipsseError

REPLAY_NAME = "replay.extxyz"

MP_REPLAY = "mp"
"""Word of the config for the replay set that mace-torch downloads."""


@dataclass(frozen=True)
class Foundation:
    """What the config names; nothing is downloaded or loaded yet.

    Attributes
    ----------
    potential : the model; None from scratch without one
    replay : the replay set's file; None for `mp`, and when there is none
    downloads_replay : whether it is `mp`
    """

    potential: Potential | None
    replay: Path | None
    downloads_replay: bool = False

    @property
    def files(self) -> list[Path]:
        """Files of the package or the user; downloads are identified by their names."""
        own = self.potential is not None and self.potential.kind == "mace"
        model = [Path(self.potential.source)] if own and self.potential else []
        return [*model, *([self.replay] if self.replay else [])]


def find_foundation(campaign: Campaign) -> Foundation:
    """The foundation model and the replay set that the config names.

    Raises
    ------
    MlipsseError
        when the foundation is no MACE model, a file is missing, no replay set goes with a model
        that mace-torch downloads, or `mp` is not what that model learned.
    """
    config = campaign.config.finetune
    if config.foundation is None:
        return Foundation(None, None)
    potential = find_potential(campaign.potential(config.foundation))
    scratch = config.strategy == "scratch" and config.architecture != "foundation"
    if scratch and potential.kind == "mace-mp":
        return Foundation(None, None)  # not downloaded for a comparison alone
    if not potential.in_batches:
        raise MlipsseError(
            f"finetune.foundation: {config.foundation} is not a MACE model. Name a model in "
            "potentials/ or of mace-torch (e.g. medium), or give the path of a .model file."
        )
    if config.replay == MP_REPLAY:
        _check_level_of_theory(potential)
        return Foundation(potential, None, downloads_replay=True)
    optional = config.replay is None and config.strategy != "multihead"
    if config.replay is None and potential.kind == "mace-mp":
        if optional:
            return Foundation(potential, None)
        raise MlipsseError(
            f"finetune.replay: mace-torch's {potential.source} has no replay set. Without replay, "
            "fine-tuning forgets what the foundation learned. Give mp (MPtrj, downloaded), an "
            "extxyz file with the foundation's labels, or structures and replay_labels: "
            "foundation."
        )
    beside = Path(potential.source).parent / REPLAY_NAME
    replay = campaign.path(config.replay) if config.replay else beside
    if optional and not replay.is_file():
        return Foundation(potential, None)
    if not replay.is_file():
        raise MlipsseError(
            f"finetune.replay: {replay} does not exist. Without replay, fine-tuning forgets what "
            "the foundation learned. Give an extxyz file with the foundation's labels, or "
            "structures and replay_labels: foundation."
        )
    return Foundation(potential, replay)


def provide_foundation(work: Work) -> tuple[Path | None, Path | None]:
    """The files of the foundation model and its replay set, made where needed; None for no such.

    Raises
    ------
    MlipsseError
        as `find_foundation`, and when a download fails.
    """
    from mlipsse.energetics.potentials.loaded_mace import mace_file

    found = find_foundation(work.campaign)
    if found.potential is None:
        return None, None
    model = mace_file(found.potential)
    if found.potential.kind == "mace-mp":
        work.results["foundation_sha256"] = digest(model)
    replay = _drawn_replay(work, model) if found.downloads_replay else found.replay
    if replay is not None and work.campaign.config.finetune.replay_labels == "foundation":
        replay = _labelled_replay(work, model, replay)
    return model, replay


def _drawn_replay(work: Work, model: Path) -> Path:
    from mlipsse.training.replay_set.filtering import fetch_mp_replay

    config = work.campaign.config
    source = fetch_mp_replay()
    work.results["replay_source_sha256"] = digest(source)
    return _made_replay(
        work,
        "replay set",
        draw_replay,
        stem="replay",
        files={"source": source, "foundation": model},
        values={
            "own": sorted(config.enumerate.elements),
            "count": config.finetune.replay_frames,
            "seed": config.seed,
        },
    )


def _labelled_replay(work: Work, model: Path, structures: Path) -> Path:
    config = work.campaign.config.finetune
    return _made_replay(
        work,
        "replay labels",
        label_replay,
        stem="pseudo-labels",
        files={"structures": structures, "foundation": model},
        values={"head": config.foundation_head, "device": config.device, "dtype": config.dtype},
    )


def _made_replay(
    work: Work,
    name: str,
    make: Callable[..., None],
    *,
    stem: str,
    files: dict[str, Path],
    values: dict[str, Any],
) -> Path:
    """The frames that a unit of work makes of files and other values, its arguments."""
    identity = {key: digest(path) for key, path in files.items()} | values
    unit = Unit(name, work.unit_path(stem, identity, ".extxyz"), make, {**files, **values})
    work.run_units([unit])
    work.results["replay_sha256"] = digest(unit.output)
    return unit.output


def draw_replay(
    output: Path, *, source: Path, foundation: Path, own: list[str], count: int, seed: int
) -> None:
    """Unit of work: the frames that are replayed."""
    from mlipsse.dataset.frames.extxyz import write_frames
    from mlipsse.energetics.potentials.calculators import known_species
    from mlipsse.training.replay_set.filtering import select_replay

    known = known_species(str(foundation)) or frozenset()
    drawn = select_replay(source, known=known, own=set(own), count=count, seed=seed)
    write_frames(output, drawn.frames)


def label_replay(
    output: Path,
    *,
    structures: Path,
    foundation: Path,
    head: str | None,
    device: str,
    dtype: str,
) -> None:
    """Unit of work: structures labelled by the foundation itself."""
    from mlipsse.dataset.frames.extxyz import write_frames
    from mlipsse.energetics.potentials.catalogue import find_potential
    from mlipsse.energetics.potentials.loaded_mace import load_mace
    from mlipsse.training.replay_set.pseudo_labels import label_by_foundation, read_replayed

    mace = load_mace(find_potential(str(foundation)), head=head, device=device, dtype=dtype)
    write_frames(output, label_by_foundation(read_replayed(structures), mace))


def _check_level_of_theory(potential: Potential) -> None:
    """Refuse to replay MPtrj to a model of mace-torch that learned other labels."""
    from mlipsse.training.replay_set.filtering import MP_MODELS

    if potential.kind == "mace-mp" and potential.source not in MP_MODELS:
        raise MlipsseError(
            "finetune.replay: mp contains the labels of MPtrj, but mace-torch's "
            f"{potential.source} learned another level of theory. Give an extxyz file with the "
            f"labels of {potential.source}, or a foundation trained on MPtrj: "
            f"{', '.join(MP_MODELS)}."
        )
