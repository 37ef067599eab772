"""What a model is exported for: number type, device, threads."""

from dataclasses import dataclass
from typing import Literal, get_args

from mlipsse.errors import MlipsseError

Dtype = Literal["float32", "float64"]
Device = Literal["cpu", "cuda"]


def check_dtype(dtype: str) -> None:
    """Refuse what is not a `Dtype`.

    Raises
    ------
    MlipsseError
        when `dtype` is neither float32 nor float64.
    """
    if dtype not in get_args(Dtype):
        raise MlipsseError(f"Potentials are exported as float32 or float64, not {dtype}.")


def check_device(device: str) -> None:
    """Refuse what is not a `Device`.

    Raises
    ------
    MlipsseError
        when `device` is neither cpu nor cuda.
    """
    if device not in get_args(Device):
        raise MlipsseError(f"Potentials are exported for cpu or cuda, not {device}.")


@dataclass(frozen=True)
class Target:
    """What an AOTInductor package is compiled for.

    Attributes
    ----------
    device : `cpu` or `cuda`, which must be this machine's
    serial : for one CPU thread alone, whatever OMP_NUM_THREADS is; such code adds up messages
        without locks or copies, and a step takes 5 to 12 % less time (benchmarks/README.md)

    Raises
    ------
    MlipsseError
        when the device is another one, or serial code is asked for a GPU.
    """

    device: Device = "cpu"
    serial: bool = False

    def __post_init__(self) -> None:
        check_device(self.device)
        if self.serial and self.device != "cpu":
            raise MlipsseError(f"Serial code is for the device cpu, not for {self.device}.")


ANY_CPU = Target()
"""This machine's CPU, with whatever number of threads OMP_NUM_THREADS gives."""


class FormatRefused(MlipsseError):
    """This model cannot be had in this format; the message names a format that takes it, if any."""
