"""Units of work of a screening: relaxations of crystals, and energies of an ion at some points."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from mlipsse import keys
from mlipsse.campaign.engine.execution import Unit
from mlipsse.campaign.engine.record import digest, fingerprint
from mlipsse.campaign.engine.unit_json import encode
from mlipsse.energetics.potentials.catalogue import find_potential
from mlipsse.files import write_aside, write_text
from mlipsse.screening.landscape.energies import energies_eV, site_energy_eV
from mlipsse.screening.landscape.grid import CLOSEST_A, SPACING_A, LandscapeGrid

_UNIT_ATOMS = 40_000
"""Atoms in the structures of one unit: some minutes of a slow potential."""
_RELAXED_EV_A = 0.02


@dataclass(frozen=True)
class LandscapeSettings:
    """How crystals are screened.

    Attributes
    ----------
    potential, head, device : as in `mlipsse.energetics.potentials.calculators.make_calculator`
    mobile : symbol of the mobile ion
    spacing_A : of the grid, at most
    closest_A : points nearer to another atom are left out
    grid : `symmetric`, with the few points more that all symmetries ask for, or `published`
    relaxation : `none`, `positions` or `cell`, with the same potential before anything else
    orderings : of lowest Ewald energy, that stand for a partly occupied crystal
    max_atoms : in a cell
    """

    potential: str
    mobile: str
    head: str | None = None
    device: str = "cpu"
    spacing_A: float = SPACING_A
    closest_A: float = CLOSEST_A
    grid: str = "symmetric"
    relaxation: str = "none"
    orderings: int = 1
    max_atoms: int = 200


def compute_points(
    output: Path,
    *,
    crystal: Atoms,
    ion: int,
    shape: tuple[int, int, int],
    points: np.ndarray,
    settings: LandscapeSettings,
) -> None:
    """Unit of work: energies of one ion at some points, and on its own site."""
    from mlipsse.energetics.relaxation.evaluators import make_evaluator
    from mlipsse.potential.native.copy import fastest

    name, head = fastest(settings.potential, device=settings.device, head=settings.head)
    evaluator = make_evaluator(name, set(crystal.symbols), device=settings.device, head=head)
    grid = LandscapeGrid(crystal, ion, shape, settings.closest_A)
    began = time.perf_counter()
    site_eV = site_energy_eV(crystal, evaluator)
    values_eV = energies_eV(grid, points, evaluator)
    seconds = time.perf_counter() - began
    with write_aside(output) as aside, aside.open("wb") as stream:
        np.savez(stream, energies_eV=values_eV, site_eV=site_eV, seconds=seconds)


def relax_crystal(output: Path, *, crystal: Atoms, settings: LandscapeSettings) -> None:
    """Unit of work: relax a crystal with the potential that its landscape is computed with.

    Its energy is kept, too.
    """
    from mlipsse.energetics.relaxation.energies import relax_all
    from mlipsse.energetics.relaxation.outcome import RelaxationSettings
    from mlipsse.potential.native.copy import fastest

    name, head = fastest(settings.potential, device=settings.device, head=settings.head)
    asked = RelaxationSettings(settings.relaxation, fmax_eV_A=_RELAXED_EV_A, mobile=settings.mobile)  # type: ignore[arg-type]
    (found,) = relax_all([crystal], name, asked, device=settings.device, head=head)
    answer = {
        "atoms": found.atoms,
        "energy_eV": found.energy_eV,
        "reason": "" if found.converged else found.reason,
    }
    write_text(output, encode(answer))


def relaxation_unit(crystal: Atoms, settings: LandscapeSettings, out: Path) -> Unit:
    """The unit that relaxes a crystal."""
    return Unit(
        f"relaxation of {crystal.info[keys.ORDERING]}",
        _unit_file(out, crystal, {"relaxed": _identity(settings)}, ".json"),
        relax_crystal,
        {"crystal": crystal, "settings": settings},
    )


def landscape_units(
    crystal: Atoms,
    ion: int,
    shape: tuple[int, int, int],
    settings: LandscapeSettings,
    out: Path,
) -> Iterator[Unit]:
    """The units that compute the landscape of an ion, some thousand points each."""
    wanted = LandscapeGrid(crystal, ion, shape, settings.closest_A).wanted
    size = max(50, _UNIT_ATOMS // len(crystal))
    name = f"{crystal.info[keys.ORDERING]}, ion {ion}"
    for first in range(0, max(len(wanted), 1), size):
        points = wanted[first : first + size]
        part = {"ion": ion, "first": first, "count": len(points), "shape": shape}
        yield Unit(
            f"landscape of {name}, points {first} to {first + len(points)}",
            _unit_file(out, crystal, part | _identity(settings), ".npz"),
            compute_points,
            {
                "crystal": crystal,
                "ion": ion,
                "shape": shape,
                "points": points,
                "settings": settings,
            },
        )


def _identity(settings: LandscapeSettings) -> dict[str, Any]:
    """What an energy depends on."""
    file = find_potential(settings.potential).file
    potential = [settings.potential, *([digest(file)] if file else []), settings.head]
    return {
        "potential": potential,
        "closest_A": settings.closest_A,
        "relaxation": settings.relaxation,
    }


def _unit_file(out: Path, crystal: Atoms, identity: dict[str, Any], suffix: str) -> Path:
    bare = Atoms(crystal.numbers, positions=crystal.positions, cell=crystal.cell, pbc=True)
    code = fingerprint({"crystal": encode(bare), **identity})[:12]
    folder = out / "units"
    folder.mkdir(exist_ok=True)
    return folder / f"{crystal.info[keys.ORDERING]}-{code}{suffix}"
