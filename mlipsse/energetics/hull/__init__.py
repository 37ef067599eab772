"""Convex hulls, formation energies, and orderings that matter at a temperature."""
