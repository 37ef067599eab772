"""Native code of a potential, called in Python; `mlipsse.potential.native` writes it."""
