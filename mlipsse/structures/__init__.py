"""Crystals as files state them: cell, sites, what sits on them, and what the reading decided."""

from mlipsse.structures.crystal.model import Crystal, CrystalSite, Occupant
from mlipsse.structures.crystal_file import read_crystal, read_ordered

__all__ = ["Crystal", "CrystalSite", "Occupant", "read_crystal", "read_ordered"]
