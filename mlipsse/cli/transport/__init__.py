"""`mlipsse transport`: from any trajectory to diffusivity and conductivity."""

import typer

from mlipsse.cli.options import CommandGroup
from mlipsse.cli.transport import (
    analyse,
    arrhenius,
    density,
    diffusivity,
    fit_msd,
    jumps,
    msd,
    rdf,
)

app = typer.Typer(
    cls=CommandGroup,
    help="Analyse trajectories of any program: diffusivity, conductivity, sites and jumps.",
    no_args_is_help=True,
)
app.command("msd")(msd.msd)
app.command("diffusivity")(diffusivity.diffusivity)
app.command("fit-msd")(fit_msd.fit_msd)
app.command("arrhenius")(arrhenius.arrhenius)
app.command("density")(density.density)
app.command("jumps")(jumps.jumps)
app.command("rdf")(rdf.rdf)
app.command("analyse")(analyse.analyse)
