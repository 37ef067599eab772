"""From what was measured to verdicts, one function per line of the table."""

from collections.abc import Sequence

import numpy as np
from ase.data import atomic_numbers, covalent_radii

from mlipsse.dataset.check.measures.verdict import Verdict
from mlipsse.dataset.frames.softening import MAX_SLOPE, MIN_SLOPE, Softening, soft
from mlipsse.dataset.sampling.dynamics import SampledTrajectory
from mlipsse.energetics.relaxation.outcome import Relaxation
from mlipsse.potential.acceptance.closest_pairs import ClosestPair
from mlipsse.potential.acceptance.conservation import ConstantEnergyRun
from mlipsse.potential.acceptance.equation_of_state import VOLUME_RANGE, EosFit
from mlipsse.potential.acceptance.limits import AcceptanceLimits
from mlipsse.potential.acceptance.pair_distribution import PairDistribution
from mlipsse.potential.acceptance.report import Criterion
from mlipsse.potential.acceptance.wall import Wall
from mlipsse.units import BOLTZMANN_EV_K

EQUATION_OF_STATE = "equation of state"
MINIMUM = "minimum of the cell"
VOLUME = "volume"
HOT_RUN = "hot run"
CLOSEST_PAIR = "closest pair"
CONSERVATION = "energy conservation"
DISTRIBUTION = "g(r)"
SOFTENING = "softening"
WALLS = "walls"

_WALL_OF_RADII = 0.4
"""Share of the sum of covalent radii: walls of small atoms stand closer than 1 Å."""


def judge_equation_of_state(
    relaxation: Relaxation, fit: EosFit | None, limits: AcceptanceLimits
) -> list[Criterion]:
    """Is there one smooth minimum of positive bulk modulus, and does the stress find it too?"""
    broken = relaxation.fault not in (None, "not_converged")
    if broken or fit is None:
        reason = relaxation.reason if broken else (
            f"energies within {VOLUME_RANGE:.0%} of the relaxed volume have no minimum"
        )  # fmt: skip
        sentence = f"The crystal is not stable with this potential: {reason}."
        return [
            Criterion(EQUATION_OF_STATE, "fail", None, limits.residual, "of the rise", sentence)
        ]
    numbers = {
        "volume_A3_atom": fit.volume_A3_atom,
        "bulk_modulus_GPa": fit.bulk_modulus_GPa,
        "minima": fit.minima,
    }
    problems = []
    if fit.minima != 1:
        problems.append(f"energies against volume have {fit.minima} minima")
    if fit.bulk_modulus_GPa <= 0:
        problems.append(f"the bulk modulus is {fit.bulk_modulus_GPa:.1f} GPa")
    if not fit.residual <= limits.residual:
        problems.append(f"no smooth curve fits (residual {fit.residual:.1%} of the rise)")
    summary = f"One minimum, bulk modulus {fit.bulk_modulus_GPa:.1f} GPa with positions held."
    smooth = Criterion(
        EQUATION_OF_STATE,
        "fail" if problems else "pass",
        fit.residual,
        limits.residual,
        "of the rise",
        f"No crystal behaves so: {'; '.join(problems)}." if problems else summary,
        numbers,
    )
    return [smooth, _judge_minimum(relaxation, fit, limits)]


def _judge_minimum(relaxation: Relaxation, fit: EosFit, limits: AcceptanceLimits) -> Criterion:
    relaxed_A3_atom = relaxation.atoms.get_volume() / len(relaxation.atoms)
    shift = fit.volume_A3_atom / relaxed_A3_atom - 1
    verdict: Verdict = "pass"
    sentence = "Energies and stresses give the same cell."
    if not abs(shift) <= limits.minimum_shift:
        verdict = "fail"
        sentence = (
            f"The energies' minimum lies {shift:+.1%} in volume from the cell that the stresses "
            "relax to: the two are inconsistent."
        )
        if relaxation.fault == "not_converged":
            verdict = "warn"
            sentence = f"The relaxation did not end ({relaxation.reason}), {shift:+.1%} away."
    return Criterion(
        MINIMUM,
        verdict,
        abs(shift),
        limits.minimum_shift,
        "of the volume",
        sentence,
        {"relaxed_volume_A3_atom": relaxed_A3_atom},
    )


