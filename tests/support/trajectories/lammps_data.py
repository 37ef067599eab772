"""Data files of LAMMPS in every atom style, as made by hand."""

from pathlib import Path

from tests.support.trajectories.trajectory_files import BOX_A, walk

ATOM_STYLES = {
    "atomic": "{id} {type} {x}",
    "charge": "{id} {type} {q} {x}",
    "bond": "{id} 1 {type} {x}",
    "angle": "{id} 1 {type} {x}",
    "molecular": "{id} 3 {type} {x}",
    "full": "{id} 1 {type} {q} {x}",
    "sphere": "{id} {type} 1.0 2.0 {x}",
    "dipole": "{id} {type} {q} {x} 0 0 1",
    "spin": "{id} {type} {x} 0 0 1 2.2",
}


def data_file(
    path: Path,
    style: str,
    *,
    hint: bool = True,
    images: bool = False,
    masses: str = "1 6.94\n2 35.45",
    extra: str = "",
) -> Path:
    """Ids unsorted; Li has type 1, Cl type 2."""
    rows = []
    for number, place in reversed(list(enumerate(walk(1)[0], start=1))):
        kind = 1 if number <= 4 else 2
        xyz = " ".join(f"{x:.6f}" for x in place)
        row = ATOM_STYLES[style].format(id=number, type=kind, q=3 - 2.0 * kind, x=xyz)
        rows.append(row + (" 0 1 -1" if images else "") + "  # a comment")
    name = f"Atoms  # {style}" if hint else "Atoms"
    path.write_text(
        f"made by hand\n\n8 atoms\n2 atom types\n\n0 {BOX_A} xlo xhi\n0 {BOX_A} ylo yhi\n"
        f"0 {BOX_A} zlo zhi\n\n{extra}"
        + (f"Masses\n\n{masses}\n\n" if masses else "")
        + f"{name}\n\n" + "\n".join(rows) + "\n\nVelocities\n\n1 0 0 0\n"
    )  # fmt: skip
    return path
