"""Options that the transport commands share, and what they mean."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlipsse.cli.options import above_zero, words
from mlipsse.errors import MlipsseError

if TYPE_CHECKING:
    from mlipsse.transport import ReadOptions, Trajectory
    from mlipsse.transport.ions.mobile import MobileIons
    from mlipsse.transport.ions.roles import Roles

NOT_DIFFUSIVE = 3
"""Exit code of a trajectory whose ions do not diffuse."""

CHARGES = {"Li": 1.0, "Na": 1.0}


def ion_charge(value: float | None) -> float | None:
    """Refuse what is the charge of no ion, in elementary charges."""
    from mlipsse.transport.diffusion.conductivity import LARGEST_CHARGE_E, LEAST_CHARGE_E

    if value is not None and not LEAST_CHARGE_E <= abs(value) <= LARGEST_CHARGE_E:
        raise MlipsseError(
            f"--charge {value:g} is no charge of an ion: give its formal charge in elementary "
            f"charges, e.g. 1 for Li and 2 for Mg ({LEAST_CHARGE_E:g} to {LARGEST_CHARGE_E:g}, "
            "either sign)."
        )
    return value


Source = Annotated[
    list[Path],
    typer.Argument(
        metavar="TRAJECTORY...",
        help="LAMMPS text dump, XYZ, .traj, XDATCAR, vasprun.xml, or with --topology DCD, XTC, "
        "TRR, NetCDF or H5MD (each also as .gz, .bz2, .xz), or the folder of an mlipsse run. "
        "Give the parts of a continued run in their order.",
    ),
]
Mobile = Annotated[
    str,
    typer.Option(
        metavar="EL[,EL...]",
        help="Symbol of the mobile ion, e.g. Li. Where several elements move, name all: Li,Na.",
    ),
]
Framework = Annotated[
    str | None,
    typer.Option(
        "--framework",
        metavar="EL,...",
        help="Elements that stay on their sites, e.g. Cl. The default is all but the mobile ones.",
    ),
]
Topology = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="PDB, POSCAR or LAMMPS data file that lists the elements of the trajectory.",
    ),
]
Species = Annotated[
    str | None, typer.Option(help="Elements of the LAMMPS types 1, 2, ..., e.g. Li,In,Cl.")
]
Cell = Annotated[
    str | None,
    typer.Option(
        metavar="Å,...",
        help="Cell in Å and degrees for a file without one: a length, a,b,c, "
        "a,b,c,alpha,beta,gamma, or 9 numbers.",
    ),
]
Spacing = Annotated[
    float | None,
    typer.Option("--frame-spacing", help="Time between frames in ps.", callback=above_zero),
]
Timestep = Annotated[
    float | None,
    typer.Option("--timestep", help="Time step of the run in fs.", callback=above_zero),
]
Temperature = Annotated[
    float | None,
    typer.Option(
        "--temperature",
        help="Temperature of the run in K. The default is the temperature in the run's record.",
        callback=above_zero,
    ),
]
Window = Annotated[
    str | None,
    typer.Option(
        "--window",
        metavar="FIRST,LAST",
        help="First and last lag of the fit in ps, e.g. 5,50. A rule chooses them by default.",
    ),
]
Cache = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder to cache the trajectory in. A cached trajectory is read faster, and in "
        "pieces when it exceeds the memory.",
    ),
]
Drift = Annotated[
    str | None,
    typer.Option(
        "--drift",
        metavar="EL,...|none",
        help="Elements whose mean motion is removed as drift. The default is the framework.",
    ),
]
MassWeighted = Annotated[
    bool,
    typer.Option(
        "--mass-weighted",
        help="Remove the drift of the centre of mass instead of the mean position.",
    ),
]


def pair(value: float | None, error: float | None) -> str:
    """`0.31 ± 0.02`, the value alone without an error, nothing without a value."""
    if value is None:
        return ""
    return f"{value:.3g}" if error is None else f"{value:.3g} ± {error:.1g}"


def read_options(
    *, species: str | None = None, cell: str | None = None, **others: Any
) -> "ReadOptions":
    """`ReadOptions` as the command line gives them: elements and cell are texts."""
    from mlipsse.transport import ReadOptions

    return ReadOptions(
        species=None if species is None else words(species),
        cell=None if cell is None else given_cell(cell),
        **others,
    )


def given_cell(text: str) -> Any:
    """(3, 3), Å, rows are lattice vectors, of `24`, of lengths, lengths and angles, or vectors."""
    import numpy as np
    from ase.cell import Cell as AseCell

    try:
        numbers = [float(word) for word in words(text)]
    except ValueError:
        numbers = []
    if len(numbers) == 1:
        numbers *= 3
    if len(numbers) not in (3, 6, 9) or not all(np.isfinite(numbers)):
        raise MlipsseError(
            f"--cell {text!r} is not a cell. Give one length, three lengths, three lengths and "
            "three angles, or the nine numbers of the lattice vectors, in Å and degrees."
        )
    found = np.array(AseCell.new(np.reshape(numbers, (3, 3)) if len(numbers) == 9 else numbers))
    negative = len(numbers) < 9 and min(numbers[:3]) < 0
    if negative or not abs(np.linalg.det(found)) > 1e-6:
        raise MlipsseError(f"--cell {text!r} spans no volume. Give lengths above 0 Å.")
    return found


def print_notes(console: Any, notes: Sequence[str]) -> None:
    """Print what reading left out, joined or assumed."""
    for note in notes:
        console.print(f"Note: {note}", soft_wrap=True)


def named(trajectory: Path | Sequence[Path]) -> str:
    """Names of the files, for people."""
    paths = [trajectory] if isinstance(trajectory, Path) else trajectory
    return ", ".join(map(str, paths))


def assigned(trajectory: "Trajectory", mobile: str, framework: str | None) -> "Roles":
    """`Roles` of the elements of a trajectory, the first mobile one being analysed."""
    from mlipsse.transport.ions.roles import assign_roles

    return assign_roles(
        trajectory.species, words(mobile), None if framework is None else words(framework)
    )


def window(text: str | None) -> tuple[float, float] | None:
    """`5,50` as two lags, ps."""
    if text is None:
        return None
    try:
        first, last = (float(word) for word in words(text))
    except ValueError as error:
        raise MlipsseError(f"--window {text!r} is not two lags in ps; write e.g. 5,50.") from error
    return first, last


def resting_ions(
    trajectory: "Trajectory", roles: "Roles", drift: str | None, mass_weighted: bool
) -> "MobileIons":
    """Mobile ions without the mean motion of the framework, or of what --drift names."""
    import numpy as np

    from mlipsse.transport.ions.mobile import mobile_ions

    species = trajectory.species
    masses = None
    if mass_weighted:
        from ase.data import atomic_masses, atomic_numbers

        masses = np.array([atomic_masses[atomic_numbers[symbol]] for symbol in species])
    if drift is None:
        if not roles.framework:
            from mlipsse.transport.diffusion.judgement.steady_drift import refuse_steady_drift

            refuse_steady_drift(trajectory.positions)
        return mobile_ions(trajectory, roles, masses_u=masses)
    chosen = [] if drift.strip().lower() == "none" else words(drift)
    absent = [symbol for symbol in chosen if symbol not in species]
    if absent:
        raise MlipsseError(
            f"--drift {drift}: the trajectory contains no {', '.join(absent)}. Choose among "
            f"{', '.join(dict.fromkeys(species))}."
        )
    still = np.flatnonzero(np.isin(np.array(species), chosen))
    return mobile_ions(trajectory, roles, drift_atoms=still, masses_u=masses)
