"""What the model learns from: MD sampling, strain, labels, splits and extxyz files.

Frames are ASE `Atoms`; labels lie in them under `mlipsse.keys`, with the name of what made them.
Labels from another potential are teacher labels, not DFT, and are marked as such.
"""
