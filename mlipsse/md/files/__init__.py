"""The folder of a run: decks, structures, parts of its trajectory, records."""
