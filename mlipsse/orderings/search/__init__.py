"""Orderings of low energy, searched for with a pair model that learns from the energies found."""
