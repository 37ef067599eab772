"""Predictors of diffusivity: learned from crystals with dynamics, used on others."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from mlipsse.campaign.config.execution import ExecutionConfig
from mlipsse.campaign.engine.execution import Execution
from mlipsse.campaign.engine.record import digest, fingerprint
from mlipsse.campaign.engine.stage import Progress
from mlipsse.campaign.engine.table import write_csv
from mlipsse.campaign.engine.unit_json import encode
from mlipsse.campaign.studies.screening.crystals import ScreeningFilters, crystals_to_screen
from mlipsse.campaign.studies.screening.units import LandscapeSettings
from mlipsse.dataset.frames.extxyz import read_frames
from mlipsse.energetics.potentials.calculators import check_potential
from mlipsse.energetics.potentials.catalogue import find_potential
from mlipsse.errors import MlipsseError
from mlipsse.files import exclusive_lock, write_aside
from mlipsse.screening.accelerations.displaced import Displaced, displaced
from mlipsse.screening.accelerations.learning import (
    PREDICTORS,
    KnownCrystal,
    LearningSettings,
    Validation,
    require_enough,
    validate,
)
from mlipsse.screening.landscape.crystals import crystal_files
from mlipsse.units import A2_PS_TO_CM2_S

PREDICTOR, VALIDATION, FIGURE = "predictor.npz", "validation.csv", "validation"
SLOPE, PROTOTYPE, NAME = "msd_slope_A2_ps", "prototype", "name"
"""What a crystal to learn from states beside its atoms."""


@dataclass(frozen=True)
class DisplacementSettings:
    """Which displaced configurations a crystal is known by.

    Attributes
    ----------
    potential, head : that gives the accelerations
    width_A : standard deviation of every coordinate
    count : of configurations
    seed : of the displacements
    """

    potential: str
    head: str | None = None
    width_A: float = 0.1
    count: int = 8
    seed: int = 1


@dataclass(frozen=True)
class Learned:
    """What learning came to.

    Attributes
    ----------
    predictor : file of the weights and of what must be known about them
    validations : by structure and by prototype
    """

    predictor: Path
    validations: Sequence[Validation]


def learn(
    crystals: Path,
    settings: DisplacementSettings,
    *,
    out: Path,
    training: LearningSettings = LearningSettings(),  # noqa: B008
    progress: Progress = lambda done, total, text: None,
) -> Learned:
    """Train a predictor, validate it by structure and by prototype, and write all to `out`.

    Accelerations are kept: a call that was interrupted goes on.

    Parameters
    ----------
    crystals : extxyz of relaxed crystals that state `name`, `prototype` and `msd_slope_A2_ps`
    out : folder of the predictor, `validation.csv` and a figure

    Raises
    ------
    MlipsseError
        for crystals that do not state this, or are too few, and a potential that cannot be had.
    """
    from mlipsse.screening.accelerations.predictor import save_predictor, train

    frames = read_frames(crystals, labelled=False)
    _require_facts(crystals, frames)
    check_potential(settings.potential, (), head=settings.head)
    out.mkdir(parents=True, exist_ok=True)
    with exclusive_lock(out / ".lock", holder="mlipsse screen learn"):
        known = []
        for done, atoms in enumerate(frames):
            progress(done, len(frames), f"accelerations of {atoms.info[NAME]}")
            known.append(
                KnownCrystal(
                    str(atoms.info[NAME]),
                    str(atoms.info[PROTOTYPE]),
                    float(atoms.info[SLOPE]),
                    _displaced(atoms, settings, out / "displaced"),
                )
            )
        require_enough(known)

        def predict(train_on: Sequence[KnownCrystal], asked: Sequence[KnownCrystal]) -> np.ndarray:
            found = train(train_on, settings=training)
            return np.array([found.predict(one.displacements)[0] for one in asked])

        validations = [
            validate(known, predict, by=by, seed=training.seed, progress=progress)
            for by in ("structure", "prototype")
        ]
        facts = {
            "displacements": asdict(settings),
            "crystals": len(known),
            "target": "log10 of the MSD slope in Å²/ps, at least 1e-4",
            "validation": {
                one.by: {"r2": one.r2, "r2_std": one.r2_std, "spearman": one.rank_correlation}
                for one in validations
            },
        }
        predictor = train(known, settings=training, facts=facts, progress=progress)
        save_predictor(predictor, out / PREDICTOR)
        write_csv(out / VALIDATION, _rows(validations))
        _draw(validations, out / FIGURE)
    return Learned(out / PREDICTOR, validations)


def predict_crystals(
    places: Sequence[Path],
    predictor: Path,
    *,
    mobile: str,
    out: Path,
    max_atoms: int = 200,
    execution: ExecutionConfig = ExecutionConfig(),  # noqa: B008
    progress: Progress = lambda done, total, text: None,
) -> list[dict[str, Any]]:
    """Predict the slope of the MSD of crystals, relaxed first; ranked rows, those left out last.

    Parameters
    ----------
    places : CIF and POSCAR files, and folders of such
    predictor : file of `learn`; its potential is used
    mobile : symbol of the ion that a crystal must contain
    out : folder of `predicted.csv`

    Raises
    ------
    MlipsseError
        for a file that is no predictor, and as `crystal_files`.
    """
    from mlipsse.screening.accelerations.predictor import load_predictor

    model = load_predictor(predictor)
    settings = DisplacementSettings(**model.facts["displacements"])
    check_potential(settings.potential, (), head=settings.head)
    files = crystal_files(places)
    out.mkdir(parents=True, exist_ok=True)
    landscape = LandscapeSettings(
        settings.potential, mobile, settings.head, relaxation="cell", max_atoms=max_atoms
    )
    with exclusive_lock(out / ".lock", holder="mlipsse screen predict"):
        with Execution(execution, out) as work:
            chosen = crystals_to_screen(
                files, landscape, ScreeningFilters(), out=out, work=work, progress=progress
            )
        rows = []
        for done, (candidate, atoms) in enumerate(chosen.crystals):
            progress(done, len(chosen.crystals), f"accelerations of {candidate.name}")
            try:
                log_slope, spread = model.predict(_displaced(atoms, settings, out / "displaced"))
            except MlipsseError as error:
                chosen.left_out.append({"name": candidate.name, "reason": str(error)})
                continue
            rows.append(
                {
                    "name": candidate.name,
                    "formula": atoms.get_chemical_formula(),
                    "atoms": len(atoms),
                    "log10_msd_slope_A2_ps": log_slope,
                    "spread": spread,
                    "diffusivity_cm2_s": 10**log_slope / 6 * A2_PS_TO_CM2_S,
                    "reason": "",
                }
            )
        rows.sort(key=lambda row: -row["log10_msd_slope_A2_ps"])
        found = [{"rank": place, **row} for place, row in enumerate(rows, start=1)]
        empty = dict.fromkeys(found[0] if found else ("rank", "name", "reason"))
        found += [
            {**empty, **{k: v for k, v in row.items() if k in empty}} for row in chosen.left_out
        ]
        write_csv(out / "predicted.csv", found)
    return found


def _require_facts(path: Path, frames: Sequence[Atoms]) -> None:
    for number, atoms in enumerate(frames):
        missing = [key for key in (NAME, PROTOTYPE, SLOPE) if key not in atoms.info]
        if missing:
            raise MlipsseError(
                f"Crystal {number} of {path} does not state {', '.join(missing)}. Every crystal "
                f"must state {NAME}, {PROTOTYPE} and {SLOPE}."
            )
        value = atoms.info[SLOPE]
        if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
            raise MlipsseError(
                f"{SLOPE} of {atoms.info[NAME]} in {path} is {value}, which is not a number of at "
                "least 0."
            )
    names = [str(atoms.info[NAME]) for atoms in frames]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise MlipsseError(f"{path} has several crystals named {', '.join(twice)}. Rename them.")


def _displaced(atoms: Atoms, settings: DisplacementSettings, folder: Path) -> list[Displaced]:
    """Of a crystal, from the file of an earlier call where there is one."""
    from mlipsse.energetics.relaxation.evaluators import make_evaluator
    from mlipsse.potential.native.copy import fastest

    bare = Atoms(atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=True)
    file = find_potential(settings.potential).file
    identity = {
        "crystal": encode(bare),
        "settings": asdict(settings),
        "potential": digest(file) if file else None,
    }
    path = folder / f"{fingerprint(identity)[:16]}.npz"
    if not path.is_file():
        name, head = fastest(settings.potential, head=settings.head)
        evaluator = make_evaluator(name, set(bare.symbols), head=head)
        found = displaced(
            bare, evaluator, count=settings.count, width_A=settings.width_A, seed=settings.seed
        )
        folder.mkdir(exist_ok=True)
        with write_aside(path) as aside, aside.open("wb") as stream:
            np.savez(
                stream,
                positions_A=[one.positions_A for one in found],
                accelerations_A_ps2=[one.accelerations_A_ps2 for one in found],
            )
    with np.load(path, allow_pickle=False) as arrays:
        pairs = zip(arrays["positions_A"], arrays["accelerations_A_ps2"], strict=True)
        return [Displaced(places, bare.cell.array, values) for places, values in pairs]


def _rows(validations: Sequence[Validation]) -> list[dict[str, Any]]:
    return [
        {
            "by": split.by,
            "split": number,
            "name": name,
            "log10_slope": split.targets[place],
            **{f"predicted_by_{one}": getattr(split, one)[place] for one in PREDICTORS},
        }
        for validation in validations
        for number, split in enumerate(validation.splits)
        for place, name in enumerate(split.names)
    ]


def _draw(validations: Sequence[Validation], path: Path) -> None:
    from mlipsse.report.figures.parity import parity_plot
    from mlipsse.report.figures.style import DOUBLE_COLUMN_IN, new_figure, save_figure

    figure, panels = new_figure(width_in=DOUBLE_COLUMN_IN, columns=len(validations))
    for axes, one in zip(panels, validations, strict=True):
        parity_plot(
            axes,
            np.concatenate([split.targets for split in one.splits]),
            np.concatenate([split.network for split in one.splits]),
            quantity="log10 MSD slope",
            unit="Å²/ps",
            reference_name="dynamics",
            title=f"held out by {one.by}",
        )
    save_figure(figure, path)