def judge_volume(
    volume_A3_atom: float | None, reference_A3_atom: float | None, *, name: str, limit: float
) -> Criterion:
    """Is the crystal as large as what the model learned from has it?"""
    if volume_A3_atom is None:
        return _skip(VOLUME, limit, "of the volume", "There is no volume for comparison.")
    if reference_A3_atom is None:
        sentence = (
            f"{name} has no minimum within {VOLUME_RANGE:.0%} of the model's volume: the model's "
            "crystal is too large or too small."
        )
        return Criterion(VOLUME, "fail", None, limit, "of the volume", sentence)
    error = volume_A3_atom / reference_A3_atom - 1
    good = abs(error) <= limit
    ending = "" if good else ": pressures and densities of every run would be off"
    return Criterion(
        VOLUME,
        "pass" if good else "fail",
        abs(error),
        limit,
        "of the volume",
        f"{error:+.1%} from {name}{ending}.",
        {"volume_A3_atom": volume_A3_atom, "reference_A3_atom": reference_A3_atom},
    )


def judge_hot_run(run: SampledTrajectory, *, temperature_K: float, duration_ps: float) -> Criterion:
    """Did the crystal last as long as it was asked to?"""
    if run.stopped is not None:
        sentence = f"At {temperature_K:g} K it {run.stopped}."
        lasted = run.frames[-1].info["time_ps"] if run.frames else 0.0
        return Criterion(HOT_RUN, "fail", float(lasted), duration_ps, "ps", sentence)
    sentence = f"At {temperature_K:g} K no pair came too close and it did not heat."
    mean_K = float(run.mean_temperature_K)
    return Criterion(
        HOT_RUN, "pass", duration_ps, duration_ps, "ps", sentence, {"mean_temperature_K": mean_K}
    )


def judge_pairs(pairs: Sequence[ClosestPair]) -> Criterion:
    """The pair that came nearest to its limit."""
    met = [(pair, pair.distance_A) for pair in pairs if pair.distance_A is not None]
    if not met:
        return _skip(CLOSEST_PAIR, None, "Å", "There are no frames.")
    worst, distance_A = min(met, key=lambda found: found[1] / found[0].limit_A)
    good = distance_A >= worst.limit_A
    ending = "." if good else ", came closer than atoms can be."
    return Criterion(
        CLOSEST_PAIR,
        "pass" if good else "fail",
        distance_A,
        worst.limit_A,
        "Å",
        f"{'-'.join(worst.elements)}, the pair nearest to its limit{ending}",
        {f"{'-'.join(pair.elements)}_A": found for pair, found in met},
    )


def judge_conservation(run: ConstantEnergyRun | None, limits: AcceptanceLimits) -> Criterion:
    """Does the total energy stay where it was?"""
    unit = "meV/atom/ps"
    if run is None:
        return _skip(
            CONSERVATION,
            limits.drift_meV_atom_ps,
            unit,
            "The hot run left no structure to start from.",
        )
    if run.conservation is None:
        sentence = f"At constant energy {run.problem}."
        return Criterion(CONSERVATION, "fail", None, limits.drift_meV_atom_ps, unit, sentence)
    drift = 1e3 * run.conservation.drift_eV_atom_ps
    std = 1e3 * run.conservation.drift_std_eV_atom_ps
    verdict: Verdict = "pass"
    ending = f" at {run.conservation.temperature_K:.0f} K"
    if not abs(drift) <= limits.drift_meV_atom_ps:
        settled = abs(drift) - 2 * std > limits.drift_meV_atom_ps
        verdict = "fail" if settled else "warn"
        ending += (
            ": forces are no gradient of the energy, or the time step is too long"
            if settled
            else ": the run is too short to judge; lengthen it"
        )
    return Criterion(
        CONSERVATION,
        verdict,
        abs(drift),
        limits.drift_meV_atom_ps,
        unit,
        f"{drift:+.2g} ± {std:.1g} {unit}{ending}.",
        {
            "drift_std_meV_atom_ps": std,
            "fluctuation_meV_atom": 1e3 * run.conservation.fluctuation_eV_atom,
        },
    )


