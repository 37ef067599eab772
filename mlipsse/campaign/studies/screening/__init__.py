"""Screening of crystals, in units of work."""
