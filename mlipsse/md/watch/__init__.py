"""How a run fares."""
