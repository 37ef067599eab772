"""A disordered host: its sites, species, charges and forbidden distances."""
