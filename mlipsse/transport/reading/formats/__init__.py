"""One file per format of a trajectory."""
