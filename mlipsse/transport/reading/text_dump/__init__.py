"""Text dumps of LAMMPS, read at the speed of the disk."""
