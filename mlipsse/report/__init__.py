"""Figures and the report: every plot takes an axis and returns it, one figure per file.

Nothing here starts pyplot or changes matplotlib's settings; figures are made by `new_figure`
and written by `save_figure`.
"""
