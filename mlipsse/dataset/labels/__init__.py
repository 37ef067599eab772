"""Label sources: DFT programs and other potentials."""
