"""What runs will cost: hours and disk, from the cost of an atom's step."""

from dataclasses import dataclass

from mlipsse.md.plan.protocol import Protocol

_DCD_BYTES = 12
_DCD_FRAME_BYTES = 80
_TEXT_BYTES = 78
"""Approximate size of an atom in a frame of the text dump."""
_RESTART_BYTES = 120
_THERMO_BYTES = 310


@dataclass(frozen=True)
class RunCost:
    """Cost of one run.

    Attributes
    ----------
    hours : of the device it runs on
    disk_GB : of trajectory, text dump, log and both restarts, 10^9 bytes
    """

    hours: float
    disk_GB: float


def run_cost(protocol: Protocol, *, n_atoms: int, us_per_atom_step: float) -> RunCost:
    """Cost of a run of `n_atoms`, without the relaxation before it (some hundred steps).

    Parameters
    ----------
    us_per_atom_step : µs, as `mlipsse potential bench` prints it for this size and device
    """
    steps = protocol.last_frame_step
    frames = protocol.production_steps // protocol.dump_every_steps + 1
    velocities = protocol.production_steps // protocol.velocities_every_steps + 1
    written = (
        frames * (_DCD_BYTES * n_atoms + _DCD_FRAME_BYTES)
        + velocities * _TEXT_BYTES * n_atoms
        + 2 * _RESTART_BYTES * n_atoms
        + steps // protocol.thermo_every_steps * _THERMO_BYTES
    )
    return RunCost(hours=steps * n_atoms * us_per_atom_step * 1e-6 / 3600, disk_GB=written / 1e9)
