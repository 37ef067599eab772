"""What a model is exported for: format, head, number type, device, threads."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from mlipsse.errors import MlipsseError

Dtype = Literal["float32", "float64"]
Device = Literal["cpu", "cuda"]
Format = Literal["torchscript", "native", "mliap", "symmetrix", "upstream", "aotinductor"]
FORMATS: tuple[Format, ...] = get_args(Format)
"""The quickest to make first: several formats are made in this order."""

SUFFIXES: Mapping[Format, str] = {
    "torchscript": ".pt",
    "aotinductor": ".pt2",
    "native": ".safetensors",
    "mliap": ".mliap.pt",
    "symmetrix": ".symmetrix.json",
    "upstream": ".upstream.pt",
}
"""What the file of each format is called after the potential's name."""


ALL = "all"
"""In place of formats: every one that this model and machine allow."""


def parse_formats(text: str) -> tuple[Format, ...]:
    """The formats that a text names, in the order of `FORMATS`: one, several by commas, or all.

    Raises
    ------
    MlipsseError
        for a word that is no format, or none at all.
    """
    words = {word.strip() for word in text.split(",") if word.strip()}
    if words == {ALL}:
        return FORMATS
    if not words <= set(FORMATS) or not words:
        raise MlipsseError(
            f"--format {text} is not understood. Formats are {', '.join(FORMATS)}; name one, "
            f"several separated by commas, or {ALL}."
        )
    return tuple(form for form in FORMATS if form in words)


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


@dataclass(frozen=True)
class ExportSettings:
    """What is exported of a model.

    Attributes
    ----------
    form : beside TorchScript, which is always there unless the model cannot be had in it and can
        in another format
    head : None for the only one of a model
    dtype : number type of the export; None for that of the model's weights
    target : what an AOTInductor package is compiled for
    or_torchscript : whether TorchScript alone will do where the model cannot be had in `form`

    Raises
    ------
    MlipsseError
        for a format or a number type that there is not, and native code for a GPU.
    """

    form: Format = "torchscript"
    head: str | None = None
    dtype: Dtype | None = None
    target: Target = ANY_CPU
    or_torchscript: bool = False

    def __post_init__(self) -> None:
        if self.form not in FORMATS:
            raise MlipsseError(f"Formats are {', '.join(FORMATS)}, not {self.form}.")
        if self.form == "native" and self.target.device != "cpu":
            raise MlipsseError(
                "Native code runs on CPUs alone, and the device is cuda. Leave the device out, or "
                "export as torchscript or aotinductor for a GPU."
            )
        if self.dtype is not None:
            check_dtype(self.dtype)


class FormatRefused(MlipsseError):
    """This model cannot be had in this format; the message names a format that takes it, if any."""
