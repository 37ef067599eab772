"""Unwrapped positions from wrapped ones, and checks of steps that are too long."""
