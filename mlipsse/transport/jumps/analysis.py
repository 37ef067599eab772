"""One run, from its frames to its sites and jumps."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlipsse.transport.diffusion.diffusivity import Diffusivity, fit_diffusivity
from mlipsse.transport.diffusion.displacement.msd import mean_squared_displacement
from mlipsse.transport.ions.mobile import MobileIons
from mlipsse.transport.jumps.collective import CollectiveJumps, collective_jumps
from mlipsse.transport.jumps.counting import Jumps, find_jumps
from mlipsse.transport.jumps.found_sites import find_sites
from mlipsse.transport.jumps.given_sites import RunFramework, place_sites, read_crystal_sites
from mlipsse.transport.jumps.rates import (
    JumpDiffusivity,
    JumpRate,
    KindOccupancy,
    jump_diffusivity,
    jump_rates,
    kind_occupancies,
)
from mlipsse.transport.jumps.settings import JumpSettings
from mlipsse.transport.jumps.sites import SiteSize
from mlipsse.transport.structure.vibration import Vibration, vibration


@dataclass(frozen=True, eq=False)
class JumpAnalysis:
    """Sites and jumps of the mobile ion of one run.

    Attributes
    ----------
    mobile, temperature_K : of the run; activation energies are None without a temperature
    ions : (n_ions,) indices of the mobile ions in the trajectory; `jumps.ion` counts among them
    framework, framework_species : mean positions of the other atoms, Å, and their elements
    misfit_A, shift_A : of a given structure's framework from the run's, and between their origins,
        Å; None without one
    vibration, jumps, occupancies, rates, diffusivity, tracer, together : of the functions that
        make them
    cautions : sentences on what the numbers cannot be trusted for
    """

    mobile: str
    temperature_K: float | None
    ions: np.ndarray
    framework: np.ndarray
    framework_species: tuple[str, ...]
    misfit_A: float | None
    shift_A: float | None
    vibration: Vibration
    jumps: Jumps
    occupancies: list[KindOccupancy]
    rates: list[JumpRate]
    diffusivity: JumpDiffusivity
    tracer: Diffusivity
    together: CollectiveJumps
    cautions: tuple[str, ...]


def analyse_jumps(ions: MobileIons, settings: JumpSettings | None = None) -> JumpAnalysis:
    """Sites, occupancies, jumps and their diffusivity, framework drift removed.

    Parameters
    ----------
    ions : of one run, in a constant cell; of one on disk the mobile ions alone are loaded. Without
        the run's temperature there are no activation energies.
    settings : how sites are found and jumps are counted

    Raises
    ------
    MlipsseError
        as the functions that do the work.

    Examples
    --------
    >>> trajectory = read_run("r0")
    >>> ions = mobile_ions(trajectory, assign_roles(trajectory.species, "Li"))
    >>> run = analyse_jumps(ions, JumpSettings(structure=Path("Li3InCl6.cif")))
    >>> run.diffusivity.correlation_factor, run.together.solo_fraction
    """
    settings = settings or JumpSettings()
    trajectory, mobile = ions.trajectory, ions.roles.mobile
    temperature_K, spacing = trajectory.temperature_K, trajectory.frame_spacing_ps
    resting, places = ions.resting.all(), ions.framework_places()
    shaken = vibration(resting, frame_spacing_ps=spacing)
    size = SiteSize(settings.radius_A, shaken.amplitude_A)
    sites = misfit_A = shift_A = None
    notes: tuple[str, ...] = ()
    if settings.structure is not None:
        crystal = read_crystal_sites(Path(settings.structure), mobile=mobile)
        notes = tuple(f"{crystal.name}: {note}" for note in crystal.notes)
        placed = place_sites(
            crystal,
            RunFramework(trajectory.cell, places, ions.framework_species, trajectory.lattice),
            size,
        )
        sites, misfit_A = placed.sites, placed.misfit_A
        if misfit_A is not None:
            shift_A = float(np.linalg.norm(placed.shift_A))
    if sites is None or settings.interstitials:
        sites = find_sites(
            resting,
            trajectory.cell,
            size,
            lattice=trajectory.lattice,
            known=sites,
            search=settings.search,
        )
    jumps = find_jumps(
        resting,
        sites,
        frame_spacing_ps=spacing,
        minimal_residence_frames=settings.minimal_residence_frames,
        inner_fraction=settings.inner_fraction,
        n_parts=settings.n_parts,
    )
    msd = mean_squared_displacement(resting, frame_spacing_ps=spacing)
    tracer = fit_diffusivity(msd, settings.window)
    return JumpAnalysis(
        mobile=mobile,
        temperature_K=temperature_K,
        ions=ions.indices,
        framework=places,
        framework_species=ions.framework_species,
        misfit_A=misfit_A,
        shift_A=shift_A,
        vibration=shaken,
        jumps=jumps,
        occupancies=kind_occupancies(jumps),
        rates=jump_rates(
            jumps, attempt_frequency_THz=shaken.frequency_THz, temperature_K=temperature_K
        ),
        diffusivity=jump_diffusivity(jumps, tracer),
        tracer=tracer,
        together=collective_jumps(
            jumps, within_ps=1 / shaken.frequency_THz, max_distance_A=settings.max_distance_A
        ),
        cautions=(
            *notes,
            *_cautions(shaken, jumps, tracer, ions),
        ),
    )


LEAST_ON_SITES = 0.8
"""Fraction of the time on sites below which sites are missing, or too small."""


def _cautions(
    shaken: Vibration, jumps: Jumps, tracer: Diffusivity, ions: MobileIons
) -> tuple[str, ...]:
    found = [shaken.caution] if shaken.caution else []
    if jumps.on_sites < LEAST_ON_SITES:
        found.append(
            f"ions are on sites for only {jumps.on_sites:.0%} of the time: sites may be missing, "
            f"or their radius of {jumps.sites.radius_A.min():.2f} Å may be too small"
        )
    if tracer.reason is not None:
        found.append(f"no correlation factor: {tracer.reason}")
    found += tracer.cautions
    if ions.trajectory.temperature_K is None:
        found.append("no activation energies: the temperature is not known; give --temperature")
    if not len(ions.framework):
        found.append(
            "every atom is mobile, so drift cannot be separated from diffusion and was not removed"
        )
    return tuple(found)
