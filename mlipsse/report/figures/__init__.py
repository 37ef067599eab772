"""Figures of energies, errors and acceptance."""
