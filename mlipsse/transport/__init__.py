"""From trajectory to numbers: reading, mean squared displacement, diffusivity, conductivity.

Usable without campaigns, torch or LAMMPS: everything takes arrays, paths or small frozen
dataclasses. Start at `analyse_run` (one folder of a LAMMPS run), at `read_frames_of` and
`analyse_trajectory` (trajectories of any program), or at `mean_squared_displacement` and
`fit_diffusivity` (any arrays). Sites and jumps, which need numba, are in
`mlipsse.transport.jumps.analysis`.
"""

from mlipsse.transport.diffusion.arrhenius.average import TemperatureAverage, average_runs
from mlipsse.transport.diffusion.arrhenius.directional_average import (
    DirectionalAverage,
    average_directions,
    directional_arrhenius,
)
from mlipsse.transport.diffusion.arrhenius.fit import ArrheniusFit, fit_arrhenius
from mlipsse.transport.diffusion.collective import ChargeDiffusivity, charge_diffusivity
from mlipsse.transport.diffusion.conductivity import nernst_einstein_conductivity
from mlipsse.transport.diffusion.diffusivity import Diffusivity, fit_diffusivity
from mlipsse.transport.diffusion.directions import DirectionalDiffusivity, directional_diffusivity
from mlipsse.transport.diffusion.displacement.msd import (
    MeanSquaredDisplacement,
    mean_squared_displacement,
)
from mlipsse.transport.diffusion.displacement.status import RunKind, RunStatus
from mlipsse.transport.diffusion.displacement.window import WindowSettings
from mlipsse.transport.diffusion.judgement.framework import FrameworkVerdict, judge_framework
from mlipsse.transport.reading.frames import iterate_frames, read_frames_of, read_run
from mlipsse.transport.reading.options import ReadOptions
from mlipsse.transport.reading.trajectory import Trajectory
from mlipsse.transport.runs.analysis import RunTransport, analyse_run, analyse_trajectory
from mlipsse.transport.runs.composition import (
    CompositionTransport,
    ExcludedRun,
    summarise_composition,
)
from mlipsse.transport.runs.tree import RunTree, analyse_tree

__all__ = [
    "ArrheniusFit",
    "ChargeDiffusivity",
    "CompositionTransport",
    "Diffusivity",
    "DirectionalAverage",
    "DirectionalDiffusivity",
    "ExcludedRun",
    "FrameworkVerdict",
    "MeanSquaredDisplacement",
    "ReadOptions",
    "RunKind",
    "RunStatus",
    "RunTransport",
    "RunTree",
    "TemperatureAverage",
    "Trajectory",
    "WindowSettings",
    "analyse_run",
    "analyse_trajectory",
    "analyse_tree",
    "average_directions",
    "average_runs",
    "charge_diffusivity",
    "directional_arrhenius",
    "directional_diffusivity",
    "fit_arrhenius",
    "fit_diffusivity",
    "iterate_frames",
    "judge_framework",
    "mean_squared_displacement",
    "nernst_einstein_conductivity",
    "read_frames_of",
    "read_run",
    "summarise_composition",
]
