"""Supercells of a host: symmetry, electrostatics, how many ions fit."""
