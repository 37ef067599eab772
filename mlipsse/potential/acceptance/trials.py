"""One crystal through every trial of a potential."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator

from mlipsse.dataset.frames.evaluation import predict
from mlipsse.dataset.frames.softening import Softening
from mlipsse.dataset.sampling.dynamics import sample
from mlipsse.dataset.sampling.run import SampledTrajectory
from mlipsse.dataset.sampling.settings import SamplingSettings
from mlipsse.energetics.relaxation.outcome import RelaxationSettings
from mlipsse.energetics.relaxation.single import relax
from mlipsse.errors import MlipsseError
from mlipsse.potential.acceptance import judgements
from mlipsse.potential.acceptance.closest_pairs import closest_pairs
from mlipsse.potential.acceptance.conservation import ConstantEnergyRun, run_at_constant_energy
from mlipsse.potential.acceptance.equation_of_state import (
    EosFit,
    VolumeScan,
    fit_eos,
    scan_volumes,
)
from mlipsse.potential.acceptance.limits import LIMITS
from mlipsse.potential.acceptance.pair_distribution import (
    LEAST_FRAMES,
    PairDistribution,
    compare,
    unstrained,
)
from mlipsse.potential.acceptance.report import AcceptanceReport, Criterion
from mlipsse.potential.acceptance.wall import Wall, scan_walls
from mlipsse.structures.geometry import supercell

FRAMES = 100
"""Frames of a run, for distances and g(r)."""

RUNS = 5
"""For g(r), with velocities of their own: they measure chance."""

_SETTLING = 0.2  # of the run for g(r): its start comes from another potential

Announce = Callable[[str], None]


@dataclass(frozen=True)
class AcceptanceSettings:
    """How hard a potential is tried.

    Attributes
    ----------
    temperature_K : highest one that it will be used at
    duration_ps : of the hot run and of that for g(r); 5 ps as a rule
    constant_energy_ps : of the run without thermostat
    timestep_fs : of all runs; that of the production
    min_atoms : the crystal is repeated to this for runs and walls
    mobile : symbol of the mobile ion
    seed : of velocities and thermostats

    Raises
    ------
    MlipsseError
        when a length, a temperature or a time step is not above zero.
    """

    temperature_K: float
    duration_ps: float = 5.0
    constant_energy_ps: float = 1.0
    timestep_fs: float = 1.0
    min_atoms: int = 80
    mobile: str | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("temperature_K", "duration_ps", "constant_energy_ps", "timestep_fs"):
            if not getattr(self, name) > 0:
                raise MlipsseError(
                    f"Acceptance requires {name} above 0; it is {getattr(self, name)}."
                )
        if 1e3 * self.duration_ps < 20 * self.timestep_fs:
            raise MlipsseError(
                f"A hot run of {self.duration_ps:g} ps is less than 20 steps of "
                f"{self.timestep_fs:g} fs. Lengthen it."
            )


@dataclass(frozen=True)
class ReferenceVolume:
    """What the model's volume is compared with: a potential, or else a volume that is known.

    Attributes
    ----------
    name : for sentences
    limit : of the relative difference
    calculator : asked along the model's own cells
    volume_A3_atom : of the crystal relaxed by another potential
    """

    name: str
    limit: float
    calculator: Calculator | None = None
    volume_A3_atom: float | None = None


@dataclass(frozen=True, eq=False)
class References:
    """What a model's results on one crystal are compared with.

    Attributes
    ----------
    volume : None for no comparison
    frames : of dynamics with what the model learned from, at one temperature (`temperature_K` in
        `info`, that of the hot run if it is not there), in order of time; the model runs at the
        same temperature in the same cell
    cell : (3, 3), Å, of those dynamics, if the frames are strained and it is known
    labelled : frames of the crystal with labels of the model's own source (under `mlipsse.keys`),
        best such that it was not trained on
    duration_ps : that `frames` span; the model runs as long; None where it is not known
    """

    volume: ReferenceVolume | None = None
    frames: Sequence[Atoms] = ()
    cell: np.ndarray | None = None
    labelled: Sequence[Atoms] = ()
    duration_ps: float | None = None


def accept(
    crystal: Atoms,
    calculator: Calculator,
    settings: AcceptanceSettings,
    *,
    name: str,
    references: References = References(),
    announce: Announce = lambda text: None,
) -> AcceptanceReport:
    """Relax, scan volumes, run hot, run at constant energy, compare g(r) and forces, push pairs.

    Parameters
    ----------
    crystal : periodic in three directions; not changed
    calculator : the potential, best the exported file
    name : of the structure

    Raises
    ------
    MlipsseError
        when the crystal is not periodic, the potential does not know its elements, or frames do
        not belong together.
    """
    if not crystal.pbc.all() or abs(crystal.cell.volume) < 1e-6:
        raise MlipsseError(
            f"{name} is not periodic in all three directions; potentials are accepted on "
            "crystals. Set its cell and pbc."
        )
    announce("relaxation and equation of state")
    relaxation = relax(crystal, calculator, RelaxationSettings(relaxed="cell", max_steps=300))
    held = relaxation.fault in (None, "not_converged")
    scan = scan_volumes(relaxation.atoms, calculator) if held else None
    fit = fit_eos(scan) if scan is not None else None
    criteria = judgements.judge_equation_of_state(relaxation, fit, LIMITS)
    theirs = None
    if references.volume is not None:
        theirs, line = _volume(relaxation.atoms, fit, references.volume)
        criteria.append(line)

    large = supercell(relaxation.atoms if held else crystal, min_atoms=settings.min_atoms)
    announce(f"{settings.duration_ps:g} ps at {settings.temperature_K:g} K, {len(large)} atoms")
    hot = _dynamics(large, calculator, settings, temperature_K=settings.temperature_K)
    criteria += [
        judgements.judge_hot_run(
            hot, temperature_K=settings.temperature_K, duration_ps=settings.duration_ps
        ),
        judgements.judge_pairs(
            closest_pairs(hot.frames, mobile=settings.mobile, mobile_pair_A=LIMITS.mobile_pair_A)
        ),
    ]
    constant = None
    if hot.stopped is None:
        announce(f"{settings.constant_energy_ps:g} ps at constant energy")
        constant = run_at_constant_energy(
            hot.frames[-1],
            calculator,
            temperature_K=settings.temperature_K,
            duration_ps=settings.constant_energy_ps,
            timestep_fs=settings.timestep_fs,
            seed=settings.seed,
        )
    criteria.append(judgements.judge_conservation(constant, LIMITS))
    pairs, line = _distribution(calculator, settings, references, announce=announce)
    criteria.append(line)
    criteria.append(judgements.judge_softening(_softening(calculator, references.labelled)))
    announce("walls")
    walls = scan_walls(large, calculator) if held else []
    criteria.append(
        judgements.judge_walls(walls, temperature_K=settings.temperature_K, limits=LIMITS)
    )
    return AcceptanceReport(
        structure=name,
        atoms=len(large),
        temperature_K=settings.temperature_K,
        duration_ps=settings.duration_ps,
        criteria=tuple(criteria),
        curves=_curves(scan, theirs, constant, pairs, walls),
    )


def _volume(
    relaxed: Atoms, fit: EosFit | None, reference: ReferenceVolume
) -> tuple[VolumeScan | None, Criterion]:
    scan, known = None, reference.volume_A3_atom
    if fit is not None and reference.calculator is not None:
        scan = scan_volumes(relaxed, reference.calculator)
        theirs = fit_eos(scan)
        known = None if theirs is None else theirs.volume_A3_atom
    line = judgements.judge_volume(
        None if fit is None else fit.volume_A3_atom,
        known,
        name=reference.name,
        limit=reference.limit,
    )
    return scan, line


def _dynamics(
    atoms: Atoms,
    calculator: Calculator,
    settings: AcceptanceSettings,
    *,
    temperature_K: float,
    settling: float = 0.0,
) -> SampledTrajectory:
    steps = round(1e3 * settings.duration_ps / settings.timestep_fs)
    how = SamplingSettings(
        temperature_K=temperature_K,
        duration_ps=settings.duration_ps,
        timestep_fs=settings.timestep_fs,
        equilibration_ps=settling * settings.duration_ps,
        n_frames=min(FRAMES, int((1 - settling) * steps)),
    )
    return sample(atoms, calculator, how, seed=settings.seed)


def _softening(calculator: Calculator, labelled: Sequence[Atoms]) -> Softening | None:
    return predict(labelled, calculator).softening if labelled else None


def _distribution(
    calculator: Calculator,
    settings: AcceptanceSettings,
    references: References,
    *,
    announce: Announce,
) -> tuple[list[PairDistribution], Criterion]:
    frames = references.frames
    if len(frames) < LEAST_FRAMES:
        why = f"{len(frames)} reference frames are given; {LEAST_FRAMES} are required."
        return [], judgements.skipped_distribution(LIMITS, why)
    reference, _ = unstrained(frames, references.cell)
    temperature_K = float(frames[0].info.get("temperature_K", settings.temperature_K))
    known_ps = references.duration_ps
    if known_ps is not None and known_ps < settings.duration_ps:
        settings = replace(settings, duration_ps=known_ps / (1 - _SETTLING))
    announce(
        f"g(r): {RUNS} runs of {settings.duration_ps:.3g} ps at {temperature_K:g} K, "
        f"{len(reference[0])} atoms"
    )
    runs = []
    for number in range(RUNS):
        own = replace(settings, seed=settings.seed + number)
        run = _dynamics(
            reference[0], calculator, own, temperature_K=temperature_K, settling=_SETTLING
        )
        if run.stopped is not None:
            why = f"The model's run at {temperature_K:g} K {run.stopped}."
            return [], judgements.failed_distribution(LIMITS, why)
        runs.append(run.frames)
    pairs = compare(runs, reference, of=reference[0], mobile=settings.mobile)
    return pairs, judgements.judge_distributions(pairs, temperature_K=temperature_K, limits=LIMITS)


def _curves(
    scan: VolumeScan | None,
    theirs: VolumeScan | None,
    constant: ConstantEnergyRun | None,
    pairs: Sequence[PairDistribution],
    walls: Sequence[Wall],
) -> dict[str, Any]:
    def of_scan(one: VolumeScan | None) -> dict[str, list[float]] | None:
        if one is None or not np.isfinite(one.energies_eV_atom).all():
            return None
        above = 1e3 * (one.energies_eV_atom - one.energies_eV_atom.min())
        return {"volume_A3_atom": one.volumes_A3_atom.tolist(), "energy_meV_atom": above.tolist()}

    return {
        "equation_of_state": of_scan(scan),
        "reference_equation_of_state": of_scan(theirs),
        "constant_energy": None
        if constant is None
        else {
            "time_ps": constant.times_ps.tolist(),
            "energy_meV_atom": (1e3 * constant.energies_eV_atom).tolist(),
        },
        "distributions": [
            {
                "pair": "-".join(pair.elements),
                "r_A": pair.radii_A.tolist(),
                "model": pair.model.tolist(),
                "reference": pair.reference.tolist(),
            }
            for pair in pairs
        ],
        "walls": [
            {
                "pair": "-".join(wall.elements),
                "distance_A": wall.distances_A[np.isfinite(wall.energies_eV)].tolist(),
                "energy_eV": wall.energies_eV[np.isfinite(wall.energies_eV)].tolist(),
            }
            for wall in walls
        ],
    }
