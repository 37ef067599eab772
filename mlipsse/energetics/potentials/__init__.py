"""Potentials by name, loaded, and as ASE calculators."""
