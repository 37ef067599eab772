"""`mlipsse potential`: the pair style and the bundles it runs."""

from typing import Annotated

import typer

app = typer.Typer(help="Build the LAMMPS pair style.", no_args_is_help=True)


@app.callback()
def potential() -> None:
    """Build the LAMMPS pair style."""


@app.command()
def build(
    rebuild: Annotated[bool, typer.Option(help="Build again even if it is there.")] = False,
) -> None:
    """Compile `pair_style mace` for the LAMMPS and torch of this environment; print its path."""
    from mlipsse.potential.plugin import build_plugin

    typer.echo(build_plugin(rebuild=rebuild))
