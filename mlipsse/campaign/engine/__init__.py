"""How a stage is described, run, recorded and resumed."""
