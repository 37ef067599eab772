"""The model that is fine-tuned and the replay set that goes with it, by path or by name."""

from dataclasses import dataclass
from pathlib import Path

from mlipsse.campaign.execution import Unit
from mlipsse.campaign.folder import Campaign
from mlipsse.campaign.record import digest
from mlipsse.campaign.stage import Work
from mlipsse.energetics.catalogue import Potential, find_potential
from mlipsse.errors import MlipsseError

REPLAY_NAME = "replay.extxyz"

MP_REPLAY = "mp"
"""Word of the config for the replay set that mace-torch downloads."""


@dataclass(frozen=True)
class Foundation:
    """What the config names; nothing is downloaded or loaded yet.

    Attributes
    ----------
    potential : the model
    replay : the replay set's file; None for `mp`
    """

    potential: Potential
    replay: Path | None

    @property
    def files(self) -> list[Path]:
        """Files of ours or the user's; what is downloaded is told apart by its name."""
        model = [Path(self.potential.source)] if self.potential.kind == "mace" else []
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
    potential = find_potential(campaign.potential(config.foundation))
    if potential.kind == "chgnet":
        raise MlipsseError(
            f"finetune.foundation: {config.foundation} is no MACE model. Name one in potentials/ "
            "or one of mace-torch's (medium), or give the path of a .model file."
        )
    if config.replay == MP_REPLAY:
        _check_level_of_theory(potential)
        return Foundation(potential, None)
    if config.replay is None and potential.kind == "mace-mp":
        raise MlipsseError(
            f"finetune.replay: no replay set is shipped with mace-torch's {potential.source}. "
            "Without replay a fine-tuning forgets what its foundation knew: give mp (MPtrj, "
            "downloaded), or an extxyz file with the foundation's labels."
        )
    beside = Path(potential.source).parent / REPLAY_NAME
    replay = campaign.path(config.replay) if config.replay else beside
    if not replay.is_file():
        raise MlipsseError(
            f"finetune.replay: there is no replay set {replay}. Without replay a fine-tuning "
            "forgets what its foundation knew: give an extxyz file with the foundation's labels."
        )
    return Foundation(potential, replay)


def provide_foundation(work: Work) -> tuple[Path, Path]:
    """The files of the foundation model and its replay set, downloaded and drawn where needed.

    Raises
    ------
    MlipsseError
        as `find_foundation`, and when a download fails.
    """
    from mlipsse.energetics.loaded_mace import mace_file
    from mlipsse.training.replay import fetch_mp_replay

    campaign, config = work.campaign, work.campaign.config
    found = find_foundation(campaign)
    model = mace_file(found.potential)
    if found.potential.kind == "mace-mp":
        work.results["foundation_sha256"] = digest(model)
    if found.replay is not None:
        return model, found.replay
    source = fetch_mp_replay()
    arguments = {
        "own": sorted(config.enumerate.elements),
        "count": config.finetune.replay_frames,
        "seed": config.seed,
    }
    identity = {"source": digest(source), "foundation": digest(model), **arguments}
    unit = Unit(
        "replay set",
        work.unit_path("replay", identity, ".extxyz"),
        draw_replay,
        {"source": source, "foundation": model, **arguments},
    )
    work.run_units([unit])
    work.results["replay_source_sha256"] = identity["source"]
    work.results["replay_sha256"] = digest(unit.output)
    return model, unit.output


def draw_replay(
    output: Path, *, source: Path, foundation: Path, own: list[str], count: int, seed: int
) -> None:
    """Unit of work: the frames that are replayed."""
    from mlipsse.dataset.extxyz import write_frames
    from mlipsse.energetics.calculators import known_species
    from mlipsse.training.replay import select_replay

    known = known_species(str(foundation)) or frozenset()
    drawn = select_replay(source, known=known, own=set(own), count=count, seed=seed)
    write_frames(output, drawn.frames)


def _check_level_of_theory(potential: Potential) -> None:
    """Refuse to replay MPtrj to a model of mace-torch that learned other labels."""
    from mlipsse.training.replay import MP_MODELS

    if potential.kind == "mace-mp" and potential.source not in MP_MODELS:
        raise MlipsseError(
            f"finetune.replay: mp holds the labels of MPtrj, but mace-torch's {potential.source} "
            "learned another level of theory: replaying them would teach it that one. Give an "
            f"extxyz file with its own labels, or a foundation that fits: {', '.join(MP_MODELS)}."
        )
