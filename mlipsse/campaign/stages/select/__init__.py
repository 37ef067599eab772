"""Stage 3: orderings to sample."""
