"""Names under which quantities travel in extxyz files and ASE databases.

| key | where | unit, sign |
|---|---|---|
| `REF_energy` | `atoms.info` | eV, whole cell |
| `REF_forces` | `atoms.arrays` | eV/Å, (n_atoms, 3) |
| `REF_stress` | `atoms.info` | eV/Å³, Voigt xx yy zz yz xz xy, ASE's sign (tension positive) |
"""

ENERGY = "REF_energy"
FORCES = "REF_forces"
STRESS = "REF_stress"

COMPOSITION = "composition"
"""Formula as the config writes it, e.g. `Li3In0.5Y0.5Br3Cl3`."""

ORDERING = "ordering"
"""Ordering's name within a campaign, e.g. `Li3InCl6-1x1x1-o003`."""

TRAJECTORY = "trajectory"
"""Name of the sampling trajectory a frame was drawn from; the unit of train/valid/test splits."""

ORIGIN = "origin"
"""How a frame was made: `dynamics` or `contact` (two atoms pushed together)."""

LABEL_SOURCE = "label_source"
"""What made the labels, e.g. `teacher: mace-sse-small (teacher labels, not DFT)`."""
