"""Packages of AOTInductor: what their archives state, and what this machine can run of them."""

import json
import platform
import zipfile
from collections.abc import Mapping
from pathlib import Path

from mlipsse.energetics.native.processor import cpu_flags
from mlipsse.errors import MlipsseError


def cpu_machine() -> str:
    """The processor's family, e.g. `x86_64` or `aarch64`."""
    return platform.machine()


def gpu_name() -> str:
    """Name and architecture of the first GPU, e.g. `NVIDIA H200 sm_90`; empty without one."""
    import torch

    if not torch.cuda.is_available():
        return ""
    name = torch.cuda.get_device_name(0)
    if torch.version.hip:
        return f"{name} {torch.cuda.get_device_properties(0).gcnArchName.partition(':')[0]}"
    major, minor = torch.cuda.get_device_capability(0)
    return f"{name} sm_{major}{minor}"


def gpu_toolkit() -> str:
    """What this torch was built for, e.g. `CUDA 13.0` or `ROCm 6.4`; empty for CPUs alone."""
    import torch

    if torch.version.hip:
        return f"ROCm {torch.version.hip}"
    return f"CUDA {torch.version.cuda}" if torch.version.cuda else ""


def package_metadata(package: Path) -> dict[str, str]:
    """The metadata of a `.pt2`, e.g. `elements`, `head`, `torch`, `cpu_flags`.

    Read from the archive alone: nothing of the package is run.

    Raises
    ------
    MlipsseError
        when it is no package that `export_aotinductor` wrote.
    """
    try:
        with zipfile.ZipFile(package) as archive:
            for name in archive.namelist():
                if name.endswith("_metadata.json"):
                    found: dict[str, str] = json.loads(archive.read(name))
                    if "mlipsse_format" in found:
                        return found
    except (OSError, zipfile.BadZipFile) as error:
        raise MlipsseError(
            f"{package} cannot be read as an AOTInductor package ({error}). Export it again."
        ) from error
    raise MlipsseError(
        f"{package} has no metadata: mlipsse did not make it. Export the model with "
        "format aotinductor."
    )


def require_made_for_here(package: Path, metadata: Mapping[str, str]) -> None:
    """Refuse a package of another torch, processor or GPU before its machine code is loaded.

    Raises
    ------
    MlipsseError
        with the reason, and the command that makes one for this machine.
    """
    import torch

    here = {
        "torch": torch.__version__.partition("+")[0],
        "machine": cpu_machine(),
        "cpu_flags": " ".join(cpu_flags()),
        "gpu": gpu_name(),
    }
    recorded = {key: metadata.get(key, "") for key in here}
    missing = set(recorded["cpu_flags"].split()) - set(here["cpu_flags"].split())
    reason = None
    if recorded["torch"] != here["torch"]:
        reason = f"torch {recorded['torch']}, and this is torch {here['torch']}"
    elif recorded["machine"] != here["machine"]:
        reason = f"a processor of kind {recorded['machine']}, and this one is {here['machine']}"
    elif metadata.get("device") == "cuda" and not here["gpu"]:
        reason = f"the GPU {recorded['gpu']}, and torch finds none here"
    elif recorded["gpu"] and recorded["gpu"].split()[-1] != here["gpu"].split()[-1]:
        reason = f"the GPU {recorded['gpu']}, and this one is {here['gpu']}"
    elif missing:
        reason = f"a processor with {' '.join(sorted(missing))}, which this one lacks"
    if reason is not None:
        raise MlipsseError(
            f"{package} was compiled for {reason}. Make one here: mlipsse potential export "
            f"{package.with_suffix('.model')} --head {metadata['head']} "
            f"--dtype {metadata['dtype']} --out {package.parent} "
            f"--format aotinductor --device {metadata['device']}"
        )
