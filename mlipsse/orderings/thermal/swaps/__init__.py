"""Metropolis swaps on a pair model."""
