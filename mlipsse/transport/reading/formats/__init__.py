"""One file per format of a trajectory."""

import logging

# MDAnalysis logs, when it is imported, that it would write AMBER's files slowly. Nothing writes any.
logging.getLogger("MDAnalysis.coordinates.AMBER").setLevel(logging.ERROR)
