"""One run, from its frames to its sites and jumps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.diffusion.diffusivity import Diffusivity, fit_diffusivity
from mlipsse.transport.diffusion.displacement.msd import mean_squared_displacement
from mlipsse.transport.diffusion.displacement.window import WindowSettings
from mlipsse.transport.ions.drift import RestingPositions, framework_drift
from mlipsse.transport.ions.roles import assign_roles
from mlipsse.transport.jumps.collective import (
    MAX_DISTANCE_A,
    CollectiveJumps,
    collective_jumps,
)
from mlipsse.transport.jumps.counting import PARTS, Jumps, find_jumps
from mlipsse.transport.jumps.found_sites import INTERSTITIAL_OCCUPANCY, LEAST_OCCUPANCY, find_sites
from mlipsse.transport.jumps.given_sites import place_sites, read_crystal_sites
from mlipsse.transport.jumps.rates import (
    JumpDiffusivity,
    JumpRate,
    KindOccupancy,
    jump_diffusivity,
    jump_rates,
    kind_occupancies,
)
from mlipsse.transport.reading.frames import Frames
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


def analyse_jumps(
    frames: Frames,
    *,
    mobile: str | Sequence[str],
    framework: Sequence[str] | None = None,
    temperature_K: float | None = None,
    structure: Path | None = None,
    interstitials: bool = False,
    repeats: Sequence[int] = (1, 1, 1),
    interstitial_occupancy: float = INTERSTITIAL_OCCUPANCY,
    least_occupancy: float = LEAST_OCCUPANCY,
    radius_A: float | Mapping[str, float] | None = None,
    inner_fraction: float = 1.0,
    minimal_residence_frames: int = 1,
    max_distance_A: float = MAX_DISTANCE_A,
    n_parts: int = PARTS,
    settings: WindowSettings | None = None,
) -> JumpAnalysis:
    """Sites, occupancies, jumps and their diffusivity, framework drift removed.

    Parameters
    ----------
    frames : of one run, in a constant cell; of one on disk the mobile ions alone are loaded
    mobile : element of the mobile ion; of several elements that move, the first is analysed
    framework : elements that stay; None takes all that are not mobile
    temperature_K : where the frames do not state it; for the activation energies
    structure : CIF or POSCAR with the sites; None finds them in the density (see `find_sites`)
    interstitials : look for sites beside those of the structure
    repeats, interstitial_occupancy, least_occupancy : of `find_sites`
    radius_A : of the sites; by `site_radius` if not given
    inner_fraction, minimal_residence_frames, n_parts : of `find_jumps`
    max_distance_A : of `collective_jumps`, whose time is one period of the attempt frequency
    settings : of the tracer's fit window

    Raises
    ------
    MlipsseError
        as the functions that do the work.

    Examples
    --------
    >>> run = analyse_jumps(read_frames_of("r0"), mobile="Li", structure="Li3InCl6.cif")
    >>> run.diffusivity.correlation_factor, run.together.solo_fraction
    """
    roles = assign_roles(frames.species, mobile, framework)
    mobile, chosen = roles.mobile, roles.ions(frames.species)
    others = roles.still(frames.species)
    drift_A = framework_drift(frames.positions, others)
    ions = RestingPositions(frames.positions, chosen, drift_A).all()
    places = RestingPositions(frames.positions, others, drift_A).mean()
    framework_species = tuple(np.array(frames.species)[others].tolist())
    spacing = frames.frame_spacing_ps
    shaken = vibration(ions, frame_spacing_ps=spacing)
    sites = misfit_A = shift_A = None
    notes: tuple[str, ...] = ()
    if structure is not None:
        crystal = read_crystal_sites(Path(structure), mobile=mobile)
        notes = tuple(f"{crystal.name}: {note}" for note in crystal.notes)
        placed = place_sites(
            crystal,
            cell=frames.cell,
            lattice=frames.lattice,
            framework_positions=places,
            framework_species=framework_species,
            amplitude_A=shaken.amplitude_A,
            radius_A=radius_A,
        )
        sites, misfit_A = placed.sites, placed.misfit_A
        if misfit_A is not None:
            shift_A = float(np.linalg.norm(placed.shift_A))
    if sites is None or interstitials:
        if isinstance(radius_A, Mapping):
            raise MlipsseError("Found sites have no labels yet. Give one radius for all.")
        sites = find_sites(
            ions,
            frames.cell,
            amplitude_A=shaken.amplitude_A,
            radius_A=radius_A,
            repeats=repeats,
            lattice=frames.lattice,
            known=sites,
            interstitial_occupancy=interstitial_occupancy,
            least_occupancy=least_occupancy,
        )
    jumps = find_jumps(
        ions,
        sites,
        frame_spacing_ps=spacing,
        minimal_residence_frames=minimal_residence_frames,
        inner_fraction=inner_fraction,
        n_parts=n_parts,
    )
    temperature_K = temperature_K if temperature_K is not None else frames.temperature_K
    tracer = fit_diffusivity(mean_squared_displacement(ions, frame_spacing_ps=spacing), settings)
    return JumpAnalysis(
        mobile=mobile,
        temperature_K=temperature_K,
        ions=chosen,
        framework=places,
        framework_species=framework_species,
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
            jumps, within_ps=1 / shaken.frequency_THz, max_distance_A=max_distance_A
        ),
        cautions=(
            *notes,
            *_cautions(shaken, jumps, tracer, alone=not len(others), cold=temperature_K is None),
        ),
    )


LEAST_ON_SITES = 0.8
"""Fraction of the time on sites below which sites are missing, or too small."""


def _cautions(
    shaken: Vibration, jumps: Jumps, tracer: Diffusivity, *, alone: bool, cold: bool
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
    if cold:
        found.append("no activation energies: the temperature is not known; give --temperature")
    if alone:
        found.append(
            "every atom is mobile, so drift cannot be separated from diffusion and was not removed"
        )
    return tuple(found)
