"""Which MACE models an exported file can hold, and which are turned into one that it can.

LAMMPS hands a potential atoms, elements and edges. Models whose energy needs more, or is no sum
over atoms of what lies within a few cutoffs, are refused by the name of their family.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mlipsse.errors import MlipsseError, first_line

_FAMILIES: Mapping[str, str] = {
    "MACELES": "a MACE with latent Ewald summation (LES): its long-range energy is no sum over "
    "edges",
    "PolarMACE": "a Polar MACE: its long-range electrostatics are no sum over edges",
    "AtomicDipolesMACE": "a MACE of dipoles (AtomicDipolesMACE): it gives no energy",
    "AtomicDielectricMACE": "a MACE of dipoles and polarisabilities (AtomicDielectricMACE): it "
    "gives no energy",
    "EnergyDipolesMACE": "a MACE of energy and dipoles (EnergyDipolesMACE), and a pair style has "
    "no use for dipoles",
}
"""Classes of mace-torch that no format takes, and why."""

_OTHER_CODE = ("cuequivariance", "openequivariance")
"""Packages whose modules stand in for those of e3nn, and which LAMMPS lacks."""


def require_exportable(loaded: Any, model: Path) -> None:
    """Refuse a model that no format can hold, by its family's name.

    Raises
    ------
    MlipsseError
        for LES, Polar, dipole models, those that read charge and spin (OMOL), and for LoRA layers
        that are not merged.
    """
    for kind in type(loaded).__mro__:
        if kind.__name__ in _FAMILIES:
            raise MlipsseError(
                f"{model} is {_FAMILIES[kind.__name__]}. It cannot be exported for LAMMPS in any "
                "format. Use it in ASE."
            )
    if specifications := getattr(loaded, "embedding_specs", None):
        raise MlipsseError(
            f"{model} reads {' and '.join(specifications)} of the whole system, like MACE-OMOL "
            "models, which LAMMPS does not provide. It cannot be exported in any format. Use it "
            "in ASE."
        )
    layers = sum(type(part).__name__.startswith("LoRA") for part in loaded.modules())
    if layers:
        raise MlipsseError(
            f"{model} has {layers} LoRA layers that are not merged into its weights: it is a "
            "checkpoint of a fine-tuning. Merge them with mace-torch (model = torch.load(FILE, "
            "weights_only=False); mace.modules.lora.merge_lora_weights(model); torch.save(model, "
            "NEW)) and export the new file."
        )


def in_e3nn(loaded: Any, model: Path) -> Any:
    """The same model in e3nn alone: one saved with cuequivariance or openequivariance is converted.

    Raises
    ------
    MlipsseError
        when mace-torch cannot convert it.
    """
    import torch

    foreign = {
        type(part).__module__.partition("_")[0].partition(".")[0] for part in loaded.modules()
    }
    found = next((package for package in _OTHER_CODE if package in foreign), None)
    if found is None:
        return loaded
    default = torch.get_default_dtype()  # the conversion changes it for the whole process
    try:
        converted = _conversion(found)(loaded)
    except Exception as error:
        raise MlipsseError(
            f"{model} was saved with {found}, which LAMMPS does not have, and mace-torch cannot "
            f"convert it back ({first_line(error)}). Give the file that mace_run_train saved "
            f"without {found}, or train without it."
        ) from error
    finally:
        torch.set_default_dtype(default)
    if hasattr(loaded, "heads"):
        converted.heads = loaded.heads
    return converted.to(next(loaded.parameters()).device)


def _conversion(package: str) -> Callable[[Any], Any]:
    if package == "cuequivariance":
        from mace.cli import convert_cueq_e3nn

        return convert_cueq_e3nn.run
    from mace.cli import convert_oeq_e3nn

    return convert_oeq_e3nn.run
