"""Results of the jumps: occupancies, rates, activation energies, jump diffusivity, correlation."""

from dataclasses import dataclass

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.diffusion.diffusivity import Diffusivity
from mlipsse.transport.jumps.counting import Jumps
from mlipsse.units import A2_PS_TO_CM2_S, BOLTZMANN_EV_K


@dataclass(frozen=True)
class KindOccupancy:
    """How sites of one label are filled. Errors are standard errors from the parts of the run.

    Attributes
    ----------
    label, n_sites, interstitial : of the kind
    occupancy, occupancy_std : mean number of ions on one site
    share : fraction of the ions' time that is spent on this kind
    residence_ps, residence_std_ps : mean time that an ion spends on a site of this kind (visits
        that are not settled, and the way, left out) before it jumps; None where none jumped away
    """

    label: str
    n_sites: int
    interstitial: bool
    occupancy: float
    occupancy_std: float
    share: float
    residence_ps: float | None
    residence_std_ps: float | None


@dataclass(frozen=True)
class JumpRate:
    """Jumps from sites of one label to sites of another (or the same).

    Attributes
    ----------
    origin, destination : labels
    n_jumps : in the whole run
    frequency_per_ps, frequency_std_per_ps : jumps per mobile ion and time
    rate_per_ps, rate_std_per_ps : jumps per ion on an origin and time; None when no ion was seen on
        an origin
    activation_energy_eV, activation_energy_std_eV : see `jump_rates`; None without a rate, or
        without a frequency and a temperature
    """

    origin: str
    destination: str
    n_jumps: int
    frequency_per_ps: float
    frequency_std_per_ps: float
    rate_per_ps: float | None
    rate_std_per_ps: float | None
    activation_energy_eV: float | None
    activation_energy_std_eV: float | None


@dataclass(frozen=True)
class JumpDiffusivity:
    """Diffusivity that uncorrelated jumps would give, and what correlation leaves of it.

    Attributes
    ----------
    diffusivity_cm2_s, diffusivity_std_cm2_s : D_J
    correlation_factor, correlation_factor_std : D* / D_J; None without D* or without jumps
    """

    diffusivity_cm2_s: float
    diffusivity_std_cm2_s: float
    correlation_factor: float | None
    correlation_factor_std: float | None


def kind_occupancies(jumps: Jumps) -> list[KindOccupancy]:
    """Occupancy and residence time of each kind of site, in the order of the labels.

    The residence time is (time on the kind's sites) / (jumps away from them): the estimate of
    largest likelihood of an exponential law when the last stays are cut off by the end of the run;
    the mean over whole stays alone leaves out the long ones.
    """
    sites = jumps.sites
    kind = sites.kind_index
    kinds, n_parts = len(sites.kinds), jumps.n_parts
    members = np.bincount(kind, minlength=kinds)
    occupied, time_ps = _by_kind(jumps), _time_ps(jumps)
    per_site = occupied / jumps.part_frames[:, None] / members
    away = np.zeros((n_parts, kinds))
    np.add.at(away, (jumps.part, kind[jumps.origin]), 1.0)
    found = []
    for number, label in enumerate(sites.kinds):
        rate, rate_std = _ratio(away[:, number], time_ps[:, number])
        leaves = bool(away[:, number].any()) and rate is not None and rate_std is not None
        found.append(
            KindOccupancy(
                label=label,
                n_sites=int(members[number]),
                interstitial=label in sites.interstitial_kinds,
                occupancy=float(
                    occupied[:, number].sum() / jumps.part_frames.sum() / members[number]
                ),
                occupancy_std=_standard_error(per_site[:, number]),
                share=float(occupied[:, number].sum() / (jumps.n_frames * jumps.n_ions)),
                residence_ps=1 / rate if leaves and rate else None,
                residence_std_ps=rate_std / rate**2 if leaves and rate and rate_std else None,
            )
        )
    return found


