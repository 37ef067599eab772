"""Stage 6: the trained model."""
