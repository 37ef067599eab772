"""Files of an analysis of jumps: tables of sites and jumps, and the sites as a structure."""

from pathlib import Path

import numpy as np

from mlipsse.files import write_aside, write_text
from mlipsse.transport.jumps.analysis import JumpAnalysis


def write_sites(run: JumpAnalysis, path: Path) -> None:
    """One row per site: label, interstitial (0 or 1), position, radius and mean number of ions."""
    sites = run.jumps.sites
    occupancy = _occupancy(run)
    rows = [
        f"{number},{sites.labels[number]},{int(sites.interstitial[number])},"
        + ",".join(f"{x:.6f}" for x in sites.fractional[number])
        + f",{sites.radius_A[number]:.4f},{occupancy[number]:.6g}"
        for number in range(len(sites))
    ]
    header = "site,label,interstitial,a,b,c,radius_A,occupancy"
    write_text(path, "\n".join([header, *rows]) + "\n")


def write_jumps(run: JumpAnalysis, path: Path) -> None:
    """One row per jump, by time: atom (its index in the trajectory), sites, times, distance."""
    jumps, labels = run.jumps, run.jumps.sites.labels
    distance_A = np.linalg.norm(jumps.displacement_A, axis=1)
    spacing = jumps.frame_spacing_ps
    rows = [
        f"{run.ions[jumps.ion[k]]},{jumps.origin[k]},{jumps.destination[k]},"
        f"{labels[jumps.origin[k]]},{labels[jumps.destination[k]]},"
        f"{jumps.start_frame[k] * spacing:.6g},{jumps.arrival_frame[k] * spacing:.6g},"
        f"{jumps.stay_frames[k] * spacing:.6g},{distance_A[k]:.4f}"
        for k in range(len(jumps))
    ]
    header = "atom,from,to,from_label,to_label,start_ps,arrival_ps,stay_ps,distance_A"
    write_text(path, "\n".join([header, *rows]) + "\n")


def write_sites_structure(run: JumpAnalysis, path: Path) -> None:
    """Extended XYZ: the framework's mean positions, and the sites with label and occupancy."""
    from ase import Atoms
    from ase.io import write

    sites = run.jumps.sites
    n_framework = len(run.framework_species)
    atoms = Atoms(
        symbols=[*run.framework_species, *[run.mobile] * len(sites)],
        positions=np.vstack([run.framework.reshape(-1, 3), sites.fractional @ sites.cell]),
        cell=sites.cell,
        pbc=True,
    )
    atoms.wrap()
    atoms.new_array("occupancy", np.concatenate([np.ones(n_framework), _occupancy(run)]))
    labels = [*run.framework_species, *(label.replace(" ", "_") for label in sites.labels)]
    atoms.new_array("site_label", np.array(labels))
    with write_aside(path) as aside:
        write(aside, atoms, format="extxyz")


def _occupancy(run: JumpAnalysis) -> np.ndarray:
    """(n_sites,) mean number of ions on each site."""
    return np.asarray(run.jumps.occupied_frames.sum(axis=0) / run.jumps.n_frames)
