"""Density of the mobile ions, its files, and the paths that percolate."""
