"""DCD files as LAMMPS writes them."""

import warnings
from pathlib import Path

import MDAnalysis
import numpy as np
from MDAnalysis.coordinates.LAMMPS import DCDWriter


def write_dcd(path: Path, positions: np.ndarray, dimensions: tuple[float, ...]) -> None:
    """Write frames, positions (n_frames, n_atoms, 3) in Å, of a cell by lengths and angles."""
    universe = MDAnalysis.Universe.empty(positions.shape[1], trajectory=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with DCDWriter(str(path), n_atoms=positions.shape[1], timeunit="ps") as writer:
            for frame in positions:
                universe.atoms.positions = frame
                universe.dimensions = dimensions
                writer.write(universe.atoms)
