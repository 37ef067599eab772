"""CP2K as a source of labels."""
