"""From a trajectory to numbers: a run of 2,560 atoms and 5,000 frames (500 ps), on one thread.

    OMP_NUM_THREADS=1 python benchmarks/analysis.py            # four minutes

An mlipsse run folder: a DCD of 154 MB and its record; 768 ions hop among sites. It reports
the seconds of each step from the files to D, conductivity, tensor, g(r) of 200 frames, and density;
its barriers are separated. Beside them, in the same run: MDAnalysis reading the file and its
`EinsteinMSD`, freud's g(r) of the same frames, and GEMDAT's density of a fiftieth of the frames,
times fifty. Each side has done the step once on a small run before, so that nothing is compiled.
"""

import argparse
import json
import tempfile
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from relaxations import versions

MOBILE, INDIUM, CHLORINE, EDGE_A, SPACING_PS = 768, 256, 1536, 40.0, 0.1
SPECIES = ["Li"] * MOBILE + ["In"] * INDIUM + ["Cl"] * CHLORINE


def write_run(folder: Path, frames: int) -> Path:
    """`run.json` and `traj.0.dcd` of a walk of hops."""
    import MDAnalysis
    from MDAnalysis.coordinates.LAMMPS import DCDWriter

    folder.mkdir()
    record = {
        "formula": "Li3InCl6",
        "composition": "Li3InCl6",
        "ordering": "walk",
        "temperature_K": 800.0,
        "replica": 0,
        "timestep_fs": 1.0,
        "dump_every_steps": 100,
        "equilibration_steps": 0,
        "production_steps": 100 * frames,
        "species": SPECIES,
        "mobile": "Li",
        "mobile_charge_e": 1,
    }
    (folder / "run.json").write_text(json.dumps(record))
    rng = np.random.default_rng(0)
    sites = rng.random((len(SPECIES), 3)) * EDGE_A
    universe = MDAnalysis.Universe.empty(len(SPECIES), trajectory=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with DCDWriter(str(folder / "traj.0.dcd"), n_atoms=len(SPECIES), timeunit="ps") as writer:
            for _ in range(frames + 1):
                hops = 3.0 * np.eye(3)[rng.integers(0, 3, MOBILE)]
                hops *= rng.choice([-1.0, 1.0], (MOBILE, 1)) * (rng.random((MOBILE, 1)) < 0.01)
                sites[:MOBILE] += hops
                universe.atoms.positions = sites + rng.normal(0, 0.15, sites.shape)
                universe.dimensions = [EDGE_A] * 3 + [90.0] * 3
                writer.write(universe.atoms)
    return folder


def timed(steps: dict[str, float], name: str, step: Callable[[], Any]) -> Any:
    """Do a step and note its seconds."""
    start = time.perf_counter()
    found = step()
    steps[name] = time.perf_counter() - start
    return found


def ours(folder: Path) -> dict[str, float]:
    """Seconds by step."""
    from mlipsse.transport import analyse_run, directional_diffusivity, read_run
    from mlipsse.transport.density.grid import probability_density
    from mlipsse.transport.density.percolation import percolating_paths
    from mlipsse.transport.ions.mobile import mobile_ions
    from mlipsse.transport.ions.roles import assign_roles
    from mlipsse.transport.structure.radial import radial_distribution

    steps: dict[str, float] = {}
    run = timed(steps, "read, check, MSD, D, conductivity, tensor", lambda: analyse_run(folder))
    if run.diffusivity.diffusive:
        directional_diffusivity(run.diffusivity, np.eye(3))
    trajectory = timed(steps, "read again", lambda: read_run(folder))
    timed(
        steps,
        "g(r), 200 frames",
        lambda: radial_distribution(trajectory.positions, trajectory.species, trajectory.cell),
    )

    def density() -> Any:
        ions = mobile_ions(trajectory, assign_roles(trajectory.species, "Li"))
        return probability_density(ions.resting, trajectory.cell)

    found = timed(steps, "density, 0.2 Å", density)
    steps["all"] = sum(steps.values())
    timed(steps, "barriers, 200³ voxels (beside)", lambda: percolating_paths(found, 800.0))
    return steps


def peers(folder: Path, frames: int) -> dict[str, float]:
    """Seconds by step."""
    import freud
    import MDAnalysis
    from gemdat import Trajectory
    from gemdat.volume import trajectory_to_volume
    from MDAnalysis.analysis.msd import EinsteinMSD
    from pymatgen.core import Lattice, Species

    warnings.simplefilter("ignore")
    steps: dict[str, float] = {}
    universe = MDAnalysis.Universe.empty(len(SPECIES), trajectory=True)
    universe.add_TopologyAttr("names", SPECIES)
    universe.load_new(str(folder / "traj.0.dcd"), format="LAMMPS", timeunit="ps")
    timed(
        steps,
        "MDAnalysis: EinsteinMSD of the ions from the file",
        lambda: EinsteinMSD(universe, select="name Li", msd_type="xyz", fft=True).run(),
    )
    positions = universe.trajectory.timeseries(order="fac")
    box = freud.box.Box.cube(EDGE_A)

    def by_freud() -> None:
        # One pair of elements at a time; the six pairs of three elements.
        symbols = np.array(SPECIES)
        for k, one in enumerate(("Li", "In", "Cl")):
            for two in ("Li", "In", "Cl")[k:]:
                rdf = freud.density.RDF(bins=160, r_max=8.0)
                for frame in np.linspace(0, len(positions) - 1, min(200, len(positions))):
                    wrapped = box.wrap(positions[int(frame)])
                    rdf.compute(
                        (box, wrapped[symbols == two]), wrapped[symbols == one], reset=False
                    )

    timed(steps, "freud: g(r), 200 frames", by_freud)
    part = positions[:: max(1, min(50, frames // 10)), :MOBILE] / EDGE_A

    def by_gemdat() -> None:
        trajectory = Trajectory(
            species=[Species("Li")] * MOBILE,
            coords=np.mod(part, 1.0),
            lattice=Lattice.cubic(EDGE_A),
            time_step=1e-12,
            metadata={"temperature": 800},
            constant_lattice=True,
        )
        trajectory_to_volume(trajectory, resolution=0.2)

    timed(steps, "GEMDAT: density", by_gemdat)
    steps["GEMDAT: density"] *= len(positions) / len(part)
    return steps


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--frames", type=int, default=5000)
    arguments = parser.parse_args()
    print(versions())
    packages = ("numpy", "MDAnalysis", "freud-analysis", "gemdat")
    print(", ".join(f"{name} {version(name)}" for name in packages))
    with tempfile.TemporaryDirectory() as scratch:
        small = write_run(Path(scratch) / "small", 200)
        large = write_run(Path(scratch) / "large", arguments.frames)
        for way in (lambda folder: ours(folder), lambda folder: peers(folder, arguments.frames)):
            way(small)
            for name, seconds in way(large).items():
                print(f"  {name:52s} {seconds:8.2f} s")


if __name__ == "__main__":
    main()
