"""Options that the transport commands share, and what they mean."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from mlipsse.cli.options import words
from mlipsse.errors import MlipsseError

NOT_DIFFUSIVE = 3
"""Exit code of a trajectory whose ions do not diffuse."""

CHARGES = {"Li": 1.0, "Na": 1.0}

Source = Annotated[
    list[Path],
    typer.Argument(
        metavar="TRAJECTORY...",
        help="LAMMPS text dump (.gz too), extxyz, .traj, XDATCAR, vasprun.xml, DCD or XTC with "
        "--topology, or the folder of one of our runs; several that follow on, in their order.",
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
        help="Elements that stay on their sites, e.g. Cl; all but the mobile ones if not given.",
    ),
]
Topology = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Elements for DCD, XTC and TRR.")
]
Species = Annotated[
    str | None, typer.Option(help="Elements of LAMMPS types 1, 2, ..., e.g. Li,In,Cl.")
]
Spacing = Annotated[float | None, typer.Option(help="Time between frames, ps.")]
Timestep = Annotated[float | None, typer.Option(help="Of the run, fs; for text dumps.")]
Cache = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Keep the trajectory there in a form that is read faster, and piece by piece where "
        "it is larger than the memory.",
    ),
]
Drift = Annotated[
    str | None,
    typer.Option(
        "--drift",
        metavar="EL,...|none",
        help="Elements whose mean motion is removed; those of the framework if not given.",
    ),
]
MassWeighted = Annotated[
    bool, typer.Option("--mass-weighted", help="Remove their centre of mass instead of the mean.")
]


def pair(value: float | None, error: float | None) -> str:
    """`0.31 ± 0.02`, the value alone without an error, nothing without a value."""
    if value is None:
        return ""
    return f"{value:.3g}" if error is None else f"{value:.3g} ± {error:.1g}"


def read_frames(
    trajectory: Path | Sequence[Path],
    topology: Path | None,
    species: str | None,
    frame_spacing_ps: float | None,
    timestep_fs: float | None,
    cache: Path | None = None,
    *,
    timeless: bool = False,
) -> Any:
    """`Frames` of a trajectory, in one file or in several, from what the options say."""
    from mlipsse.transport.frames import read_frames_of

    return read_frames_of(
        trajectory,
        topology=topology,
        species=None if species is None else words(species),
        frame_spacing_ps=frame_spacing_ps,
        timestep_fs=timestep_fs,
        timeless=timeless,
        cache=cache,
    )


def named(trajectory: Path | Sequence[Path]) -> str:
    """Names of the files, for people."""
    paths = [trajectory] if isinstance(trajectory, Path) else trajectory
    return ", ".join(map(str, paths))


def assigned(frames: Any, mobile: str, framework: str | None) -> Any:
    """`Roles` of the elements of a trajectory, the first mobile one being analysed."""
    from mlipsse.transport.roles import assign_roles

    return assign_roles(
        frames.species, words(mobile), None if framework is None else words(framework)
    )


def window(text: str | None) -> tuple[float, float] | None:
    """`5,50` as two lags, ps."""
    if text is None:
        return None
    try:
        first, last = (float(word) for word in words(text))
    except ValueError as error:
        raise MlipsseError(
            f"--window-ps {text!r} is not two lags in ps; write e.g. 5,50."
        ) from error
    return first, last


def drift_reference(
    frames: Any, roles: Any, drift: str | None, mass_weighted: bool
) -> tuple[Any, Any]:
    """Indices of the atoms whose mean motion is removed, and masses of all (None: all alike)."""
    import numpy as np

    masses = None
    if mass_weighted:
        from ase.data import atomic_masses, atomic_numbers

        masses = np.array([atomic_masses[atomic_numbers[symbol]] for symbol in frames.species])
    if drift is None:
        return roles.still(frames.species), masses
    chosen = [] if drift.strip().lower() == "none" else words(drift)
    absent = [symbol for symbol in chosen if symbol not in frames.species]
    if absent:
        raise MlipsseError(
            f"--drift {drift}: no {', '.join(absent)} in the trajectory, which holds "
            f"{', '.join(dict.fromkeys(frames.species))}."
        )
    return np.flatnonzero(np.isin(np.array(frames.species), chosen)), masses
