"""One run, from its trajectory to its diffusivity and conductivity."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mlipsse.files import write_columns
from mlipsse.md.files.record import RunRecord, read_record
from mlipsse.md.files.segments import verify_segments
from mlipsse.transport.diffusion.caging import judge_confinement
from mlipsse.transport.diffusion.collective import ChargeDiffusivity, charge_diffusivity
from mlipsse.transport.diffusion.conductivity import nernst_einstein_conductivity
from mlipsse.transport.diffusion.diffusivity import Diffusivity, fit_diffusivity
from mlipsse.transport.diffusion.directions import DirectionalDiffusivity, directional_diffusivity
from mlipsse.transport.diffusion.displacement.msd import (
    MeanSquaredDisplacement,
    mean_squared_displacement,
)
from mlipsse.transport.diffusion.displacement.status import RunKind, RunStatus
from mlipsse.transport.diffusion.displacement.window import WindowSettings
from mlipsse.transport.diffusion.judgement.framework import FrameworkVerdict, judge_framework
from mlipsse.transport.diffusion.judgement.steady_drift import steady_drift_A
from mlipsse.transport.ions.mobile import MobileIons, mobile_ions
from mlipsse.transport.ions.roles import Roles, assign_roles
from mlipsse.transport.reading.frames import read_run
from mlipsse.transport.reading.trajectory import Trajectory


@dataclass(frozen=True, eq=False)
class RunTransport:
    """Transport of the mobile ion in one run.

    Attributes
    ----------
    name : of the run, see `RunRecord.name`
    temperature_K : of the thermostat, K
    mobile, n_mobile : element of the mobile ion, and how many there are
    volume_A3, duration_ps : of the cell, Å³, and from the first frame to the last, ps
    msd, framework_msd : of the mobile ions, and of all that stays; None without a framework
    framework : whether it melted
    diffusivity : of the tracer
    conductivity_mS_cm, conductivity_std_mS_cm : Nernst-Einstein's, of the tracer, and its standard
        error; None for a run that is not usable, and without a charge
    charge : diffusivity of charge, and Haven ratio
    einstein_mS_cm, einstein_std_mS_cm : as the conductivity, of `charge`, which differs where ions
        move together
    status : whether the run has a place in averages and fits, and why not
    drift_A : (n_frames, 3) float64, Å, subtracted from every atom
    formula, composition, ordering, replica : of the run's record; None without one
    directions : diffusivity along the crystal's own vectors; None for a run that is not usable
    flow_A : steady motion of all mobile ions one way, Å; None without one
    """

    name: str
    temperature_K: float
    mobile: str
    n_mobile: int
    volume_A3: float
    duration_ps: float
    msd: MeanSquaredDisplacement
    framework_msd: MeanSquaredDisplacement | None
    framework: FrameworkVerdict
    diffusivity: Diffusivity
    conductivity_mS_cm: float | None
    conductivity_std_mS_cm: float | None
    charge: ChargeDiffusivity
    einstein_mS_cm: float | None
    einstein_std_mS_cm: float | None
    status: RunStatus
    drift_A: np.ndarray
    formula: str | None = None
    composition: str | None = None
    ordering: str | None = None
    replica: int | None = None
    directions: DirectionalDiffusivity | None = None
    flow_A: float | None = None

    @property
    def reason(self) -> str | None:
        """Why the run takes no part in averages and fits; None where it does."""
        return self.status.reason

    excluded = reason
    """An older name of `reason`."""

    @property
    def cautions(self) -> tuple[str, ...]:
        """What must be known beside the numbers: of the framework, the fit and the Haven ratio."""
        found = [] if self.framework.caution is None else [self.framework.caution]
        found += [*self.diffusivity.cautions, *self.charge.cautions]
        if self.flow_A is not None and self.status.usable:
            found.append(
                f"the mobile ions move steadily one way together, by {self.flow_A:.3g} Å over the "
                "run: D and the collective MSD include a drift or the current of a field; remove "
                "the drift of the framework, or run without the field"
            )
        return tuple(found)


def analyse_run(
    folder: Path, *, settings: WindowSettings | None = None, so_far: bool = False
) -> RunTransport:
    """Analyse the LAMMPS run in `folder`, finished or, `so_far`, still going (see `read_run`).

    Raises
    ------
    MlipsseError
        when a file of the trajectory is not what the run wrote (see `verify_segments`).

    Examples
    --------
    >>> run = analyse_run("08-simulate/Li3InCl6/o000/T0800/r0")
    >>> run.diffusivity.diffusivity_cm2_s, run.conductivity_mS_cm, run.reason
    """
    record = read_record(Path(folder))
    return analyse_recorded(
        read_run_ions(Path(folder), record, so_far=so_far), record, settings=settings
    )


def read_run_ions(folder: Path, record: RunRecord, *, so_far: bool = False) -> MobileIons:
    """Mobile ions of the LAMMPS run in `folder`, whose record is known; see `analyse_run`.

    Raises
    ------
    MlipsseError
        as `analyse_run`.
    """
    verify_segments(folder)
    trajectory = read_run(folder, so_far=so_far)
    return mobile_ions(trajectory, assign_roles(trajectory.species, record.mobile))


def analyse_recorded(
    ions: MobileIons, record: RunRecord, *, settings: WindowSettings | None = None
) -> RunTransport:
    """As `analyse_run`, of the mobile ions that `read_run_ions` has read."""
    run = analyse_ions(ions, charge_e=record.mobile_charge_e, settings=settings, name=record.name)
    return replace(
        run,
        formula=record.formula,
        composition=record.composition,
        ordering=record.ordering,
        replica=record.replica,
    )


def analyse_trajectory(
    trajectory: Trajectory,
    *,
    mobile: str | Sequence[str],
    charge_e: float | None,
    framework: Sequence[str] | None = None,
    settings: WindowSettings | None = None,
    name: str = "trajectory",
) -> RunTransport:
    """MSD, framework verdict, diffusivity and Nernst-Einstein conductivity of one trajectory.

    Parameters
    ----------
    trajectory : of one run; directions are those of its `lattice` times its `cell`
    mobile : element of the mobile ion; of several elements that move, the first is analysed
    charge_e : formal charge of the mobile ion, e; None for no conductivity
    framework : elements that stay, whose mean motion is removed (without one there is nothing to
        remove it by, and it stays); None takes all that are not mobile
    settings : rules of the fit window
    name : carried along into the result

    Raises
    ------
    MlipsseError
        when an element is not in the trajectory, or is both mobile and framework, and when the
        temperature is not known.
    """
    ions = mobile_ions(trajectory, assign_roles(trajectory.species, mobile, framework))
    return analyse_ions(ions, charge_e=charge_e, settings=settings, name=name)


def analyse_ions(
    ions: MobileIons,
    *,
    charge_e: float | None,
    settings: WindowSettings | None = None,
    name: str = "trajectory",
) -> RunTransport:
    """As `analyse_trajectory`, of mobile ions and a drift that are known.

    Raises
    ------
    MlipsseError
        when the temperature is not known.
    """
    trajectory, roles, drift_A = ions.trajectory, ions.roles, ions.drift_A
    temperature_K = trajectory.known_temperature_K
    positions, spacing = trajectory.positions, trajectory.frame_spacing_ps

    def msd_of(atoms: np.ndarray) -> MeanSquaredDisplacement:
        return mean_squared_displacement(
            positions, frame_spacing_ps=spacing, ions=atoms, drift_A=drift_A
        )

    msd = msd_of(ions.indices)
    framework_msd = msd_of(ions.framework) if len(ions.framework) else None
    verdict = _with_names(judge_framework(ions, framework_msd), roles)
    diffusivity = fit_diffusivity(msd, settings)
    if diffusivity.diffusive:
        confinement = judge_confinement(
            ions.resting, trajectory.cell, msd, hop_length_A=diffusivity.hop_length_A or 0.0
        )
        if confinement.reason is not None:
            diffusivity = diffusivity.refused(RunStatus(RunKind.CAGED, confinement.reason))
        elif confinement.caution is not None:
            cautions = (*diffusivity.cautions, confinement.caution)
            diffusivity = replace(diffusivity, cautions=cautions)
    status = diffusivity.status
    if verdict.melted:
        status = RunStatus(RunKind.MELTED, verdict.reason)
    charge = charge_diffusivity(
        ions.resting, diffusivity, frame_spacing_ps=spacing, settings=settings
    )

    def conductivities(fit: Diffusivity) -> tuple[float | None, float | None]:
        value, error = fit.diffusivity_cm2_s, fit.diffusivity_std_cm2_s
        if not status.usable or value is None or error is None or charge_e is None:
            return None, None
        by_ion = nernst_einstein_conductivity(
            1.0,
            n_ions=len(ions),
            volume_A3=trajectory.volume_A3,
            charge_e=charge_e,
            temperature_K=temperature_K,
        )
        return by_ion * value, by_ion * error

    vectors = trajectory.lattice @ trajectory.cell
    conductivity, std = conductivities(diffusivity)
    einstein, einstein_std = conductivities(charge.diffusivity)
    return RunTransport(
        name=name,
        temperature_K=temperature_K,
        mobile=roles.mobile,
        n_mobile=len(ions),
        volume_A3=trajectory.volume_A3,
        duration_ps=trajectory.duration_ps,
        msd=msd,
        framework_msd=framework_msd,
        framework=verdict,
        diffusivity=diffusivity,
        conductivity_mS_cm=conductivity,
        conductivity_std_mS_cm=std,
        charge=charge,
        einstein_mS_cm=einstein,
        einstein_std_mS_cm=einstein_std,
        status=status,
        directions=directional_diffusivity(diffusivity, vectors) if status.usable else None,
        flow_A=steady_drift_A(ions.resting),
        drift_A=drift_A,
    )


def _with_names(verdict: FrameworkVerdict, roles: Roles) -> FrameworkVerdict:
    """The verdict, with what to name when one element moves like an ion where others stay."""
    if not verdict.moving:
        return verdict
    moving = verdict.moving
    still = [symbol for symbol in roles.framework if symbol not in moving]
    mobile = ",".join([roles.mobile, *roles.also_mobile, *moving])
    return replace(
        verdict,
        reason=f"{verdict.reason}; {', '.join(moving)} moves and {', '.join(still)} stays: where "
        f"{', '.join(moving)} is a mobile ion too, name the mobile elements {mobile}, or the "
        f"framework {','.join(still)}",
    )


def write_msd_csv(run: RunTransport, path: Path) -> None:
    """Write lag, MSD tensor, its trace and the framework's MSD, one row per lag."""
    names = ("xx_A2", "yy_A2", "zz_A2", "xy_A2", "xz_A2", "yz_A2")
    columns = {"lag_ps": run.msd.lag_ps, "msd_A2": run.msd.total_A2}
    columns |= dict(zip(names, run.msd.tensor_A2.T, strict=True))
    if run.framework_msd is not None:
        columns["framework_msd_A2"] = run.framework_msd.total_A2
    write_columns(path, columns)
