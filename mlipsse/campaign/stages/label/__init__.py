"""Stage 5: labelled frames."""
