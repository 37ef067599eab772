"""`mlipsse potential`: the pair style and the bundles it runs."""

import typer

from mlipsse.cli.options import CommandGroup
from mlipsse.cli.potential import making, trials

app = typer.Typer(
    cls=CommandGroup,
    help="Export, check and benchmark a potential, and build the LAMMPS pair style.",
    no_args_is_help=True,
)
app.command("build")(making.build)
app.command("export")(making.export)
app.command("compile")(making.compile_)
app.command("check")(trials.check)
app.command("accept")(trials.accept)
app.command("bench")(trials.bench)
app.command("info")(trials.info)


@app.callback()
def potential() -> None:
    """Export a potential, check and measure it, and build the LAMMPS pair style."""
