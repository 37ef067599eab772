"""How local a potential is: the force on an atom whose surroundings are fixed up to a radius."""
