"""A potential's exported file called in Python, whatever its format."""

from pathlib import Path

from ase.calculators.calculator import Calculator

from mlipsse.potential.export.target import SUFFIXES


def exported_calculator(exported: Path, *, device: str = "cpu") -> Calculator:
    """ASE calculator of an exported file; compiled code and pickles in it are run.

    Parameters
    ----------
    exported : `.pt`, `.pt2`, native `.safetensors`, `.symmetrix.json` or `.mliap.pt`
    device : of a `.pt`; a `.pt2` runs on the device that it was compiled for, the others on the CPU

    Raises
    ------
    MlipsseError
        when the file cannot be loaded here.
    """
    if exported.name.endswith(SUFFIXES["native"]):
        from mlipsse.energetics.native.calculator import NativeCalculator

        return NativeCalculator(exported)
    if exported.name.endswith(SUFFIXES["symmetrix"]):
        from mlipsse.potential.export.other_engines.symmetrix import symmetrix_calculator

        return symmetrix_calculator(exported)
    if exported.name.endswith(SUFFIXES["mliap"]):
        from mlipsse.potential.export.other_engines.mliap import MliapCalculator

        return MliapCalculator(exported)
    from mlipsse.potential.export.edge_form import ExportedCalculator

    return ExportedCalculator(exported, device=device)
