"""Production MD: from a structure and a protocol to a LAMMPS run that survives being killed.

`protocol` states how long and how hot, `data_file` writes the cell LAMMPS reads, `deck` renders the
input from a template, `folder` puts them together with `record`, `run` runs or continues a folder
(`resume` and `parts` decide from where), `health` reads the thermo log.
"""
