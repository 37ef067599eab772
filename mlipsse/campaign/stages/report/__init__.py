"""Stage 10: page, summary and tables."""
