"""Stage 9: diffusivities and conductivities."""
