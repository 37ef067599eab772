"""Stage 2: energies and the hull."""
