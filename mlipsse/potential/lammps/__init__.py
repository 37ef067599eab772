"""`pair_style mace` built for a LAMMPS, and structures handed to it."""
