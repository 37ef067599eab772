"""Labelled sets, and what checks measure on them."""
