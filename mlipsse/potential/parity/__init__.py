"""Parity of a bundle: its files give in LAMMPS what its model gives in ASE."""
