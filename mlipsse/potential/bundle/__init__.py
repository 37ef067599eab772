"""The bundle: a potential, its card, an example."""
