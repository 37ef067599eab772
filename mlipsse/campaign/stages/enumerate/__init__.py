"""Stage 1: orderings and their counts."""
