"""Averages over runs, activation energies, and values at other temperatures."""
