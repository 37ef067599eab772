"""Figures of transport: displacements, Arrhenius lines, densities, jumps."""
