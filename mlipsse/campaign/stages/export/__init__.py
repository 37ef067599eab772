"""Stage 7: the bundle and its acceptance."""
