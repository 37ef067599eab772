"""Does the stated error of D, and of Ea, hold? Random walks whose D is known.

    OMP_NUM_THREADS=1 python benchmarks/coverage.py          # ten minutes

Walks of several lengths and numbers of ions, of Gaussian steps and of hops: uncorrelated, taken
back with a probability of 0.2 or 0.4, and made by two or three ions at once. Told are the share of
walks whose 68 % interval holds the truth, for our default, our error by He et al.'s counting,
pymatgen's `smoothed="max"`, and with --kinisi kinisi's posterior (of few walks: it is slow); the
activation energy of ladders of five temperatures; walks of three hops per ion; caged ions, all of
which must be refused; and slow walks with few but enough hops, which must be accepted.
"""

import argparse
from collections.abc import Sequence
from importlib.metadata import version

import numpy as np
from relaxations import versions
from walks import SPACING_PS, caged_walk, gaussian_walk, hopping_walk

from mlipsse.transport import (
    fit_arrhenius,
    fit_diffusivity,
    mean_squared_displacement,
)
from mlipsse.transport.counting import counting_error
from mlipsse.transport.peers import kinisi_diffusivity, pymatgen_diffusivity
from mlipsse.units import BOLTZMANN_EV_K

SIZES = ((500, 24, 0.03), (1000, 12, 0.03), (2000, 48, 0.02), (2000, 96, 0.05), (4000, 24, 0.03))
"""Frames, ions, hops per ion and frame: 15 to 120 hops per ion."""

KINDS = (
    ("Gaussian steps", None),
    ("hops", {}),
    ("hops, 0.2 taken back", {"back": 0.2}),
    ("hops, 0.4 taken back", {"back": 0.4}),
    ("hops of two ions at once", {"together": 2}),
    ("of three, 0.2 taken back", {"together": 3, "back": 0.2}),
)


def walk(
    rng: np.random.Generator, kind: dict[str, float] | None, size: Sequence[float]
) -> tuple[np.ndarray, float]:
    """Positions and D of one walk."""
    frames, ions, hops = int(size[0]), int(size[1]), size[2]
    if kind is None:
        return gaussian_walk(rng, n_frames=frames, n_ions=ions, msd_per_frame_A2=9 * hops)
    return hopping_walk(rng, n_frames=frames, n_ions=ions, hops_per_frame=hops, **kind)


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
    parser.add_argument("--walks", type=int, default=12, help="per kind and size")
    parser.add_argument("--ladders", type=int, default=100)
    parser.add_argument("--kinisi", type=int, default=0, help="walks per kind for kinisi")
    arguments = parser.parse_args()
    print(versions())
    print(
        ", ".join(f"{name} {version(name)}" for name in ("pymatgen-analysis-diffusion", "kinisi"))
    )
    everything: dict[str, list[tuple[float, float, float]]] = {}
    for name, kind in KINDS:
        found: dict[str, list[tuple[float, float, float]]] = {}
        refused = 0
        for size in SIZES:
            for seed in range(arguments.walks):
                rng = np.random.default_rng(seed)
                positions, truth = walk(rng, kind, size)
                msd = mean_squared_displacement(positions, frame_spacing_ps=SPACING_PS)
                fit = fit_diffusivity(msd)
                if not fit.diffusive:
                    refused += 1
                    continue
                own = fit.diffusivity_cm2_s
                counted = own * counting_error(msd).relative_std
                found.setdefault("default", []).append((own, fit.diffusivity_std_cm2_s, truth))
                found.setdefault("counting", []).append((own, counted, truth))
                peer = pymatgen_diffusivity(positions, frame_spacing_ps=SPACING_PS)
                found.setdefault("pymatgen", []).append((*peer, truth))
                if seed * len(SIZES) < arguments.kinisi:
                    peer = kinisi_diffusivity(
                        positions, frame_spacing_ps=SPACING_PS, start_ps=fit.window_ps[0]
                    )
                    found.setdefault("kinisi", []).append((*peer, truth))
        print(f"{name}: {arguments.walks * len(SIZES)} walks, {refused} refused")
        for estimator, rows in found.items():
            print(f"  {estimator:9s} {share(*zip(*rows, strict=True))}")
            everything.setdefault(estimator, []).extend(rows)
    print("all kinds")
    for estimator, rows in everything.items():
        print(f"  {estimator:9s} {share(*zip(*rows, strict=True))}  ({len(rows)} walks)")
    few_hops()
    activation(arguments.ladders)
    refusals()


def few_hops() -> None:
    """150 walks of three hops per ion, of two ions at once and 0.2 of them taken back."""
    found = []
    for seed in range(150):
        positions, truth = hopping_walk(
            np.random.default_rng(seed),
            n_frames=401,
            n_ions=56,
            hops_per_frame=0.008,
            back=0.2,
            together=2,
        )
        fit = fit_diffusivity(mean_squared_displacement(positions, frame_spacing_ps=SPACING_PS))
        if fit.diffusive:
            found.append((fit.diffusivity_cm2_s, fit.diffusivity_std_cm2_s, truth))
    print(f"three hops per ion, of two at once, 0.2 taken back: {150 - len(found)} of 150 refused")
    print(f"  default   {share(*zip(*found, strict=True))}")


def activation(ladders: int) -> None:
    """Ea of ladders of walks with 0.2 of the hops taken back, at five temperatures."""
    temperatures = np.array([700.0, 800.0, 900.0, 1000.0, 1100.0])
    energy_eV = 0.3
    ours, theirs = [], []
    for seed in range(ladders):
        rows = []
        for k, temperature in enumerate(temperatures):
            hops = 0.06 * np.exp(-energy_eV / BOLTZMANN_EV_K * (1 / temperature - 1 / 1100.0))
            rng = np.random.default_rng(1000 * seed + k)
            positions, _ = hopping_walk(
                rng, n_frames=2000, n_ions=24, hops_per_frame=hops, back=0.2
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


def refusals() -> None:
    """Caged ions and slow walks, 100 each."""
    cages = slow = back = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        plateau, relaxation = (11.0, 40.0)[seed % 2], (5.0, 20.0, 60.0)[seed % 3]
        positions = caged_walk(
            rng, n_frames=1000, n_ions=24, plateau_A2=plateau, relaxation=relaxation
        )
        fit = fit_diffusivity(mean_squared_displacement(positions, frame_spacing_ps=SPACING_PS))
        cages += not fit.diffusive
        for taken_back in (0.0, 0.3):
            positions, _ = hopping_walk(
                rng, n_frames=2000, n_ions=48, hops_per_frame=0.003, back=taken_back
            )
            fit = fit_diffusivity(mean_squared_displacement(positions, frame_spacing_ps=SPACING_PS))
            slow += fit.diffusive and not taken_back
            back += fit.diffusive and bool(taken_back)
    print(f"caged ions refused: {cages} of 100")
    print(f"slow walks accepted (6 hops per ion): {slow} of 100; 0.3 of them taken back: {back}")


if __name__ == "__main__":
    main()
