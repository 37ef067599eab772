"""Pair distances, van Hove functions and vibrations."""
