"""From a trained model to LAMMPS: exports, the pair style, acceptance, the bundle, its speed.

A bundle is what leaves this package for any LAMMPS: the model, its exports, a card and
an example that runs.
"""

from mlipsse.energetics.native.calculator import NativeCalculator
from mlipsse.potential.bundle.folder import (
    Bundle,
    add_export,
    read_bundle,
    write_bundle,
)
from mlipsse.potential.bundle.info import BundleInfo, describe_bundle
from mlipsse.potential.bundle.making import export_bundle
from mlipsse.potential.bundle.provenance import Provenance, TrainingData
from mlipsse.potential.export.source_model import ModelSummary, model_summary
from mlipsse.potential.export.target import ExportSettings
from mlipsse.potential.export.torchscript import export_torchscript
from mlipsse.potential.lammps.plugin import build_plugin, check_plugin, plugin_path
from mlipsse.potential.parity.report import ParityReport, check_bundle

__all__ = [
    "Bundle",
    "BundleInfo",
    "ExportSettings",
    "ModelSummary",
    "NativeCalculator",
    "ParityReport",
    "Provenance",
    "TrainingData",
    "add_export",
    "build_plugin",
    "check_bundle",
    "check_plugin",
    "describe_bundle",
    "export_bundle",
    "export_torchscript",
    "model_summary",
    "plugin_path",
    "read_bundle",
    "write_bundle",
]
