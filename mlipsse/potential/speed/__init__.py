"""How fast a potential is, and in what."""
