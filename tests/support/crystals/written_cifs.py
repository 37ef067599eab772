"""Known crystals as CIFs, with parts changed."""

PEROVSKITE = """data_x
{head}
_cell_length_a 3.87
_cell_length_b 3.87
_cell_length_c 3.87
_space_group_name_H-M_alt 'P m -3 m'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
{rows}
"""
ROWS = "La1 La 0.5 0.5 0.5 0.5\nLi1 Li 0.5 0.5 0.5 0.5\nTi1 Ti 0 0 0 1\nO1 O 0.5 0 0 1\n"


def perovskite(folder, rows=ROWS, head="", **change):
    path = folder / "x.cif"
    text = PEROVSKITE.format(rows=rows, head=head)
    for old, new in change.items():
        text = text.replace(old, new)
    path.write_text(text)
    return path


ROCK_SALT = "Na1 Na 0 0 0\nCl1 Cl 0.5 0.5 0.5\n"
ALL_ATOMS = ROCK_SALT + (
    "Na2 Na 0 .5 .5\nNa3 Na .5 0 .5\nNa4 Na .5 .5 0\nCl2 Cl .5 0 0\nCl3 Cl 0 .5 0\nCl4 Cl 0 0 .5\n"
)


def rock_salt(folder, symmetry, rows=ROCK_SALT, head=""):
    path = folder / "x.cif"
    path.write_text(
        f"{head}data_x\n_cell_length_a 5.64\n_cell_length_b 5.64\n_cell_length_c 5.64\n{symmetry}\n"
        "loop_\n_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n"
        f"_atom_site_fract_y\n_atom_site_fract_z\n{rows}"
    )
    return path
