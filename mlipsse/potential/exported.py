"""A potential's exported file called in Python, whatever its format."""

from pathlib import Path

from ase.calculators.calculator import Calculator

from mlipsse.potential.export.target import SUFFIXES


def exported_calculator(exported: Path) -> Calculator:
    """ASE calculator of a `.pt`, `.pt2` or native `.safetensors` file; compiled code is run.

    Raises
    ------
    MlipsseError
        when the file cannot be loaded here.
    """
    if exported.suffix == SUFFIXES["native"]:
        from mlipsse.energetics.native.calculator import NativeCalculator

        return NativeCalculator(exported)
    from mlipsse.potential.export.edge_form import ExportedCalculator

    return ExportedCalculator(exported)