def jump_rates(
    jumps: Jumps, *, attempt_frequency_THz: float | None = None, temperature_K: float | None = None
) -> list[JumpRate]:
    """Rates between kinds of sites, most frequent first; pairs without a jump are left out.

    With n jumps from A to B in the time t of N ions that spend the fraction w of their time on
    sites of kind A: the frequency is n / (N t), the rate k = n / (w N t), and the activation energy
    -kB T ln(k / nu) with the attempt frequency nu (de Klerk, van der Maas and Wagemaker, ACS Appl.
    Energy Mater. 1, 3230 (2018), doi 10.1021/acsaem.8b00457, eq. of Delta E_A). k is to any of the
    neighbours of kind B: where z of them are alike, the barrier of one way is kB T ln z higher.

    Errors are standard errors of the mean over the parts of the run (ddof 1, over the root of the
    number of parts); that of the energy is kB T times the relative one of k, and ignores
    nu. GEMDAT states the scatter of a single part, halves k where A and B are one kind (which
    raises the energy by kB T ln 2 above the barrier that a walk was given), and fails where a part
    has no jump.

    Parameters
    ----------
    attempt_frequency_THz : nu, e.g. of `mlipsse.transport.structure.vibration.vibration`
    temperature_K : of the run

    Raises
    ------
    MlipsseError
        for a frequency or a temperature that is not above 0.
    """
    for name, value in (
        ("attempt frequency", attempt_frequency_THz),
        ("temperature", temperature_K),
    ):
        if value is not None and not value > 0:
            raise MlipsseError(f"The {name} must be above 0, but is {value:g}.")
    sites = jumps.sites
    kind, kinds = sites.kind_index, sites.kinds
    counts: dict[tuple[int, int], np.ndarray] = {}
    pairs = zip(kind[jumps.origin], kind[jumps.destination], jumps.part, strict=True)
    for start, end, part in pairs:
        counts.setdefault((int(start), int(end)), np.zeros(jumps.n_parts))[part] += 1
    time_ps = _time_ps(jumps)
    ion_time_ps = jumps.n_ions * jumps.duration_ps
    found = []
    for (start, end), of_part in sorted(counts.items(), key=lambda item: (-item[1].sum(), item[0])):
        total = float(of_part.sum())
        rate, rate_std = _ratio(of_part, time_ps[:, start])
        energy = energy_std = None
        if rate and rate_std is not None and attempt_frequency_THz and temperature_K:
            thermal_eV = BOLTZMANN_EV_K * temperature_K
            energy = -thermal_eV * float(np.log(rate / attempt_frequency_THz))
            energy_std = thermal_eV * rate_std / rate
        found.append(
            JumpRate(
                origin=kinds[start],
                destination=kinds[end],
                n_jumps=int(total),
                frequency_per_ps=total / ion_time_ps,
                frequency_std_per_ps=_standard_error(of_part) * jumps.n_parts / ion_time_ps,
                rate_per_ps=rate,
                rate_std_per_ps=rate_std,
                activation_energy_eV=energy,
                activation_energy_std_eV=energy_std,
            )
        )
    return found


def jump_diffusivity(jumps: Jumps, tracer: Diffusivity | None = None) -> JumpDiffusivity:
    """D_J = sum |d|² / (6 N t) over all jumps, and the tracer correlation factor f = D* / D_J.

    d leads from site to site the way the ion went, so it holds in small cells too, where GEMDAT's
    shortest image may be another one. f is 1 for ions that jump independently of each other and of
    what they did before, and 0.6531 for vacancies in a simple cubic lattice (Compaan and Haven,
    Trans. Faraday Soc. 52, 786 (1956), doi 10.1039/tf9565200786). Jumps that are taken back between
    two frames, or within the minimal residence, are in neither number.

    Parameters
    ----------
    tracer : of the same ions, from `fit_diffusivity`
    """
    square = np.einsum("ja,ja->j", jumps.displacement_A, jumps.displacement_A)
    of_part = np.bincount(jumps.part, weights=square, minlength=jumps.n_parts)
    scale = A2_PS_TO_CM2_S / (6 * jumps.n_ions * jumps.duration_ps)
    value = float(square.sum()) * scale
    error = _standard_error(of_part) * jumps.n_parts * scale
    own, own_std = (
        (None, None) if tracer is None else (tracer.diffusivity_cm2_s, tracer.diffusivity_std_cm2_s)
    )
    if not value > 0 or own is None or own_std is None:
        return JumpDiffusivity(value, error, None, None)
    factor = own / value
    return JumpDiffusivity(
        value, error, factor, factor * float(np.hypot(own_std / own, error / value))
    )


def _by_kind(jumps: Jumps) -> np.ndarray:
    """(n_parts, n_kinds) frames times ions on the sites of each kind."""
    kinds = np.eye(len(jumps.sites.kinds))[jumps.sites.kind_index]
    return jumps.occupied_frames @ kinds


def _time_ps(jumps: Jumps) -> np.ndarray:
    """(n_parts, n_kinds) time that ions spent on each kind, ps; n frames span n - 1 intervals."""
    return _by_kind(jumps) * (jumps.duration_ps / jumps.n_frames)


def _standard_error(of_part: np.ndarray) -> float:
    return float(np.std(of_part, ddof=1) / np.sqrt(len(of_part)))


def _ratio(events: np.ndarray, time_ps: np.ndarray) -> tuple[float | None, float | None]:
    """Events over time in all parts, and its standard error by linear propagation."""
    total_ps = float(time_ps.sum())
    if not total_ps > 0:
        return None, None
    rate = float(events.sum()) / total_ps
    residual = events - rate * time_ps
    n_parts = len(events)
    return rate, float(np.sqrt(n_parts / (n_parts - 1) * (residual**2).sum())) / total_ps
