"""The command line of mace-torch's trainer (mace-torch 0.3.16)."""

import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ase.data import atomic_numbers

from mlipsse import keys
from mlipsse.energetics.potentials.mace_model import import_mace
from mlipsse.errors import MlipsseError
from mlipsse.training.settings import HEAD, REPLAY_HEAD, FineTuneSettings, Option

NAME = "finetune"

_FREEZE = {"embedding": 1, "interactions": 5, "products": 6}
"""mace-torch's `--freeze`: each of these freezes what comes before, too."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a training works on.

    Attributes
    ----------
    sets : train and valid, for multi-head fine-tuning also replay and replay_valid -> extxyz
    foundation : model file to start from; None from scratch
    e0s_eV : isolated-atom energies by element; None has them fitted to the labels
    architecture : options of a model from scratch
    """

    sets: Mapping[str, Path]
    foundation: Path | None
    e0s_eV: Mapping[str, float] | None
    settings: FineTuneSettings
    architecture: Mapping[str, Any] = field(default_factory=dict)


def train_command(job: Job, *, folder: Path, max_epochs: int | None = None) -> list[str]:
    """Words of the command line.

    Parameters
    ----------
    folder : of the training's files
    max_epochs : instead of the settings'; with 0 the newest checkpoint becomes the model
    """
    settings = job.settings
    options: dict[str, Any] = {
        "name": NAME,
        "work_dir": folder.resolve(),
        "train_file": job.sets["train"].resolve(),
        "valid_file": job.sets["valid"].resolve(),
        "energy_key": keys.ENERGY,
        "forces_key": keys.FORCES,
        "stress_key": keys.STRESS,
        "E0s": _energies(job.e0s_eV),
        "lr": settings.learning_rate,
        "max_num_epochs": settings.max_epochs if max_epochs is None else max_epochs,
        "patience": settings.patience,
        "batch_size": settings.batch_size,
        "valid_batch_size": settings.valid_batch_size,
        "loss": "universal",  # mace-torch's only one for several heads
        "energy_weight": settings.energy_weight,
        "forces_weight": settings.forces_weight,
        "stress_weight": settings.stress_weight,
        "compute_stress": True,
        "error_table": "PerAtomRMSEstressvirials",
        "scheduler_patience": settings.scheduler_patience,
        "lr_factor": settings.lr_factor,
        "weight_decay": settings.weight_decay,
        "ema_decay": settings.ema_decay,
        "default_dtype": settings.dtype,
        "device": settings.device,
        "seed": settings.seed,
        "plot": False,
        # We measure the errors ourselves, on the test set too, which the trainer never sees.
        "skip_evaluate_heads": f"{HEAD},{REPLAY_HEAD}",
        **_start(job),
        **{name: value for name, value in settings.options.items() if value is not True},
    }
    # Without --keep_checkpoints the old one is deleted before the new one is written: a kill in
    # between would lose both.
    flags = ["ema", "amsgrad", "restart_latest", "keep_checkpoints"]
    flags += [name for name, value in settings.options.items() if value is True]
    if options.pop("pair_repulsion", False):
        flags.append("pair_repulsion")
    launcher: list[str] = []
    if settings.gpus > 1 and max_epochs != 0:
        launcher = ["-m", "torch.distributed.run", "--standalone"]
        launcher.append(f"--nproc-per-node={settings.gpus}")
        flags.append("distributed")
        options["launcher"] = "torchrun"
    program = Path(sysconfig.get_path("scripts")) / "mace_run_train"
    words = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, *launcher, str(program), *words, *(f"--{flag}" for flag in flags)]


def check_options(options: Mapping[str, Option]) -> None:
    """Refuse further options that mace_run_train does not have, or that are set elsewhere.

    Raises
    ------
    MlipsseError
        naming them.
    """
    if not options:
        return
    import_mace()
    from mace.tools import build_default_arg_parser

    switches: dict[str, bool] = {}
    for action in build_default_arg_parser()._actions:
        names = {word.removeprefix("--") for word in action.option_strings}
        switches |= dict.fromkeys(names, action.nargs == 0)
    for name, value in options.items():
        if name not in switches:
            raise MlipsseError(
                f"mace_run_train has no option {name!r}; `mace_run_train --help` lists its options."
            )
        if name in _OURS:
            raise MlipsseError(
                f"The option {name!r} of mace_run_train is set by mlipsse. Remove it from "
                "options, and use the field for it."
            )
        if switches[name] != (value is True):
            kind = "takes no value: give true" if switches[name] else "takes a value, not true"
            raise MlipsseError(f"The option {name!r} of mace_run_train {kind}; it is {value!r}.")


def _start(job: Job) -> dict[str, Any]:
    """Options that determine what the training starts from."""
    settings = job.settings
    if job.foundation is None:
        return {"multiheads_finetuning": False, **job.architecture}
    options: dict[str, Any] = {
        "foundation_model": job.foundation.resolve(),
        "foundation_model_elements": True,
        "multiheads_finetuning": settings.strategy == "multihead",
    }
    if settings.strategy == "multihead":
        options |= {
            "pt_train_file": job.sets["replay"].resolve(),
            "pt_valid_file": job.sets["replay_valid"].resolve(),
            "force_mh_ft_lr": True,  # else lr and ema_decay are mace-torch's
            "real_pt_data_ratio_threshold": settings.replay_ratio,
        }
    if settings.foundation_head is not None:
        options["foundation_head"] = settings.foundation_head
    if settings.lora_rank is not None:
        options |= {
            "lora": True,
            "lora_rank": settings.lora_rank,
            "lora_alpha": settings.lora_alpha,
        }
    if settings.freeze != "nothing":
        options["freeze"] = _FREEZE[settings.freeze]
    return options


def _energies(e0s_eV: Mapping[str, float] | None) -> str:
    if e0s_eV is None:
        return "average"
    pairs = sorted((atomic_numbers[symbol], energy) for symbol, energy in e0s_eV.items())
    return "{" + ", ".join(f"{number}: {energy!r}" for number, energy in pairs) + "}"


_OURS = {
    *("name", "work_dir", "train_file", "valid_file", "test_file", "energy_key", "forces_key"),
    *("stress_key", "E0s", "lr", "max_num_epochs", "patience", "batch_size", "valid_batch_size"),
    *("loss", "energy_weight", "forces_weight", "stress_weight", "compute_stress", "error_table"),
    *("scheduler_patience", "lr_factor", "weight_decay", "ema", "ema_decay", "default_dtype"),
    *("device", "seed", "plot", "skip_evaluate_heads", "amsgrad", "restart_latest"),
    *("keep_checkpoints", "save_all_checkpoints", "distributed", "launcher", "foundation_model"),
    *("foundation_model_elements", "multiheads_finetuning", "pt_train_file", "pt_valid_file"),
    *("force_mh_ft_lr", "real_pt_data_ratio_threshold", "foundation_head", "lora", "lora_rank"),
    *("lora_alpha", "freeze", "heads", "model_dir", "checkpoints_dir", "results_dir", "log_dir"),
    *("dry_run", "pseudolabel_replay", "swa", "stage_two"),
}
"""Options with a field of their own, or that the rules of this package rest on."""
