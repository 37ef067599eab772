"""`mlipsse transport msd`: mean squared displacement at every lag."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from mlipsse.cli.transport.options import (
    Cache,
    Mobile,
    Source,
    Spacing,
    Species,
    Timestep,
    Topology,
    read_frames,
    split_atoms,
)

console = Console(highlight=False)


def msd(
    trajectory: Source,
    mobile: Mobile,
    out: Annotated[Path, typer.Option(metavar="FILE", help="CSV to write.")],
    topology: Topology = None,
    species: Species = None,
    frame_spacing_ps: Spacing = None,
    timestep_fs: Timestep = None,
    cache: Cache = None,
) -> None:
    """Write the MSD tensor of the mobile ions, framework drift removed, at every lag."""
    import numpy as np

    from mlipsse.files import write_text
    from mlipsse.transport import mean_squared_displacement
    from mlipsse.transport.msd import framework_drift

    frames = read_frames(trajectory, topology, species, frame_spacing_ps, timestep_fs, cache)
    ions, others = split_atoms(frames, mobile)
    found = mean_squared_displacement(
        frames.positions,
        frame_spacing_ps=frames.frame_spacing_ps,
        ions=ions,
        drift_A=framework_drift(frames.positions, others),
    )
    table = np.column_stack([found.lag_ps, found.total_A2, found.tensor_A2])
    rows = (",".join(f"{value:.8g}" for value in row) for row in table)
    header = "lag_ps,msd_A2,xx_A2,yy_A2,zz_A2,xy_A2,xz_A2,yz_A2"
    write_text(out, "\n".join([header, *rows]) + "\n")
    console.print(f"{len(table)} lags of {len(ions)} {mobile} in {out}", soft_wrap=True)
