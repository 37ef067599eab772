"""Stage 4: MD frames."""
