"""The frames that are labelled with DFT: one of each composition and temperature of `FAMILIES`.

    python make_frames.py

Every frame is an ordering of low Ewald energy, relaxed with `mace-sse-small`, heated for 1 ps of
Langevin dynamics with the same potential, and strained at random by up to 3 %. Frames that
`frames.extxyz` holds are kept (the first eight are of SevenNet's 7net-0; each states its sampler).
Some minutes.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from ase import Atoms

from mlipsse import keys
from mlipsse.campaign.crystals.orderings import campaign_host
from mlipsse.campaign.engine.folder import read_campaign
from mlipsse.dataset.frames.extxyz import read_frames, write_frames
from mlipsse.dataset.frames.strain import strain_frames
from mlipsse.dataset.sampling.dynamics import sample
from mlipsse.dataset.sampling.run import SamplingSettings
from mlipsse.energetics.potentials.calculators import make_calculator
from mlipsse.energetics.relaxation.outcome import RelaxationSettings
from mlipsse.energetics.relaxation.single import relax
from mlipsse.orderings import Supercell, enumerate_orderings, parse_composition
from mlipsse.potential.native.copy import fastest
from mlipsse.resources import resource_dir

HERE = Path(__file__).resolve().parent
FRAMES = HERE / "frames.extxyz"
SAMPLER = "mace-sse-small"
SEED = 11
N_ORDERINGS = 12
MAX_STRAIN = 0.03


@dataclass(frozen=True)
class Family:
    """Compositions of one host, each at each temperature.

    Attributes
    ----------
    example : campaign that describes the host
    """

    name: str
    example: str
    formulas: tuple[str, ...]
    temperatures_K: tuple[float, ...]


FAMILIES = (
    Family(
        "halides",
        "liybc",
        (
            "Li3InCl6",
            "Li3YBr6",
            "Li3In0.5Y0.5Br3Cl3",
            "Li3InBr6",
            "Li3YCl6",
            "Li3InBr3Cl3",
            "Li3YBr3Cl3",
            "Li3In0.5Y0.5Cl6",
        ),
        (600.0, 1200.0, 900.0, 750.0, 1050.0),
    ),
    Family("nasicon", "nasicon", ("NaZr2P3O12", "Na3Zr2Si2PO12", "Na4Zr2Si3O12"), (700.0, 1000.0)),
    Family("lpsgo", "lpsgo", ("Li3PS4", "Li3.5P0.5Ge0.5S2O2", "Li4GeO4"), (600.0, 900.0)),
)


def wanted() -> Iterator[tuple[Family, str, float, int]]:
    """(family, formula, temperature in K, number), so that any first part of all is diverse."""
    for round_ in range(max(len(family.temperatures_K) for family in FAMILIES)):
        for family in FAMILIES:
            n_temperatures = len(family.temperatures_K)
            if round_ >= n_temperatures:
                continue
            for number, formula in enumerate(family.formulas):
                temperature_K = family.temperatures_K[(round_ + number) % n_temperatures]
                yield family, formula, temperature_K, round_


def start_of(family: Family, formula: str, number: int) -> Atoms:
    """The ordering `number` of the lowest Ewald energies in one cell of the host, not relaxed."""
    host = campaign_host(read_campaign(resource_dir("examples") / family.example))
    composition = parse_composition(formula, host)
    found = enumerate_orderings(
        composition, Supercell(host, "1x1x1"), max_orderings=N_ORDERINGS, seed=SEED
    )
    return found[number % len(found)].atoms


def main() -> None:
    """Make the frames that are missing."""
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message="logm result")
    potential, head = fastest(SAMPLER)
    calculator = make_calculator(potential, head=head)
    frames = read_frames(FRAMES, labelled=False) if FRAMES.is_file() else []
    there = {frame.info[keys.TRAJECTORY] for frame in frames}
    for place, (family, formula, temperature_K, number) in enumerate(wanted()):
        name = f"{formula}_T{temperature_K:04.0f}"
        if name in there:
            continue
        relaxation = RelaxationSettings(fmax_eV_A=0.1, max_steps=200, max_volume_factor=2.5)
        start = relax(start_of(family, formula, number), calculator, relaxation).atoms
        settings = SamplingSettings(
            temperature_K=temperature_K,
            duration_ps=1.0,
            equilibration_ps=0.9,
            timestep_fs=2.0 if "O" not in formula else 1.0,
            n_frames=1,
            stop_when_melted=False,
        )
        run = sample(start, calculator, settings, seed=SEED + place)
        if not run.frames:
            raise SystemExit(f"{name}: {run.stopped}")
        (frame,) = strain_frames(run.frames, max_strain=MAX_STRAIN, seed=SEED + place)
        frame.calc = None
        frame.info = {
            keys.TRAJECTORY: name,
            keys.COMPOSITION: formula,
            "family": family.name,
            "temperature_K": temperature_K,
            "sampler": SAMPLER,
        }
        frame.arrays = {key: frame.arrays[key] for key in ("numbers", "positions")}
        frames.append(frame)
        write_frames(FRAMES, frames)
        closest_A = np.min(frame.get_all_distances(mic=True) + 9 * np.eye(len(frame)))
        print(f"{name}: {len(frame)} atoms, closest pair {closest_A:.2f} Å", flush=True)


if __name__ == "__main__":
    main()
