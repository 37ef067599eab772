"""From a trained model to LAMMPS: TorchScript export, the pair style, parity, the bundle.

A bundle is what leaves this package for somebody else's LAMMPS: the model, its export and a card.
"""

from mlipsse.potential.bundle import Bundle, read_bundle, write_bundle
from mlipsse.potential.export import ModelSummary, export_torchscript, model_summary
from mlipsse.potential.plugin import build_plugin, check_plugin, plugin_path

__all__ = [
    "Bundle",
    "ModelSummary",
    "build_plugin",
    "check_plugin",
    "export_torchscript",
    "model_summary",
    "plugin_path",
    "read_bundle",
    "write_bundle",
]
