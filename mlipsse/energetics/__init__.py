"""Which orderings matter: calculators by name, relaxation, convex hull, Boltzmann selection.

Energies are in eV and come from one potential at a time: everything on one hull is of one level of
theory. Importing this imports neither torch nor a potential; making a calculator does.
"""
