"""Does the stated error of D, and of Ea, hold? Random walks whose D is known.

    OMP_NUM_THREADS=1 python benchmarks/coverage.py --walks 20    # half an hour; --seed for others

Walks of several lengths and numbers of ions, of Gaussian steps and of hops: uncorrelated, taken
back, made by two or three ions at once, of other lengths, going on in their direction, of ions that
rest for long, of two populations, at rates that change. Printed are the share of walks whose 68 %
interval holds the truth, for our default, and of the first six kinds for our error by He et al.'s
counting and pymatgen's `smoothed="max"`, and with --kinisi for kinisi's posterior (of few walks: it
is slow); the shares that are refused and that come with a caution; the activation energy of ladders
of five temperatures; walks of three hops per ion; caged ions, all of which must be refused; and
slow walks with few but enough hops, which must be accepted.
"""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version

import numpy as np
from relaxations import versions
from walks import (
    SPACING_PS,
    cage_hops,
    cage_sites,
    caged_walk,
    changing_walk,
    gaussian_walk,
    hopping_walk,
    superdiffusive_walk,
    trapped_walk,
    two_populations,
)

from mlipsse.transport import (
    fit_arrhenius,
    fit_diffusivity,
    mean_squared_displacement,
)
from mlipsse.transport.diffusion.counting import counting_error
from mlipsse.transport.diffusion.peers import kinisi_diffusivity, pymatgen_diffusivity
from mlipsse.units import BOLTZMANN_EV_K

FIRST_SEED = 1_000_000
"""Far from the seeds of the walks that rules and tests were made with."""

SIZES = ((500, 24, 0.03), (1000, 12, 0.03), (2000, 48, 0.02), (2000, 96, 0.05), (4000, 24, 0.03))
"""Frames, ions, hops per ion and frame: 15 to 120 hops per ion."""

ORDINARY: dict[str, dict[str, float]] = {
    "hops": {},
    "hops, 0.2 taken back": {"memory": -0.2},
    "hops, 0.4 taken back": {"memory": -0.4},
    "hops of two ions at once": {"together": 2},
    "of three, 0.2 taken back": {"together": 3, "memory": -0.2},
    "hops of 2.0 Å, 0.4 taken back": {"memory": -0.4, "length_A": 2.0},
    "hops of 4.2 Å, 0.4 taken back": {"memory": -0.4, "length_A": 4.2},
    "hops of 5.5 Å, 0.4 taken back": {"memory": -0.4, "length_A": 5.5},
    "hops, 0.3 go on": {"memory": 0.3},
    "hops, 0.6 go on": {"memory": 0.6},
}
BESIDE = ("Gaussian steps", *list(ORDINARY)[:5])
"""Kinds at which other estimators are measured too."""


def superdiffusive(rng: np.random.Generator, **size: float) -> tuple[np.ndarray, float]:
    """A walk with an exponent of 1.4, which has no D."""
    positions = superdiffusive_walk(
        rng, n_frames=int(size["n_frames"]), n_ions=int(size["n_ions"]), exponent=1.4
    )
    return positions, float("nan")


KINDS: dict[str, Callable[..., tuple[np.ndarray, float]]] = {
    "Gaussian steps": lambda rng, n_frames, n_ions, hops_per_frame: gaussian_walk(
        rng, n_frames=n_frames, n_ions=n_ions, msd_per_frame_A2=9 * hops_per_frame
    ),
    **{name: partial(hopping_walk, **rules) for name, rules in ORDINARY.items()},
    "ions rest for 20 ps": partial(trapped_walk, trapped_ps=20.0),
    "ions rest for 50 ps": partial(trapped_walk, trapped_ps=50.0),
    "ions rest for 200 ps": partial(trapped_walk, trapped_ps=200.0),
    "a sixth of the ions hops": partial(two_populations, fast=1 / 6),
    "rate falls by a step": partial(changing_walk, course="step"),
    "rate decays": partial(changing_walk, course="decay"),
    "rate falls evenly": partial(changing_walk, course="ramp"),
    "superdiffusion": superdiffusive,
}


