"""Whether ions diffuse at all: cages, uneven rates, drift, a framework that melts."""
