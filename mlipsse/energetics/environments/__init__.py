"""Potentials of another Python environment: the environments, and their calculators as ours."""
