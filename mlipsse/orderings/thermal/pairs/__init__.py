"""A pair model of the energies of orderings, with an Ewald term."""
