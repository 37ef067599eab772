"""Frames from molecular dynamics."""
