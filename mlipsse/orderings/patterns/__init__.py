"""Charge patterns of low electrostatic energy."""
