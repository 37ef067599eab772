"""Files of engines that are not ours: ML-IAP, symmetrix-xl, ACEsuit's fork of LAMMPS."""
