"""Formulas laid onto a host."""
