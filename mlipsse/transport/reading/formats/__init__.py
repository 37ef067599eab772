"""One file per format of a trajectory."""

import logging

# MDAnalysis remarks, when it is imported, that it writes AMBER's files slowly. Nothing here does.
logging.getLogger("MDAnalysis.coordinates.AMBER").setLevel(logging.ERROR)
