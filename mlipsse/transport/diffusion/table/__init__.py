"""Mean squared displacements that come as a table."""
