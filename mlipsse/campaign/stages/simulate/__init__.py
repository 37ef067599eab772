"""Stage 8: decks and production runs."""
