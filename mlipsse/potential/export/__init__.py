"""From a MACE model to the files that LAMMPS loads."""
