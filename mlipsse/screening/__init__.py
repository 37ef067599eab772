"""Rank ionic conductors without long molecular dynamics."""
