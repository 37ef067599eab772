"""Labelled frames: their files, units, splits, strains, and how far a model is from them."""