def judge_distributions(
    pairs: Sequence[PairDistribution], *, temperature_K: float, limits: AcceptanceLimits
) -> Criterion:
    """The pair of elements whose g(r) differs most beyond chance, of those that can be compared."""
    numbers = {"-".join(pair.elements): round(pair.excess, 4) for pair in pairs}
    judged = [pair for pair in pairs if pair.comparable]
    others = ", ".join("-".join(pair.elements) for pair in pairs if not pair.comparable)
    remark = (
        f" Runs too short to judge {others}: some atoms have hopped, but not most."
        if others
        else ""
    )
    if not judged:
        return Criterion(DISTRIBUTION, "skip", None, limits.rdf_difference, "", remark[1:], numbers)
    worst = max(judged, key=lambda pair: pair.excess)
    good = worst.excess <= limits.rdf_difference
    name = "-".join(worst.elements)
    sentence = (
        f"{name} differs most at {temperature_K:g} K: {worst.difference:.3f}, of which chance "
        f"explains {worst.scale:.3f} at most"
    )
    if not good:
        sentence += "; the crystal of the model differs from that of the training frames"
    return Criterion(
        DISTRIBUTION,
        "pass" if good else "fail",
        worst.excess,
        limits.rdf_difference,
        "",
        f"{sentence}.{remark}",
        numbers,
    )


def skipped_distribution(limits: AcceptanceLimits, why: str) -> Criterion:
    """The line of g(r) where nothing can be compared."""
    return _skip(DISTRIBUTION, limits.rdf_difference, "", why)


def failed_distribution(limits: AcceptanceLimits, why: str) -> Criterion:
    """The line of g(r) where the model's own run did not get through."""
    return Criterion(DISTRIBUTION, "fail", None, limits.rdf_difference, "", why)


def judge_softening(found: Softening | None) -> Criterion:
    """Are forces as large as those of the labels?"""
    allowed = max(1 - MIN_SLOPE, MAX_SLOPE - 1)
    unit = "off a slope of 1"
    slope = None if found is None else found.forces
    if found is None or slope is None:
        why = "There are too few labelled frames of this crystal for a slope of the forces."
        return _skip(SOFTENING, allowed, unit, why)
    numbers = {"force_slope": slope.value, "force_slope_std": slope.std}
    numbers |= {f"force_slope_{symbol}": s.value for symbol, s in found.forces_by_element.items()}
    sentence = f"Forces of labelled frames are {slope} times the labels'"
    if found.stress is not None:
        numbers |= {"stress_slope": found.stress.value, "stress_slope_std": found.stress.std}
        sentence += f", stresses {found.stress} times"
    verdict: Verdict = "fail" if soft(slope) else "pass"
    if verdict == "fail":
        sentence += "; barriers, melting and D of the model are not those of its labels"
    off = abs(slope.value - 1)
    return Criterion(SOFTENING, verdict, off, allowed, unit, f"{sentence}.", numbers)


def judge_walls(
    walls: Sequence[Wall], *, temperature_K: float, limits: AcceptanceLimits
) -> Criterion:
    """Is there a hole behind a wall, and can heat reach it?"""
    limit_eV = limits.wall_kT * BOLTZMANN_EV_K * temperature_K
    if not walls:
        return _skip(WALLS, limit_eV, "eV", "No two atoms meet within 6 Å.")
    holes = [
        (wall, wall.barrier_eV)
        for wall in walls
        if wall.barrier_eV is not None and wall.rises_to_A > _wall_A(wall, limits)
    ]
    numbers = {f"{'-'.join(wall.elements)}_rises_to_A": round(wall.rises_to_A, 2) for wall in walls}
    if not holes:
        heights = [float(np.nanmax(wall.energies_eV)) for wall in walls]
        summary = "Energies rise inwards for every pair of elements down to 1 Å."
        return Criterion(WALLS, "pass", min(heights), limit_eV, "eV", summary, numbers)
    lowest, barrier_eV = min(holes, key=lambda hole: hole[1])
    names = ", ".join(f"{'-'.join(hole.elements)} at {hole.rises_to_A:.2f} Å" for hole, _ in holes)
    reachable = barrier_eV < limit_eV
    ending = (
        f"heat reaches over the {barrier_eV:.1f} eV of {'-'.join(lowest.elements)}"
        if reachable
        else f"behind {barrier_eV:.1f} eV and more, which heat does not reach"
    )
    return Criterion(
        WALLS,
        "fail" if reachable else "warn",
        barrier_eV,
        limit_eV,
        "eV",
        f"Energies fall again for {names}; {ending}.",
        numbers,
    )


def _wall_A(wall: Wall, limits: AcceptanceLimits) -> float:
    numbers = [atomic_numbers[element] for element in wall.elements]
    return min(limits.wall_A, _WALL_OF_RADII * float(covalent_radii[numbers].sum()))


def _skip(name: str, limit: float | None, unit: str, why: str) -> Criterion:
    return Criterion(name, "skip", None, limit, unit, why)
