"""GPUs of this machine that torch computes on."""

import subprocess
import sys
from functools import cache

from mlipsse.errors import MlipsseError

_PROBE = (
    "import torch\n"
    "if torch.version.cuda is None and torch.version.hip is None:\n"
    "    raise SystemExit('this torch, ' + torch.__version__ + ', is built without CUDA')\n"
    "if not torch.cuda.is_available():\n"
    "    raise SystemExit('torch ' + torch.__version__ + ' finds no GPU with a driver')\n"
    "for index in range(torch.cuda.device_count()):\n"
    "    torch.ones(8, device='cuda:' + str(index)).sum().item()\n"
    "print(torch.cuda.device_count())\n"
)
_PATIENCE_S = 120.0
GPU_DRIVERS = ("/proc/driver/nvidia/gpus", "/dev/kfd")
"""Of which one is there where the driver of a GPU is."""


class NoGpu(MlipsseError):
    """No usable GPU, with the reason as a clause."""


def usable_gpus() -> int:
    """Number of GPUs on which torch computes; each is tried, in a process of its own.

    The process that asks must not hold a GPU for as long as its workers need it.

    Raises
    ------
    NoGpu
        when there is none, or one does not compute: with the message of torch.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROBE],
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NoGpu(f"a first sum on it took longer than {_PATIENCE_S:g} s") from error
    if done.returncode == 0:
        return int(done.stdout.split()[-1])
    printed = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    raise NoGpu(printed[-1].rstrip(".") if printed else f"exit status {done.returncode}")


@cache
def has_gpu() -> bool:
    """Whether torch computes on a GPU here."""
    try:
        return usable_gpus() > 0
    except NoGpu:
        return False