def share(values: Sequence[float], errors: Sequence[float], truths: Sequence[float]) -> str:
    """`0.68 (D 1.00, stated 0.05)`: covered, and means over the truth."""
    value, error, truth = (np.array(x, dtype=float) for x in (values, errors, truths))
    covered = np.mean(np.abs(value - truth) < error)
    return (
        f"{covered:.2f}   D/true {np.mean(value / truth):.3f}, scatter "
        f"{np.std(value / truth):.3f}, stated {np.mean(error / truth):.3f}"
    )


def main() -> None:
    """Print one line per kind of walk and estimator."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--walks", type=int, default=12, help="Number of walks per kind and size.")
    parser.add_argument("--ladders", type=int, default=100)
    parser.add_argument(
        "--kinisi", type=int, default=0, help="Number of walks per kind for kinisi."
    )
    parser.add_argument(
        "--seed", type=int, default=FIRST_SEED, help="first of the seeds, which rise by one"
    )
    parser.add_argument("--only", default="", help="part of the names of the kinds to walk")
    arguments = parser.parse_args()
    print(versions())
    print(
        ", ".join(f"{name} {version(name)}" for name in ("pymatgen-analysis-diffusion", "kinisi"))
    )
    everything: dict[str, list[tuple[float, float, float]]] = {}
    for name, make in KINDS.items():
        if arguments.only not in name:
            continue
        found: dict[str, list[tuple[float, float, float]]] = {}
        refused = cautioned = 0
        for n_frames, n_ions, hops in SIZES:
            for walk in range(arguments.walks):
                positions, truth = make(
                    np.random.default_rng(arguments.seed + walk),
                    n_frames=n_frames,
                    n_ions=n_ions,
                    hops_per_frame=hops,
                )
                msd = mean_squared_displacement(positions, frame_spacing_ps=SPACING_PS)
                fit = fit_diffusivity(msd)
                refused += not fit.diffusive
                cautioned += bool(fit.cautions)
                if not fit.diffusive:
                    continue
                own = fit.diffusivity_cm2_s
                found.setdefault("default", []).append((own, fit.diffusivity_std_cm2_s, truth))
                if name not in BESIDE:
                    continue
                counted = own * counting_error(msd).relative_std
                found.setdefault("counting", []).append((own, counted, truth))
                peer = pymatgen_diffusivity(positions, frame_spacing_ps=SPACING_PS)
                found.setdefault("pymatgen", []).append((*peer, truth))
                if walk * len(SIZES) < arguments.kinisi:
                    peer = kinisi_diffusivity(
                        positions, frame_spacing_ps=SPACING_PS, start_ps=fit.window_ps[0]
                    )
                    found.setdefault("kinisi", []).append((*peer, truth))
        print(
            f"{name}: {arguments.walks * len(SIZES)} walks, {refused} refused, {cautioned} with a "
            "caution"
        )
        for estimator, rows in found.items():
            print(f"  {estimator:9s} {share(*zip(*rows, strict=True))}", flush=True)
            if name in BESIDE:
                everything.setdefault(estimator, []).extend(rows)
    if arguments.only:
        return
    print("first six kinds")
    for estimator, rows in everything.items():
        print(f"  {estimator:9s} {share(*zip(*rows, strict=True))}  ({len(rows)} walks)")
    few_hops(arguments.seed)
    activation(arguments.ladders, arguments.seed)
    refusals(arguments.seed)


def few_hops(first_seed: int) -> None:
    """150 walks of three hops per ion, of two ions at once and 0.2 of them taken back."""
    found = []
    for seed in range(first_seed, first_seed + 150):
        positions, truth = hopping_walk(
            np.random.default_rng(seed),
            n_frames=401,
            n_ions=56,
            hops_per_frame=0.008,
            memory=-0.2,
            together=2,
        )
        fit = fit_diffusivity(mean_squared_displacement(positions, frame_spacing_ps=SPACING_PS))
        if fit.diffusive:
            found.append((fit.diffusivity_cm2_s, fit.diffusivity_std_cm2_s, truth))
    print(f"three hops per ion, of two at once, 0.2 taken back: {150 - len(found)} of 150 refused")
    print(f"  default   {share(*zip(*found, strict=True))}")


def activation(ladders: int, first_seed: int) -> None:
    """Ea of ladders of walks with 0.2 of the hops taken back, at five temperatures."""
    temperatures = np.array([700.0, 800.0, 900.0, 1000.0, 1100.0])
    energy_eV = 0.3
    ours, theirs = [], []
    for seed in range(ladders):
        rows = []
        for k, temperature in enumerate(temperatures):
            hops = 0.06 * np.exp(-energy_eV / BOLTZMANN_EV_K * (1 / temperature - 1 / 1100.0))
            rng = np.random.default_rng(first_seed + 1000 * seed + k)
            positions, _ = hopping_walk(
                rng, n_frames=2000, n_ions=24, hops_per_frame=hops, memory=-0.2
            )
            fit = fit_diffusivity(mean_squared_displacement(positions, frame_spacing_ps=SPACING_PS))
            peer = pymatgen_diffusivity(positions, frame_spacing_ps=SPACING_PS)
            if fit.diffusive:
                rows.append((temperature, fit.diffusivity_cm2_s, fit.diffusivity_std_cm2_s, *peer))
        at, value, std, other, _ = zip(*rows, strict=True)
        line = fit_arrhenius(at, value, std)
        ours.append((line.activation_energy_eV, line.activation_energy_std_eV))
        line = fit_arrhenius(at, other)
        theirs.append((line.activation_energy_eV, line.activation_energy_std_eV))
    for name, found in (("ours", ours), ("pymatgen", theirs)):
        value, error = np.array(found).T
        print(
            f"Ea, {name}: {ladders} ladders, covered {np.mean(abs(value - energy_eV) < error):.2f}"
            f"   mean {value.mean():.3f} eV (true {energy_eV}), scatter {value.std():.4f}, "
            f"stated {error.mean():.4f}"
        )


def refusals(first_seed: int) -> None:
    """Caged ions and slow walks, 100 each."""
    cages = slow = back = 0
    for seed in range(100):
        rng = np.random.default_rng(first_seed + seed)
        plateau, relaxation = (11.0, 40.0)[seed % 2], (5.0, 20.0, 60.0)[seed % 3]
        positions = caged_walk(
            rng, n_frames=1000, n_ions=24, plateau_A2=plateau, relaxation=relaxation
        )
        fit = fit_diffusivity(mean_squared_displacement(positions, frame_spacing_ps=SPACING_PS))
        cages += not fit.diffusive
        for taken_back in (0.0, 0.3):
            positions, _ = hopping_walk(
                rng, n_frames=2000, n_ions=48, hops_per_frame=0.003, memory=-taken_back
            )
            fit = fit_diffusivity(mean_squared_displacement(positions, frame_spacing_ps=SPACING_PS))
            slow += fit.diffusive and not taken_back
            back += fit.diffusive and bool(taken_back)
    print(f"caged ions refused: {cages} of 100")
    hopping = {True: 0, False: 0}
    count = 0
    for n_sites in (3, 4, 5, 6):
        for spacing_A in (2.2, 3.0, 3.6):
            for changes in (0.5, 1.0, 2.0):  # events per cage and half run
                count += 1
                for full in hopping:
                    positions = cage_hops(
                        np.random.default_rng(first_seed + count),
                        sites_A=cage_sites(n_sites, spacing_A),
                        n_cages=8 if full else 32,
                        n_frames=500,
                        changes_per_frame=changes / 250 * (n_sites if full else 1),
                        full=full,
                    )
                    msd = mean_squared_displacement(positions, frame_spacing_ps=SPACING_PS)
                    hopping[full] += not fit_diffusivity(msd).diffusive
    print(f"cages of 3 to 6 sites, full, refused by the MSDs alone: {hopping[True]} of {count}")
    print(f"cages of 3 to 6 sites, one ion, refused by the MSDs alone: {hopping[False]} of {count}")
    print(f"slow walks accepted (6 hops per ion): {slow} of 100; 0.3 of them taken back: {back}")


if __name__ == "__main__":
    main()
