"""`mlipsse lmp`: LAMMPS with the pair style, in Python."""

from typing import Annotated

import typer

PASSED_ON = {
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    "help_option_names": ["--help"],
}


def lmp(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="ARGUMENTS", help="Arguments of LAMMPS, e.g. -in in.lammps."),
    ] = None,
) -> None:
    """Run LAMMPS in Python with `pair_style mace` loaded, for models of symmetrix-xl too.

    It takes the arguments of `lmp`, and works under `mpirun` of this environment.
    """
    from mlipsse.potential.lammps.in_python import run_in_python

    run_in_python(arguments or [])
